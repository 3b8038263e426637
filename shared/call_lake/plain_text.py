"""Make any text safe to show: what a provider sends never acts on a terminal, and never breaks a line of the log.

Names, numbers and error texts come from providers, so from anybody who can place a call. Every line that a command
prints goes through ``safe`` or ``json_text``, and every line of the functions' log through ``json_text``.
"""

import json
import math
import re
from typing import Any

ACTIVE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0 and C1 controls: colours, titles, the cursor, the clipboard
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional marks, overrides and isolates: they reorder a line
    "\u2028\u2029"  # ends of a line and of a paragraph
    "\xad\u180e\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # they show nothing at all
    "\ud800-\udfff"  # lone surrogates, which no encoding has
    "]"
)
"""The characters that act on a terminal, or cannot be seen. The joiners U+200C and U+200D are not among them: names in
Persian and Hindi need them."""


def safe(text: str, encoding: str = "utf-8") -> str:
    r"""The text with every active character, and every one that ``encoding`` lacks, written as an escape: ``\x1b``,
    ``\u202e``. The result is one line."""
    escaped = ACTIVE.sub(lambda found: repr(found[0])[1:-1], text)
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
