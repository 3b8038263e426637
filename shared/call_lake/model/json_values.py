"""Read values of a provider's record, which come as strings, numbers, nulls and the word "null"."""

import json
import re
from datetime import UTC, datetime
from functools import lru_cache
from math import isfinite
from typing import Any

import orjson

from call_lake.model.odd_json import parse_odd
from call_lake.model.times import YEARS

IMPLAUSIBLE = "call_lake_implausible"
"""In ``raw``: the columns that are null because the record's value cannot be true."""
VALUES_MOST = 500_000
"""Commas, colons and brackets in a listing. Each may cost 100 bytes of memory once it is parsed, and a poller has 256
MB. A page of 500 records with 100 fields each has a fifth of that."""

_LETTERS = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_ASCII = json.JSONEncoder(separators=(",", ":"))
SURROGATE = re.compile("[\ud800-\udfff]")
_EXACT = 2**53
_TO_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * 20  # orjson would round it
_EVERY = 4
_PART_OF_ONE = b"0" * (20 // _EVERY)
_MILLISECONDS_FROM = 1e11  # as seconds this lies in the year 5138
_DECIMAL_COMMA = re.compile(r"\s*[+-]?(?:\d+,(?:\d{1,2}|\d{4,})|0,\d+)\s*", re.ASCII)  # "1,000" may mean a thousand
_WRITTEN_OUT = 1e21  # larger floats are no numbers of anything
_DIRECTIONS = {"INBOUND": "inbound", "OUTBOUND": "outbound"}
_OF_A_FLOAT = re.compile(r"\+?\d{5,}[.,]0+|\d[.,]\d{8,}[eE]\+?0?\d\d", re.ASCII)


def text(value: Any) -> str | None:
    """Trimmed text; None for an empty text, null, a list or an object. A whole number is written without a fraction,
    also where it comes as ``48500600700.0`` or ``4.85006007e10``."""
    if not isinstance(value, str):
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if isinstance(value, float):
            if not isfinite(value):
                return None
            value = int(value) if value.is_integer() and abs(value) < _WRITTEN_OUT else value
        value = str(value)
    elif not value.isascii():
        value = SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)
    trimmed: str = value.strip()
    return trimmed if trimmed and trimmed != "null" else None


def phone(value: Any) -> str | None:
    """A phone number as text. Spreadsheets and data frames write one as ``"48500600700.0"`` or ``"4.85006007E+10"``:
    that is ``48500600700``. An exponent that has lost digits stays as it is, for it is nobody's number."""
    found = text(value)
    if found is None or ("." not in found and "," not in found) or not _OF_A_FLOAT.fullmatch(found):
        return found
    whole = text(float(found.replace(",", ".")))
    return f"+{whole}" if found.startswith("+") else whole


def key(value: Any) -> str | None:
    """A provider's own key, exactly as given, because it is sent back to the provider. None if there is none.

    A float is a key only if it is whole and exact: a rounded one could be another recording's.

    Raises ValueError for a key that cannot be written as UTF-8, because no URL can hold it.
    """
    if not isinstance(value, str):
        if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
            value = int(value)
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else None
    if value in ("", "null"):
        return None
    if not value.isascii() and SURROGATE.search(value):
        raise ValueError("its key is no Unicode text")
    return value


def number(value: Any) -> float | None:
    """A finite number, also from text. The text may have a decimal comma, but nothing between thousands."""
    if type(value) is int and -_EXACT < value < _EXACT:  # nearly all of them
        return float(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, str):
        if "_" in value or not value.isascii():  # Python would read both
            return None
        if "," in value:
            value = value.replace(",", ".") if _DECIMAL_COMMA.fullmatch(value) else ""
    try:
        parsed = float(value)
    except (ValueError, OverflowError):
        return None
    return parsed if isfinite(parsed) else None


def length(value: Any, column: str, odd: list[str]) -> float | None:
    """A number that is not negative. Of a negative one this adds the ``column`` to ``odd``."""
    if type(value) is int and 0 <= value < _EXACT:  # nearly all of them
        return float(value)
    parsed = number(value)
    if parsed is None or parsed >= 0:
        return parsed
    odd.append(column)
    return None


def whole(value: Any) -> int | None:
    """A count: a whole number that is not negative, also from text."""
    parsed = number(value)
    return int(parsed) if parsed is not None and parsed >= 0 and parsed.is_integer() else None


def direction(value: Any) -> str | None:
    """``inbound``, ``outbound`` or None."""
    if isinstance(value, str) and value in _DIRECTIONS:  # nearly all of them
        return _DIRECTIONS[value]
    word = (text(value) or "").lower()
    return word if word in ("inbound", "outbound") else None


def moment(value: Any) -> datetime | None:
    """The instant (UTC) of ``YYYY-MM-DD HH:mm:ss`` (UTC), of ISO 8601 with an offset, or of an epoch in seconds or
    milliseconds. None for anything else."""
    return _moment_of_text(value) if isinstance(value, str) else _moment(value)


