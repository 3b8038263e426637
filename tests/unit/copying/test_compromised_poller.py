"""Somebody who controls the poller completely can keep recordings from coming, and can destroy none (docs/adr/0027).

The attacker sends any message to any source's queue and writes any attribute that the poller's role may name into any
item. What is stored and not erased has to stay.
"""

import io
import json
import zlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from call_lake.bucket.audio_objects import AudioObjects
from call_lake.errors import ItemChanged, Reason
from call_lake.ledger.entry import State, entry_of
from call_lake.ledger.packed_record import _DICTIONARY, UNPACKED_MAX_BYTES, pack
from call_lake.model.messages import message_of, recording_from_message
from call_lake.model.recording import AudioFacts, Recording
from call_lake.operations.verify.findings import Kind
from call_lake.ports import OneOf
from tests.support.erasing import by_number, eraser_of
from tests.support.fakes.provider import make_recording
from tests.support.operator_bench import Bench, kinds
from tests.support.roles import Refused, TableOfRole, role_of

POLLER = role_of("Poller")
STRONGER = replace(POLLER, attributes={"UpdateItem": frozenset().union(*POLLER.attributes.values())})
"""It may change what the poller may only insert: these tests prove the checks, not the right (docs/adr/0051)."""


class Attack:
    """A bench with three recordings, all stored; the last one was erased. ``table``: the ledger as a
    poller sees it that may change what it inserts."""

    def __init__(self) -> None:
        self.bench = Bench(3)
        self.bench.settle()
        self.first, self.second, self.erased = self.bench.recordings
        self.erase()
        self.table = TableOfRole(self.bench.world.table, STRONGER)
        self.audio = self.bench.world.store.bodies("audio/")
        assert len(self.audio) == 2

    def erase(self) -> None:
        eraser_of(self.bench.world).erase(by_number(self.erased), None)

    def write(self, recording: Recording, **attributes: Any) -> None:
        self.table.update(recording.recording_id, attributes)

    def send(self, recording: Recording) -> None:
        self.bench.world.queues["thulium"].send([message_of(recording)])

    def run(self) -> None:
        """What comes of it: the copier, the compactor, and the next polls."""
        self.bench.pipeline.restart()
        self.bench.pipeline.copy_all()
        self.bench.pipeline.run_for(timedelta(minutes=10))

    def lost(self) -> set[str]:
        """Audio objects that are gone or another."""
        now = self.bench.world.store.bodies("audio/")
        return {key for key, body in self.audio.items() if now.get(key) != body}

    def dead(self) -> list[Mapping[str, str]]:
        return [letter.attributes for letter in self.bench.world.dlq.receive(100)]


@pytest.fixture
def attack() -> Attack:
    return Attack()


def record(recording: Recording, **changes: Any) -> bytes:
    return pack(recording.to_json() | changes)


def nested() -> bytes:
    """Packed as ``pack`` does, which refuses it."""
    deflate = zlib.compressobj(9, zdict=_DICTIONARY)
    return deflate.compress(b"[" * 100_000) + deflate.flush()


# -- what the role refuses


@pytest.mark.parametrize(
    "attribute",
    ["state", "audio", "stored_at", "record_sha256", "expired_at", "erased_at", "erasing", "attempts", "history"],
)
def test_the_poller_writes_nothing_that_says_what_became_of_a_recording(attack: Attack, attribute: str) -> None:
    with pytest.raises(Refused):
        attack.write(attack.first, **{attribute: "anything"})


@pytest.mark.parametrize("attribute", ["record", "call_date", "connection_id", "first_published_at"])
def test_the_poller_changes_nothing_that_the_first_write_froze(attack: Attack, attribute: str) -> None:
    table = TableOfRole(attack.bench.world.table, POLLER)
    before = attack.bench.item(attack.first)

    with pytest.raises(Refused):
        table.update(attack.first.recording_id, {attribute: "anything"})
    assert table.insert([{"id": attack.first.recording_id, attribute: "anything"}]) == set()
    assert attack.bench.item(attack.first) == before


