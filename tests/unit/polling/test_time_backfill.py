"""A backfill of a year: nothing lost, nothing twice, and a provider that walks two rows for each one at most."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from math import ceil
from random import Random

import pytest

from call_lake.model.windows import Window
from call_lake_local.simulators.world import SimRecording
from call_lake_local.simulators.world import World as CallWorld
from tests.support.simulated_time import SimulatedTime

COUNT = 20_000
PAGE = {"thulium": 100, "conpeek": 500}
YEAR = Window(datetime(2025, 9, 1, tzinfo=UTC), datetime(2026, 9, 1, tzinfo=UTC))


def year_of(source: str, count: int = COUNT) -> CallWorld:
    """Office hours, five days a week. All of one mould: a world's own recordings take their time to make."""
    empty = CallWorld.generate(seed=6, kinds=(), start=YEAR.start.date(), days=365)
    mould = empty.make(source, 0, YEAR.start)
    random = Random(6)
    starts = sorted(_office_hour(random) for _ in range(count))
    made: list[SimRecording] = []
    for index, start in enumerate(starts):
        ended = start + timedelta(seconds=mould.duration_s)
        name = f"calls/{index}.wav"
        made.append(
            replace(
                mould, index=index, key=name, connection_id=f"{int(start.timestamp())}.{index}", started_at=start,
                ended_at=ended, created_at=ended, available_at=ended,
            )
        )  # fmt: skip
    return replace(empty, recordings={source: tuple(made)})


def _office_hour(random: Random) -> datetime:
    while True:
        day = date(2025, 9, 2) + timedelta(days=random.randrange(360))
        if day.weekday() < 5 or random.random() < 0.2:
            seconds = random.triangular(6 * 3600, 18 * 3600)
            return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=round(seconds))


@pytest.mark.parametrize(("source", "requests_at_most"), [("thulium", 1.3), ("conpeek", 1.6)])
def test_a_backfill_of_a_year(source: str, requests_at_most: float) -> None:
    """A year of 20,000; of 100,000 the part that is spent on learning how calls lie is a fifth of it."""
    run = SimulatedTime(year_of(source), requests_per_second=1000)

    run.pipeline.poll(source, backfill=YEAR)
    for _ in range(20):
        if not run.pipeline.book(source).jobs.due():  # it is read again tomorrow
            break
        run.pipeline.poll(source)

    stats = run.simulation.providers[source].stats.snapshot()
    published = run.queue(source).published
    assert Counter(published.values()) == {1: COUNT}, "each once"
    assert stats["rows_walked"] <= 2 * COUNT
    assert stats["listings"] <= requests_at_most * ceil(COUNT / PAGE[source])
