"""Read values of a provider's record, which come as strings, numbers, nulls and the word "null"."""

import json
import re
from datetime import UTC, datetime
from functools import lru_cache
from math import isfinite
from typing import Any

import orjson

from call_lake.model.times import YEARS

_LETTERS = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_ASCII = json.JSONEncoder(separators=(",", ":"))
# Code pages alone: of what else Python decodes, punycode takes the square of its length, and some are no charsets.
CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?((?:iso-8859-|windows-|cp)\d{1,4}|latin[12])\b", re.I)
SURROGATE = re.compile("[\ud800-\udfff]")
_EXACT = 2**53
_TO_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * 20  # orjson would round it
_MILLISECONDS_FROM = 1e11  # as seconds this lies in the year 5138


def text(value: Any) -> str | None:
    """Trimmed text; None for an empty text, null, a list or an object."""
    if not isinstance(value, str):
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        value = str(value)
    elif not value.isascii():
        value = SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)
    trimmed: str = value.strip()
    return trimmed if trimmed and trimmed != "null" else None


def key(value: Any) -> str | None:
    """A provider's own key, exactly as given, because it is sent back to the provider. None if there is none.

    Raises ValueError for a key that cannot be written as UTF-8, because no URL can hold it.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or value in ("", "null"):
        return None
    if not value.isascii() and SURROGATE.search(value):
        raise ValueError("its key is no Unicode text")
    return value


def number(value: Any) -> float | None:
    """A finite number, also from text."""
    if type(value) is int and -_EXACT < value < _EXACT:  # nearly all of them
        return float(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        parsed = float(value)
    except (ValueError, OverflowError):
        return None
    return parsed if isfinite(parsed) else None


def whole(value: Any) -> int | None:
    """A count: a whole number that is not negative, also from text."""
    parsed = number(value)
    return int(parsed) if parsed is not None and parsed >= 0 and parsed.is_integer() else None


def direction(value: Any) -> str | None:
    """``inbound``, ``outbound`` or None."""
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
    """The rows that a listing has under ``name``; None where there is no list, or a list without a single object. Some
    of the rows may be no objects."""
    found = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(found, list) or (found and not any(isinstance(row, dict) for row in found)):
        return None
    return found


def parse(document: bytes, content_type: str | None = None) -> Any:
    """A JSON document. NaN and Infinity, which are no JSON, become None, so that the rest can be read.

    It is UTF-8, UTF-16 or UTF-32, as its first bytes show. If it is none of them, it is decoded by the charset of its
    ``content_type``, which JSON does not provide for (RFC 8259, 8.1 and 11). Raises ValueError, RecursionError.
    """
    if _LONG_NUMBER not in document.translate(_TO_ZEROS):
        try:
            return orjson.loads(document)
        except ValueError:  # or one that only the standard library reads: lone surrogates, other encodings
            pass
    try:
        return json.loads(document, parse_constant=lambda _name: None)
    except UnicodeDecodeError:
        declared = CHARSET.search(content_type or "")
        if declared is None:
            raise
        return parse(_decoded(document, declared[1]))


def _decoded(document: bytes, charset: str) -> bytes:
    """The document in UTF-8. Raises ValueError."""
    try:
        return document.decode(charset).encode()
    except LookupError:
        raise ValueError("an unknown charset") from None


def compact(record: Any) -> str:
    """The complete record as JSON. Letters stay letters, unless they cannot be written as UTF-8."""
    try:
        return orjson.dumps(record).decode()
    except TypeError:  # lone surrogates, numbers of more than 64 bits, deep nesting
        pass
    written = _LETTERS.encode(record)
    return written if written.isascii() or not SURROGATE.search(written) else _ASCII.encode(record)