def test_the_poller_decides_by_nothing_that_it_may_not_write(attack: Attack) -> None:
    with pytest.raises(Refused):
        attack.table.update(attack.first.recording_id, {"due_at": "x"}, {"state": OneOf((State.STORED,))})


# -- items that somebody changed


def changed_items(a: Attack) -> dict[str, dict[str, Any]]:
    """By name, what is written into the first recording's item."""
    day = date(2026, 10, 19)
    moved = {"call_date": day.isoformat(), "record": record(a.first, call_date=day.isoformat())}
    return {
        "no record": {"record": None},
        "not packed": {"record": "{}"},
        "not deflated": {"record": b"{}"},
        "deflated without the dictionary": {"record": zlib.compress(b"{}")},
        "cut": {"record": record(a.first)[:-20]},
        "no object": {"record": pack([])},
        "longer than any message": {"record": pack({"raw": "x" * UNPACKED_MAX_BYTES})},
        "another's record": {"record": record(a.second)},
        "another's id": {"record": record(a.first, recording_id=a.second.recording_id)},
        "another day": {"record": record(a.first, call_date=day.isoformat())},
        "another day, in the item too": moved,
        "a day that is none": {"call_date": "2026-13-45"},
        "another source": {"source": "conpeek"},
        "no source": {"source": None},
        "another connection": {"connection_id": "999.9"},
        "the number of an erased person": {"record": record(a.first, caller=a.erased.caller)},
        "a moment that is none": {"first_published_at": "soon"},
        "a moment outside the calendar": {"published_at": "0001-01-01T00:00:00+14:00"},
        "a record nested beyond reading": {"record": nested()},
        "a field that is no text": {"record": record(a.first, caller={"number": 1})},
        "no day": {"call_date": None},
        "an empty day": {"call_date": ""},
        "a day that is no text": {"call_date": 20261020},
        "its day in other words": {"call_date": "20261020"},
        "its day as a day of a week": {"call_date": "2026-W43-2"},
    }


CHANGES = list(changed_items(Attack()))


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_item_is_refused_counted_and_nothing_of_it_is_touched(attack: Attack, name: str) -> None:
    attack.write(attack.first, **changed_items(attack)[name])
    attack.send(attack.first)
    before = attack.bench.item(attack.first)
    rows = len(attack.bench.world.store.bodies("inbox/"))

    attack.bench.pipeline.copy_all()

    assert attack.lost() == set()
    assert attack.bench.item(attack.first) == before
    assert len(attack.bench.world.store.bodies("inbox/")) == rows
    expected = {"reason": Reason.ITEM_CHANGED, "recording_id": attack.first.recording_id, "source": "thulium"}
    assert attack.dead() == [expected]
    assert attack.bench.pipeline.counts.failed == 1


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_item_stops_no_poll_no_redrive_and_no_verification(attack: Attack, name: str) -> None:
    due = {"due_list": "thulium", "due_at": "2026-01-01T00:00:00.000Z"}
    attack.write(attack.first, **changed_items(attack)[name] | due)
    late = make_recording(9, listed_at=attack.bench.world.clock.now() - timedelta(minutes=30))
    attack.bench.thulium.add(late)

    attack.bench.settle()

    assert attack.bench.ledger.failures("thulium") == []
    assert entry_of(attack.bench.item(late)).state is State.STORED
    assert attack.lost() == set()
    with pytest.raises(ItemChanged):
        attack.bench.ledger.entry(attack.first.recording_id)


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("is_listed", [True, False])
def test_a_verification_reports_a_changed_item_and_repairs_nothing_of_it(
    attack: Attack, name: str, is_listed: bool
) -> None:
    attack.write(attack.first, **changed_items(attack)[name])
    if not is_listed:
        attack.bench.thulium.rows.remove(attack.first)

    report = attack.bench.verify()

    assert (Kind.CHANGED, attack.first.recording_id) in [(one.kind, one.recording_id) for one in report.findings]
    assert attack.first.recording_id not in attack.bench.repair(report)


