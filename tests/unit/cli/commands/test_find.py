"""``call-lake find``: the calls of the table, as a person asks for them."""

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from call_lake.errors import Reason, Transient
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import ACCESS_LOG, Partition
from call_lake_cli.commands.find_said import PRINTED
from call_lake_cli.console.errors import ExitCode, UsageError
from call_lake_cli.main import app
from call_lake_cli.stack import calls
from call_lake_cli.stack.calls import Asked, days_of, length_text, parse_length
from tests.support.fakes import FakeClock, World
from tests.support.fakes.calls import Call, Proceed
from tests.support.heard import commit_heard, sides, transcript
from tests.support.lake_samples import TODAY, lake_of, row_of, table_from
from tests.support.memory_stack import stack_of, typed, use

WINTER = date(2026, 1, 15)
DAYS = ["--from", "2026-01-01", "--to", "2026-12-31"]


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World.make()
    use(stack_of(world), monkeypatch)
    monkeypatch.setattr(calls, "CLOCK", FakeClock(datetime(2026, 10, 20, 22, 30, tzinfo=UTC)))  # the 21st in Warsaw
    add(
        world,
        row_of(1, day=WINTER, caller="+48800000003", direction="inbound", agent="Łucja Invented", duration_s=200.4),
        row_of(
            2,
            caller="800 000 003",
            direction="inbound",
            duration_s=3723.0,
            audio_uri="s3://b/a.wav",
            audio_format="wav",
        ),
        row_of(
            3, caller="+48800000001", callee="+48800000002", direction="outbound", agent="An Other", duration_s=None
        ),
    )
    add(world, row_of(4, source="conpeek", caller="0048800000003", duration_s=59.0))
    return world


def add(world: World, *rows: dict[str, Any]) -> None:
    for row in rows:
        partition = CALLS.at(Partition(row["source"], date.fromisoformat(row["call_date"])))
        lake_of(world).commit(partition, table_from([row], partition))


def numbers(*words: str) -> list[int]:
    done = typed("find", *words, "--json")
    assert done.exit_code == 0, done.output
    return [int(row["recording_id"][-32:], 16) for row in json.loads(done.stdout)]


def test_without_days_it_looks_at_31_days_and_says_so() -> None:
    done = typed("find", "--output", "json")

    assert done.stderr == "the last 31 days, 2026-09-21 to 2026-10-21; --from DAY looks further back\n"
    assert [row["call_date"] for row in json.loads(done.stdout)] == ["2026-10-20"] * 3


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--number", "800000003"], [4, 2, 1]),
        (["--number", "+48 800 000 003", "--source", "thulium"], [2, 1]),
        (["--number", "+48800000003", "--number", "+48800000001"], [4, 3, 2, 1]),
        (["--agent", "lucja"], [1]),
        (["--direction", "outbound"], [3]),
        (["--longer-than", "3m"], [2, 1]),
        (["--longest", "--limit", "3"], [2, 1, 4]),
        (["--limit", "2"], [4, 3]),
    ],
)
def test_options_leave_what_fits(words: list[str], expected: list[int]) -> None:
    assert numbers(*words, *DAYS) == expected


def test_a_day_is_one_day() -> None:
    assert numbers("--day", "2026-01-15") == [1]


def test_a_person_reads_local_times_lengths_and_whole_ids() -> None:
    done = typed("find", "--number", "800000003", *DAYS)

    assert done.exit_code == 0
    assert "start (Europe/Warsaw)" in done.stdout
    for cell in ("2026-01-15 09:00:01", "2026-10-20 10:00:02", "3:20", "1:02:03", "800 000 003", f"thulium-{2:032x}"):
        assert cell in done.stdout


def test_a_pipe_gets_starts_in_utc() -> None:
    words = ["find", "--number", "800000003", "--day", "2026-01-15"]
    head, line = CliRunner(env={"COLUMNS": ""}).invoke(app, words).stdout.splitlines()
    assert head.split("\t")[0] == "start"
    assert line.split("\t")[0] == "2026-01-15T08:00:01.000Z"


def test_a_program_reads_numbers_and_both_times() -> None:
    done = typed("find", "--agent", "lucja", "--day", "2026-01-15", "--json")

    assert json.loads(done.stdout) == [
        {
            "recording_id": f"thulium-{1:032x}",
            "source": "thulium",
            "call_date": "2026-01-15",
            "started_at": "2026-01-15T08:00:01.000Z",
            "local_start": "2026-01-15T09:00:01+01:00",
            "time_zone": "Europe/Warsaw",
            "length_s": 200.4,
            "direction": "inbound",
            "caller": "+48800000003",
            "callee": None,
            "agent": "Łucja Invented",
            "disposition": None,
            "audio_format": None,
            "has_audio": False,
            "perhaps": False,
        }
    ]


def test_csv_has_the_same_columns() -> None:
    done = typed("find", "--day", "2026-01-15", "--output", "csv")

    (row,) = csv.DictReader(io.StringIO(done.stdout))
    assert (row["caller"], row["length_s"], row["perhaps"]) == ("+48800000003", "200.4", "False")


def test_a_number_that_may_be_another_is_marked(world: World) -> None:
    add(world, row_of(5, caller="**0003"), row_of(6, caller="88800000003"))

    done = typed("find", "--number", "800000003", "--day", str(TODAY))

    assert "perhaps" in done.stdout
    assert "of them may be of another number (perhaps): look at caller and callee." in done.stdout