def _moment(value: Any) -> datetime | None:
    is_date = isinstance(value, str) and value[4:5] == "-"
    epoch = None if is_date else number(value)
    try:
        if epoch is not None:
            parsed = datetime.fromtimestamp(epoch / 1000 if abs(epoch) >= _MILLISECONDS_FROM else epoch, UTC)
        else:
            parsed = datetime.fromisoformat(text(value) or "")
            parsed = parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return _of_a_call(parsed)


@lru_cache(4096)  # a row's end is asked for three times, and a page has 500 rows
def _moment_of_text(text: str) -> datetime | None:
    if len(text) == 19 and text[4] == "-":  # nearly all of them, in half the time
        try:
            return _of_a_call(datetime.fromisoformat(f"{text}+00:00"))
        except ValueError:
            pass  # another form
    return _moment(text)


def _of_a_call(moment: datetime) -> datetime | None:
    return moment if moment.year in YEARS else None


def rows(answer: Any, name: str) -> list[Any] | None:
    """The rows that a listing has under ``name``; None where the answer is no listing. Some rows may be no objects.

    Some servers write an empty list as null, as ``{}``, or leave it out. That is an empty list only where nothing
    speaks against it: no error, no message, no count of rows. An empty list beside an error is none. A list without a
    single object is no listing. PHP writes a list with gaps as an object, whose names are numbers.
    """
    if not isinstance(answer, dict):
        return None
    found = answer.get(name)
    if isinstance(found, dict) and found and all(name.isdecimal() for name in found):
        found = list(found.values())
    if isinstance(found, list) and found:
        return found if any(isinstance(row, dict) for row in found) else None
    is_error = bool(answer.get("error") or answer.get("errors")) or answer.get("success") is False
    if isinstance(found, list):
        return None if is_error else found
    count = whole(answer.get("count"))
    is_told = name in answer or count == 0 or not answer
    is_doubted = is_error or count or answer.get("message")
    return [] if found in (None, {}) and is_told and not is_doubted else None


def parse(document: bytes, content_type: str | None = None) -> Any:
    """A JSON document. NaN and Infinity, which are no JSON, become None, so that the rest can be read.

    It is UTF-8, UTF-16 or UTF-32, as its first bytes show. If it is none of them, it is decoded by the charset of its
    ``content_type``, which JSON does not provide for (RFC 8259, 8.1 and 11). What is no good JSON is repaired, and
    marked: see ``odd_json``. Raises ValueError, RecursionError.
    """
    if not _has_long_number(document):
        try:
            parsed = orjson.loads(document)
        except ValueError:
            pass  # odd_json reads more
        else:
            if not _may_have_twins(document, parsed):
                return parsed
    return parse_odd(document, content_type)


def has_too_many_values(document: bytes) -> bool:
    """Whether a JSON document would take more memory than a function has, however short it is (``VALUES_MOST``)."""
    return len(document) > VALUES_MOST and sum(map(document.count, (b",", b":", b"[", b"{"))) > VALUES_MOST


def _has_long_number(document: bytes) -> bool:
    """Whether the document has so many digits in a row. Each fourth byte shows that it has not, in half the time."""
    if _PART_OF_ONE not in document[::_EVERY].translate(_TO_ZEROS):
        return False
    return _LONG_NUMBER in document.translate(_TO_ZEROS)


def _may_have_twins(document: bytes, parsed: Any) -> bool:
    """Whether an object may have several values of one name, of which orjson keeps the last without a word: the
    document has more names than what was parsed of it."""
    if not isinstance(parsed, dict):
        return False
    written, seen = document.count(b'":'), len(parsed)
    for value in parsed.values():
        if isinstance(value, list):
            seen += sum(len(row) for row in value if isinstance(row, dict))
    # More where objects lie within records, or a text holds JSON.
    return written > seen and written - document.count(b'\\":') > _names_in(parsed)


def _names_in(parsed: Any) -> int:
    names, parts = 0, [parsed]
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            names += len(part)
            parts += part.values()
        elif isinstance(part, list):
            parts += part
    return names


def raw(row: dict[str, Any], odd: list[str]) -> str:
    """The record as JSON, with the columns under ``IMPLAUSIBLE`` that are null though it has a value for them."""
    return compact(row | {IMPLAUSIBLE: odd} if odd else row)


def compact(record: Any) -> str:
    """The complete record as JSON. Letters stay letters, unless they cannot be written as UTF-8."""
    try:
        return orjson.dumps(record).decode()
    except TypeError:  # lone surrogates, numbers of more than 64 bits, deep nesting
        pass
    written = _LETTERS.encode(record)
    return written if written.isascii() or not SURROGATE.search(written) else _ASCII.encode(record)