@pytest.mark.parametrize("day", [None, "", 7, "20261020", "2026-13-45"])
def test_a_day_that_cannot_be_read_hides_no_item(attack: Attack, day: object) -> None:
    attack.write(attack.first, call_date=day)

    found = attack.bench.ledger.days(date(2020, 1, 1), date(2020, 1, 2))

    assert list(found) == [(attack.first.recording_id, "thulium", date(2020, 1, 1))]


def test_an_erasure_is_not_aimed_at_another_by_a_record_that_names_its_number(attack: Attack) -> None:
    attack.write(attack.first, record=record(attack.first, caller=attack.erased.caller))

    with pytest.raises(ItemChanged, match=attack.first.recording_id):
        attack.erase()
    assert attack.lost() == set()


def test_a_record_that_is_changed_while_its_audio_is_copied_is_not_believed_later(attack: Attack) -> None:
    late = make_recording(9, listed_at=attack.bench.world.clock.now() - timedelta(minutes=30))
    attack.bench.thulium.add(late)
    attack.bench.pipeline.poll("thulium")
    forged = record(late, caller=attack.erased.caller)
    attack.bench.thulium.on_audio = lambda recording: attack.write(late, record=forged)

    attack.bench.pipeline.copy_all()

    assert attack.bench.item(late)["state"] == State.STORED
    with pytest.raises(ItemChanged, match="not the one that its audio was stored with"):
        entry_of(attack.bench.item(late))


# -- messages


@pytest.mark.parametrize(
    "changes",
    [
        {"recording_id": "thulium-1"},
        {"recording_id": "source#thulium"},
        {"recording_id": "conpeek-" + "0" * 32},
        {"recording_id": "thulium-" + "0" * 31 + "/"},
        {"recording_id": "../" + "0" * 32},
        {"recording_id": None},
        {"recording_id": 7},
        {"recording_id": "thulium-" + "0" * 32},
        {"key_id": "source#thulium"},
        {"key_id": "conpeek-" + "0" * 32},
        {"collision_id": "source#thulium"},
        {"collision_id": "conpeek-" + "0" * 32},
        {"collision_id": None},
        {"source": "conpeek"},
        {"source": "thulium/call_date=2026-10-20/thulium"},
        {"source": ""},
        {"call_date": "2026-10-23"},
        {"call_date": "2026-10-17"},
        {"call_date": "0001-01-01"},
        {"started_at": "2020-01-01T00:00:00.000Z"},
    ],
    ids=str,
)
def test_a_message_that_no_poller_wrote_goes_to_the_dead_letters_and_leaves_no_item(
    attack: Attack, changes: dict[str, Any]
) -> None:
    items = attack.bench.world.table.items()
    body = json.loads(message_of(attack.first))
    body["recording"] |= changes
    attack.bench.world.queues["thulium"].send([json.dumps(body)])

    attack.bench.pipeline.copy_all()

    assert attack.dead() == [{"reason": "bad_message"}]
    assert attack.bench.world.table.items() == items
    assert attack.lost() == set()


def bodies() -> dict[str, str]:
    """By name, messages that cannot be read, or whose fields are not what the table holds."""
    recording = make_recording(9)

    def body(**changes: Any) -> str:
        return json.dumps({"version": 2, "recording": recording.to_json() | changes})

    return {
        "nested lists": "[" * 100_000,
        "nested objects": '{"a":' * 100_000,
        "a nested field": body(more="here").replace('"here"', "[" * 100_000 + "]" * 100_000),
        "a number of 5,000 digits": body(more="here").replace('"here"', "9" * 5_000),
        "before the calendar": body(started_at="0001-01-01T00:00:00+14:00"),
        "after the calendar": body(ended_at="9999-12-31T23:59:59-14:00"),
        "version 1": body().replace('"version": 2', '"version": 1'),
        "version 3": body().replace('"version": 2', '"version": 3'),
        "an id with a new line": body(recording_id=recording.recording_id + "\n", key_id=recording.recording_id + "\n"),
        "an id with other digits": body(recording_id="thulium-" + "\u0661" * 32, key_id="thulium-" + "\u0661" * 32),
    } | {
        f"{name}: {value}": body(**{name: value})
        for name in ("provider", "provider_key", "raw", "connection_id", "caller", "agent", "audio_url", "talk_s")
        for value in ({"a": 1}, [1], True, "1" if name == "talk_s" else 1)
    }


