import json

from hypothesis import given
from hypothesis import strategies as st

from call_lake.bucket.inbox import ROWS_PER_OBJECT, list_inbox, put_rows, read_lines
from call_lake.bucket.quarantine import RejectedRow, quarantine
from call_lake.model.layout import Partition
from tests.support.fakes.world import World
from tests.support.lake_samples import TODAY, row_of

PLACE = "inbox/source=thulium/call_date=2026-10-20/"


def test_one_row_lies_under_its_recording_id_and_the_hash_of_the_row(world):
    row = row_of(7)
    (key,) = put_rows(world.store, [row])
    assert key.startswith(f"{PLACE}{row['recording_id']}-")
    assert [json.loads(line) for line in read_lines(world.store, key)] == [row]


def test_two_versions_of_a_row_do_not_overwrite_each_other(world):
    put_rows(world.store, [row_of(7)])
    put_rows(world.store, [row_of(7, stored_at="2026-10-20T10:00:00.000Z")])
    assert len(list(list_inbox(world.store))) == 2


def test_the_rows_of_a_partition_go_into_one_object_of_json_lines(world):
    keys = put_rows(world.store, [row_of(1), row_of(2), row_of(3, source="conpeek")])
    assert sorted(len(read_lines(world.store, key)) for key in keys) == [1, 2]
    assert {waiting.partition for waiting in list_inbox(world.store)} == {
        Partition("thulium", TODAY),
        Partition("conpeek", TODAY),
    }


@given(order=st.permutations(range(5)))
def test_the_same_rows_in_any_order_are_the_same_object(order):
    world = World.make()
    first = put_rows(world.store, [row_of(n) for n in range(5)])
    assert put_rows(world.store, [row_of(n) for n in order]) == first


def test_a_row_given_twice_is_stored_once(world):
    (key,) = put_rows(world.store, [row_of(1), row_of(1)])
    assert len(read_lines(world.store, key)) == 1


def test_very_many_rows_are_spread_over_several_objects(world):
    keys = put_rows(world.store, [row_of(n) for n in range(ROWS_PER_OBJECT + 1)])
    assert sorted(len(read_lines(world.store, key)) for key in keys) == [1, ROWS_PER_OBJECT]


def test_a_row_with_a_lone_surrogate_can_be_stored(world):
    (key,) = put_rows(world.store, [row_of(1, provider_key="\ud83d.wav")])
    assert json.loads(read_lines(world.store, key)[0])["provider_key"] == "\ud83d.wav"


def test_an_object_that_another_compactor_deleted_has_no_rows():
    assert read_lines(World.make().store, f"{PLACE}gone.json") == []


def test_bytes_that_are_no_text_can_still_be_read_by_a_person(world):
    world.store.put(f"{PLACE}x.json", b'{"a": "\xff"}\n')
    assert read_lines(world.store, f"{PLACE}x.json") == ['{"a": "\\xff"}']


def test_a_row_quarantined_twice_is_one_object(world):
    rejected = RejectedRow("inbox/stray.json", "?", "no JSON")
    assert quarantine(world.store, rejected) == quarantine(world.store, rejected)
