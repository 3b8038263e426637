"""The access log: a line for each time that somebody is handed audio."""

import json

import pytest

from call_lake.bucket.access_log import AccessLog
from call_lake.errors import Reason, Transient
from tests.support.fakes import Fault, FaultAt, World


@pytest.fixture
def world() -> World:
    return World.make()


def log_of(world: World) -> AccessLog:
    return AccessLog(world.store, world.clock, "arn:aws:iam::000000000000:user/invented", "call-lake 0.1.0")


def test_a_line_says_who_took_what_and_when(world: World) -> None:
    log_of(world).note("get", ["thulium-1", "thulium-2"], reason="complaint 7")

    ((key, body),) = world.store.bodies("access-log/").items()
    assert key.startswith("access-log/2026-10-20/120000-")
    assert body.endswith(b"}\n")
    assert json.loads(body) == {
        "at": "2026-10-20T12:00:00.000Z",
        "who": "arn:aws:iam::000000000000:user/invented",
        "program": "call-lake 0.1.0",
        "action": "get",
        "recording_ids": ["thulium-1", "thulium-2"],
        "reason": "complaint 7",
    }


def test_lines_of_one_moment_are_separate_objects(world: World) -> None:
    log = log_of(world)
    log.note("play", ["thulium-1"])
    log.note("play", ["thulium-1"])

    assert len(world.store.bodies("access-log/")) == 2


def test_a_line_is_one_line_whatever_the_name_holds(world: World) -> None:
    log_of(world).note("play", ["thulium-1"], label="a\nb\x1b[2J")

    (body,) = world.store.bodies("access-log/").values()
    assert body.count(b"\n") == 1
    assert json.loads(body)["label"] == "a\nb\x1b[2J"


def test_what_cannot_be_written_raises(world: World) -> None:
    world.calls.on_call(FaultAt(1, Fault.REFUSED))

    with pytest.raises(Transient) as caught:
        log_of(world).note("play", ["thulium-1"])

    assert caught.value.reason is Reason.AWS


def test_no_line_replaces_another(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda size: "0" * size)
    log = log_of(world)
    log.note("play", ["thulium-1"])

    with pytest.raises(Exception, match="access-log/"):
        log.note("play", ["thulium-2"])
