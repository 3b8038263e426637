"""A record that is longer than a message: what is left out, what stays, and that its recording is stored."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from call_lake.ledger.entry import State, entry_of
from call_lake.model import json_values
from call_lake.model.messages import message_of, recording_from_message
from call_lake.model.recording import Recording
from call_lake.polling.message_limit import LEFT_OUT, MESSAGE_MAX_BYTES, SHORT_BYTES, shortened
from tests.support.fakes import World
from tests.support.fakes.provider import FakeProvider, make_recording
from tests.support.lake_samples import rows_in
from tests.support.operator_bench import Bench, rebuilt
from tests.support.pipeline import Pipeline
from tests.support.stub_conpeek import make, row
from tests.support.stub_web import Reply, StubWeb

ITEM_MAX_BYTES = 400 * 1024  # DynamoDB's
LETTERS = ["x", "ż", '"', "\\", "\n", "🎧", "\ud800"]


def of(record: Any, **changes: Any) -> Recording:
    return replace(make_recording(1), raw=json_values.compact(record), **changes)


def cut(record: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What is left of the record."""
    recording = of(record, **changes)
    short = shortened(recording)
    assert short is not None
    assert short == replace(recording, raw=short.raw), "nothing but the record is touched"
    assert len(message_of(short)) <= SHORT_BYTES
    left: dict[str, Any] = json.loads(short.raw)
    return left


def leaves(record: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in record.items():
        yield from leaves(value, (*path, name)) if isinstance(value, dict) else [((*path, name), value)]


@pytest.mark.parametrize("letter", LETTERS)
def test_a_long_value_goes_whatever_its_letters_take_in_a_message(letter):
    left = cut({"dialog_uuid": "d", "transcript": letter * MESSAGE_MAX_BYTES, "talking_time": 7})
    assert left == {"dialog_uuid": "d", "talking_time": 7, LEFT_OUT: 1}


@pytest.mark.parametrize("letter", LETTERS)
def test_a_value_is_as_long_as_it_is_written_in_a_message(letter):
    short = shortened(of({str(n): letter * 1000 for n in range(500)}))
    assert short is not None
    assert SHORT_BYTES - 20_000 < len(message_of(short)) <= SHORT_BYTES


def test_a_record_of_many_small_values_is_cut_too():
    left = cut({f"field {n}": f"value {n}" for n in range(20_000)})
    assert left[LEFT_OUT] > 10_000


def test_what_a_recording_is_known_by_stays_however_short_the_rest_is():
    id = "11111111-2222-4333-8444-555555555555"
    many = {f"field {n}": f"value {n}" for n in range(20_000)}
    left = cut(many | {"dialog_uuid": id, "nested": {"number": 7}}, connection_id=id, provider_key="7")
    assert left["dialog_uuid"] == id
    assert left["nested"] == {"number": 7}


def test_a_list_is_nothing_that_a_recording_is_known_by():
    assert "words" not in cut({"words": ["x"] * 100_000}, connection_id=None)


names = st.text('abcż"\\', min_size=1, max_size=5)
texts = st.builds(lambda letter, size: letter * size, st.sampled_from(LETTERS), st.sampled_from([0, 1, 9_000, 60_000]))
records = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5),
    max_leaves=15,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(names, records, min_size=1, max_size=6))
def test_what_stays_is_as_it_was_and_what_went_is_longer(record):
    left = cut(record)
    number = left.pop(LEFT_OUT)
    before, after = dict(leaves(record)), dict(leaves(left))
    assert after.items() <= before.items() or all(before[path] == value for path, value in after.items())
    assert len(before) - len(after) == number
    if gone := before.keys() - after.keys():
        lengths = {path: len(json.dumps(json_values.compact(value))) for path, value in before.items()}
        assert min(lengths[path] for path in gone) >= max((lengths[path] for path in after), default=0)


@pytest.mark.parametrize("field", ["agent", "caller", "provider_key", "connection_id", "audio_url"])
def test_fields_that_are_too_long_themselves_are_not_cut(field):
    assert shortened(of({"id": 1}, **{field: "x" * 300_000})) is None


