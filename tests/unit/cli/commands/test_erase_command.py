"""``call-lake erase``: whether Amazon Transcribe is asked, what is refused, what is printed."""

from datetime import UTC, datetime

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from call_lake.operations.erase.eraser import NOT_SEARCHED, ErasureReport
from call_lake.operations.erase.place import SearchResult
from call_lake.operations.erase.targets import ErasureRequest, Targets
from call_lake.wiring.operator import transcriptions_of
from call_lake_cli.commands.erase import _print, check
from call_lake_cli.console.errors import UserError
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
    boto3.client("s3").put_object(Bucket="lake", Key=f"transcripts/source=thulium/call_date=2026-11-20/{ID}.json")
    assert transcriptions_of(stack) is not None


def proof(**places: SearchResult) -> ErasureReport:
    now = datetime(2026, 10, 20, tzinfo=UTC)
    return ErasureReport(ErasureRequest(), Targets(()), places, now, now, dry_run=False)


def test_a_proof_without_hits_is_accepted() -> None:
    check(proof(audio=SearchResult(3, 0), dead_letters=SearchResult(2, 0)))


@pytest.mark.parametrize(
    ("found", "what_to_do"),
    [
        (SearchResult(3, 1), "1 hits in: dead_letters; type the same command again"),
        (SearchResult(3, 0, hidden=2), "2 dead letters are hidden.* again in 15 minutes"),
    ],
    ids=["a hit", "hidden letters"],
)
def test_an_erasure_that_is_not_proven_fails_and_says_what_to_do(found: SearchResult, what_to_do: str) -> None:
    with pytest.raises(UserError, match=what_to_do):
        check(proof(audio=SearchResult(3, 0), dead_letters=found))


def test_without_anybody_named_nothing_is_looked_for() -> None:
    done = CliRunner().invoke(app, ["erase"])

    assert done.exit_code == 1
    assert "name --number, --agent or --recording-id" in done.stderr


@pytest.mark.parametrize("option", ["--number", "--agent", "--recording-id"])
@pytest.mark.parametrize("text", ["", " "])
def test_a_blank_text_is_nobody(option: str, text: str) -> None:
    done = CliRunner().invoke(app, ["erase", "--number", "+48 800 000 001", option, text])

    assert done.exit_code == 1
    assert done.stderr.startswith(f"error: {option} is blank")


def test_the_table_names_what_was_not_searched_beside_the_data(capsys: pytest.CaptureFixture[str]) -> None:
    _print(proof(audio=SearchResult(3, 0)), as_json=False)

    printed = capsys.readouterr()
    assert [line.removeprefix("not searched: ") for line in printed.err.splitlines()][: len(NOT_SEARCHED)] == list(
        NOT_SEARCHED
    )
    assert "not searched" not in printed.out


def test_the_help_says_that_nothing_asks_again() -> None:
    shown = CliRunner().invoke(app, ["erase", "--help"]).stdout

    assert "--dry-run" in shown
    assert "nothing asks again" in " ".join(shown.split())