@pytest.mark.parametrize("name", bodies())
def test_a_message_that_cannot_be_read_costs_its_batch_nothing(attack: Attack, name: str) -> None:
    late = make_recording(8, listed_at=attack.bench.world.clock.now() - timedelta(minutes=30))
    attack.bench.thulium.add(late)
    attack.bench.world.queues["thulium"].send([bodies()[name], message_of(late)])

    attack.bench.pipeline.copy_once("thulium")

    assert attack.dead() == [{"reason": "bad_message"}]
    assert entry_of(attack.bench.item(late)).state is State.STORED


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -float("inf"), 1e999])
def test_a_length_that_is_no_number_is_refused(seconds: float) -> None:
    body = json.dumps({"version": 2, "recording": make_recording(9).to_json() | {"duration_s": seconds}})
    with pytest.raises(ValueError, match="duration_s"):
        recording_from_message(body)


def test_a_message_of_a_source_that_the_stack_does_not_have_leaves_no_item(attack: Attack) -> None:
    items = attack.bench.world.table.items()
    attack.send(make_recording(5, "north"))

    attack.bench.pipeline.copy_all()

    assert attack.bench.world.table.items() == items
    assert len(attack.bench.world.queues["thulium"]) == 1


@pytest.mark.parametrize("days", [-1, 0, 1])
def test_a_tombstone_takes_what_lies_under_its_own_day_whatever_the_message_says(attack: Attack, days: int) -> None:
    """As after an attempt that died between its PUT and its look at the ledger."""
    store, now = attack.bench.world.store, attack.bench.world.clock.now()
    facts = AudioFacts("wav", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    AudioObjects(store).put(attack.erased, io.BytesIO(b"abc"), facts, now)
    attack.send(replace(attack.erased, call_date=attack.erased.call_date + timedelta(days=days)))

    attack.bench.pipeline.copy_all()

    assert store.bodies("audio/") == attack.audio


@pytest.mark.parametrize("changes", [{"source": "conpeek"}, {"source": None}, {"call_date": "x"}], ids=str)
def test_a_changed_tombstone_is_refused_too(attack: Attack, changes: dict[str, Any]) -> None:
    attack.write(attack.erased, **changes)
    attack.send(attack.erased)

    attack.bench.pipeline.copy_all()

    assert [letter["reason"] for letter in attack.dead()] == [Reason.ITEM_CHANGED]
    assert attack.bench.world.store.bodies("audio/") == attack.audio


def test_a_record_on_a_tombstone_brings_nothing_back(attack: Attack) -> None:
    attack.write(attack.erased, record=record(attack.erased))
    attack.send(attack.erased)

    attack.run()

    assert attack.bench.world.store.bodies("audio/") == attack.audio
    assert attack.bench.ledger.claim(attack.erased).recording is None


# -- objects that the ledger does not name


def stray(attack: Attack) -> str:
    """A second object of the first recording, as two attempts that found two formats leave it."""
    facts = AudioFacts("mp3", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    now = attack.bench.world.clock.now()
    return AudioObjects(attack.bench.world.store).put(attack.first, io.BytesIO(b"abc"), facts, now).key


def test_a_stray_goes_where_the_winner_is_as_the_ledger_says(attack: Attack) -> None:
    stray(attack)
    attack.send(attack.first)

    attack.bench.pipeline.copy_all()

    assert attack.bench.world.store.bodies("audio/") == attack.audio


@pytest.mark.parametrize("body", [None, b"another"], ids=["missing", "another"])
def test_nothing_is_deleted_where_the_winner_is_missing_or_another_and_verify_shows_it(
    attack: Attack, body: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    key, winner = stray(attack), attack.bench.audio_key(attack.first)
    attack.bench.world.store.delete([winner])
    if body is not None:
        attack.bench.world.store.put(winner, body, metadata=_metadata_of(attack, winner))
    inbox = attack.bench.world.store.bodies("inbox/")
    attack.send(attack.first)

    attack.bench.pipeline.copy_all()

    assert key in attack.bench.world.store.bodies("audio/")
    assert attack.bench.world.store.bodies("inbox/") == inbox
    assert "other objects of a recording are kept" in caplog.text
    found = kinds(attack.bench.verify().findings)
    assert (Kind.NO_OBJECT if body is None else Kind.OBJECT_DIFFERS) in found


def _metadata_of(attack: Attack, key: str) -> dict[str, str]:
    audio = entry_of(attack.bench.item(attack.first)).audio
    assert audio is not None
    return {"sha256": audio.facts.sha256, "stored-at": "2026-10-20T12:00:00.000Z"}


# -- anything


@st.composite
def hostile_recordings(draw: st.DrawFn) -> Recording:
    """Fields of all three recordings mixed, and some that no poller would write."""
    three = [make_recording(number) for number in range(3)]
    one, other = draw(st.sampled_from(three)), draw(st.sampled_from(three))
    return replace(
        one,
        recording_id=draw(st.sampled_from([other.recording_id, one.recording_id, one.collision_id, "thulium-x/../y"])),
        provider_key=draw(st.sampled_from([one.provider_key, other.provider_key])),
        connection_id=draw(st.sampled_from([one.connection_id, other.connection_id, None])),
        call_date=one.call_date + timedelta(days=draw(st.sampled_from([0, 0, 0, 1, -1, 9]))),
        source=draw(st.sampled_from(["thulium", "thulium", "thulium", "conpeek", "a/b"])),
        caller=draw(st.sampled_from([one.caller, three[2].caller])),
    )


@st.composite
def hostile_writes(draw: st.DrawFn) -> tuple[int, dict[str, Any]]:
    """Which recording's item, and what is written into it."""
    mixed = draw(hostile_recordings())
    values: dict[str, list[Any]] = {
        "record": [pack(mixed.to_json()), None, pack({})],
        "source": [mixed.source, None],
        "call_date": [mixed.call_date.isoformat(), None],
        "connection_id": [mixed.connection_id],
        "due_list": ["thulium", "stored#thulium", None],
        "due_at": ["2026-01-01T00:00:00.000Z", "9999-12-31T00:00:00.000Z", None],
        "first_published_at": ["2026-01-01T00:00:00.000Z", "x"],
    }
    names = draw(st.sets(st.sampled_from(sorted(values)), min_size=1))
    return draw(st.integers(0, 2)), {name: draw(st.sampled_from(values[name])) for name in sorted(names)}


@settings(max_examples=40)
@given(
    writes=st.lists(hostile_writes(), max_size=4),
    messages=st.lists(hostile_recordings(), max_size=4),
    has_stray=st.booleans(),
    kept_days=st.sampled_from([0, 30]),
)
def test_no_writes_and_messages_of_the_poller_take_audio_that_is_stored(
    writes: list[tuple[int, dict[str, Any]]], messages: list[Recording], has_stray: bool, kept_days: int
) -> None:
    attack = Attack()
    attack.bench.pipeline.retain(kept_days)
    if has_stray:
        stray(attack)
    for number, attributes in writes:
        attack.write(attack.bench.recordings[number], **attributes)
    for message in messages:
        attack.send(message)

    attack.run()
    for _ in range(2):
        try:
            attack.erase()
        except ItemChanged:
            break

    assert attack.lost() == set()
