"""The gate before the emulator: only requests that are signed with a key of this stack reach ministack.

ministack takes the key id ``test``, any key id of 12 digits, and requests without a key for the account's root, and
does not look at the signature. It answers ``/_ministack/…`` to everybody, and any web page's preflight. The gate
decides before ministack sees a request (docs/security.md, The local stack).

The signature is computed again by botocore, from the headers that the request says were signed. botocore and ASGI only:
this module runs in ministack's environment, and its tests without ministack.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any
from urllib.parse import parse_qsl

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest, HTTPHeaders
from botocore.credentials import Credentials

from call_lake_local.loopback import why_refused

type Scope = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
type Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
type App = Callable[[Scope, Receive, Send], Awaitable[None]]
type FindSecret = Callable[[str, str], str | None]
"""The secret of an access key id and a session token ('' for none), or None where there is no such key."""

INTERNAL = "/_"
OPEN_TO_ROOT = ("/_ministack/health", "/_ministack/reset")
MAX_SKEW = timedelta(minutes=5)  # AWS's own: "Signature expired" after five minutes for most services
UNSIGNED_BODIES = ("UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")  # S3's
# A second place for a key, which ministack might believe instead of the header: URLs signed in advance, version 2.
KEYS_IN_QUERY = {"x-amz-credential", "x-amz-algorithm", "x-amz-signature", "awsaccesskeyid", "signature"}
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=(?P<key>\w+)/(?P<day>\d{8})/(?P<region>[\w-]+)/(?P<service>[\w-]+)/aws4_request *, *"
    r"SignedHeaders=(?P<names>[\w;.-]+) *, *Signature=(?P<signature>[0-9a-f]{64})",
    re.ASCII,
)
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Refused(Exception):
    """The request does not pass. ``code`` is what AWS calls the error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class _Signed:
    """What a request says about its signature; every part as it was sent."""

    key: str
    region: str
    service: str
    date: str  # 20261130T120000Z
    names: frozenset[str]
    signature: str
    token: str
    body_sha256: str  # what the header says: a hash, one of UNSIGNED_BODIES, or nothing


@dataclass(frozen=True, slots=True)
class Gate:
    """``app``, for signed requests to ``address`` (``127.0.0.1:4566``) only. ``root`` is the one key for INTERNAL."""

    app: App
    address: str
    root: str
    find_secret: FindSecret
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # no service of ours has web sockets
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            signed, secret = self.check_head(scope)
            body = await _read(receive)
            if body is None:
                return
            check_body(signed, secret, scope, body)
        except Refused as refused:
            await _answer(send, scope, refused)
            return
        await self.app(scope, _again(body, receive), send)

    def check_head(self, scope: Scope) -> tuple[_Signed, str]:
        """All that can be told before the body is read; the signature's parts and its key's secret. Raises Refused."""
        if why := why_refused(scope["headers"], self.address):
            raise Refused("AccessDenied", why)
        signed = _signed(scope)
        secret = self.find_secret(signed.key, signed.token)
        if secret is None:
            raise Refused(
                "InvalidClientTokenId",
                "the local stack has no such access key: every start makes a new one, .call-lake/local.json has it",
            )
        if scope["path"].startswith(INTERNAL) and (signed.key != self.root or scope["path"] not in OPEN_TO_ROOT):
            raise Refused("AccessDenied", f"{scope['path']} is closed in the local stack")
        if not _is_fresh(signed.date, self.now()):
            raise Refused("RequestTimeTooSkewed", f"signed at {signed.date}, more than five minutes from now")
        return signed, secret


