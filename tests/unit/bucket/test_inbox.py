import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call_lake.bucket.inbox import ROWS_PER_OBJECT, list_inbox, put_rows, read_lines
from call_lake.bucket.quarantine import RejectedRow, list_quarantine, quarantine
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import Partition
from call_lake.model.table import ABOUT_PEOPLE, COLUMNS
from tests.support.fakes.world import World
from tests.support.lake_samples import TODAY, row_of

PLACE = "inbox/calls/source=thulium/call_date=2026-10-20/"


def test_one_row_lies_under_its_recording_id_and_the_hash_of_the_row(world):
    row = row_of(7)
    (key,) = put_rows(world.store, [row], CALLS)
    assert key.startswith(f"{PLACE}{row['recording_id']}-")
    assert [json.loads(line) for line in read_lines(world.store, key)] == [row]


def test_two_versions_of_a_row_do_not_overwrite_each_other(world):
    put_rows(world.store, [row_of(7)], CALLS)
    put_rows(world.store, [row_of(7, stored_at="2026-10-20T10:00:00.000Z")], CALLS)
    assert len(list(list_inbox(world.store))) == 2


def test_the_rows_of_a_partition_go_into_one_object_of_json_lines(world):
    keys = put_rows(world.store, [row_of(1), row_of(2), row_of(3, source="conpeek")], CALLS)
    assert sorted(len(read_lines(world.store, key)) for key in keys) == [1, 2]
    assert {waiting.place and waiting.place.partition for waiting in list_inbox(world.store)} == {
        Partition("thulium", TODAY),
        Partition("conpeek", TODAY),
    }


@given(order=st.permutations(range(5)))
def test_the_same_rows_in_any_order_are_the_same_object(order):
    world = World.make()
    first = put_rows(world.store, [row_of(n) for n in range(5)], CALLS)
    assert put_rows(world.store, [row_of(n) for n in order], CALLS) == first


def test_a_row_given_twice_is_stored_once(world):
    (key,) = put_rows(world.store, [row_of(1), row_of(1)], CALLS)
    assert len(read_lines(world.store, key)) == 1


def test_very_many_rows_are_spread_over_several_objects(world):
    keys = put_rows(world.store, [row_of(n) for n in range(ROWS_PER_OBJECT + 1)], CALLS)
    assert sorted(len(read_lines(world.store, key)) for key in keys) == [1, ROWS_PER_OBJECT]


def test_a_row_with_a_lone_surrogate_can_be_stored(world):
    (key,) = put_rows(world.store, [row_of(1, provider_key="\ud83d.wav")], CALLS)
    assert json.loads(read_lines(world.store, key)[0])["provider_key"] == "\ud83d.wav"


def test_an_object_that_another_compactor_deleted_has_no_rows():
    assert read_lines(World.make().store, f"{PLACE}gone.json") == []


def test_bytes_that_are_no_text_can_still_be_read_by_a_person(world):
    world.store.put(f"{PLACE}x.json", b'{"a": "\xff"}\n')
    assert read_lines(world.store, f"{PLACE}x.json") == ['{"a": "\\xff"}']


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("column", ABOUT_PEOPLE)
def test_no_number_or_name_is_hashed_into_the_name_of_an_object(world, column, number):
    rows = [row_of(n) | {column: "+48500600700"} for n in range(number)]
    others = [row_of(n) | {column: "+48500600701"} for n in range(number)]
    assert put_rows(world.store, rows, CALLS) == put_rows(World.make().store, others, CALLS)


@pytest.mark.parametrize("column", [column for column in COLUMNS if column not in ABOUT_PEOPLE])
@pytest.mark.parametrize("number", [1, 2])
def test_every_other_column_is_in_the_name_so_that_no_two_rows_share_it(world, column, number):
    one = put_rows(world.store, [row_of(n) for n in range(number)], CALLS)
    other = put_rows(world.store, [row_of(n) | {column: "another"} for n in range(number)], CALLS)
    assert set(one).isdisjoint(other)


def test_the_name_of_a_row_set_aside_says_nothing_of_its_text(world):
    numbers = ("+48500600700", "+48500600701")
    keys = {quarantine(World.make().store, RejectedRow("inbox/x.json", text, "no JSON", 3)) for text in numbers}
    assert len(keys) == 1


def test_two_texts_of_one_place_are_both_kept(world):
    """Somebody wrote an object under a name that was used before."""
    texts = ["first", "second", "third"]
    keys = [quarantine(world.store, RejectedRow("inbox/stray.json", text, "no JSON")) for text in (*texts, *texts)]
    assert len(set(keys)) == 3
    assert keys[:3] == keys[3:]
    assert sorted(one.rejected.text for one in list_quarantine(world.store)) == sorted(texts)


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("abc")), max_size=8))
def test_whatever_is_set_aside_is_kept_once(rejected):
    world = World.make()
    for line, text in rejected:
        quarantine(world.store, RejectedRow("inbox/x.json", text, "no JSON", line))
    found = sorted((one.rejected.line, one.rejected.text) for one in list_quarantine(world.store))
    assert found == sorted(set(rejected))


def test_a_row_quarantined_twice_is_one_object(world):
    rejected = RejectedRow("inbox/stray.json", "?", "no JSON")
    assert quarantine(world.store, rejected) == quarantine(world.store, rejected)
