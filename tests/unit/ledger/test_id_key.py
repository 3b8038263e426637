"""The ledger knows the key of its recording ids by a fingerprint, and lets no other key in."""

from collections.abc import Mapping

import pytest

from call_lake.errors import ConfigError, KeyRefused, Reason, SecretEmpty, Transient
from call_lake.ledger.id_key import ITEM, IdKey
from call_lake.ledger.source_state import SourceState
from tests.support.fakes.ids import ID_KEY, IDS
from tests.support.fakes.world import World
from tests.support.lake_samples import Before

OTHER = "another invented key, of another stack"
SOURCES = ("conpeek", "thulium")


@pytest.fixture
def world() -> World:
    return World.make()


def key_of(world: World, key: str = ID_KEY) -> IdKey:
    return IdKey(world.table, world.clock, lambda: {"key": key}, lambda: SOURCES)


def poll(world: World, source: str) -> None:
    SourceState(world.table, world.clock, source).advance(world.clock.now())


def test_the_first_poll_of_a_new_ledger_notes_the_fingerprint(world: World) -> None:
    assert key_of(world).ids(first_use=True).fingerprint == IDS.fingerprint
    assert world.table.get(ITEM) == {"id": ITEM, "version": 1, "fingerprint": IDS.fingerprint}


def test_the_ledger_holds_nothing_that_leads_to_the_key(world: World) -> None:
    key_of(world).ids(first_use=True)
    assert ID_KEY not in str(world.table.get(ITEM))


def test_nobody_else_notes_it(world: World) -> None:
    key_of(world).ids()
    assert world.table.get(ITEM) is None


@pytest.mark.parametrize("first_use", [True, False])
def test_another_key_is_refused_in_one_line_that_names_both(world: World, first_use: bool) -> None:
    key_of(world).ids(first_use=True)
    poll(world, "thulium")
    with pytest.raises(KeyRefused) as refused:
        key_of(world, OTHER).ids(first_use=first_use)
    text = str(refused.value)
    assert IDS.fingerprint[:8] in text
    assert "RecordingIdKeyArn" in text
    assert "\n" not in text
    assert ID_KEY not in text
    assert OTHER not in text
    assert key_of(world).ids().fingerprint == IDS.fingerprint  # the refusal changed nothing


@pytest.mark.parametrize("written", ["", "x", "\x1b[31m\n", 7, True, ["a"], {"a": 1}], ids=repr)
def test_a_fingerprint_that_somebody_overwrote_is_refused_in_one_line(world: World, written: object) -> None:
    key_of(world).ids(first_use=True)
    world.table.update(ITEM, {"fingerprint": written})
    with pytest.raises(KeyRefused, match="its fingerprint is none any more") as refused:
        key_of(world).ids(first_use=True)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("polled", SOURCES)
@pytest.mark.parametrize("first_use", [True, False])
def test_ids_of_the_old_kind_are_refused_whichever_source_has_them(world: World, polled: str, first_use: bool) -> None:
    poll(world, polled)
    with pytest.raises(KeyRefused, match=f"{polled} under ids of the old kind"):
        key_of(world).ids(first_use=first_use)
    assert world.table.get(ITEM) is None


def test_a_source_that_was_paused_before_its_first_poll_has_no_ids(world: World) -> None:
    SourceState(world.table, world.clock, "thulium").pause()
    key_of(world).ids(first_use=True)


def test_a_process_asks_once(world: World) -> None:
    key = key_of(world)
    key.ids(first_use=True)
    before = len(world.calls.log)
    assert key.ids() is key.ids(first_use=True)
    assert len(world.calls.log) == before


def test_a_refused_key_is_read_again_until_it_is_right(world: World) -> None:
    key_of(world).ids(first_use=True)
    keys = iter([OTHER, OTHER, ID_KEY])
    key = IdKey(world.table, world.clock, lambda: {"key": next(keys)}, lambda: SOURCES)
    for _ in range(2):
        with pytest.raises(KeyRefused):
            key.ids(first_use=True)
    assert key.ids(first_use=True).fingerprint == IDS.fingerprint


def test_two_first_polls_at_once_with_one_key_both_go_on() -> None:
    """Whatever call of the one the other one's whole first poll comes before."""
    for number in range(1, 20):
        world = World.make()
        meanwhile = Before(world, number, lambda w=world: first_poll(w, ID_KEY, "thulium"))  # type: ignore[misc]
        first_poll(world, ID_KEY, "conpeek")
        if not meanwhile.happened:
            break
    assert number > 3


def test_of_two_first_polls_at_once_with_two_keys_only_one_goes_on() -> None:
    for number in range(1, 20):
        world, won = World.make(), list[str]()

        def go(key: str, source: str, world: World = world, won: list[str] = won) -> None:
            try:
                first_poll(world, key, source)
            except KeyRefused:
                return
            won.append(key)

        meanwhile = Before(world, number, lambda go=go: go(OTHER, "thulium"))  # type: ignore[misc]
        go(ID_KEY, "conpeek")
        assert len(won) == 1, f"before call {number}"
        if not meanwhile.happened:
            break
    assert number > 3


def first_poll(world: World, key: str, source: str) -> None:
    key_of(world, key).ids(first_use=True)
    poll(world, source)


@pytest.mark.parametrize(
    ("secret", "says"),
    [
        ({}, "the key has 0 characters"),
        ({"password": "x" * 40}, "the key has 0 characters"),
        ({"key": "k" * 31}, "the key has 31 characters, fewer than 32"),
        ({"key": " " * 40}, "fewer than 8 different characters"),
        ({"key": "\n" + "k" * 64}, "fewer than 8 different characters"),
        (ConfigError("there is no secret"), "does not exist"),
        (SecretEmpty("empty"), "does not exist"),
    ],
)
def test_a_secret_that_holds_no_key_is_refused(world: World, secret: Mapping[str, str] | Exception, says: str) -> None:
    with pytest.raises(KeyRefused, match=says):
        reading(world, secret).ids(first_use=True)
    assert world.table.get(ITEM) is None


def test_a_failure_of_aws_is_no_refusal(world: World) -> None:
    with pytest.raises(Transient):
        reading(world, Transient(Reason.AWS, "GetSecretValue: throttled")).ids(first_use=True)


def reading(world: World, secret: Mapping[str, str] | Exception) -> IdKey:
    def read() -> Mapping[str, str]:
        if isinstance(secret, Exception):
            raise secret
        return secret

    return IdKey(world.table, world.clock, read, lambda: SOURCES)
