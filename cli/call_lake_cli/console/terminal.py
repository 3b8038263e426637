"""Make any text safe to print: what a provider sends is shown as text, and never acts on the terminal.

Names, numbers and error texts come from providers, so from anybody who can place a call. Every line that a command
prints goes through ``safe``, or for JSON through ``json_text``.
"""

import json
import math
import re
from typing import Any, override

from rich.console import Console
from rich.progress import Progress, ProgressColumn, SpinnerColumn, Task, TimeElapsedColumn
from rich.text import Text

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


def json_text(data: Any, encoding: str = "utf-8") -> str:
    """``data`` as JSON that every reader accepts (RFC 8259), in the characters of ``encoding``.

    NaN and the infinities become null. Active characters are written as JSON's own escapes, so a reader gets back
    exactly what was stored. What JSON has no type for becomes its ``str``.
    """
    finite = _finite(data)
    text = json.dumps(finite, ensure_ascii=False, indent=2, default=str)
    text = ACTIVE.sub(lambda found: found[0] if found[0] == "\n" else json.dumps(found[0])[1:-1], text)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return json.dumps(finite, indent=2, default=str)
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


class Terminal(Console):
    """A console that prints every string as it is, made ``safe``: no string is markup, an emoji's code or a style.

    Only a ``Text`` can have a style, and only the package ``console`` makes one.
    """

    @override
    def render_str(self, text: str, **options: Any) -> Text:
        looks = {name: value for name, value in options.items() if name in ("style", "justify", "overflow")}
        return Text(safe(text, self.encoding), **looks)


class _Step(ProgressColumn):
    """What the command does now."""

    def __init__(self, encoding: str) -> None:
        super().__init__()
        self._encoding = encoding

    @override
    def render(self, task: Task) -> Text:
        return Text(safe(task.description, self._encoding), no_wrap=True)


def progress_on(terminal: Terminal, *columns: ProgressColumn) -> Progress:
    """A line while a command works: what it does, these columns, the time so far. It vanishes at the end."""
    spinner = "dots" if terminal.encoding.startswith("utf") else "line"
    around = (SpinnerColumn(spinner), _Step(terminal.encoding), *columns, TimeElapsedColumn())
    return Progress(*around, console=terminal, transient=True)
