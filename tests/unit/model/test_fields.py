"""A provider's JSON in and out, and the fast ways that give the same as the slow ones."""

import json
from dataclasses import MISSING, fields
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call_lake.model.json_values import compact, key, moment, number, parse, phone, rows, text, whole
from call_lake.model.odd_json import REPAIRED, parse_odd
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
    ("value", "expected"),
    [
        *[
            (0, 0.0),
            (-7, -7.0),
            (2**53, 2.0**53),
            (2**53 + 1, 2.0**53),
            ("120.5", 120.5),
            (True, None),
            (10**400, None),
        ],
        *[("12,5", 12.5), (" -0,25 ", -0.25), ("12,5000", 12.5), ("0,125", 0.125), ("1e3", 1000.0), ("7.", 7.0)],
        *[("1_000", None), ("1,000", None), ("12,345.5", None), ("1 000", None), ("1,2,3", None), (",", None)],
        *[("\uff11\uff12", None), ("0x10", None), ("nan", None), ("inf", None), ("12,5x", None), ("", None)],
    ],
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


NO_TIMES: list[object] = [
    *(None, "", "x", True, [], 1e300, -1e12, "9999-12-31", "nan", 0, "0", 0.0, -1, 3600, 1000, "null"),
    *("0000-00-00", "0000-00-00 00:00:00", "0001-01-01 00:00:00", "0001-01-01T00:00:00Z", "1899-12-30 00:00:00"),
    *("1900-01-01 00:00:00", "1969-12-31 23:59:59", "1970-01-01", "1970-01-01 00:00:00", "1970-01-01T01:00:00+01:00"),
    *("2100-01-01", "2999-12-31 23:59:59", "3000-01-01 00:00:00", 32503680000),
    *("1970-01-01 01:00:00", "1980-01-01 00:00:00", "2026-00-00 00:00:00", "--"),
]


@pytest.mark.parametrize("value", NO_TIMES)
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
    assert moment(text) == (expected if expected is not None and 1990 <= expected.year < 2100 else None)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        *[("48500600700", "48500600700"), ("48500600700.0", "48500600700"), ("4.85006007e10", "48500600700")],
        *[("4.85006007E+10", "48500600700"), ("-0.0", "0"), ("1e400", None), ("NaN", None), ("1.5", "1.5")],
        ("12345678901234567.0", "12345678901234568"),
    ],
)
def test_a_whole_number_is_written_without_a_fraction_however_it_is_sent(sent: str, expected: str | None) -> None:
    value = parse(f'{{"a": {sent}}}'.encode())["a"]
    assert (text(value) if sent != "1e400" else number(value)) == expected


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        *[("7", "7"), ("7.0", "7"), ("4.85006007e10", "48500600700"), ('"7.0"', "7.0"), ('" a \\n"', " a \n")],
        *[("1.5", None), ("NaN", None), ("true", None), ('""', None), ("[]", None), ("9007199254740993.0", None)],
        ("12345678901234567890123.0", None),
    ],
)
def test_a_key_is_exact_or_none(sent: str, expected: str | None) -> None:
    assert key(parse(f'{{"a": {sent}}}'.encode())["a"]) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *[("+48500600700", "+48500600700"), ("48500600700.0", "48500600700"), ("+48500600700.00", "+48500600700")],
        *[("4.85006007E+10", "48500600700"), ("4.85E+10", "4.85E+10"), ("112.0", "112.0"), ("10.0.0.7", "10.0.0.7")],
        *[("48500600700,0", "48500600700"), ("4,85006007E+010", "48500600700"), ("48,500,600", "48,500,600")],
        *[("sip:48500600700.0", "sip:48500600700.0"), ("", None), (None, None)],
    ],
)
def test_a_phone_number_that_was_a_float_is_the_number_again(value: str | None, expected: str | None) -> None:
    assert phone(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(3, 3), ("3", 3), (3.0, 3), ("3.0", 3), ("3,0", 3), (3.5, None), (-1, None), ("1_0", None)]
)
def test_a_count_is_whole_and_not_negative(value: object, expected: int | None) -> None:
    assert whole(value) == expected


@given(documents)
def test_what_is_well_formed_is_never_marked(document: object) -> None:
    for sent in (json.dumps(document), json.dumps(document, indent=1), json.dumps(document, ensure_ascii=False)):
        encoded = sent.encode("utf-8", "surrogatepass")
        assert parse_odd(encoded, None) == document
        assert parse(encoded) == document


