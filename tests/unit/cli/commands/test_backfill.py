"""``call-lake backfill``: what it asks and prints, and how it is watched."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import typer
from typer.testing import CliRunner, Result

import call_lake_cli.commands.backfill as command
from call_lake.ledger.jobs import Job, JobKind, JobState
from call_lake.model.windows import Window
from call_lake.operations.backfill_estimate import Estimate
from call_lake.settings import SourceSettings
from call_lake_cli.commands.backfill import EMPTY_LOOKS, BackfillState, agree, transcribed_minutes, watch
from call_lake_cli.console import questions
from call_lake_cli.console.errors import err
from call_lake_cli.stack.handle import Stack
from call_lake_cli.stack.prices import GIGABYTE, bill_of
from tests.support.fakes import FakeClock
from tests.support.fakes.provider import make_recording
from tests.support.operator_bench import Bench

DOCS = Path(__file__).resolve().parents[4] / "docs"


def answered(text: str, recordings: int = 10) -> Result:
    app = typer.Typer()
    app.command()(lambda: agree(recordings, ceiling=10))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(questions, "at_terminal", lambda: True)
        return CliRunner().invoke(app, input=text)


@pytest.mark.parametrize("text", ["\n", "n\n"])
def test_what_is_not_agreed_to_is_not_begun_and_no_error(text: str) -> None:
    done = answered(text)

    assert done.exit_code == 1
    assert "Read them? [y/N]" in done.stderr
    assert done.stderr.endswith("nothing was begun\n")
    assert "error" not in done.stderr


def test_a_yes_is_enough_to_begin() -> None:
    assert answered("y\n").exit_code == 0


def test_up_to_the_ceiling_nothing_is_said_of_it() -> None:
    assert "ceiling" not in answered("y\n").stderr


@pytest.mark.parametrize(("text", "code"), [("\n", 1), ("y\n", 0)])
def test_beyond_the_ceiling_the_question_says_so(text: str, code: int) -> None:
    done = answered(text, recordings=25_000)

    assert done.exit_code == code
    assert "ceiling: 10 new recordings a day; this is 2,500.0 times as many, and is not held back\n" in done.stderr
    assert "Read about 25,000 recordings, beyond the ceiling? [y/N]" in done.stderr


def test_a_bill_grows_with_recordings_and_with_bytes() -> None:
    small, many, large = bill_of(1000, 10**9), bill_of(2000, 10**9), bill_of(1000, 2 * 10**9)

    assert many.once_usd == pytest.approx(2 * small.once_usd)
    assert large.monthly_usd == pytest.approx(2 * small.monthly_usd)


def test_its_prices_are_those_of_the_page_on_cost() -> None:
    prices = json.loads((DOCS / "prices.json").read_text(encoding="utf-8"))["prices"]
    page = (DOCS / "cost.md").read_text(encoding="utf-8").split("<!-- >>> marginal -->")[1]
    together = re.search(r"\| \*\*together\*\* \|.*\*\*([\d.]+)\*\* \| \*\*([\d.]+)\*\* \|", page)

    assert together
    listed_usd = prices["s3_write"]["usd"] * 10**6  # each is listed first (ADR 0048)
    low, high = (float(usd) + listed_usd for usd in sorted(together.groups(), key=float))
    assert 0.8 * low < bill_of(10**6, 0).once_usd < 1.2 * high
    assert bill_of(0, GIGABYTE).monthly_usd == prices["s3_gb_month"]["usd"]


# -- watching


WINDOW = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 11, tzinfo=UTC))


def look(day: int, messages: int = 0, trouble: str | None = None) -> BackfillState:
    """At this day of ten; the tenth is the end of the first reading."""
    again = day >= 10
    position = WINDOW.start if again else WINDOW.start + timedelta(days=day)
    return BackfillState(
        Job(
            "job",
            "thulium",
            JobKind.BACKFILL,
            WINDOW,
            position,
            JobState.SECOND_READING if again else JobState.UNFINISHED,
        ),
        messages,
        trouble,
    )


def test_it_is_watched_until_all_is_listed_and_nothing_waits_to_be_copied() -> None:
    looks = iter([look(0), look(5, 40), look(10, 80), look(10, 3), *[look(10)] * EMPTY_LOOKS])
    told: list[tuple[str, float]] = []

    last = watch(lambda: next(looks), FakeClock(), lambda text, share: told.append((text, share)))

    assert last.listed
    assert told[:4] == [
        ("waiting for the next poll", 0.0),
        ("listing: at 2026-03-06, 40 recordings wait", 0.5),
        ("copying: 80 recordings wait", 1.0),
        ("copying: 3 recordings wait", 1.0),
    ]
    assert list(looks) == []


def test_one_empty_look_at_the_queue_is_not_believed() -> None:
    looks = iter([look(10), look(10, 5), *[look(10)] * EMPTY_LOOKS])

    watch(lambda: next(looks), FakeClock(), lambda text, share: None)

    assert list(looks) == []


def test_trouble_is_told_while_it_waits() -> None:
    looks = iter([look(0, trouble="unauthorized: 401"), *[look(10)] * EMPTY_LOOKS])
    told: list[str] = []

    watch(lambda: next(looks), FakeClock(), lambda text, share: told.append(text))

    assert told[0] == "waiting for the next poll; trouble: unauthorized: 401"


# -- the quote

GUESSED = Estimate(recordings=1000, counted=True, sampled_days=7, mean_talk_s=90.0)


def quote(functions: dict[str, str]) -> str:
    minutes = transcribed_minutes(cast(Stack, SimpleNamespace(functions=functions)), GUESSED)
    with err.capture() as printed:
        command.print_estimate(GUESSED, bill_of(1000, 2**30), minutes, known=True)
    return printed.get()


def test_the_quote_of_a_stack_that_transcribes_names_the_minutes_that_it_does_not_price() -> None:
    assert "not in this cost: Amazon Transcribe, at its price for about 1,500 minutes" in quote({"transcriber": "t"})


def test_the_quote_of_a_stack_that_does_not_transcribe_says_what_else_it_leaves_out() -> None:
    said = quote({})
    assert "Transcribe" not in said
    assert "NAT gateway, a KMS key" in said


# -- the command


class Laptop:
    """What the command needs of a stack: the bench's ledger, and polls while somebody watches."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.table = bench.world.table
        self.sources = {
            "thulium": SourceSettings("thulium", "thulium", "https://example.thulium.com/api", queue_url="q")
        }
        self.looks = 0
        self.functions: dict[str, str] = {}

    def client(self, service: str) -> Any:
        return SimpleNamespace(get_queue_attributes=self._attributes)

    def _attributes(self, **asked: Any) -> dict[str, Any]:
        self.looks += 1
        if self.looks == 2:
            self.bench.pipeline.poll("thulium")
            self.bench.pipeline.copy_all()
        return {"Attributes": {"ApproximateNumberOfMessages": str(len(self.bench.world.queues["thulium"]))}}


