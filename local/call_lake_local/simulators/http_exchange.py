"""One HTTP exchange as plain data, so that the same logic answers over sockets and without them."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Self
from urllib.parse import parse_qsl, unquote

CHUNK_BYTES = 64 * 1024


class Ending(StrEnum):
    """How an answer ends on the wire."""

    CLEAN = "clean"
    REFUSED = "refused"  # the connection is reset before any byte of the answer
    RESET = "reset"  # the connection is reset after the body that is given
    CLOSED = "closed"  # the connection is closed after the body that is given, short of what was promised
    STALLED = "stalled"  # nothing more comes, and the connection stays open


@dataclass(frozen=True, slots=True)
class Request:
    """``path`` is as sent (percent-encoded); header names are lower case; ``base`` is ``http://host:port``."""

    method: str
    path: str
    query_string: str
    headers: Mapping[str, str]
    base: str
    body: bytes = b""

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    @property
    def decoded_path(self) -> str:
        return unquote(self.path)


type Body = Callable[[], Iterator[bytes]]
"""Makes the chunks of a body, when it is sent."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``declared_length`` is the Content-Length, None sends the body chunked; ``pause_s`` passes before each chunk."""

    status: int
    body: Body
    declared_length: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    ending: Ending = Ending.CLEAN
    pause_s: float = 0.0

    def but(self, **changes: Any) -> Self:
        return replace(self, **changes)


def answer(status: int, body: bytes, content_type: str = "application/json", **headers: str) -> Answer:
    """A complete answer; header names are given with ``_`` for ``-``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if content_type:
        named["Content-Type"] = content_type
    return Answer(status, pieces(body), len(body), named)


def json_answer(status: int, data: Any) -> Answer:
    return answer(status, json.dumps(data, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def refused() -> Answer:
    return Answer(0, pieces(b""), 0, ending=Ending.REFUSED)


def pieces(body: bytes, size: int = CHUNK_BYTES) -> Body:
    return lambda: (body[at : at + size] for at in range(0, len(body), size))


def first_bytes(body: Body, count: int) -> Body:
    """The first ``count`` bytes of a body."""

    def cut() -> Iterator[bytes]:
        left = count
        for chunk in body():
            if left <= 0:
                return
            yield chunk[:left]
            left -= len(chunk)

    return cut


type Handler = Callable[[Request], Answer]
