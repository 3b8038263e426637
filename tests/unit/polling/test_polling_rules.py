"""What a poll must not do: wait with a page, believe a row's date, believe a late index (design rules 2, 5, 7)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from call_lake.errors import Reason, Transient
from call_lake.model.recording import ListedRecording
from call_lake.model.windows import Window
from call_lake.polling import publisher
from call_lake.polling.window_reader import read_forward
from call_lake.ports import Page
from tests.support.fakes import FakeClock, World
from tests.support.fakes.provider import FakeProvider, make_recording
from tests.support.pipeline import FUNCTION_TIME_S, POLLER, Pipeline

LONG_AGO = datetime(2026, 10, 1, tzinfo=UTC)


def test_a_page_is_given_at_once_though_the_next_one_never_comes() -> None:
    provider = FakeProvider(page_size=2)
    provider.rows = [make_recording(n, listed_at=LONG_AGO + timedelta(minutes=n)) for n in range(4)]
    pages = 0

    def ends_after_the_first(window: Window) -> None:
        nonlocal pages
        pages += 1
        if pages > 1:
            raise Transient(Reason.CONNECTION, "reset")

    provider.on_list = ends_after_the_first
    seen: list[ListedRecording] = []
    window = Window(LONG_AGO, LONG_AGO + timedelta(hours=1))
    reading = read_forward(
        provider, window, lambda page: seen.extend(page.recordings), rows_per_window=180, clock=FakeClock(), until_s=1e9
    )
    with pytest.raises(Transient):
        list(reading)

    assert seen == provider.rows[:2]


@dataclass
class AnyDate(FakeProvider):
    """Gives all its rows whatever is asked: the filters mean something else than they say."""

    def list_window(self, window: Window, *, may_be_wide: bool = False) -> Iterator[Page]:
        yield Page(tuple(self.rows))


def test_a_future_dated_row_is_published_and_leaves_the_checkpoint_where_time_is(world: World) -> None:
    provider, days = AnyDate(), timedelta(days=3)
    provider.add(make_recording(1, started_at=world.clock.now() + days, listed_at=world.clock.now() + days))
    pipeline = Pipeline(world, {"thulium": provider})

    result = pipeline.poll("thulium")

    assert result.published == 1
    assert pipeline.book("thulium").checkpoint() == world.clock.now() - timedelta(seconds=POLLER.settle_s)


def test_a_row_that_is_older_than_the_window_is_published(world: World) -> None:
    provider = AnyDate()
    provider.add(make_recording(1, started_at=LONG_AGO, listed_at=LONG_AGO))

    assert Pipeline(world, {"thulium": provider}).poll("thulium").published == 1


def test_what_was_published_again_is_not_due_although_the_index_still_says_so(world: World) -> None:
    world.table.index_delay_s = 1800.0
    provider = FakeProvider()
    provider.add(make_recording(1, listed_at=world.clock.now() - timedelta(minutes=30)))
    pipeline = Pipeline(world, {"thulium": provider})
    pipeline.poll("thulium")
    world.clock.advance(timedelta(days=1, minutes=1))

    assert pipeline.poll("thulium").republished == 1
    world.clock.advance(timedelta(minutes=5))
    assert pipeline.poll("thulium").republished == 0


def test_what_was_listed_late_before_a_pause_longer_than_a_sweep_is_found_after_it(world, provider, pipeline):
    pipeline.poll("thulium", sweep=True)
    late = make_recording(1, listed_at=world.clock.now() - timedelta(days=13))
    provider.add(late)
    world.clock.advance(timedelta(days=40))

    pipeline.poll("thulium")
    assert pipeline.ledger.entry(late.recording_id) is None
    pipeline.poll("thulium", sweep=True)

    assert pipeline.ledger.entry(late.recording_id) is not None


def test_a_sweep_that_was_not_read_whole_does_not_count_as_seen(world, provider, pipeline):
    pipeline.poll("thulium", sweep=True)
    first = pipeline.book("thulium").swept_to()
    provider.add(*[make_recording(n, listed_at=world.clock.now() - timedelta(minutes=20 * n)) for n in range(800)])
    world.clock.advance(timedelta(days=1))
    pipeline.poll("thulium")
    asked: list[Window] = []

    def breaks(window: Window) -> None:
        asked.append(window)
        if len(asked) > 4:
            raise Transient(Reason.UNAUTHORIZED, "401")

    provider.on_list = breaks
    pipeline.poll("thulium", sweep=True)

    (sweep,) = pipeline.book("thulium").jobs.unfinished()
    assert sweep.position > sweep.window.start
    assert pipeline.book("thulium").swept_to() == first


def test_a_poll_that_could_not_read_a_part_says_so_and_keeps_what_came(world: World) -> None:
    class WithoutEnd(FakeProvider):
        def list_window(self, window: Window, *, may_be_wide: bool = False) -> Iterator[Page]:
            for number in count():
                world.clock.advance(timedelta(seconds=12))
                yield Page((make_recording(number),))

    pipeline = Pipeline(world, {"thulium": WithoutEnd()})
    result = pipeline.poll("thulium")

    assert "in the time of a poll" in (result.trouble or "")
    assert result.published > 0
    assert not result.caught_up
    assert world.clock.monotonic() < FUNCTION_TIME_S + 20


def test_no_job_is_begun_before_the_newest_was_read(world, provider, pipeline):
    pipeline.poll("thulium")
    world.clock.advance(timedelta(days=2))
    provider.add(*[make_recording(n, listed_at=world.clock.now() - timedelta(minutes=n)) for n in range(2800)])
    provider.on_list = lambda window: world.clock.advance(timedelta(seconds=40))
    book = pipeline.book("thulium")
    book.jobs.start_gap(Window(LONG_AGO, LONG_AGO + timedelta(hours=1)), timedelta())
    world.clock.advance(timedelta(minutes=5))

    result = pipeline.poll("thulium")

    assert not result.caught_up
    assert [job.kind for job in book.jobs.due()] == ["gap"], "it was not put off by a day unread"


def test_a_gap_moves_up_to_what_still_fails(world, provider, pipeline):
    book = pipeline.book("thulium")
    pipeline.poll("thulium")
    bad = LONG_AGO + timedelta(hours=30)
    provider.add(*[make_recording(n, listed_at=LONG_AGO + timedelta(minutes=10 * n)) for n in range(300)])
    book.jobs.start_gap(Window(LONG_AGO, LONG_AGO + timedelta(hours=40)), timedelta())
    world.clock.advance(timedelta(minutes=5))

    def poisoned(window: Window) -> None:
        if window.start - provider.unit <= bad <= window.end + provider.unit:
            raise Transient(Reason.HTTP_ERROR, "500")

    provider.on_list = poisoned
    pipeline.poll("thulium")

    (gap,) = book.jobs.unfinished()
    assert bad - timedelta(minutes=3) <= gap.position < bad
    assert not book.jobs.start_gap(Window(bad, bad + timedelta(minutes=1)), timedelta(days=1))
    assert book.jobs.start_gap(Window(LONG_AGO, LONG_AGO + timedelta(minutes=1)), timedelta()), (
        "it has left that behind"
    )
    world.clock.advance(timedelta(days=1, minutes=5))
    provider.on_list = lambda window: None
    pipeline.poll("thulium")
    assert book.jobs.unfinished() == []


def test_what_is_sent_again_when_the_time_is_over_is_little(world, provider, pipeline):
    pipeline.poll("thulium")
    for n in range(1500):
        pipeline.ledger.discovered(make_recording(n))
    world.clock.advance(timedelta(days=1, minutes=1))
    began_s = world.clock.monotonic()
    waits = [FUNCTION_TIME_S - 5.0]

    def slow(window: Window) -> None:
        world.clock.advance(timedelta(seconds=waits.pop() if waits else 0))

    def costly(call: object, proceed: Callable[[], object]) -> object:
        world.clock.advance(timedelta(milliseconds=20))
        return proceed()

    provider.on_list = slow
    world.calls.on_call(costly)
    result = pipeline.poll("thulium")

    assert 0 < result.republished < 500
    assert len(world.queues["thulium"]) == result.republished, "each that was sent was marked"
    assert world.clock.monotonic() - began_s < FUNCTION_TIME_S + 5


def test_what_is_known_is_not_forgotten_within_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "KNOWN_MAX", 50)
    world = World.make()
    provider = FakeProvider()
    provider.add(*[make_recording(n, listed_at=world.clock.now() - timedelta(minutes=30)) for n in range(80)])
    pipeline = Pipeline(world, {"thulium": provider})

    assert pipeline.poll("thulium").published == 80
    pipeline.copy_all()
    for _ in range(3):
        pipeline.restart()
        assert pipeline.poll("thulium").published == 0
