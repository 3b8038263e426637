"""The ceiling: what a provider lists beyond it waits, costs nothing meanwhile, and comes later (docs/adr/0023)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from call_lake.errors import Drifted, Reason, Transient
from call_lake.ledger.ceiling import Ceiling
from call_lake.model.rules import Rule
from call_lake.model.windows import Window
from call_lake.polling.poller import PollResult
from tests.support.fakes import Call, Died, FakeClock, Fault, FaultAt, World
from tests.support.fakes.provider import FakeProvider, make_recording
from tests.support.pipeline import Pipeline

CEILING = 10
NOON = datetime(2026, 10, 20, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
PAST = Window(NOON - 40 * DAY, NOON - 39 * DAY)


@pytest.fixture
def provider(world: World) -> FakeProvider:
    return FakeProvider(world.calls, page_size=4, wide=8, rows_per_window=7)


@pytest.fixture
def pipeline(world: World, provider: FakeProvider) -> Pipeline:
    return Pipeline(world, {"thulium": provider}, more={"new_per_day": CEILING})


def add(provider: FakeProvider, number: int, first: datetime = NOON - 110 * MINUTE, first_number: int = 0) -> None:
    provider.add(*[make_recording(first_number + n, listed_at=first + n * MINUTE) for n in range(number)])


def published(world: World) -> int:
    return len(world.table.items("thulium-"))


def writes(world: World, act: Callable[[], object]) -> int:
    before = len(world.calls.log)
    act()
    return sum(call.method in WRITES for call in world.calls.log[before:])


WRITES = {"insert", "update", "put", "send"}


def tomorrow(world: World) -> None:
    now = world.clock.now()
    world.clock.advance_to(datetime(now.year, now.month, now.day, tzinfo=UTC) + DAY + 5 * MINUTE)


# -- beyond it


@pytest.mark.parametrize("page_size", [1, 3, 4, 100])
def test_as_many_as_the_ceiling_are_published_however_long_the_pages_are(
    world: World, provider: FakeProvider, pipeline: Pipeline, page_size: int
) -> None:
    provider.page_size, provider.wide = page_size, 1000
    add(provider, 25)

    result = pipeline.poll("thulium")

    assert result.published == published(world) == len(world.queues["thulium"]) == CEILING
    assert result.is_ceiling_reached


def test_the_checkpoint_stays_before_what_waits(world: World, provider: FakeProvider, pipeline: Pipeline) -> None:
    add(provider, 25)

    pipeline.poll("thulium")

    waiting = [r for r in provider.rows if r.recording_id not in world.table.items()]
    listed_at = min(r.listed_at for r in waiting if r.listed_at)
    checkpoint = pipeline.book("thulium").checkpoint()
    assert checkpoint is not None
    pipeline.restart()
    tomorrow(world)
    for _ in range(2):
        pipeline.poll("thulium")
        tomorrow(world)
    assert published(world) == 25
    assert checkpoint - 2 * HOUR <= listed_at


def test_a_poll_at_the_ceiling_says_so_and_is_well(provider: FakeProvider, pipeline: Pipeline) -> None:
    add(provider, 25)

    for _ in range(3):
        result = pipeline.poll("thulium")
        assert result.trouble == (
            "ceiling reached: 10 new recordings today; the rest waits until 00:00 UTC; "
            "`call-lake allow thulium --more N` lets more through"
        )
        assert result.is_well
        assert pipeline.book("thulium").facts()["trouble"] == result.trouble
    assert "last_ok_at" in pipeline.book("thulium").facts()


def test_a_poll_below_the_ceiling_says_nothing_of_it(provider: FakeProvider, pipeline: Pipeline) -> None:
    add(provider, CEILING - 1)

    result = pipeline.poll("thulium")

    assert (result.published, result.is_ceiling_reached, result.trouble) == (CEILING - 1, False, None)


# -- waiting costs nothing


def test_a_poll_at_the_ceiling_asks_for_one_page_and_writes_no_more_than_any_poll(
    world: World, provider: FakeProvider, pipeline: Pipeline
) -> None:
    idle = Pipeline(world, {"conpeek": FakeProvider()})
    idle.poll("conpeek")  # the first poll also writes the checkpoint
    any_poll = writes(world, lambda: idle.poll("conpeek"))
    add(provider, 200)
    pipeline.poll("thulium")
    for _ in range(3):
        world.clock.advance(5 * MINUTE)
        requests = provider.requests

        assert writes(world, lambda: pipeline.poll("thulium")) <= any_poll
        assert provider.requests == requests + 1
    assert published(world) == CEILING


def test_a_sweep_and_a_gap_wait_too_and_are_read_later(
    world: World, provider: FakeProvider, pipeline: Pipeline
) -> None:
    pipeline.poll("thulium")
    add(provider, 6, NOON - 5 * DAY)  # listed late: for the sweep
    add(provider, 6, PAST.start, 100)
    pipeline.book("thulium").jobs.start_gap(PAST, timedelta())
    add(provider, CEILING, NOON - HOUR, 200)
    world.clock.advance(5 * MINUTE)
    pipeline.poll("thulium")
    requests = provider.requests

    pipeline.poll("thulium", sweep=True)

    assert provider.requests == requests + 1
    assert published(world) == CEILING
    gap, sweep = sorted(pipeline.book("thulium").jobs.unfinished(), key=lambda job: job.kind)
    assert (gap.position, sweep.position) == (gap.window.start, sweep.window.start)
    assert gap in pipeline.book("thulium").jobs.due(), "it was not put off by a day unread"
    for _ in range(3):
        tomorrow(world)
        pipeline.poll("thulium")
    assert published(world) == CEILING + 12


def test_a_sweep_stops_where_the_ceiling_is_reached(world: World, provider: FakeProvider, pipeline: Pipeline) -> None:
    pipeline.poll("thulium")
    for number in range(25):
        add(provider, 1, NOON - 5 * DAY + number * HOUR, number)

    pipeline.poll("thulium", sweep=True)

    (sweep,) = pipeline.book("thulium").jobs.unfinished()
    assert published(world) == CEILING
    assert sweep.position <= NOON - 5 * DAY + CEILING * HOUR
    for _ in range(3):
        tomorrow(world)
        pipeline.poll("thulium")
    assert published(world) == 25
    assert pipeline.book("thulium").jobs.unfinished() == []


def test_no_page_without_anything_new_is_counted(world: World, provider: FakeProvider, pipeline: Pipeline) -> None:
    add(provider, 6)
    pipeline.poll("thulium")
    pipeline.restart()
    counted: list[Any] = []

    def hook(call: Call, proceed: Callable[[], Any]) -> Any:
        answer = proceed()
        if call.method == "update":
            counted.append(world.table.items("source#")["source#thulium"].get("new_count"))
        return answer

    world.calls.on_call(hook)
    add(provider, 3, NOON - 20 * MINUTE, 50)
    pipeline.poll("thulium")

    assert [count for count in dict.fromkeys(counted) if count != 6] == [9]
    assert Ceiling(world.table, world.clock, "thulium", CEILING).today().count == 9


def test_what_a_rule_leaves_out_or_cannot_be_sent_does_not_count(
    world: World, provider: FakeProvider, pipeline: Pipeline
) -> None:
    pipeline.more = {"new_per_day": CEILING, "exclude": (Rule.from_json({"agent": "Agent 1"}),)}
    add(provider, 12)  # eight of them not by agent 1

    result = pipeline.poll("thulium")

    assert (result.published, result.excluded > 0, result.is_ceiling_reached) == (8, True, False)


# -- an outage meanwhile is told as one


@pytest.mark.parametrize("error", [Transient(Reason.CONNECTION, "refused"), Transient(Reason.UNAUTHORIZED, "401")])
def test_a_provider_that_fails_while_the_ceiling_holds_is_asked_once_and_no_poll_is_well(
    world: World, provider: FakeProvider, pipeline: Pipeline, error: Exception
) -> None:
    add(provider, 25)
    pipeline.poll("thulium")

    def fails(window: Window) -> None:
        raise error

    provider.on_list = fails
    begun = len(world.calls.log)
    result = pipeline.poll("thulium")

    assert not result.is_well
    assert str(result.trouble).startswith(f"{error}; ceiling reached: 10 new")
    assert [call.method for call in world.calls.log[begun:]].count("list") == 1


def test_rows_that_move_while_the_one_page_is_read_are_no_trouble(provider: FakeProvider, pipeline: Pipeline) -> None:
    add(provider, 25)
    pipeline.poll("thulium")

    def moves(window: Window) -> None:
        raise Drifted("the number of rows has changed")

    provider.on_list = moves
    assert pipeline.poll("thulium").is_well


def test_a_paused_source_says_both(provider: FakeProvider, pipeline: Pipeline) -> None:
    add(provider, 25)
    pipeline.poll("thulium")
    pipeline.book("thulium").pause()

    result = pipeline.poll("thulium")

    assert result.is_ceiling_reached
    assert str(result.trouble).startswith("paused since ")


# -- what goes on


def test_an_allowance_is_used_by_the_next_poll_and_is_a_ceiling_too(
    world: World, provider: FakeProvider, pipeline: Pipeline
) -> None:
    add(provider, 25)
    pipeline.poll("thulium")

    Ceiling(world.table, world.clock, "thulium", CEILING).allow(6)

    assert pipeline.poll("thulium").published == 6
    assert pipeline.poll("thulium").published == 0
    Ceiling(world.table, world.clock, "thulium", CEILING).allow(1000)
    result = pipeline.poll("thulium")
    assert (result.published, result.trouble, result.caught_up) == (9, None, True)


def test_a_backfill_does_not_count(world: World, provider: FakeProvider, pipeline: Pipeline) -> None:
    add(provider, 25, PAST.start + HOUR)

    result = pipeline.poll("thulium", backfill=PAST)

    assert (result.published, result.is_ceiling_reached, result.trouble) == (25, False, None)
    assert Ceiling(world.table, world.clock, "thulium", CEILING).today().count == 0


def test_a_backfill_goes_on_while_the_ceiling_holds(world: World, provider: FakeProvider, pipeline: Pipeline) -> None:
    add(provider, 25)
    pipeline.poll("thulium")
    add(provider, 30, PAST.start + HOUR, 100)

    assert pipeline.poll("thulium", backfill=PAST).published == 30
    assert published(world) == CEILING + 30


def test_what_is_published_again_does_not_count(world: World, provider: FakeProvider, pipeline: Pipeline) -> None:
    add(provider, CEILING)
    pipeline.poll("thulium")
    world.clock.advance(DAY + 5 * MINUTE)

    result = pipeline.poll("thulium")

    assert (result.republished, result.is_ceiling_reached) == (CEILING, False)


def test_what_is_due_is_published_again_while_the_ceiling_holds(
    world: World, provider: FakeProvider, pipeline: Pipeline
) -> None:
    add(provider, CEILING)
    pipeline.poll("thulium")
    world.clock.advance_to(NOON + DAY)
    add(provider, 25, NOON + 20 * HOUR, 100)
    world.clock.advance(5 * MINUTE)
    assert pipeline.poll("thulium").is_ceiling_reached

    world.clock.advance(5 * MINUTE)
    for number in range(50, 53):
        pipeline.ledger.discovered(make_recording(number))
        world.table.update(make_recording(number).recording_id, {"due_at": "2026-10-21T00:00:00.000Z"})

    assert pipeline.poll("thulium").republished == 3


# -- a poll that dies, and two at once


@pytest.mark.parametrize("fault", [Fault.DIE_BEFORE, Fault.DIE_AFTER])
def test_a_poll_that_dies_with_its_page_half_sent_has_counted_it(
    world: World, provider: FakeProvider, pipeline: Pipeline, fault: Fault
) -> None:
    add(provider, 4)

    def hook(call: Call, proceed: Callable[[], Any]) -> Any:
        if call.method == "send" and fault is Fault.DIE_BEFORE:
            raise Died
        answer = proceed()
        if call.method == "send":
            raise Died
        return answer

    remove = world.calls.on_call(hook)
    with pytest.raises(Died):
        pipeline.poll("thulium")
    remove()

    assert Ceiling(world.table, world.clock, "thulium", CEILING).today().count == 4
    pipeline.restart()
    assert pipeline.poll("thulium").published == 4


STEPS = st.lists(
    st.tuples(
        st.integers(0, 30),  # hours that pass before
        st.sampled_from(["poll", "sweep", "two at once", *Fault]),
        st.integers(1, 30),  # the call at which it happens
    ),
    max_size=10,
)


@dataclass
class Run:
    """One source with few recordings a day; ``together`` lets a sweep run within a poll, between two of its calls."""

    ceiling: int
    world: World = field(
        default_factory=lambda: World.make(("thulium",), clock=FakeClock(NOON - timedelta(seconds=10)))
    )

    def __post_init__(self) -> None:
        self.provider = FakeProvider(self.world.calls)
        self.pipeline = self.another()

    def another(self) -> Pipeline:
        return Pipeline(self.world, {"thulium": self.provider}, more={"new_per_day": self.ceiling})

    def step(self, what: str, at: int) -> None:
        if isinstance(what, Fault):
            self.broken(what, at)
        elif what == "two at once":
            self.together(at)
        else:
            self.pipeline.poll("thulium", sweep=what == "sweep")
        self.pipeline.copy_all()

    def broken(self, fault: Fault, at: int) -> None:
        remove = self.world.calls.on_call(FaultAt(at, fault))
        try:
            self.pipeline.poll("thulium")
        except (Died, Transient):
            self.pipeline.restart()
        finally:
            remove()

    def together(self, at: int) -> None:
        others: list[PollResult] = []
        begun = len(self.world.calls.log)

        def hook(call: Call, proceed: Callable[[], Any]) -> Any:
            if call.number == begun + at:
                others.append(self.another().poll("thulium", sweep=True))
            return proceed()

        remove = self.world.calls.on_call(hook)
        self.pipeline.poll("thulium")
        remove()

    def days(self) -> dict[str, int]:
        """How many recordings were published first on each UTC day."""
        found: dict[str, int] = {}
        for item in self.world.table.items("thulium-").values():
            day = item["first_published_at"][:10]
            found[day] = found.get(day, 0) + 1
        return found


@given(
    ceiling=st.integers(1, 6),
    pages=st.tuples(st.integers(1, 10), st.integers(1, 3)),
    listed=st.lists(st.integers(0, 2 * 24 * 60), max_size=20),
    slow_s=st.sampled_from([0, 7]),
    steps=STEPS,
)
def test_everything_listed_is_published_once_and_never_more_than_the_ceiling_on_a_day(
    ceiling: int, pages: tuple[int, int], listed: list[int], slow_s: int, steps: list[tuple[int, str, int]]
) -> None:
    # Who gives less than ten rows at once, and is slow besides, may leave the polls no time (docs/limits.md).
    assume(not slow_s or pages[0] * pages[1] >= 10)
    run = Run(ceiling)
    clock, provider = run.world.clock, run.provider
    provider.page_size, provider.wide = pages[0], pages[0] * pages[1]
    provider.on_list = lambda window: clock.sleep(slow_s)
    provider.add(*[make_recording(n, listed_at=NOON + minute * MINUTE) for n, minute in enumerate(listed)])
    run.pipeline.poll("thulium")

    for hours, what, at in steps:
        clock.advance(hours * HOUR)
        run.step(what, at)
    clock.advance_to(NOON + 2 * DAY)
    for _ in range(len(listed) + 2):
        clock.advance(DAY + 5 * MINUTE)
        for _ in range(3):
            run.step("poll", 0)

    assert sum(run.days().values()) == len(listed)
    assert all(number <= ceiling for number in run.days().values()), run.days()
    assert len(run.world.store.bodies("audio/")) == len(listed)
    assert run.pipeline.poll("thulium").trouble is None