def test_nothing_is_an_exit_code_and_an_empty_list() -> None:
    done = typed("find", "--agent", "nobody", "--json")

    assert (done.exit_code, done.stdout) == (ExitCode.NOTHING_MATCHED, "[]\n")
    assert "no call fits (2026-09-21 to 2026-10-21)" in done.stderr


def test_more_than_the_limit_is_said() -> None:
    assert "these are the newest 1; --limit 10 prints more" in typed("find", *DAYS, "--limit", "1").stderr
    assert "there are more" not in typed("find", *DAYS, "--limit", "4").stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--day", "2026-10-20", "--from", "2026-10-01"], "--day is one day"),
        (["--from", "2999-01-01"], "2999-01-01 is in the future"),
        (["--day", "2999-01-01"], "2999-01-01 is in the future"),
        (["--from", "1.11.2026"], "'1.11.2026' is no day: write it like 2026-10-25"),
        (["--to", "2026-01-01", "--from", "2026-01-02"], "--to 2026-01-01 is before"),
        (["--number", " "], "--number is blank"),
        (["--agent", ""], "--agent is blank"),
        (["--longer-than", "soon"], "'soon' is no length"),
        (["--says", "?!"], "--says '?!' has no words"),
    ],
)
def test_what_cannot_be_meant_is_refused(words: list[str], message: str) -> None:
    done = typed("find", *words)

    assert (done.exit_code, done.stdout) == (ExitCode.USAGE, "")
    assert message in done.stderr


def test_a_source_that_is_not_there_is_named() -> None:
    assert "there is no source 'other'; there are: thulium, conpeek" in typed("find", "--source", "other").stderr


def test_one_end_of_the_days_is_enough() -> None:
    assert days_of(Asked(from_="2026-10-01"), TODAY).last == TODAY
    assert days_of(Asked(to="2026-10-01"), TODAY).first == date.min
    assert days_of(Asked(from_=str(TODAY + timedelta(days=1))), TODAY).last == TODAY + timedelta(days=1)


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("5m", 300), ("1h30m", 5400), ("1H2M3S", 3723)])
def test_a_length_is_seconds_or_has_units(text: str, seconds: float) -> None:
    assert parse_length(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "-5", "5 minutes", "1.5", "٣"])
def test_another_text_is_no_length(text: str) -> None:
    with pytest.raises(UsageError, match="is no length"):
        parse_length(text)


@pytest.mark.parametrize(("seconds", "text"), [(None, None), (0, "0:00"), (59.6, "1:00"), (3723, "1:02:03")])
def test_a_length_is_told_as_a_clock_does(seconds: float | None, text: str | None) -> None:
    assert length_text(seconds) == text


# -- what was said


@pytest.fixture
def heard(world: World) -> World:
    said = sides((0.0, 2.0, 0, "How can I help you?"), (62.5, 66.0, 1, "Chcę złożyć reklamację, proszę."))
    commit_heard(world, transcript(2, *said), transcript(3, *["zloz reklamacje"] * 5))
    commit_heard(world, transcript(1, "nothing of it"), day=WINTER)
    return world


def notes(world: World) -> list[Any]:
    return [json.loads(body) for body in world.store.bodies(ACCESS_LOG).values()]


def test_words_are_found_and_the_search_is_noted(heard: World) -> None:
    done = typed("find", "--says", "ZLOZYC reklamacje", *DAYS)

    assert done.exit_code == 0, done.output
    for cell in (
        "1:02",
        "Right side",
        "Chcę [złożyć reklamację], proszę.",
        "2026-10-20 10:00",
        "Times: Europe/Warsaw.",
    ):
        assert cell in done.stdout
    assert "1 call, 1 place" in done.stdout
    (note,) = notes(heard)
    assert (note["action"], note["recording_ids"]) == ("search", [f"thulium-{2:032x}"])


def test_a_program_gets_each_place(heard: World) -> None:
    (call,) = json.loads(typed("find", "--says", "zloz", "--direction", "outbound", *DAYS, "--json").stdout)

    assert (call["recording_id"], call["engine"], call["places"]) == (f"thulium-{3:032x}", "aws", 5)
    assert [hit["at_s"] for hit in call["hits"]] == [0.0, 2.0, 4.0, 6.0, 8.0]
    rows = list(csv.DictReader(io.StringIO(typed("find", "--says", "zloz", *DAYS, "--output", "csv").stdout)))
    assert [(row["at_s"], row["words"]) for row in rows] == [(f"{2.0 * n}", "zloz") for n in range(5)]
    table = typed("find", "--says", "zloz", *DAYS).stdout
    assert (table.count("[zloz]"), "1 call, 5 places" in table) == (PRINTED, True)


def test_words_that_nobody_said_are_not_noted(heard: World) -> None:
    done = typed("find", "--says", "nothing said", *DAYS)

    assert done.exit_code == ExitCode.NOTHING_MATCHED
    assert "a call without a transcript has no words to find" in done.stderr
    assert notes(heard) == []


def test_where_a_search_cannot_be_noted_no_word_is_printed(heard: World) -> None:
    def refuse(call: Call, proceed: Proceed) -> Any:
        if call.method == "put":
            raise Transient(Reason.AWS, "PutObject: AccessDenied")
        return proceed()

    heard.calls.on_call(refuse)
    done = typed("find", "--says", "zloz", *DAYS)

    assert (done.exit_code, done.stdout) == (ExitCode.UNREACHABLE, "")
