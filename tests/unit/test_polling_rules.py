"""What a poll must not do: wait with a page, believe a row's date, believe a late index (design rules 2, 5, 7)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from call_lake.errors import Reason, Transient
from call_lake.providers.base import Page
from call_lake.recording import Recording, Window
from call_lake.windows import read_forward
from tests.fakes import FakeClock, World
from tests.fakes.provider import FakeProvider, make_recording
from tests.pipeline import POLLER, Pipeline

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
    seen: list[Recording] = []
    window = Window(LONG_AGO, LONG_AGO + timedelta(hours=1))
    reading = read_forward(
        provider, window, lambda page: seen.extend(page.recordings), target=180, clock=FakeClock(), until_s=1e9
    )
    with pytest.raises(Transient):
        list(reading)

    assert seen == provider.rows[:2]


@dataclass
class AnyDate(FakeProvider):
    """Gives all its rows whatever is asked: the filters mean something else than they say."""

    def list_window(self, window: Window, *, may_be_wide: bool = False) -> Iterator[Page]:
        yield Page(tuple(self.rows))


def test_a_future_dated_row_is_published_and_leaves_the_checkpoint_where_time_is() -> None:
    world = World.make()
    provider, days = AnyDate(), timedelta(days=3)
    provider.add(make_recording(1, started_at=world.clock.now() + days, listed_at=world.clock.now() + days))
    pipeline = Pipeline(world, {"thulium": provider})

    result = pipeline.poll("thulium")

    assert result.published == 1
    assert pipeline.book("thulium").checkpoint() == world.clock.now() - timedelta(seconds=POLLER.settle_s)


def test_a_row_that_is_older_than_the_window_is_published() -> None:
    world = World.make()
    provider = AnyDate()
    provider.add(make_recording(1, started_at=LONG_AGO, listed_at=LONG_AGO))

    assert Pipeline(world, {"thulium": provider}).poll("thulium").published == 1


def test_what_was_published_again_is_not_due_although_the_index_still_says_so() -> None:
    world = World.make()
    world.table.index_delay_s = 1800.0
    provider = FakeProvider()
    provider.add(make_recording(1, listed_at=world.clock.now() - timedelta(minutes=30)))
    pipeline = Pipeline(world, {"thulium": provider})
    pipeline.poll("thulium")
    world.clock.advance(timedelta(days=1, minutes=1))

    assert pipeline.poll("thulium").republished == 1
    world.clock.advance(timedelta(minutes=5))
    assert pipeline.poll("thulium").republished == 0