@pytest.mark.parametrize("raw", ["[]", "7", "x" * 300_000])
def test_what_is_no_record_is_not_cut(raw):
    assert shortened(replace(make_recording(1), raw=raw + " " * 300_000)) is None


def test_the_audio_is_still_found_by_what_stays():
    web = StubWeb(lambda seen: Reply(body=b"audio"))
    short = shortened(of(row(transcript="ż" * 300_000)))
    assert short is not None
    with make(web).open_audio(short, deadline_s=5) as stream:
        assert b"".join(stream) == b"audio"
    assert web.seen[0].url.endswith("/cdr_dialog/dialog-0/recording")


# From the poll to the lake


def published(*recordings: Recording) -> tuple[World, Pipeline]:
    world, provider = World.make(), FakeProvider()
    listed_at = world.clock.now() - timedelta(minutes=30)
    provider.add(*(replace(one, listed_at=listed_at) for one in recordings))
    return world, Pipeline(world, {"thulium": provider})


def test_a_record_that_just_fits_a_message_is_whole():
    room = MESSAGE_MAX_BYTES - len(message_of(of({"notes": ""})))
    world, pipeline = published(of({"notes": "x" * room}))
    result = pipeline.poll("thulium")
    assert (result.published, result.shortened) == (1, 0)
    assert len(world.queues["thulium"].waiting()[0]) == MESSAGE_MAX_BYTES

    world, pipeline = published(of({"notes": "x" * (room + 1)}))
    result = pipeline.poll("thulium")
    assert (result.published, result.shortened) == (1, 1)


def test_message_and_ledger_hold_the_same_record_and_a_poll_counts_it_once():
    world, pipeline = published(of({"filename": "f", "notes": "🎧" * 100_000}), make_recording(2))
    result = pipeline.poll("thulium")
    assert (result.published, result.shortened, result.too_long, result.notes) == (2, 1, 0, [])
    for body in world.queues["thulium"].waiting():
        recording = recording_from_message(body)
        assert entry_of(world.table.items()[recording.recording_id]).recording == recording
    again = pipeline.poll("thulium")
    assert (again.published, again.shortened) == (0, 0)


@pytest.mark.parametrize("letter", ["x", "ż", '"', "🎧"])
def test_the_ledgers_item_fits_with_the_longest_connection_id_and_history(letter):
    connection_id = letter * (140_000 // (len(json.dumps(letter)) - 2))
    world, pipeline = published(of({"dialog": connection_id, "notes": letter * 200_000}, connection_id=connection_id))
    assert pipeline.poll("thulium").published == 1
    (item,) = world.table.items("thulium-").values()
    history = 20 * 300 * len("🎧".encode())
    assert len(item["record"]) + len(item["connection_id"].encode()) + history < ITEM_MAX_BYTES


def test_what_no_cut_makes_short_enough_is_named_and_keeps_nothing_else_waiting():
    long = of({"id": 1}, agent="x" * 300_000)
    _, pipeline = published(long, make_recording(2))
    result = pipeline.poll("thulium")
    assert (result.published, result.too_long) == (1, 1)
    assert result.notes == [f"{long.recording_id}: its record is longer than a message may be"]


def test_a_recording_with_a_cut_record_is_stored_and_nothing_differs_afterwards():
    bench = Bench(0)
    bench.thulium.add(of({"filename": "f", "notes": "ż" * 200_000}))
    bench.settle()

    (stored,) = rows_in(bench.world)
    assert json.loads(stored["raw"]) == {"filename": "f", LEFT_OUT: 1}
    assert entry_of(bench.world.table.items()[stored["recording_id"]]).state is State.STORED
    assert bench.verify().findings == []
    before = bench.world.store.bodies()
    assert [done.rebuilt.changed for done in rebuilt(bench).values() if done.rebuilt] == [False]
    assert bench.world.store.bodies() == before
