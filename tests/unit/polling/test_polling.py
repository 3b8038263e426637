"""One poll of one source (design rules 1 to 8)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from call_lake.errors import Reason, SecretEmpty, Transient
from call_lake.ledger.entry import State
from call_lake.ledger.jobs import JobKind
from call_lake.model.messages import recording_from_message
from call_lake.model.recording import AudioFacts, Recording, StoredAudio
from call_lake.model.times import iso
from call_lake.model.windows import Window
from call_lake.polling.poller import DUE_WHILE_DOWN, PollResult
from call_lake.ports import BadRecord
from call_lake.settings import PollerSettings
from tests.support.fakes import Call, World
from tests.support.fakes.ids import IDS
from tests.support.fakes.provider import FakeProvider, make_recording, raising
from tests.support.pipeline import POLLER, Pipeline


class Bench:
    """A world, a provider, and polls of it."""

    def __init__(self, settings: PollerSettings = POLLER) -> None:
        self.world = World.make()
        self.provider = FakeProvider(self.world.calls)
        self.pipeline = Pipeline(self.world, {"thulium": self.provider}, poller_settings=settings)
        self.ledger = self.pipeline.ledger
        self.book = self.pipeline.book("thulium")

    @property
    def now(self) -> datetime:
        return self.world.clock.now()

    def poll(self, *, sweep: bool = False, backfill: Window | None = None) -> PollResult:
        return self.pipeline.poll("thulium", sweep=sweep, backfill=backfill)

    def published(self) -> list[Recording]:
        return [recording_from_message(body) for body in self.world.queues["thulium"].waiting()]

    def settle(self, recording: Recording) -> None:
        audio = StoredAudio("b", "k", AudioFacts("wav", 1, "00"), self.now)
        self.ledger.stored(recording, audio)

    def empty_queue(self) -> None:
        for message in self.world.queues["thulium"].receive(1000):
            self.world.queues["thulium"].delete(message.receipt_handle)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_recording_that_is_older_than_rows_are_kept_is_left_out() -> None:
    bench = Bench()
    bench.pipeline.row_retention_days = 30
    old, young = (
        make_recording(number, listed_at=bench.now - timedelta(minutes=9), started_at=bench.now - timedelta(days=days))
        for number, days in ((1, 32), (2, 31))
    )
    bench.provider.add(old, young)

    result = bench.poll()

    assert [one.recording_id for one in bench.published()] == [young.recording_id]
    assert (result.published, result.excluded) == (1, 1)


def test_a_new_recording_is_published_once_however_often_it_is_listed(bench: Bench) -> None:
    recording = make_recording(1, listed_at=bench.now - timedelta(minutes=30))
    bench.provider.add(recording)

    for _ in range(5):
        bench.poll()
        bench.world.clock.advance(timedelta(minutes=5))
        bench.pipeline.restart()  # as a new function instance

    assert bench.published() == [recording]


def test_the_window_ends_before_the_present_and_begins_a_look_back_before_the_checkpoint(bench: Bench) -> None:
    asked: list[Window] = []
    bench.provider.on_list = asked.append
    bench.poll()
    bench.world.clock.advance(timedelta(minutes=5))
    bench.poll()

    settle, lookback = timedelta(minutes=2), timedelta(hours=2)
    first_horizon = bench.now - timedelta(minutes=5) - settle
    assert asked[0] == Window(first_horizon - lookback, first_horizon)
    assert asked[1] == Window(first_horizon - lookback, bench.now - settle)


def test_a_recording_that_is_listed_days_late_is_found_by_the_sweep(bench: Bench) -> None:
    bench.poll()
    late = make_recording(1, listed_at=bench.now - timedelta(days=10))
    bench.provider.add(late)
    checkpoint = bench.book.checkpoint()

    assert bench.poll().published == 0
    assert bench.poll(sweep=True).published == 1
    assert bench.book.checkpoint() == checkpoint, "a sweep never moves the checkpoint"


def test_an_unfinished_backfill_goes_on_in_the_next_poll(bench: Bench) -> None:
    past = Window(bench.now - timedelta(days=30), bench.now - timedelta(days=20))
    rows = [make_recording(n, listed_at=past.start + timedelta(minutes=n * 5)) for n in range(2000)]
    bench.provider.add(*rows)
    bench.provider.on_list = lambda window: bench.world.clock.advance(timedelta(seconds=20))

    first = bench.poll(backfill=past)
    assert 0 < first.published < 2000
    assert first.jobs_due == 1
    for _ in range(20):
        last = bench.poll()

    assert last.jobs_due == 0
    assert len(bench.published()) == 2000


def test_the_checkpoint_moves_only_over_windows_that_were_read_whole(bench: Bench) -> None:
    bench.poll()
    checkpoint = bench.book.checkpoint()
    bench.world.clock.advance(timedelta(minutes=30))

    bench.provider.on_list = raising(Transient(Reason.CONNECTION, "reset"))
    result = bench.poll()

    assert result.trouble is not None
    assert bench.book.checkpoint() == checkpoint


def test_a_refused_message_keeps_the_checkpoint_and_comes_again(bench: Bench) -> None:
    bench.poll()
    checkpoint = bench.book.checkpoint()
    bench.provider.add(*[make_recording(n, listed_at=bench.now - timedelta(minutes=30)) for n in range(5)])
    bench.world.clock.advance(timedelta(minutes=5))
    bench.world.queues["thulium"].refuse_sends(2, 3)

    result = bench.poll()
    assert result.trouble is not None
    assert bench.book.checkpoint() == checkpoint

    bench.poll()
    assert len({recording.recording_id for recording in bench.published()}) == 5
    assert len(bench.published()) == 5


def test_publish_comes_before_the_ledger(bench: Bench) -> None:
    bench.provider.add(make_recording(1, listed_at=bench.now - timedelta(minutes=30)))
    known: list[int] = []

    def look(call: Call, proceed: Callable[[], Any]) -> Any:
        if call.method == "send":
            known.append(len(bench.world.table.items("thulium-")))
        return proceed()

    bench.world.calls.on_call(look)
    bench.poll()

    assert known == [0]
    assert len(bench.world.table.items("thulium-")) == 1


def test_a_warm_poller_notices_another_recording_under_a_key_that_it_knows(bench: Bench) -> None:
    first = make_recording(1, listed_at=bench.now - timedelta(minutes=30), connection_id="100.1")
    bench.provider.add(first)
    bench.poll()
    second = IDS.identified(replace(first, connection_id="200.2"))
    bench.provider.add(second)

    assert bench.poll().collisions == 1
    assert {recording.recording_id for recording in bench.published()} == {first.key_id, second.collision_id}


def test_two_recordings_under_one_key_are_both_published(bench: Bench) -> None:
    first = make_recording(1, listed_at=bench.now - timedelta(minutes=30), connection_id="100.1")
    second = IDS.identified(replace(first, connection_id="200.2"))
    bench.provider.add(first, second)

    result = bench.poll()
    bench.pipeline.restart()
    bench.poll()

    assert result.collisions == 1
    assert {recording.recording_id for recording in bench.published()} == {
        first.recording_id,
        second.as_collision().recording_id,
    }
    assert len(bench.published()) == 2


def test_the_same_row_twice_in_a_page_is_one_recording(bench: Bench) -> None:
    row = make_recording(1, listed_at=bench.now - timedelta(minutes=30))
    bench.provider.add(row, row)

    bench.poll()

    assert bench.published() == [row]


def test_an_unusable_record_is_counted_and_stops_nothing(bench: Bench) -> None:
    bench.provider.add(make_recording(1, listed_at=bench.now - timedelta(minutes=30)))
    bench.provider.bad.append((bench.now - timedelta(minutes=20), BadRecord("it has no filename", "{}")))

    result = bench.poll()

    assert result.bad_records == 1
    assert result.published == 1
    assert result.caught_up


def test_what_is_due_is_published_again_but_not_what_is_stored(bench: Bench) -> None:
    silent = make_recording(1, listed_at=bench.now - timedelta(minutes=30))
    stored = make_recording(2, listed_at=bench.now - timedelta(minutes=30))
    bench.provider.add(silent, stored)
    bench.poll()
    bench.settle(stored)
    bench.empty_queue()
    bench.world.clock.advance(timedelta(days=1, minutes=1))

    result = bench.poll()

    assert result.republished == 1
    assert bench.published() == [silent]
    assert bench.poll().republished == 0


def test_while_the_listing_is_down_only_a_few_probes_of_the_backlog_are_published(bench: Bench) -> None:
    bench.provider.add(*[make_recording(n, listed_at=bench.now - timedelta(minutes=30)) for n in range(100)])
    bench.poll()
    bench.empty_queue()
    bench.world.clock.advance(timedelta(days=2))

    bench.provider.on_list = raising(Transient(Reason.CONNECTION, "refused"))
    assert bench.poll().republished == DUE_WHILE_DOWN

    bench.provider.on_list = lambda window: None
    assert bench.poll().republished == 100 - DUE_WHILE_DOWN


def test_a_window_that_fails_for_ever_becomes_a_gap_while_all_after_it_flows(bench: Bench) -> None:
    bench.poll()
    poison = bench.now + timedelta(minutes=20)
    bench.provider.add(make_recording(1, listed_at=poison))

    def poisoned(window: Window) -> None:
        if window.start - bench.provider.unit <= poison <= window.end + bench.provider.unit:
            raise Transient(Reason.HTTP_ERROR, "500")

    bench.provider.on_list = poisoned
    gaps = 0
    for step in range(12 * 8):
        bench.world.clock.advance(timedelta(minutes=5))
        row = make_recording(100 + step, listed_at=bench.now - timedelta(minutes=4))
        if abs(bench.now - timedelta(minutes=4) - poison) > timedelta(minutes=10):
            bench.provider.add(row)
        result = bench.poll()
        gaps += result.gaps
        if step == 12 * 5:  # five hours: no gap yet, but nothing waits for it either
            assert gaps == 0
            assert bench.book.checkpoint() is not None
            assert len(bench.published()) == len(bench.provider.rows) - 1

    assert gaps >= 1
    checkpoint = bench.book.checkpoint()
    assert checkpoint is not None
    assert bench.now - checkpoint < timedelta(minutes=10), "the checkpoint passed the gap"
    assert {job.kind for job in bench.book.jobs.unfinished()} == {JobKind.GAP}

    bench.provider.on_list = lambda window: None  # the provider is mended
    bench.world.clock.advance(timedelta(days=1, hours=1))
    bench.poll()

    assert make_recording(1, listed_at=poison) in bench.published()
    assert bench.book.jobs.unfinished() == []


def test_an_outage_of_days_makes_no_gap(bench: Bench) -> None:
    bench.poll()

    bench.provider.on_list = raising(Transient(Reason.HTTP_ERROR, "503"))
    for _ in range(3 * 24):
        bench.world.clock.advance(timedelta(hours=1))
        assert bench.poll().gaps == 0
    assert bench.book.jobs.unfinished() == []

    bench.provider.add(make_recording(1, listed_at=bench.now - timedelta(days=2)))
    bench.provider.on_list = lambda window: None
    assert bench.poll().published == 1


def test_an_empty_secret_is_a_state_of_its_own(bench: Bench) -> None:
    bench.provider.on_list = raising(SecretEmpty("fill it"))
    result = bench.poll()

    assert result.trouble is not None
    assert result.trouble.startswith("secret_empty")


def test_the_first_poll_begins_at_the_given_day_of_the_source() -> None:
    asked: list[Window] = []
    bench = Bench(replace(POLLER, first_poll_from="2026-10-01"))
    bench.provider.on_list = asked.append

    bench.poll()

    assert asked[0].start == datetime(2026, 9, 30, 22, 0, tzinfo=UTC) - timedelta(hours=2)


def test_a_backfill_into_the_future_ends_now(bench: Bench) -> None:
    result = bench.poll(backfill=Window(bench.now - timedelta(days=1), bench.now + timedelta(days=1)))

    assert result.jobs_due == 0


def test_the_checkpoint_never_moves_backwards(bench: Bench) -> None:
    bench.book.advance(bench.now)
    bench.book.advance(bench.now - timedelta(hours=1))

    assert bench.book.facts()["checkpoint"] == iso(bench.now)


def test_a_recording_keeps_its_call_date_when_the_zone_is_corrected(bench: Bench) -> None:
    row = make_recording(1, listed_at=bench.now - timedelta(minutes=30))
    bench.provider.add(row)
    bench.poll()
    bench.provider.rows = [replace(row, call_date=date(2026, 10, 21))]
    bench.pipeline.restart()
    bench.poll()

    entry = bench.ledger.entry(row.recording_id)
    assert entry is not None
    assert entry.recording == row
    assert entry.state is State.PUBLISHED
    assert len(bench.published()) == 1
