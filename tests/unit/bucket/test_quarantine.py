"""Rows that were set aside: listed without their text, and sent the compactor's way again."""

import json
from datetime import timedelta

import pytest

from call_lake.bucket.inbox import put_rows
from call_lake.bucket.quarantine import RejectedRow, list_quarantine, quarantine
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import INBOX, Partition
from call_lake.model.table import SCHEMA_VERSION, Row
from call_lake.model.times import iso
from call_lake_cli.commands.quarantine import chosen, line_of, name_of, send_again
from call_lake_cli.console.errors import UserError
from tests.support.fakes.calls import Died, Fault, FaultAt
from tests.support.fakes.world import World
from tests.support.lake_samples import TODAY, Before, compacted, erase_in_ledger, ids_in, row_of

PLACE = CALLS.at(Partition("thulium", TODAY)).inbox
BAD = row_of(1, audio_bytes="many", caller="000111222")
NEWER: Row = row_of(2, schema_version=SCHEMA_VERSION + 1)


@pytest.fixture
def world() -> World:
    """Of three rows one is in the lake, two were set aside."""
    world = World.make()
    put_rows(world.store, [BAD, NEWER, row_of(3)], CALLS)
    compacted(world)
    assert len(list(list_quarantine(world.store))) == 2
    return world


def retried(world: World, source: str | None = None, keys: list[str] | None = None) -> list[bool]:
    return list(send_again(world.store, world.table, list(chosen(world.store, source, keys))))


def keys_of(world: World) -> list[str]:
    return list(world.store.bodies(CALLS.quarantine))


def mend_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newer compactor is deployed."""
    monkeypatch.setitem(vars(CALLS), "schema_version", SCHEMA_VERSION + 1)


def test_a_row_is_listed_with_key_partition_reason_and_time(world: World) -> None:
    (bad,) = [one for one in list_quarantine(world.store) if one.recording_id == BAD["recording_id"]]

    assert line_of(bad, raw=False) == {
        "key": name_of(bad.key),
        "source": "thulium",
        "call_date": TODAY.isoformat(),
        "recording_id": BAD["recording_id"],
        "at": iso(world.clock.now()),
        "reason": "audio_bytes: str instead of bigint",
    }
    assert json.loads(line_of(bad, raw=True)["raw"]) == BAD


@pytest.mark.parametrize("text", [json.dumps(BAD), json.dumps({"recording_id": "000111222"}), "000111222", "["])
def test_nothing_of_the_text_is_listed_unasked(text: str) -> None:
    world = World.make()
    quarantine(world.store, RejectedRow(f"{PLACE}x.json", text, "no JSON"))
    (one,) = list_quarantine(world.store)

    assert "000111222" not in json.dumps(line_of(one, raw=False))


def test_a_row_whose_reason_is_mended_is_in_the_lake_after_the_next_compaction(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    mend_the_table(monkeypatch)

    assert retried(world) == [True, True]
    assert keys_of(world) == []
    compacted(world)

    assert ids_in(world) == [row_of(2)["recording_id"], row_of(3)["recording_id"]]
    assert [one.recording_id for one in list_quarantine(world.store)] == [BAD["recording_id"]]
    assert world.store.bodies(INBOX) == {}


def test_a_row_that_is_refused_again_and_again_is_never_lost(world: World) -> None:
    texts = sorted(one.rejected.text for one in list_quarantine(world.store))
    for _ in range(3):
        retried(world)
        compacted(world)
        assert sorted(one.rejected.text for one in list_quarantine(world.store)) == texts


def test_a_compaction_at_any_call_of_a_second_retry_loses_no_row_and_doubles_none() -> None:
    for number in range(1, 100):
        world = World.make()
        put_rows(world.store, [BAD], CALLS)
        compacted(world)
        retried(world)
        compacted(world)
        meanwhile = Before(world, number, lambda world=world: compacted(world))  # type: ignore[misc]
        retried(world)
        compacted(world)
        assert [one.recording_id for one in list_quarantine(world.store)] == [BAD["recording_id"]], (
            f"before call {number}"
        )
        if not meanwhile.happened:
            break
    assert number > 4


@pytest.mark.parametrize("fault", list(Fault))
def test_a_retry_broken_at_any_call_and_typed_again_ends_as_if_nothing_had_happened(
    fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    mend_the_table(monkeypatch)
    for number in range(1, 100):
        world = World.make()
        quarantine(world.store, RejectedRow(f"{PLACE}x.json", json.dumps(NEWER), "schema_version"))
        broken = FaultAt(number, fault)
        stop = world.calls.on_call(broken)
        try:
            retried(world)
        except (Died, Exception):
            assert world.store.bodies(INBOX) or world.store.bodies(CALLS.quarantine)
        stop()
        retried(world)
        compacted(world)
        assert (ids_in(world), keys_of(world)) == ([NEWER["recording_id"]], [])
        if not broken.struck:
            break
    assert number > 4


def test_a_row_goes_to_the_partition_that_it_names_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World.make()
    yesterday = row_of(5, day=TODAY - timedelta(days=1))
    for key in ("inbox/stray.json", f"{PLACE}x.json"):
        quarantine(
            world.store, RejectedRow(key, json.dumps(yesterday), "source and call_date are not those of the key")
        )

    retried(world)
    compacted(world)

    assert ids_in(world) == [yesterday["recording_id"]]
    assert keys_of(world) == []


def test_a_text_that_is_no_row_goes_back_to_where_it_lay() -> None:
    world = World.make()
    for key in ("inbox/stray.json", f"{PLACE}x.json"):
        quarantine(world.store, RejectedRow(key, '{"recording_id": "\\xff', "no JSON"))

    retried(world)

    assert sorted(key.rpartition("/")[0] + "/" for key in world.store.bodies(INBOX)) == ["inbox/calls/", PLACE]
    assert set(world.store.bodies(INBOX).values()) == {b'{"recording_id": "\\xff\n'}


def test_a_source_and_keys_choose(world: World) -> None:
    put_rows(world.store, [row_of(9, source="conpeek", audio_bytes="many")], CALLS)
    compacted(world)

    assert len(retried(world, "conpeek")) == 1
    assert len(retried(world, None, [keys_of(world)[0]])) == 1
    assert len(retried(world, None, [name_of(keys_of(world)[0])])) == 1
    assert keys_of(world) == []


def test_a_key_that_is_not_there_is_named(world: World) -> None:
    with pytest.raises(UserError, match="no row gone; call-lake quarantine list"):
        retried(world, None, ["lake/calls/quarantine/gone.json"])


def test_a_row_of_an_erased_recording_is_deleted_instead(world: World) -> None:
    erase_in_ledger(world, BAD["recording_id"])

    assert sorted(retried(world)) == [False, True]
    assert BAD["recording_id"] not in b"".join(world.store.bodies().values()).decode(errors="replace")


def test_a_recording_that_is_erased_during_a_retry_leaves_no_row_behind() -> None:
    """The erasure searched the inbox before the row came, the quarantine after it went."""
    for number in range(1, 100):
        world = World.make()
        quarantine(world.store, RejectedRow(f"{PLACE}x.json", json.dumps(BAD), "audio_bytes"))

        def erase(world: World = world) -> None:
            erase_in_ledger(world, BAD["recording_id"])
            world.store.delete([*world.store.bodies(INBOX), *world.store.bodies(CALLS.quarantine)])

        erasure = Before(world, number, erase)
        retried(world)
        if not erasure.happened:
            break
        assert world.store.bodies(INBOX) | world.store.bodies(CALLS.quarantine) == {}, f"erased before call {number}"
    assert number > 4
