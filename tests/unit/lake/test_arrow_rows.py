import json
import math
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from call_lake.lake.arrow_rows import arrow_schema, digests_of, keys_of, newest_of, rows_of, table_of
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import Partition
from call_lake.model.table import COLUMNS, SCHEMA_VERSION
from call_lake.model.times import iso
from tests.support.lake_samples import TODAY, row_of, table_from

PARTITION = CALLS.at(Partition("thulium", TODAY))
GLUE = {"string": "string", "timestamp[ms, tz=UTC]": "timestamp", "double": "double", "int32": "int", "int64": "bigint"}

TEXTS = st.none() | st.text(st.characters(codec="utf-8"), max_size=20)
TIMES = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(iso)  # noqa: DTZ001


def reason_for(**changes: object) -> str:
    table, rejected = table_of([json.dumps(row_of(1) | changes)], PARTITION)
    assert table.num_rows == 0
    ((position, reason),) = rejected
    assert position == 0
    return reason


def test_the_files_schema_is_the_tables():
    assert {field.name: GLUE[str(field.type)] for field in arrow_schema(CALLS)} == COLUMNS
    assert arrow_schema(CALLS).names == list(COLUMNS)


@given(
    text=TEXTS,
    moment=st.none() | TIMES,
    number=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    small=st.none() | st.integers(-(2**31), 2**31 - 1),
    large=st.none() | st.integers(-(2**63), 2**63 - 1),
)
def test_a_row_comes_back_as_it_was_given(text, moment, number, small, large):
    row = row_of(1, caller=text, ended_at=moment, talk_s=number, audio_channels=small, audio_bytes=large)
    assert rows_of(table_from([row], PARTITION), PARTITION) == [row]


def test_whole_numbers_fit_a_column_of_seconds():
    assert rows_of(table_from([row_of(1, duration_s=3)], PARTITION), PARTITION)[0]["duration_s"] == 3.0


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"audio_channels": 1.5}, "audio_channels: float instead of int"),
        ({"audio_channels": True}, "audio_channels: bool instead of int"),
        ({"audio_channels": 2**31}, "audio_channels"),
        ({"audio_bytes": 2**63}, "audio_bytes"),
        ({"duration_s": "3"}, "duration_s: str instead of double"),
        ({"duration_s": True}, "duration_s: bool instead of double"),
        ({"caller": 111}, "caller: int instead of string"),
        ({"caller": {"a": 1}}, "caller: dict instead of string"),
        ({"caller": "\ud83d"}, "caller: UnicodeEncodeError"),
        ({"started_at": "2026-10-20T08:00:00"}, "started_at"),
        ({"started_at": "yesterday"}, "started_at"),
        ({"started_at": None}, "started_at: missing"),
        ({"stored_at": None}, "stored_at: missing"),
        ({"recording_id": ""}, "recording_id: missing"),
        ({"schema_version": SCHEMA_VERSION + 1}, "schema_version"),
        ({"schema_version": None}, "schema_version"),
        ({"schema_version": True}, "schema_version"),
        ({"surprise": 1}, "1 columns that the table does not have"),
        ({"source": "conpeek"}, "not those of the object's key"),
        ({"call_date": "2026-10-19"}, "not those of the object's key"),
        ({"talk_s": math.nan}, "NaN"),
    ],
)
def test_a_row_that_does_not_fit_is_refused_with_a_reason_that_names_the_column(changes, named):
    assert named in reason_for(**changes)


def test_the_reason_does_not_repeat_the_value():
    assert "000111222" not in reason_for(started_at="000111222") + reason_for(audio_bytes="000111222")


@pytest.mark.parametrize("line", ["null", "[1]", '"x"', "1", "{", '{"a": 1} {"b": 2}', "\x00", "[" * 100_000])
def test_a_line_that_is_no_json_object_is_refused(line):
    table, rejected = table_of([line], PARTITION)
    assert table.num_rows == 0
    assert [position for position, _ in rejected] == [0]


@given(st.lists(st.booleans(), max_size=40))
def test_rows_that_do_not_fit_never_hold_up_the_others(fits):
    lines = [json.dumps(row_of(n) if good else row_of(n, audio_bytes="many")) for n, good in enumerate(fits)]
    table, rejected = table_of(lines, PARTITION)
    good = [row_of(n)["recording_id"] for n, fit in enumerate(fits) if fit]
    assert table["recording_id"].to_pylist() == good
    assert [position for position, _ in rejected] == [n for n, fit in enumerate(fits) if not fit]


def test_columns_that_a_row_does_not_have_are_null():
    row = {name: value for name, value in row_of(1).items() if value is not None}
    assert rows_of(table_from([row], PARTITION), PARTITION) == [row_of(1)]


def test_the_later_stored_at_wins():
    older, newer = row_of(1, agent="B"), row_of(1, agent="A", stored_at="2026-10-20T09:00:00.001Z")
    for both in ([older, newer], [newer, older]):
        assert rows_of(newest_of(table_from(both, PARTITION), CALLS), PARTITION) == [newer]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.booleans()), max_size=12))
def test_of_every_recording_the_row_of_the_highest_rank_is_left_and_their_order_stays(versions):
    rows = [
        row_of(n, stored_at=f"2026-10-20T09:00:0{second}.000Z", audio_uri=None if gone else "s3://b/k")
        for n, second, gone in versions
    ]
    table = table_from(rows, PARTITION)
    left = rows_of(newest_of(table, CALLS), PARTITION)
    best = {row["recording_id"]: (row["stored_at"], row["audio_uri"] is None) for row in left}
    assert len(best) == len(left)
    for row in rows:
        assert (row["stored_at"], row["audio_uri"] is None) <= best[row["recording_id"]]
    places = [rows.index(row) for row in left]
    assert places == sorted(places)


TEXT = st.none() | st.text(st.sampled_from(["a", ",", "1", "\0"]), max_size=3)


@given(TEXT, TEXT, TEXT, TEXT)
def test_two_rows_have_the_same_digest_exactly_if_they_are_the_same(caller, callee, other_caller, other_callee):
    rows = [row_of(1, caller=caller, callee=callee), row_of(1, caller=other_caller, callee=other_callee)]
    one, other = digests_of(table_from(rows, PARTITION), CALLS)
    assert (one == other) == (rows[0] == rows[1])


HEX = "0123456789abcdef" * 2
NEARLY_OURS = st.sampled_from(
    [
        f"thulium-{HEX}",
        f"thulium-{HEX.upper()}",
        f"thulium-{HEX[1:]}",
        f"thulium-{HEX}0",
        f"thulium- {HEX[:30]} ",
        f"thulium-{HEX[:31]}x",
        f"conpeek-{HEX}",
        HEX,
        "ł",
    ]
)


@given(st.lists(NEARLY_OURS | st.text(st.sampled_from(["a", "-", "1"]), max_size=3), min_size=1, max_size=8))
def test_two_ids_have_the_same_key_exactly_if_they_are_the_same_whatever_stands_beside_them(ids):
    keys = keys_of(pa.chunked_array([pa.array(ids[:3], pa.string()), pa.array(ids[3:], pa.string())]), "thulium")
    assert len(keys) == len(ids)
    for id, key in zip(ids, keys, strict=True):
        assert keys_of(pa.chunked_array([pa.array([id], pa.string())]), "thulium")[0] == key
    assert len(set(keys.to_pylist())) == len(set(ids))


def test_the_key_of_an_id_as_we_make_them_are_its_digits():
    (key,) = keys_of(pa.chunked_array([pa.array([f"thulium-{HEX}"])]), "thulium").to_pylist()
    assert key.hex() == HEX
