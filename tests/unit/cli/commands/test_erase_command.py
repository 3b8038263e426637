"""``call-lake erase``: whether Amazon Transcribe is asked, what is refused, what is printed."""

import io
import json
from datetime import UTC, date, datetime
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from call_lake.model.layout import Partition
from call_lake.operations.erase.eraser import NOT_SEARCHED, ErasureReport
from call_lake.operations.erase.place import SearchResult
from call_lake.operations.erase.targets import ErasureRequest, Target, Targets
from call_lake.wiring.operator import transcriptions_of
from call_lake_cli.commands.erase import _print, check, read_proofs, with_stdin
from call_lake_cli.console.errors import Found, UsageError
from call_lake_cli.main import app
from call_lake_cli.stack.handle import Stack

ID = "thulium-" + "0" * 32


def stack_with(functions: dict[str, str]) -> Stack:
    boto3.client("s3").create_bucket(Bucket="lake", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return Stack("lake", "lake", "ledger", "/sources", "dlq", "bus", "lake", "lake", functions)


@mock_aws
def test_a_stack_that_transcribes_has_its_jobs_looked_for() -> None:
    assert transcriptions_of(stack_with({"transcriber": "lake-transcriber"})) is not None


@mock_aws
def test_a_stack_that_never_transcribed_asks_amazon_transcribe_nothing() -> None:
    assert transcriptions_of(stack_with({})) is None


@mock_aws
def test_a_stack_that_no_longer_transcribes_has_its_old_jobs_looked_for() -> None:
    stack = stack_with({})
    boto3.client("s3").put_object(Bucket="lake", Key=f"transcripts/aws/thulium/2026-11-20/{ID}.json")
    assert transcriptions_of(stack) is not None


TARGET = Target(ID, Partition("thulium", date(2026, 11, 20)))


def proof(**places: SearchResult) -> ErasureReport:
    now = datetime(2026, 10, 20, tzinfo=UTC)
    return ErasureReport(ErasureRequest(), Targets((TARGET,), matched=1), places, now, now, dry_run=False)


RECORDING = {"recording_id": ID, "source": "thulium", "call_date": "2026-11-20", "state_before": "STORED"}


def test_the_recordings_of_a_proof_are_read(tmp_path: Path) -> None:
    (tmp_path / "erased.json").write_text(json.dumps(proof().to_json()))
    assert read_proofs([tmp_path / "erased.json"]) == {TARGET}
    assert read_proofs([]) == frozenset()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it is not what `call-lake erase --proof` wrote"),
        ("[]", "it is not what"),
        ('{"dry_run": false}', "KeyError 'recordings'"),
        (json.dumps({"dry_run": True, "recordings": [RECORDING]}), "of a dry run"),
        (json.dumps({"dry_run": False, "recordings": [RECORDING | {"call_date": "yesterday"}]}), "yesterday"),
        (
            json.dumps({"dry_run": False, "recordings": [RECORDING | {"source": "conpeek"}]}),
            "no recording id of source",
        ),
        (json.dumps({"dry_run": False, "recordings": [RECORDING | {"recording_id": "../x"}]}), "no recording id"),
        (json.dumps({"dry_run": False, "recordings": [{"recording_id": ID}]}), "TypeError"),
    ],
)
def test_a_file_that_proves_nothing_erases_nothing(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "erased.json").write_text(text)
    with pytest.raises(UsageError) as refused:
        read_proofs([tmp_path / "erased.json"])
    assert says in str(refused.value)
    assert str(refused.value).endswith("; nothing was erased")


def test_a_proof_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_proofs([tmp_path / "erased.json"])


def test_a_proof_without_hits_is_accepted() -> None:
    check(proof(audio=SearchResult(3, 0), dead_letters=SearchResult(2, 0)), erased_before=False)


@pytest.mark.parametrize(
    ("found", "what_to_do"),
    [
        (SearchResult(3, 1), "1 hits in: dead_letters; type the same command again"),
        (SearchResult(3, 0, hidden=2), "2 dead letters are hidden.* again in 15 minutes"),
    ],
    ids=["a hit", "hidden letters"],
)
def test_an_erasure_that_is_not_proven_fails_and_says_what_to_do(found: SearchResult, what_to_do: str) -> None:
    with pytest.raises(Found, match=what_to_do):
        check(proof(audio=SearchResult(3, 0), dead_letters=found), erased_before=False)


def test_without_anybody_named_nothing_is_looked_for() -> None:
    done = CliRunner().invoke(app, ["erase"])

    assert done.exit_code == 2
    assert "name --number, --agent, --recording-id or --again" in done.stderr


@pytest.mark.parametrize("option", ["--number", "--agent", "--recording-id"])
@pytest.mark.parametrize("text", ["", " "])
def test_a_blank_text_is_nobody(option: str, text: str) -> None:
    done = CliRunner().invoke(app, ["erase", "--number", "+48 800 000 001", option, text])

    assert done.exit_code == 2
    assert done.stderr.startswith(f"error: {option} is blank")


GIVEN: dict[str, list[str]] = {"--number": [], "--agent": [], "--recording-id": []}


def typed(text: str | bytes, monkeypatch: pytest.MonkeyPatch, **options: list[str]) -> dict[str, list[str]]:
    body = text.encode() if isinstance(text, str) else text
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(body), "ascii"))
    return with_stdin(GIVEN | {f"--{name}": texts for name, texts in options.items()})


@pytest.mark.parametrize(
    "text",
    ["+48 800 000 001\n800000001\n", "+48 800 000 001\r\n\r\n800000001", "\ufeff+48 800 000 001\n  \n800000001\n\n"],
    ids=["lines", "of Windows", "with a mark and blank lines"],
)
def test_numbers_are_read_from_stdin_as_they_are(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = typed(text, monkeypatch, number=["5", "-"], agent=["Anna"])

    assert found == GIVEN | {"--number": ["5", "+48 800 000 001", "800000001"], "--agent": ["Anna"]}


def test_a_name_is_read_from_stdin_whatever_the_terminal_s_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    assert typed(" Żaneta \n", monkeypatch, agent=["-"])["--agent"] == [" Żaneta "]


@pytest.mark.parametrize(
    ("body", "what"), [(b"", "found nothing"), (b"\n \n", "found nothing"), (b"\xe9\n", "reads UTF-8")]
)
def test_a_stdin_without_a_number_erases_nothing(body: bytes, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=f"--number - {what}.*: nothing was erased"):
        typed(body, monkeypatch, number=["-"])


def test_stdin_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="stdin can be read once: give - to --number or to --agent"):
        typed("5", monkeypatch, number=["-"], agent=["-"])


def test_nothing_of_stdin_is_left_where_no_option_reads_it() -> None:
    assert with_stdin(GIVEN | {"--number": ["5"]}) == GIVEN | {"--number": ["5"]}


def test_the_table_names_what_was_not_searched_beside_the_data(capsys: pytest.CaptureFixture[str]) -> None:
    _print(proof(audio=SearchResult(3, 0)), {}, as_json=False)

    printed = capsys.readouterr()
    assert any("access log" in place for place in NOT_SEARCHED)
    assert [line.removeprefix("not searched: ") for line in printed.err.splitlines()][: len(NOT_SEARCHED)] == list(
        NOT_SEARCHED
    )
    assert "not searched" not in printed.out


def test_the_units_of_the_place_rows_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    _print(proof(rows=SearchResult(13, 19)), {}, as_json=False)
    assert "rows: so many files were looked into, and so many rows of them were found" in capsys.readouterr().err
