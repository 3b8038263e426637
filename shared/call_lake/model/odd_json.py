"""Read JSON that is not quite JSON, so that one bad byte costs one value and not a whole listing.

``json_values.parse`` comes here only with what ``orjson`` refuses, or would read without a word about what it drops.
"""

import json
import re
from io import StringIO
from math import isinf
from typing import Any

REPAIRED = "call_lake_repaired"
"""In an object: how many of its values could not be read as they were sent. Without it the object is as sent."""
DIGITS_MOST = 1_000
"""A longer whole number becomes a text: Python refuses to read one of more than 4,300 digits
(https://docs.python.org/3/library/stdtypes.html#int-max-str-length), and no float holds it."""
# Code pages alone: of what else Python decodes, punycode takes the square of its length, and some are no charsets.
CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?((?:iso-8859-|windows-|cp)\d{1,4}|latin[12])\b", re.I)

_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_BAD_BYTE = "\udc80-\udcff"  # how surrogateescape keeps a byte that is no UTF-8
_ODD = re.compile(rf"[\x00-\x1f{_BAD_BYTE}]|\\")
_PARTS = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})|([\x00-\x1f\\])')
_BAD = re.compile(f"[{_BAD_BYTE}]")
_ESCAPES = {chr(code): f"\\u{code:04x}" for code in range(0x20)} | {"\\": "\\\\"}
_MARK = "\udfff"
"""Ends each text that was repaired, until the object around it is made: nothing that is decoded here ends so."""


def parse_odd(document: bytes, content_type: str | None) -> Any:
    """See ``json_values.parse``. Raises ValueError, RecursionError.

    - A byte that is no UTF-8 stays in its text as a lone surrogate: ``json_values.text`` shows it as U+FFFD, and
      ``json_values.key`` refuses it, for two keys must not become one.
    - A raw control character, and a backslash that escapes nothing, mean themselves.
    - A number that is too long for a number is its text.
    - Of values with one name, the last one counts. Lists are joined, so that no row is lost.

    The object with such a value says so under ``REPAIRED``.
    """
    text = _decoded(document, content_type)
    if _ODD.search(text):
        text = _STRING.sub(_mended, text)
    return _cleaned(_DECODER.decode(text))[0]


def _decoded(document: bytes, content_type: str | None) -> str:
    encoding = json.detect_encoding(document)
    try:
        return document.decode(encoding, "surrogatepass")
    except UnicodeDecodeError:
        if declared := CHARSET.search(content_type or ""):
            try:
                return document.decode(declared[1])
            except (LookupError, UnicodeDecodeError):
                pass  # an unknown charset, or not this one
        if not encoding.startswith("utf-8"):
            raise
        return document.decode(encoding, "surrogateescape")


def _mended(string: re.Match[str]) -> str:
    """A string as JSON has it, with the mark at its end if it was not."""
    if not (_BAD.search(string[0]) or any(part[1] for part in _PARTS.finditer(string[0]))):
        return string[0]
    return f'{_escaped(string[0])[:-1]}{_MARK}"'


def _escaped(text: str) -> str:
    # Not re.sub(): it keeps each piece between two parts as an object, and a text may have millions of them.
    written, end = StringIO(), 0
    for part in _PARTS.finditer(text):
        written.write(text[end : part.start()])
        written.write(_ESCAPES[part[1]] if part[1] else part[0])
        end = part.end()
    written.write(text[end:])
    return written.getvalue()


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= DIGITS_MOST else digits + _MARK


def _fraction(digits: str) -> float | str:
    number = float(digits)
    return digits + _MARK if isinf(number) else number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    repaired = 0
    for name, value in pairs:
        (name, in_name), (value, in_value) = _cleaned(name), _cleaned(value)
        if isinstance(value, dict):  # an object within a record is a part of the record
            in_value += value.pop(REPAIRED, 0)
        repaired += in_name + in_value + (name in found)
        before = found.get(name)
        found[name] = before + (value or []) if isinstance(before, list) and isinstance(value, list | None) else value
    return found | {REPAIRED: repaired} if repaired else found


def _cleaned(value: Any) -> tuple[Any, int]:
    """The value without marks, and how many it had."""
    if isinstance(value, str) and value.endswith(_MARK):
        return value[:-1], 1
    if isinstance(value, list):
        parts = [_cleaned(one) for one in value]
        return [part for part, _ in parts], sum(odd for _, odd in parts)
    return value, 0


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_whole, parse_float=_fraction, parse_constant=lambda name: None
)
