"""When ``call-lake local settle`` counts a stack as settled."""

import io
import json
from collections import Counter
from collections.abc import Mapping
from datetime import date
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from call_lake.operations.days import Days
from call_lake_cli.commands.status import ProgressLines
from call_lake_cli.stack import settle as settling
from call_lake_cli.stack.census import SourceCensus

DAYS = Days(date(2026, 10, 24), date(2026, 10, 25))


class FakeStack:
    """Each listing of a window finds as many recordings as ``finds`` says next; all are stored at once."""

    engines: Mapping[str, str] = {}
    documents_url = ""
    sound_url = ""

    def __init__(self, *finds: int) -> None:
        self.sources = {"conpeek": SimpleNamespace(zone=ZoneInfo("Europe/Warsaw"))}
        self.finds = list(finds)
        self.listings: list[dict[str, str]] = []
        self.invoked: list[str] = []
        self.listed = 0

    def client(self, _name: str) -> Any:
        return self

    @property
    def functions(self) -> dict[str, str]:
        return {name: name for name in ("poller", "copier", "compactor")}

    def invoke(self, FunctionName: str, Payload: str) -> dict[str, Any]:  # noqa: N803 - as boto3 has them
        self.invoked.append(FunctionName)
        if FunctionName == "poller":
            self.listings.append(json.loads(Payload))
            self.listed += self.finds.pop(0)
        return {"Payload": io.BytesIO(b"{}")}

    def census(self) -> list[SourceCensus]:
        return [
            SourceCensus(
                "conpeek", listed=self.listed, stored=self.listed, rows=self.listed, recordings_in_rows=self.listed
            )
        ]


class StuckStack(FakeStack):
    """Nine recordings: each census shows one more as stored, until only one is left, which waits for ever. Rows come by
    the compactor alone. Each step takes ten seconds."""

    def __init__(self, *, whole: int = 9) -> None:
        super().__init__(*([0] * 1000))
        self.whole, self.stored, self.rows, self.now = whole, 0, 0, 0.0

    def invoke(self, FunctionName: str, Payload: str) -> dict[str, Any]:  # noqa: N803 - as boto3 has them
        if FunctionName == "compactor":
            self.rows = self.stored
        return super().invoke(FunctionName, Payload)

    def census(self) -> list[SourceCensus]:
        self.stored = min(self.stored + 1, self.whole - 1)
        self.now += 10
        waiting, inbox = self.whole - self.stored, self.stored - self.rows
        one = SourceCensus("conpeek", listed=self.whole, stored=self.stored, waiting=waiting, inbox=inbox)
        one.rows = one.recordings_in_rows = self.rows
        return [one]


def give_up(stack: StuckStack, monkeypatch: pytest.MonkeyPatch, patience_s: float) -> list[SourceCensus]:
    monkeypatch.setattr(settling, "take_census", lambda given: given.census())
    monkeypatch.setattr(settling, "PAUSE_S", 0)
    stack_any: Any = stack
    ok, census = settling.settle(stack_any, None, patience_s, lambda _step, _census: None, lambda: stack.now)
    assert not ok
    return census


def test_the_time_limit_counts_from_the_last_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = StuckStack(whole=50)
    give_up(stack, monkeypatch, 30)
    assert stack.stored == 49, "steady work of 490 s is not given up after 30"
    assert stack.now < 49 * 10 + 100


def test_one_recording_that_waits_hides_no_row_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = StuckStack()
    shown: list[int] = []
    monkeypatch.setattr(settling, "take_census", lambda given: given.census())
    monkeypatch.setattr(settling, "PAUSE_S", 0)
    stack_any: Any = stack
    settling.settle(stack_any, None, 100, lambda _step, census: shown.append(census[0].rows), lambda: stack.now)
    assert 8 in shown, "while it still tried"


def test_what_is_stored_is_compacted_before_it_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    census = give_up(StuckStack(), monkeypatch, 5)
    assert (census[0].stored, census[0].rows, census[0].inbox) == (8, 8, 0)


