"""The terminal: prints every string as plain text (``call_lake.plain_text``)."""

from typing import Any, override

from rich.console import Console
from rich.progress import Progress, ProgressColumn, SpinnerColumn, Task, TimeElapsedColumn
from rich.text import Text

from call_lake.plain_text import safe


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
    return Progress(*around, console=terminal, transient=True, disable=not terminal.is_terminal)
