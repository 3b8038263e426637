"""A web of hosts in memory behind ``requests``' transport adapter, and accounts that list rows on it."""

import io
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from call_lake.ports import Page


@dataclass(frozen=True, slots=True)
class Reply:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: io.IOBase | None = None  # in place of ``body``


@dataclass(frozen=True, slots=True)
class Seen:
    url: str
    headers: Mapping[str, str]
    timeout: Any
    verify: Any

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.url).query))


type Answer = Callable[[Seen], Reply | Exception]


class StubWeb(BaseAdapter):
    """Answers every request with ``answer`` and remembers it."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer
        self.seen: list[Seen] = []
        self.session = requests.Session()
        self.session.mount("http://", self)
        self.session.mount("https://", self)

    def send(  # type: ignore[override]  # what the client does not pass is left out
        self, request: Any, stream: bool = False, timeout: Any = None, verify: Any = True, **_: Any
    ) -> requests.Response:
        seen = Seen(request.url, dict(request.headers), timeout, verify)
        self.seen.append(seen)
        reply = self.answer(seen)
        if isinstance(reply, Exception):
            raise reply
        raw = HTTPResponse(
            body=reply.raw or io.BytesIO(reply.body),
            status=reply.status,
            headers=reply.headers,
            preload_content=False,
            decode_content=False,
            request_method="GET",
        )
        response = requests.Response()
        response.status_code, response.raw, response.url = reply.status, raw, seen.url
        response.headers.update(reply.headers)
        return response

    def close(self) -> None:
        """Nothing is open."""


def json_reply(body: Any, status: int = 200, **headers: str) -> Reply:
    return Reply(status, json.dumps(body).encode(), headers)


class Account:
    """Lists these rows by ``offset`` and ``limit``. ``cap``: the most rows that it gives at once, and ``more`` than was
    asked for. ``walked``: how many rows it went over so far."""

    def __init__(self, rows: list[Any], *, cap: int, more: int = 0) -> None:
        self.rows, self.cap, self.more = rows, cap, more
        self.walked = 0
        self.web = StubWeb(self.answer)

    def answer(self, seen: Seen) -> Reply:
        offset, limit = int(seen.query["offset"]), min(int(seen.query["limit"]), self.cap) + self.more
        page = self.rows[offset : offset + limit]
        self.walked += offset + len(page)
        return json_reply(self.body(page))

    def body(self, page: list[Any]) -> dict[str, Any]:
        raise NotImplementedError


def keys(pages: Iterable[Page]) -> list[str]:
    return [recording.provider_key for page in pages for recording in page.recordings]
