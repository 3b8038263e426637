"""Who waits, and until when: request budgets, Retry-After, audio that is not ready, what has failed permanently."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import pytest

from call_lake.ledger.entry import Entry, State
from call_lake.model.times import parse_iso
from call_lake.model.windows import Window
from call_lake.settings import RETRY_AFTER_MAX_S
from call_lake_local.simulators.faults import FaultPlan
from call_lake_local.simulators.world import World as CallWorld
from tests.support.pipeline import COPIER
from tests.support.simulated_time import EVERY_5_MINUTES, EVERY_15_MINUTES, SimulatedTime

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LIMITS = ("rate_limited", "rate_limited_date")


def simulated(faults: str = "", count: int = 4, days: int = 1, requests_per_second: float = 5.0) -> SimulatedTime:
    calls = CallWorld.generate(seed=4, count=count, start=date(2026, 10, 21), days=days, tiny_audio=True)
    return SimulatedTime(calls, faults, requests_per_second=requests_per_second)


def limit(run: SimulatedTime, fault: str, retry_after: timedelta) -> None:
    """From now on Thulium answers nothing but 429."""
    plan = FaultPlan.parse(f"{fault}:1!")
    run.simulation.thulium.plan = replace(plan, retry_after_s=round(retry_after.total_seconds()))


def failed(run: SimulatedTime) -> list[Entry]:
    return [entry for entry in run.entries("thulium") if entry.state is State.FAILED]


@pytest.mark.parametrize("per_second", [0.5, 2.0])
@pytest.mark.parametrize("source", ["thulium", "conpeek"])
def test_a_minute_never_has_more_requests_than_the_budget(source: str, per_second: float) -> None:
    run = simulated("http_500,cut_json,unsorted", 400, 30, per_second)
    run.clock.advance(40 * DAY)

    for half in range(70):
        start = run.start + half * DAY / 2
        run.pipeline.poll(source, backfill=Window(start, start + DAY / 2))

    minutes = Counter(asked.at.replace(second=0, microsecond=0) for asked in run.asked if asked.is_listing)
    assert max(minutes.values()) <= 60 * per_second
    assert sum(minutes.values()) > 60 * per_second, "else it was never put to the test"


@pytest.mark.parametrize("fault", LIMITS)
def test_a_listing_that_is_limited_for_hours_is_not_asked_for_before(fault: str) -> None:
    run = simulated()
    run.run_for(HOUR, EVERY_5_MINUTES)
    limit(run, fault, 2 * HOUR)
    run.run_for(EVERY_5_MINUTES, EVERY_5_MINUTES)
    run.simulation.thulium.plan = FaultPlan()
    run.run_for(3 * HOUR, EVERY_5_MINUTES)

    asked = [asked for asked in run.asked if asked.source == "thulium" and asked.is_listing]
    refused = next(n for n, one in enumerate(asked) if one.status == 429)
    wait = asked[refused + 1].at - asked[refused].at
    assert 2 * HOUR - timedelta(seconds=1) <= wait <= 2 * HOUR + 2 * EVERY_5_MINUTES
    assert run.results["thulium"][-1].trouble is None


@pytest.mark.parametrize("fault", LIMITS)
def test_a_download_that_is_limited_for_hours_is_not_tried_before(fault: str) -> None:
    run = simulated(count=1)
    run.clock.advance(2 * DAY)
    run.pipeline.poll("thulium", backfill=Window(run.start, run.start + 2 * DAY))
    limit(run, fault, 2 * HOUR)
    run.pipeline.copy_once("thulium")
    run.simulation.thulium.plan = FaultPlan()
    run.moment = run.clock.now()
    run.run_for(3 * HOUR, EVERY_5_MINUTES)

    first, second = [asked for asked in run.asked if asked.source == "thulium" and not asked.is_listing]
    assert (first.status, second.status) == (429, 200)
    assert 2 * HOUR - timedelta(seconds=1) <= second.at - first.at <= 2 * HOUR + 2 * EVERY_5_MINUTES


def test_a_retry_after_of_years_is_believed_for_a_day() -> None:
    run = simulated(count=1)
    run.clock.advance(2 * DAY)
    run.pipeline.poll("thulium", backfill=Window(run.start, run.start + 2 * DAY))
    limit(run, "rate_limited", 3650 * DAY)
    run.pipeline.copy_once("thulium")
    run.pipeline.poll("thulium")

    (entry,) = run.entries("thulium")
    quiet_until = run.pipeline.book("thulium").quiet_until()
    assert entry.due_at
    assert quiet_until
    latest = run.clock.now() + timedelta(seconds=RETRY_AFTER_MAX_S)
    assert max(parse_iso(entry.due_at), quiet_until) <= latest


def test_the_48_hours_do_not_count_while_nobody_asked() -> None:
    calls = CallWorld.generate(seed=4, count=4, start=date(2026, 10, 21), days=1, tiny_audio=True)
    run = SimulatedTime(calls, "gone:1!", broken=[(timedelta(), 5 * DAY)])  # the first attempt comes after days
    run.run_for(6 * DAY, EVERY_15_MINUTES)
    assert failed(run) == []
    run.run_for(3 * DAY, EVERY_15_MINUTES)

    entries = failed(run)
    assert len(entries) == 4
    for entry in entries:
        asked = [parse_iso(note["at"]) for note in entry.history]
        assert (
            48 * HOUR < asked[-1] - asked[0] <= 48 * HOUR + timedelta(seconds=COPIER.retry_ceiling_s) + EVERY_15_MINUTES
        )
