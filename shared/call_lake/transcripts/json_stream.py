"""Read JSON as it streams in, value after value: memory does not grow with the document.

``ijson`` parses (with the C library YAJL in it: https://github.com/ICRAR/ijson). It refuses NaN, numbers beyond a
double, bytes that are no UTF-8, and anything after the end. It reads a lone surrogate as a question mark. Here its
events are counted, and nested at most ``MAX_DEPTH`` deep.
"""

from collections.abc import Iterator
from typing import Protocol

import ijson

from call_lake.transcripts.document import BadDocument

MAX_DEPTH = 16
"""Amazon's documents nest eight deep."""
MAX_EVENTS = 5_000_000
"""It bounds the time. Amazon's document of four hours of stereo has 1.7 million."""
MAX_TOKEN_BYTES = 2 * 1024 * 1024
"""Of one text, one name or one stretch of white space. YAJL reads the beginning of a text again with each part that
arrives: 64 MiB of escapes took it more than three minutes."""
MAX_MEMBERS = 1000
"""Of one object."""
BUFFER_BYTES = 64 * 1024


class Body(Protocol):
    """A document's bytes, from first to last."""

    def read(self, size: int) -> bytes:
        """At most ``size`` further bytes; none at the end."""


type Scalar = str | int | float | bool | None


class _Feed:
    """What the parser reads. Between two values it gets about MAX_TOKEN_BYTES, and then BadDocument."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self.unparsed = 0

    def read(self, size: int) -> bytes:
        if self.unparsed > MAX_TOKEN_BYTES:
            raise BadDocument(f"a text has more than {MAX_TOKEN_BYTES:,} bytes")
        data = self._body.read(size)
        self.unparsed += len(data)
        return data


class JsonStream:
    """A cursor over one JSON text. Each method reads the value that comes next. It raises BadDocument where the text is
    no JSON, is cut off, or has another kind of value there. No message quotes the text: it may be of a call."""

    def __init__(self, body: Body) -> None:
        self._feed = _Feed(body)
        self._parsed: Iterator[tuple[str, Scalar]] = ijson.basic_parse(
            self._feed, buf_size=BUFFER_BYTES, use_float=True
        )
        self._count = 0
        self._depth = 0
        self._peeked: tuple[str, Scalar] | None = None

    def members(self, what: str) -> Iterator[str]:
        """The names of an object's members. The caller reads, or skips, each value before it asks for the next name."""
        if self._next()[0] != "start_map":
            raise BadDocument(f"{what} is no object")
        seen: set[str] = set()
        while (event := self._next())[0] != "end_map":
            name = str(event[1])
            if name in seen:
                raise BadDocument(f"{what} has a member twice")
            if len(seen) == MAX_MEMBERS:
                raise BadDocument(f"{what} has more than {MAX_MEMBERS:,} members")
            seen.add(name)
            yield name

    def elements(self, what: str) -> Iterator[int]:
        """The positions of a list's elements. The caller reads, or skips, each element before it asks for the next."""
        if self._next()[0] != "start_array":
            raise BadDocument(f"{what} is no list")
        position = 0
        while (event := self._next())[0] != "end_array":
            self._peeked = event
            yield position
            position += 1

    def text(self, what: str, longest: int) -> str:
        """A text of at most ``longest`` characters."""
        if not isinstance(value := self.scalar(what), str):
            raise BadDocument(f"{what} is no text")
        if len(value) > longest:
            raise BadDocument(f"{what} has more than {longest:,} characters")
        return value

    def number(self, what: str) -> float:
        """A number. True and false are none."""
        value = self.scalar(what)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadDocument(f"{what} is no number")
        return float(value)

    def scalar(self, what: str) -> Scalar:
        """Anything but an object and a list."""
        event, value = self._next()
        if event.startswith("start_"):
            raise BadDocument(f"{what} is an object or a list")
        return value

    def skip(self) -> None:
        """Any value."""
        outside = self._depth - (self._peeked is not None and self._peeked[0].startswith("start_"))
        self._next()
        while self._depth > outside:
            self._next()

    def end(self) -> None:
        """The end of the text."""
        try:
            for _ in self._parsed:
                raise BadDocument("it goes on after its end")
        except (ijson.JSONError, UnicodeDecodeError) as error:
            raise BadDocument("it goes on after its end") from error

    def _next(self) -> tuple[str, Scalar]:
        if self._peeked is not None:
            event, self._peeked = self._peeked, None
            return event
        try:
            event = next(self._parsed)
        except StopIteration:
            raise BadDocument("it is cut off") from None
        except (ijson.JSONError, UnicodeDecodeError) as error:
            raise BadDocument("it is no JSON, or is cut off") from error
        self._feed.unparsed = 0
        self._count += 1
        if self._count > MAX_EVENTS:
            raise BadDocument(f"more than {MAX_EVENTS:,} parts of JSON")
        if event[0].startswith("start_"):
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise BadDocument(f"it nests more than {MAX_DEPTH} deep")
        elif event[0].startswith("end_"):
            self._depth -= 1
        return event