def test_a_compactor_that_takes_nothing_ends_the_giving_up() -> None:
    stack: Any = FakeStack()
    stack.census = lambda: [SourceCensus("conpeek", inbox=3)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settling, "take_census", lambda given: given.census())
        settling._compact_all(stack, stack.census())
    assert stack.invoked == ["compactor"]


def test_failures_are_said_by_reason() -> None:
    census = [SourceCensus("a", failed=Counter(forbidden=2)), SourceCensus("b", failed=Counter(forbidden=1, poison=1))]
    assert settling.failures_in(census) == "4 recordings failed permanently (forbidden 3, poison 1)"
    assert settling.failures_in([SourceCensus("a")]) == ""


def test_progress_is_said_in_a_pipe_also_while_nothing_moves(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    lines = ProgressLines(lambda: now[0])
    census = [SourceCensus("conpeek", listed=9, stored=8, rows=8, waiting=1)]
    for seconds in (0, 1, 14, 15, 16, 31):
        now[0] = seconds
        lines.show("copying", census)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3
    assert said[0].endswith("copying: 9 listed, 8 stored, 8 rows, 1 waiting")


def settle(stack: Any, monkeypatch: pytest.MonkeyPatch, days: Days | None) -> bool:
    monkeypatch.setattr(settling, "take_census", lambda given: given.census())
    return settling.settle(stack, days, 60.0, lambda _step, _census: None)[0]


def test_a_window_is_listed_until_a_listing_finds_nothing_new(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = FakeStack(3, 1, 0)
    assert settle(stack, monkeypatch, DAYS)
    assert stack.listed == 4
    assert (
        stack.listings
        == [{"source": "conpeek", "from": "2026-10-23T22:00:00.000Z", "to": "2026-10-26T23:00:00.000Z"}] * 3
    )


def test_without_a_window_one_listing_is_enough_for_the_next_poll_looks_back(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = FakeStack(3)
    assert settle(stack, monkeypatch, None)
    assert stack.listings == [{"source": "conpeek"}]


def test_a_window_that_cannot_be_read_does_not_keep_what_was_copied_from_the_table() -> None:
    stack = FakeStack(0)
    settling._step(stack, [SourceCensus("conpeek", listed=9, stored=9, jobs_unfinished=1, inbox=9)], copies_rest=False)  # type: ignore[arg-type]
    assert stack.invoked == ["poller", "compactor"]


class StackBehind(FakeStack):
    """The engine's messages, those of its documents and those of sound become fewer, one with each look, in turn."""

    engines: Mapping[str, str] = {"mine": "http://sqs/call-lake-engine-mine"}
    documents_url = "http://sqs/call-lake-transcript-documents"
    sound_url = "http://sqs/call-lake-sound"

    def __init__(self, *, takes: bool = True) -> None:
        super().__init__(1)
        self.left, self.takes, self.now = {"engine-mine": 2, "transcript-documents": 1, "sound": 3}, takes, 0.0

    def get_queue_attributes(self, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:  # noqa: N803
        name = QueueUrl.rpartition("/call-lake-")[2]
        number = self.left[name]
        self.left[name] -= self.takes and number > 0
        self.now += 10
        return {"Attributes": {AttributeNames[1]: str(number)}}


def test_it_waits_until_engines_and_sound_have_taken_every_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = StackBehind()
    monkeypatch.setattr(settling, "PAUSE_S", 0)
    assert settle(stack, monkeypatch, None)
    assert not any(stack.left.values())
    assert "compactor" not in stack.invoked, "nothing waits in the inbox"


def test_a_queue_that_nobody_takes_from_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    stack: Any = StackBehind(takes=False)
    give_up(stack, monkeypatch, 50)
    assert settling.why_behind(stack) == (
        "2 messages in the queue call-lake-engine-mine, 1 message in the queue call-lake-transcript-documents, "
        "3 messages in the queue call-lake-sound"
    )


def test_rows_that_trickle_in_are_compacted_together() -> None:
    stack: Any = FakeStack(0)
    one = SourceCensus("conpeek", listed=9, stored=9, rows=9, inbox=3)
    assert settling._step(stack, [one], copies_rest=False, behind=True) == settling.FOLLOWING
    assert settling._step(stack, [one], copies_rest=True, behind=True) == "compacting"