@pytest.fixture
def laptop(monkeypatch: pytest.MonkeyPatch) -> Laptop:
    bench = Bench(0)
    bench.thulium.add(*[make_recording(n, listed_at=datetime(2026, 3, 2, 8, n % 60, tzinfo=UTC)) for n in range(5)])
    made = Laptop(bench)
    monkeypatch.setattr(command, "find_stack", lambda name: made)
    monkeypatch.setattr(command, "CLOCK", bench.world.clock)
    return made


def run(*, to: str = "2026-03-03", yes: bool = True) -> None:
    command.backfill(source="thulium", from_="2026-03-02", to=to, yes=yes, json_=True, stack=None)


def test_the_polls_read_what_the_command_opens(laptop: Laptop, capsys: pytest.CaptureFixture[str]) -> None:
    run()

    assert laptop.bench.thulium.downloads == 5
    (job,) = laptop.bench.pipeline.book("thulium").jobs.unfinished()
    assert job.again
    assert '"listed": true' in capsys.readouterr().out


@pytest.mark.parametrize("answer", [True, False])
def test_the_estimate_is_compared_with_the_sources_ceiling(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, answer: bool
) -> None:
    asked: list[str] = []

    def confirm(question: str, **_: Any) -> bool:
        asked.append(question)
        return answer

    laptop.sources["thulium"] = replace(laptop.sources["thulium"], new_per_day=4)
    monkeypatch.setattr(questions, "at_terminal", lambda: True)
    monkeypatch.setattr(command, "provider_of", lambda stack, settings: laptop.bench.thulium)
    monkeypatch.setattr(command, "bytes_per_second", lambda stack, source: (8000.0, True))
    monkeypatch.setattr(typer, "confirm", confirm)
    if answer:
        run(yes=False)
        assert json.loads(capsys.readouterr().out)["estimate"]["ceiling"] == 4
    else:
        with pytest.raises(typer.Exit):
            run(yes=False)
    assert asked == ["Read about 5 recordings, beyond the ceiling?"]
    assert bool(laptop.table.items("job#")) is answer


def test_the_same_command_watches_what_is_under_way(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(look: Any, clock: Any, tell: Any) -> BackfillState:
        raise KeyboardInterrupt

    with monkeypatch.context() as during:
        during.setattr(command, "watch", interrupted)
        with pytest.raises(typer.Exit) as ended:
            run()
    assert ended.value.exit_code == command.INTERRUPTED
    before = laptop.table.items("job#")
    assert [item["job_state"] for item in before.values()] == ["UNFINISHED"]

    run(yes=False)  # nothing is asked: it is under way

    assert laptop.table.items("job#").keys() == before.keys()
    assert [item["job_state"] for item in laptop.table.items("job#").values()] == ["SECOND_READING"]


@pytest.mark.parametrize(
    ("to", "says"), [("2026-03-01", "is before --from"), ("2026-3-x", "is no day"), ("2026-03-03", "--yes goes on")]
)
def test_a_mistake_is_one_line_and_begins_nothing(
    laptop: Laptop, to: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit):
        run(to=to, yes=False)

    assert says in capsys.readouterr().err.replace("\n", " ")
    assert laptop.table.items("job#") == {}


def test_a_paused_source_is_not_waited_for(laptop: Laptop, capsys: pytest.CaptureFixture[str]) -> None:
    laptop.bench.pipeline.book("thulium").pause()

    with pytest.raises(typer.Exit):
        run()

    assert "call-lake resume thulium" in capsys.readouterr().err
    assert laptop.table.items("job#") == {}
