"""What the simulators say when nothing is wrong: the vendors' documented APIs (docs/providers.md)."""

import json
from base64 import b64encode
from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from call_lake_local.simulators.clock import SimClock
from call_lake_local.simulators.http_exchange import Request
from call_lake_local.simulators.simulation import Simulation
from call_lake_local.simulators.world import World

WORLD = World.generate(count=260, start=date(2026, 10, 17), days=30, tiny_audio=True)
BASIC = "Basic " + b64encode(b"api-user:fake-password").decode()


def get(simulation, kind, path, authorization=None, **query):
    authorization = authorization or {"thulium": BASIC, "conpeek": "fake-key"}[kind]
    query_string = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in query.items())
    request = Request("GET", path, query_string, {"authorization": authorization}, "http://sim")
    answer = simulation.handlers[kind](request)
    return answer.status, b"".join(answer.body())


def thulium(simulation, **query):
    status, body = get(simulation, "thulium", "/api/recordings", **query)
    assert status == 200, body
    return json.loads(body)


def conpeek(simulation, conditions=(), **query):
    named = [dict(zip(("property", "operator", "value"), condition, strict=True)) for condition in conditions]
    status, body = get(simulation, "conpeek", "/cdr_dialog_recording", filter=json.dumps(named), **query)
    assert status == 200, body
    return json.loads(body)["data"]


@pytest.fixture(scope="module")
def simulation():
    return Simulation.of(WORLD, clock=SimClock(datetime(2026, 12, 31, tzinfo=UTC)))


@settings(max_examples=30)
@given(limit=st.integers(1, 100), first=st.integers(0, 40), width=st.integers(0, 40))
def test_thulium_pages_of_any_size_make_up_the_window(limit, first, width):
    simulation = Simulation.of(WORLD, clock=SimClock(datetime(2026, 12, 31, tzinfo=UTC)))
    start = date(2026, 10, 15) + timedelta(days=first)
    window = {"date_from": start.isoformat(), "date_to": (start + timedelta(days=width)).isoformat()}
    rows: list[dict[str, str]] = []
    count = 1
    while len(rows) < count:
        page = thulium(simulation, limit=limit, offset=len(rows), **window)
        count = page["count"]
        rows += page["result"]
    wanted = [
        r.key
        for r in WORLD.recordings["thulium"]
        if start <= r.created_at.astimezone(WORLD.zone).date() <= start + timedelta(days=width)
    ]
    assert sorted(row["filename"] for row in rows) == sorted(wanted)


@pytest.mark.parametrize("query", [{"date_from": "yesterday"}, {"limit": "-1"}, {"offset": "x"}])
def test_thulium_refuses_what_it_cannot_read(simulation, query):
    assert get(simulation, "thulium", "/api/recordings", **query)[0] == 400


@pytest.mark.parametrize("name", ["start_time", "hangup_time"])
def test_conpeek_bounds_are_utc_and_inclusive(simulation, name):
    moment = conpeek(simulation)[7][name]
    found = conpeek(simulation, [(name, "gte", moment), (name, "lte", moment)])
    assert found
    assert {row[name] for row in found} == {moment}


@pytest.mark.parametrize(
    "condition",
    [("hangup_time", "gt", "2026-10-20 00:00:00"), ("hangup_time", "gte", "2026-10-20"), ("nonsense", "eq", 1)],
)
def test_conpeek_refuses_conditions_that_its_page_does_not_name(simulation, condition):
    named = json.dumps([dict(zip(("property", "operator", "value"), condition, strict=True))])
    assert get(simulation, "conpeek", "/cdr_dialog_recording", filter=named)[0] == 400


@pytest.mark.parametrize("kind", ["thulium", "conpeek"])
def test_a_recording_is_listed_and_served_only_once_it_is_available(kind):
    simulation = Simulation.of(WORLD)
    recording = WORLD.recordings[kind][100]
    provider = simulation.providers[kind]
    path = provider.audio_path(recording).partition("?")[0]
    query = {"filename": recording.key} if kind == "thulium" else {}
    seen = {}
    for when, moment in (("before", recording.available_at - timedelta(seconds=1)), ("at", recording.available_at)):
        simulation.clock.set(moment)
        listed = provider.catalog.between("", "")
        seen[when] = (recording in listed, get(simulation, kind, path, **query)[0])
    assert seen == {"before": (False, 404), "at": (True, 200)}


def test_the_stats_count_walked_rows_bytes_and_credentials():
    simulation = Simulation.of(WORLD, clock=SimClock(datetime(2026, 12, 31, tzinfo=UTC)))
    thulium(simulation, limit=50, offset=200)
    thulium(simulation, limit=50)
    truth = simulation.thulium.truth()[0]
    get(simulation, "thulium", "/api/recordings/download", filename=truth["provider_key"])
    stats = simulation.thulium.stats.snapshot()
    assert (stats["requests"], stats["listings"], stats["audio_requests"]) == (3, 2, 1)
    assert (stats["rows_walked"], stats["rows_returned"]) == (300, 100)
    assert stats["bytes_served"] > truth["bytes"]
    assert stats["credentials"] == {BASIC: 3}
    assert stats["audio_per_key"] == {truth["provider_key"]: 1}
