"""Two weeks of both sources and all their troubles, with the clock change among them, end in the truth."""

from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest

from call_lake.model.times import parse_iso
from call_lake_local.simulators.world import World as CallWorld
from tests.support.simulated_time import SOURCES, SimulatedTime

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TROUBLES = (
    "rate_limited:0.02,rate_limited_date:0.02,http_500:0.02,http_502:0.02,http_503:0.02,reset:0.02,unauthorized:0.01,"
    "html_listing:0.02,cut_json:0.02,error_with_200:0.02,unsorted,duplicate_rows,insert_between_pages,late,very_late,"
    "strings_for_numbers,unknown_fields,missing_optionals,nulls,odd_keys,no_key,no_start,not_ready,html_audio,"
    "json_audio,empty_audio,header_only,truncated,cut_chunked,short_file,reset_midway,stalled,slow_drip,chunked,"
    "wrong_type,no_type,redirect_same_host"
)
CHANGED_AT, FILLED_AT = 9 * DAY - 2 * HOUR, 9 * DAY + 3 * HOUR
NIGHT = datetime(2026, 10, 25, tzinfo=UTC)


@pytest.fixture(scope="module")
def weeks() -> SimulatedTime:
    """From 20 October 2026 on. What is listed up to two weeks late is waited for."""
    calls = CallWorld.generate(seed=5, count=200, start=date(2026, 10, 20), days=14, tiny_audio=True)
    run = SimulatedTime(calls, TROUBLES)
    run.outage("thulium", 2 * DAY - 3 * HOUR, 2 * DAY + 3 * HOUR)
    run.outage("conpeek", 7 * DAY - 4 * HOUR, 7 * DAY + 7 * HOUR)
    for provider in run.simulation.providers.values():
        run.at(CHANGED_AT, partial(provider.change_secret, "new"))
    run.at(FILLED_AT, lambda: run.fill_secret("new"))
    run.run_for(14 * DAY)
    run.run_for(13 * DAY, step=6 * HOUR)
    run.run_for(HOUR)
    return run


def test_every_recording_is_stored_once_and_right_and_nothing_waits(weeks: SimulatedTime) -> None:
    assert weeks.differences() == []


def test_the_weeks_had_every_trouble_that_it_should_have(weeks: SimulatedTime) -> None:
    """Else the test above would prove little."""
    met: set[str] = set()
    for source in SOURCES:
        stats = weeks.simulation.providers[source].stats.snapshot()
        met |= stats["faults"].keys()
        troubled = [result.trouble for result in weeks.results[source] if result.trouble]
        assert any("unauthorized" in trouble for trouble in troubled)
        starts = [parse_iso(truth["started_at"]) for truth in weeks.truth(source)]
        for hour in range(2):  # both read 02:xx on the wall
            assert any(NIGHT + hour * HOUR <= start < NIGHT + (hour + 1) * HOUR for start in starts)
        waits = [parse_iso(t["available_at"]) - parse_iso(t["started_at"]) for t in weeks.truth(source)]
        assert any(timedelta(minutes=10) < wait < 2 * HOUR for wait in waits), "the look-back's"
        assert any(wait > 2 * DAY for wait in waits), "the sweep's"
    assert {"outage", "rate_limited", "rate_limited_date", "reset", "cut_json", "not_ready", "truncated"} <= met


def test_no_recording_was_published_more_often_than_its_troubles_ask_for(weeks: SimulatedTime) -> None:
    for source in SOURCES:
        assert max(weeks.queue(source).published.values()) <= 4
