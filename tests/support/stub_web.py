"""A web of hosts in memory behind ``requests``' transport adapter, for tests of the provider clients."""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse


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
