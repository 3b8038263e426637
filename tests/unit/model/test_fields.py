"""A provider's JSON in and out, and the fast ways that give the same as the slow ones."""

import json
from dataclasses import MISSING, fields
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call_lake.model.json_values import compact, moment, number, parse
from call_lake.model.recording import ListedRecording, Recording
from call_lake.providers.wall_clock import readings, steady_hour
from tests.support.stub_conpeek import NOON

ZONES = [ZoneInfo(n) for n in ("Europe/Warsaw", "America/Sao_Paulo", "Australia/Lord_Howe", "America/St_Johns")]
CHANGES = [
    datetime(2026, 10, 25, 2),  # noqa: DTZ001  # wall times name no zone
    datetime(2026, 3, 29, 2),  # noqa: DTZ001
    datetime(2018, 11, 4, 0),  # noqa: DTZ001
    datetime(2026, 4, 5, 1),  # noqa: DTZ001
    datetime(2026, 10, 4, 2),  # noqa: DTZ001
    datetime(2010, 11, 7, 0),  # noqa: DTZ001  # St John's changed at one minute past midnight
]
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(documents)
def test_what_is_parsed_and_kept_is_what_was_sent(document: object) -> None:
    sent = json.dumps(document).encode()
    assert parse(sent) == document
    assert json.loads(compact(parse(sent))) == document


@pytest.mark.parametrize("whole", [2**63, 2**64, 10**20, -(10**25), 10**19 - 1])
def test_whole_numbers_of_any_length_stay_exact(whole: int) -> None:
    document = {"id": whole, "deep": [{"id": whole}]}
    assert parse(json.dumps(document).encode()) == document
    assert json.loads(compact(document)) == document


def test_a_lone_surrogate_is_kept_and_can_be_written_as_utf_8() -> None:
    document = parse(b'{"user": "A\\ud800B", "city": "\xc5\x81\xc3\xb3d\xc5\xba"}')
    assert document["user"] == "A\ud800B"
    assert json.loads(compact(document).encode()) == document


def test_nan_and_infinity_are_none_and_the_rest_stays_readable() -> None:
    assert parse(b'{"a": NaN, "b": [-Infinity, 1]}') == {"a": None, "b": [None, 1]}


LISTED = {"user": "Zażółć Gęślą", "id": 10**25}
WRITTEN = json.dumps(LISTED, ensure_ascii=False)


@pytest.mark.parametrize("charset", ["iso-8859-2", "ISO-8859-2", "windows-1250", "cp1250", "latin2"])
@pytest.mark.parametrize("kind", ["application/json;charset={}", 'text/json; a=b; Charset = "{}"; c=d'])
def test_a_document_in_another_encoding_is_read_by_the_charset_it_declares(charset: str, kind: str) -> None:
    assert parse(WRITTEN.encode(charset), kind.format(charset)) == LISTED


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
@pytest.mark.parametrize("declared", [None, "iso-8859-2", "utf-16", "x-unknown"])
def test_jsons_own_encodings_are_told_by_the_bytes_whatever_is_declared(encoding: str, declared: str | None) -> None:
    assert parse(WRITTEN.encode(encoding), declared and f"application/json; charset={declared}") == LISTED


@pytest.mark.parametrize(
    "content_type",
    [None, "", "application/json", *(f"application/json; charset={name}" for name in
     ("utf-8", "iso-8859-99", "cp9999", "x-unknown", "punycode", "unicode_escape", "base64", "windows-1253"))],
)  # fmt: skip
def test_a_document_in_no_known_encoding_is_an_error(content_type: str | None) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse('["Zażółć \xd2"]'.encode("iso-8859-1", "replace") + b"\xaa", content_type)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, 0.0), (-7, -7.0), (2**53, 2.0**53), (2**53 + 1, 2.0**53), ("120.5", 120.5), (True, None), (10**400, None)],
)
def test_a_number_is_a_float_or_none(value: object, expected: float | None) -> None:
    found = number(value)
    assert found == expected
    assert found is None or isinstance(found, float)


@given(st.sampled_from(ZONES), st.sampled_from(CHANGES), st.integers(-30, 30), st.integers(0, 59))
def test_minutes_added_to_a_steady_hour_are_what_each_minute_means(
    zone: ZoneInfo, change: datetime, hours: int, minute: int
) -> None:
    hour = change + timedelta(hours=hours)
    begins = steady_hour(hour, zone)
    meant = readings(hour + timedelta(minutes=minute), zone)
    if begins is not None:
        assert meant == (begins + timedelta(minutes=minute),)


def test_only_hours_near_a_change_are_not_steady() -> None:
    day = [datetime(2026, 10, 25, hour) for hour in range(24)]  # noqa: DTZ001
    assert [hour.hour for hour in day if steady_hour(hour, ZONES[0]) is None] == [2]


@pytest.mark.parametrize("kind", [ListedRecording, Recording])
def test_a_recording_keeps_each_value_under_its_own_name_and_the_defaults_of_its_fields(
    kind: type[ListedRecording],
) -> None:
    given_values = {f.name: f"value of {f.name}" for f in fields(kind)}
    full = kind(**given_values)  # type: ignore[arg-type]
    assert {f.name: getattr(full, f.name) for f in fields(kind)} == given_values
    required = {f.name: given_values[f.name] for f in fields(kind) if f.default is MISSING}
    short = kind(**required)  # type: ignore[arg-type]
    assert all(getattr(short, f.name) == f.default for f in fields(kind) if f.name not in required)


def test_a_recording_cannot_be_changed() -> None:
    recording = ListedRecording("thulium", "thulium", "key", datetime(2026, 6, 1, tzinfo=UTC), date(2026, 6, 1), "{}")
    with pytest.raises(AttributeError):
        recording.raw = "changed"  # type: ignore[misc]


@pytest.mark.parametrize(
    "value",
    [
        "2026-06-01 12:00:00",
        "2026-06-01T12:00:00Z",
        "2026-06-01T14:00:00+02:00",
        NOON.timestamp(),
        int(NOON.timestamp() * 1000),
        str(int(NOON.timestamp())),
    ],
)
def test_times_come_in_many_forms(value):
    assert moment(value) == NOON


@pytest.mark.parametrize("value", [None, "", "x", True, [], 1e300, -1e12, "0001-01-01 00:00:00", "9999-12-31", "nan"])
def test_what_is_no_time_is_none(value):
    assert moment(value) is None


@given(
    st.from_regex(r"[0-2]\d{3}-\d\d-\d\d[ T]\d\d:\d\d:\d\d", fullmatch=True)
    | st.text("0123 -:TZW+.", min_size=14, max_size=14).map(lambda rest: f"2026-{rest}")
)
def test_a_time_of_the_usual_length_means_what_python_reads(text):
    try:
        expected = datetime.fromisoformat(text.strip())
    except ValueError:
        expected = None
    if expected is not None:
        expected = expected.astimezone(UTC) if expected.tzinfo else expected.replace(tzinfo=UTC)
    assert moment(text) == (expected if expected is not None and expected.year >= 1970 else None)
