"""The simulated world: repeatable, honest about its clock changes, and free of anybody real."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from call_lake_local.simulators.world import KINDS, World, clock_changes

WARSAW = ZoneInfo("Europe/Warsaw")


def epoch_of(recording):
    return int(recording.connection_id.partition(".")[0])


@pytest.fixture(scope="module")
def world():
    return World.generate(seed=7, count=200, start=date(2026, 10, 17), days=30)


def test_the_same_seed_makes_the_same_world(world):
    assert World.generate(seed=7, count=200, start=date(2026, 10, 17), days=30) == world


def test_the_repeated_hour_also_has_ambiguous_creation_times(world):
    walls = [r.created_at.astimezone(WARSAW) for r in world.recordings["thulium"]]
    assert {wall.fold for wall in walls if (wall.date(), wall.hour) == (date(2026, 10, 25), 2)} == {0, 1}


def test_the_spring_change_is_found_too():
    assert clock_changes(WARSAW, date(2026, 3, 1), 31) == [datetime(2026, 3, 29, 1, tzinfo=UTC)]
    assert clock_changes(ZoneInfo("UTC"), date(2026, 1, 1), 365) == []


def test_some_thulium_recordings_are_created_hours_after_their_call(world):
    delays = [r.created_at - r.ended_at for r in world.recordings["thulium"]]
    assert min(delays) < timedelta(minutes=2)
    assert any(delay > timedelta(hours=2) for delay in delays)


def test_keys_are_unique_and_have_slashes_spaces_and_polish_letters(world):
    keys = [r.key for r in world.recordings["thulium"]]
    assert len(set(keys)) == len(keys)
    assert all("/" in key for key in keys)
    assert any(" " in key for key in keys)
    assert any(re.search("[ąćęłńóśźż]", key) for key in keys)


def test_numbers_come_from_ranges_that_nobody_owns(world):
    numbers = {number for kind in KINDS for r in world.recordings[kind] for number in (r.src, r.dst)}
    assert all(re.fullmatch(r"(\+48800000\d{3}|\+447700900\d{3})?", number) for number in numbers)


def test_one_connection_may_have_several_recordings_whose_start_is_a_full_minute():
    recordings = World.generate(count=1000, kinds=["thulium"]).recordings["thulium"]
    legs = [r for r in recordings if epoch_of(r) != r.started_at.timestamp()]
    assert 5 < len(legs) < 50
    assert all(leg.started_at.second == 0 for leg in legs)
