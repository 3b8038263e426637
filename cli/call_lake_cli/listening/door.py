"""Who may use the listening page: its own page, with the token that only its user was shown (ADR 0037)."""

import hmac
import json
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from call_lake_local.loopback import why_foreign

type Scope = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
type Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
type App = Callable[[Scope, Receive, Send], Awaitable[None]]

PAGE = "/"
OPEN = (PAGE, "/listen.css", "/listen.js", "/words.js")
"""They hold no data, so they need no token: a browser loads them before the page's script has one."""
AUDIO = "/audio/"
"""A player sends no header of ours. Below this the path itself is a secret, a ticket (``plays.py``)."""
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "media-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_HEADERS = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]


def new_secret() -> str:
    """256 random bits, as text for a URL."""
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Door:
    """``app``, for the page at ``address`` (``127.0.0.1:50000``) and for programs that know ``token``."""

    app: App
    address: str
    token: str = field(repr=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # a web socket; there is none here
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        answer = _with_headers(send)
        why = self.why_refused(scope)
        if why is None:
            await self.app(scope, receive, answer)
            return
        body = json.dumps({"error": why}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await answer({"type": "http.response.start", "status": 403, "headers": headers})
        await answer({"type": "http.response.body", "body": body})

    def why_refused(self, scope: Scope) -> str | None:
        """Why this request is refused, or None."""
        path = scope["path"]
        if why := why_foreign(scope["headers"], self.address, is_page=path == PAGE and scope["method"] == "GET"):
            return why
        if path in OPEN or path.startswith(AUDIO):
            return None
        given = [value for name, value in scope["headers"] if name.lower() == b"authorization"]
        if len(given) != 1 or not hmac.compare_digest(given[0], f"Bearer {self.token}".encode()):
            return "this page needs the address that call-lake listen printed, with what follows its #"
        return None


def _with_headers(send: Send) -> Send:
    async def answer(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *_HEADERS]}
        await send(message)

    return answer