@given(st.text(st.characters(codec="utf-8")), st.text('\\"ab1:{}[],\n\t\r\0\x1f', max_size=12))
def test_a_control_character_as_it_is_means_itself(before: str, odd: str) -> None:
    sent = json.dumps([{"good": before}, {"odd": odd}]).replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "\r")
    sent = sent.replace("\\u0000", "\0").replace("\\u001f", "\x1f")
    if json.loads(json.dumps(before)) != before or any(c in before for c in "\\\n\t\r\0\x1f") or "\\" in odd:
        return  # the replacements would change more than escapes
    good, bad = parse(sent.encode())
    assert good == {"good": before}
    assert bad["odd"] == odd
    assert (REPAIRED in bad) == any(c in odd for c in "\n\t\r\0\x1f")


GOOD = b'{"filename": "good.wav", "user": "Za\xc5\xbc"}'


@pytest.mark.parametrize(
    ("odd", "expected"),
    [
        (b'{"user": "Za\xbf"}', {"user": "Za\udcbf", REPAIRED: 1}),
        (b'{"user": "a\x00b\x1fc\nd\te"}', {"user": "a\x00b\x1fc\nd\te", REPAIRED: 1}),
        (b'{"user": "C:\\Users\\x"}', {"user": "C:\\Users\\x", REPAIRED: 1}),
        (b'{"user": "\\u12"}', {"user": "\\u12", REPAIRED: 1}),
        (b'{"user": "a", "user": "b"}', {"user": "b", REPAIRED: 1}),
        (b'{"user" : "a", "x":{"y":1,"y":2}, "user":"b"}', {"user": "b", "x": {"y": 2}, REPAIRED: 2}),
        (b'{"src": ' + b"7" * 5_000 + b"}", {"src": "7" * 5_000, REPAIRED: 1}),
        (b'{"src": -' + b"7" * 5_000 + b".5}", {"src": "-" + "7" * 5_000 + ".5", REPAIRED: 1}),
        (b'{"src": 1e999}', {"src": "1e999", REPAIRED: 1}),
        (
            b'{"tags": ["a", "b\xff"], "who": {"n\xff": "\x01"}}',
            {"tags": ["a", "b\udcff"], "who": {"n\udcff": "\x01"}, REPAIRED: 3},
        ),
    ],
)
def test_one_bad_byte_costs_one_value_and_marks_its_record_alone(odd: bytes, expected: dict[str, object]) -> None:
    answer = parse(b'{"count": 3, "result": [' + GOOD + b", " + odd + b",\n\t" + GOOD + b"]}")
    assert answer == {"count": 3, "result": [json.loads(GOOD), expected, json.loads(GOOD)]}
    assert json.loads(compact(answer)) == answer
    compact(answer).encode()


@pytest.mark.parametrize("second", [b'[{"n": 2}]', b"[]", b"null"])
def test_lists_of_one_name_are_joined_so_that_no_row_is_lost(second: bytes) -> None:
    answer = parse(b'{"result": [{"n": 1}], "count": 9, "result": ' + second + b', "count": 1}')
    assert answer == {"result": [{"n": 1}, *(json.loads(second) or [])], "count": 1, REPAIRED: 2}


R = {"filename": "a.wav"}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        *[({"result": {"0": R, "2": R}}, [R, R]), ({"result": {"7": R}, "count": 1}, [R]), ({"result": R}, None)],
        *[({"result": []}, []), ({"result": [], "error": "busy"}, None), ({"result": [], "errors": ["busy"]}, None)],
        *[({"result": [], "success": False}, None), ({"result": [], "error": None, "success": True}, [])],
        *[({"result": [R], "error": "a warning"}, [R]), ({"result": {"0": 1}}, None), ({"result": [], "count": 3}, [])],
    ],
)
def test_rows_are_a_list_or_a_list_with_gaps_and_an_empty_one_beside_an_error_is_none(
    answer: dict[str, object], expected: object
) -> None:
    assert rows(answer, "result") == expected


@pytest.mark.parametrize(
    "declared", [None, "application/json", "application/json; charset=utf-8", "a/b; charset=cp1253"]
)
def test_a_document_in_an_unknown_encoding_is_read_but_for_its_letters(declared: str | None) -> None:
    sent = '[{"user": "Za\xbf\xf3\xb3\xe6 \xd2", "src": "1"}]'.encode("latin-1")
    assert parse(sent, declared) == [{"user": "Za\udcbf\udcf3\udcb3\udce6 \udcd2", "src": "1", REPAIRED: 1}]


@pytest.mark.parametrize(
    "broken", [b"", b"{", b'{"a": "b', b'["a" "b"]', b"[1,]", b"<html>", b"\xff\xfe\x00", b"[" * 100_000]
)
def test_what_has_no_structure_is_an_error(broken: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        parse(broken)
