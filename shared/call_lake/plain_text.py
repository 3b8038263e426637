"""Make any text safe to show: what a provider sends never acts on a terminal, and never breaks a line of the log.

Names, numbers and error texts come from providers, so from anybody who can place a call. Every line that a command
prints goes through ``safe`` or ``json_text``, and every line of the functions' log through ``json_text``.
"""

import json
import math
import re
from typing import Any

MARKS = (  # that stand over or under the letter before them
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc"
    "\u0ec8-\u0ece\u0f71-\u0f84\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
)
ACTIVE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0 and C1 controls: colours, titles, the cursor, the clipboard
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional marks, overrides and isolates: they reorder a line
    "\u2028\u2029"  # ends of a line and of a paragraph
    "\xad\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # they show nothing at all
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"  # nor do these
    "\ud800-\udfff"  # lone surrogates, which no encoding has
    f"]|(?<=[{MARKS}]{{4}})[{MARKS}]"  # a fifth mark on one letter: a flood of them covers the lines around
)
"""The characters that act on a terminal, or cannot be seen. The joiners U+200C and U+200D are not among them: names in
Persian and Hindi need them."""


def safe(text: str, encoding: str = "utf-8") -> str:
    r"""The text with every active character, and every one that ``encoding`` lacks, written as an escape: ``\x1b``,
    ``\u202e``. The result is one line."""
    escaped = ACTIVE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
    return escaped.encode(encoding, "backslashreplace").decode(encoding)


def json_text(data: Any, encoding: str = "utf-8", *, indent: int | None = None) -> str:
    """``data`` as JSON that every reader accepts (RFC 8259), in the characters of ``encoding``; without ``indent`` one
    line.

    NaN and the infinities become null. Active characters are written as JSON's own escapes, so a reader gets back
    exactly what was stored. What JSON has no type for becomes its ``str``.
    """
    finite = _finite(data)
    separators = (",", ":") if indent is None else None
    text = json.dumps(finite, ensure_ascii=False, indent=indent, separators=separators, default=str)
    text = ACTIVE.sub(lambda found: found[0] if found[0] == "\n" else json.dumps(found[0])[1:-1], text)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return json.dumps(finite, indent=indent, separators=separators, default=str)
    return text


def _finite(data: Any) -> Any:
    match data:
        case float():
            return data if math.isfinite(data) else None
        case dict():
            return {key: _finite(value) for key, value in data.items()}
        case list() | tuple():
            return [_finite(value) for value in data]
    return data