def check_body(signed: _Signed, secret: str, scope: Scope, body: bytes) -> None:
    """Compute the signature again. Raises Refused where it is another one, or the body is not the signed one."""
    kind = _S3Signer if signed.service == "s3" else _Signer
    signer = kind(Credentials(signed.key, secret), signed.service, signed.region)
    query = scope["query_string"].decode("latin-1")
    url = f"http://gate{scope['raw_path'].decode('latin-1')}{'?' if query else ''}{query}"
    request = AWSRequest(scope["method"], url, data=body)
    request.context["timestamp"] = signed.date
    for name, value in scope["headers"]:
        if (key := name.decode("latin-1").lower()) in signed.names:
            request.headers[key] = value.decode("utf-8", "replace")  # a second one of a name is added
    expected = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    if not hmac.compare_digest(expected, signed.signature):
        raise Refused("SignatureDoesNotMatch", "the signature is not that of this request with this key's secret")
    stated = signed.body_sha256
    if _SHA256.fullmatch(stated) and not hmac.compare_digest(stated, hashlib.sha256(body).hexdigest()):
        raise Refused("XAmzContentSHA256Mismatch", "the body is not the one whose SHA-256 was signed")


class _AsSigned:
    """Signs exactly the headers that the request was given."""

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        return request.headers


class _Signer(_AsSigned, SigV4Auth):
    pass


class _S3Signer(_AsSigned, S3SigV4Auth):
    """S3's paths are signed as they are sent, those of other services are encoded again."""


def _signed(scope: Scope) -> _Signed:
    """Raises Refused where the request is not signed in its header, or leaves out what has to be signed."""
    query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    if any(name.lower() in KEYS_IN_QUERY for name, _ in query):
        raise Refused("AccessDenied", "URLs that are signed in advance are not taken by the local stack")
    headers: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("utf-8", "replace"))
    match = _AUTHORIZATION.fullmatch(_only(headers, "authorization"))
    if match is None:
        raise Refused(
            "MissingAuthenticationToken",
            "the local stack takes requests that are signed (AWS4-HMAC-SHA256) with the key of .call-lake/local.json",
        )
    date, names = _only(headers, "x-amz-date"), frozenset(match["names"].split(";"))
    must = {"host"} | {name for name in headers if name.startswith("x-amz-")}
    if not date.startswith(match["day"]) or must - names or names - headers.keys():
        raise Refused("IncompleteSignature", "Host, X-Amz-Date and every other X-Amz header have to be signed")
    body_sha256 = _only(headers, "x-amz-content-sha256")
    unsigned = body_sha256 in UNSIGNED_BODIES and match["service"] == "s3"
    if body_sha256 and not unsigned and not _SHA256.fullmatch(body_sha256):
        raise Refused("NotImplemented", f"the local stack does not take bodies that are signed as {body_sha256[:60]}")
    token = _only(headers, "x-amz-security-token")
    return _Signed(match["key"], match["region"], match["service"], date, names, match["signature"], token, body_sha256)


def _only(headers: dict[str, list[str]], name: str) -> str:
    """The one value of this header, or nothing. Raises Refused for several."""
    values = headers.get(name, [""])
    if len(values) > 1:
        raise Refused("IncompleteSignature", f"the header {name} is there {len(values)} times")
    return values[0]


def _is_fresh(date: str, now: datetime) -> bool:
    try:
        at = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return False
    return abs(now - at) <= MAX_SKEW


async def _read(receive: Receive) -> bytes | None:
    """The whole body, or None where the client hangs up."""
    pieces = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(pieces)


def _again(body: bytes, receive: Receive) -> Receive:
    """Gives the body that was read once more, then whatever comes after it."""
    left: list[MutableMapping[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> MutableMapping[str, Any]:
        return left.pop() if left else await receive()

    return next_message


async def _answer(send: Send, scope: Scope, refused: Refused) -> None:
    """403 in the words of the service's protocol: boto3 finds the code in JSON's header, or in XML."""
    text = dict(scope["headers"]).get(b"content-type", b"")
    if b"json" in text:
        kind, body = b"application/json", json.dumps({"__type": refused.code, "message": str(refused)})
    else:
        kind = b"text/xml"
        body = f"<Error><Code>{refused.code}</Code><Message>{escape(str(refused))}</Message></Error>"
        if b"form" in text:
            body = f"<ErrorResponse>{body}</ErrorResponse>"
    data = body.encode()
    headers = [(b"content-type", kind), (b"content-length", str(len(data)).encode())]
    headers.append((b"x-amzn-errortype", refused.code.encode()))
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": data, "more_body": False})
