"""The gate before the emulator: what reaches ministack, and what does not."""

import asyncio
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

import boto3
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.utils import percent_encode
from hypothesis import given
from hypothesis import strategies as st

from call_lake_local.ministack.gate import Gate

ADDRESS = "127.0.0.1:4566"
ROOT = ("CALLLAKE0123456789AB", "secret of the root")
OF_A_FUNCTION = ("ASIA0123456789ABCDEF", "secret of a function")
TOKEN = "token of a function"
SECRETS = {(ROOT[0], ""): ROOT[1], (OF_A_FUNCTION[0], TOKEN): OF_A_FUNCTION[1]}
GET_ITEM = b'{"TableName": "ledger", "Key": {"pk": {"S": "a"}}}'

type Scope = dict[str, Any]


class Emulator:
    """Behind the gate; remembers what came through."""

    def __init__(self) -> None:
        self.got: list[tuple[Scope, bytes]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        if scope["type"] == "http":
            message = await receive()
            assert not message["more_body"]
            body = message["body"]
        self.got.append((scope, body))


class Sent:
    """One request on its way through a gate; ``date`` is the gate's clock."""

    def __init__(self, scope: Scope, body: bytes = b"", *, at: datetime | None = None, pieces: int = 1) -> None:
        self.emulator, self.was_read = Emulator(), 0
        self.answer: list[dict[str, Any]] = []
        size = max(1, -(-len(body) // pieces))
        self._pieces = [body[n : n + size] for n in range(0, len(body), size)] or [b""]
        gate = Gate(self.emulator, ADDRESS, ROOT[0], lambda key, token: SECRETS.get((key, token)), lambda: at or now())
        asyncio.run(gate(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        self.was_read += 1
        piece = self._pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(self._pieces)}

    async def _send(self, message: Any) -> None:
        self.answer.append(message)

    @property
    def passed(self) -> bool:
        assert bool(self.emulator.got) != bool(self.answer)
        return bool(self.emulator.got)

    @property
    def code(self) -> str:
        assert not self.emulator.got, "it reached the emulator"
        assert self.answer[0]["status"] == 403
        return dict(self.answer[0]["headers"])[b"x-amzn-errortype"].decode()


def now() -> datetime:
    return datetime.now(UTC)


def signed(
    service: str = "dynamodb",
    method: str = "POST",
    path: str = "/",
    body: bytes = GET_ITEM,
    *,
    key: tuple[str, str] = ROOT,
    token: str | None = None,
    headers: dict[str, str] | None = None,
) -> Scope:
    """A request as botocore signs it."""
    request = AWSRequest(method, f"http://{ADDRESS}{path}", headers=headers or {}, data=body)
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(Credentials(*key, token), service, "eu-central-1").add_auth(request)
    return scope_of(method, path, dict(request.headers.items()))


def scope_of(method: str, target: str, headers: dict[str, str]) -> Scope:
    path, _, query = target.partition("?")
    given = {"host": ADDRESS, "content-type": "application/x-amz-json-1.0", "user-agent": "test"}
    given |= {name.lower(): value for name, value in headers.items()}
    return {
        "type": "http",
        "method": method,
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }


def with_header(scope: Scope, name: str, value: str) -> Scope:
    """The same request with this header instead of the one it has."""
    others = [header for header in scope["headers"] if header[0] != name.encode()]
    return scope | {"headers": [*others, (name.encode(), value.encode())]}


def with_one_more(scope: Scope, name: str, value: str) -> Scope:
    return scope | {"headers": [*scope["headers"], (name.encode(), value.encode())]}


def header(scope: Scope, name: str) -> str:
    return dict(scope["headers"])[name.encode()].decode()


def test_a_request_signed_with_the_roots_key_reaches_the_emulator_as_it_was() -> None:
    scope = signed()
    sent = Sent(scope, GET_ITEM, pieces=3)
    assert sent.emulator.got == [(scope, GET_ITEM)]


def test_a_functions_temporary_key_passes_with_its_token_alone() -> None:
    assert Sent(signed(key=OF_A_FUNCTION, token=TOKEN), GET_ITEM).passed
    assert Sent(signed(key=OF_A_FUNCTION), GET_ITEM).code == "InvalidClientTokenId"
    assert Sent(signed(key=OF_A_FUNCTION, token="of another"), GET_ITEM).code == "InvalidClientTokenId"
    assert Sent(signed(key=ROOT, token=TOKEN), GET_ITEM).code == "InvalidClientTokenId"


@pytest.mark.parametrize("key", ["test", "000000000000", "123456789012", "AKIA0123456789ABCDEF"])
def test_a_key_that_the_stack_did_not_make_is_refused_before_the_body_is_read(key: str) -> None:
    sent = Sent(signed(key=(key, "test")), GET_ITEM)
    assert sent.code == "InvalidClientTokenId"
    assert sent.was_read == 0


@pytest.mark.parametrize("guess", ["test", "secret of the rooT", OF_A_FUNCTION[1]])
def test_the_right_key_with_another_secret_is_refused(guess: str) -> None:
    assert Sent(signed(key=(ROOT[0], guess)), GET_ITEM).code == "SignatureDoesNotMatch"
    assert Sent(signed("s3", "GET", "/lake/a", b"", key=(ROOT[0], guess))).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer abc",
        "Basic dGVzdDp0ZXN0",
        f"AWS {ROOT[0]}:c2lnbmF0dXJl",
        f"AWS4-HMAC-SHA256 Credential={ROOT[0]}/20261130/eu-central-1/s3/aws4_request",
        f"AWS4-ECDSA-P256-SHA256 Credential={ROOT[0]}/20261130/s3/aws4_request, SignedHeaders=host, Signature=00",
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("PUT", "/lake/a"), ("OPTIONS", "/lake/a"), ("POST", "/")])
def test_what_is_not_signed_is_refused(authorization: str | None, method: str, path: str) -> None:
    sent = Sent(scope_of(method, path, {} if authorization is None else {"Authorization": authorization}))
    assert sent.code == "MissingAuthenticationToken"
    assert sent.was_read == 0
    assert not {b"access-control-allow-origin"} & dict(sent.answer[0]["headers"]).keys()


INTERNAL = ["/_ministack/config", "/_ministack/lambda-code/a/b", "/_localstack/health", "/_aws/sqs/messages", "/_alb/x"]


@pytest.mark.parametrize("path", ["/_ministack/health", "/_ministack/reset", *INTERNAL])
def test_the_emulators_internal_paths_are_closed(path: str) -> None:
    is_open = path in ("/_ministack/health", "/_ministack/reset")
    for spelt in (path, path.replace("_", "%5F"), path.replace("m", "%6d")):
        assert Sent(scope_of("POST", spelt, {})).code == "MissingAuthenticationToken"
        assert Sent(signed(path=spelt, key=OF_A_FUNCTION, token=TOKEN), GET_ITEM).code == "AccessDenied"
        of_root = Sent(signed(path=spelt), GET_ITEM)
        assert of_root.passed if is_open else of_root.code == "AccessDenied"


HOSTS = ["localhost:4566", "127.0.0.1", "127.0.0.1:4567", "evil.example:4566", "127.0.0.1:4566.evil.example", ""]


@pytest.mark.parametrize("host", [*HOSTS, "lake.127.0.0.1:4566", "[::1]:4566", " 127.0.0.1:4566", "127.0.0.2:4566"])
def test_another_host_is_refused_however_it_is_signed(host: str) -> None:
    assert Sent(with_header(signed(), "host", host), GET_ITEM).code == "AccessDenied"
    assert Sent(signed(headers={"Host": host}), GET_ITEM).code == "AccessDenied"


def test_no_host_and_two_hosts_are_refused() -> None:
    scope = signed()
    none = [one for one in scope["headers"] if one[0] != b"host"]
    assert Sent(scope | {"headers": none}, GET_ITEM).code == "AccessDenied"
    for other in (ADDRESS, "evil.example"):
        assert Sent(with_one_more(scope, "host", other), GET_ITEM).code == "AccessDenied"


@pytest.mark.parametrize("origin", ["http://evil.example", "null", f"http://{ADDRESS}", ""])
def test_what_a_page_sends_is_refused_even_if_it_is_signed(origin: str) -> None:
    assert Sent(with_one_more(signed(), "origin", origin), GET_ITEM).code == "AccessDenied"
    assert Sent(signed(headers={"Origin": origin}), GET_ITEM).code == "AccessDenied"


@pytest.mark.parametrize("site", ["cross-site", "same-site", "same-origin", "none"])
def test_what_a_browser_sends_is_refused(site: str) -> None:
    assert Sent(with_one_more(signed(), "sec-fetch-site", site), GET_ITEM).code == "AccessDenied"


@pytest.mark.parametrize(("minutes", "passes"), [(4.9, True), (5.1, False), (-4.9, True), (-5.1, False), (1e6, False)])
def test_an_old_signature_is_refused_and_so_is_one_of_the_future(minutes: float, passes: bool) -> None:
    sent = Sent(signed(), GET_ITEM, at=now() + timedelta(minutes=minutes))
    assert sent.passed if passes else sent.code == "RequestTimeTooSkewed"


@pytest.mark.parametrize("date", ["20269930T000000Z", "20261130T0000Z", "2026-11-30T00:00:00Z", "99991231T235959Z", ""])
def test_a_date_that_is_none_is_refused(date: str) -> None:
    assert Sent(with_header(signed(), "x-amz-date", date), GET_ITEM).code in (
        "RequestTimeTooSkewed",
        "IncompleteSignature",
    )


def test_the_day_of_the_key_is_that_of_the_date() -> None:
    scope = signed()
    today = header(scope, "x-amz-date")[:8]
    other = header(scope, "authorization").replace(f"/{today}/", "/20200101/")
    assert Sent(with_header(scope, "authorization", other), GET_ITEM).code == "IncompleteSignature"


def test_a_header_of_aws_that_is_not_signed_is_refused() -> None:
    target = with_one_more(signed(), "x-amz-target", "DynamoDB_20120810.DeleteTable")
    assert Sent(target, GET_ITEM).code == "IncompleteSignature"
    source = with_one_more(signed("s3", "PUT", "/lake/a", b""), "x-amz-copy-source", "/other/b")
    assert Sent(source).code == "IncompleteSignature"


def test_a_host_that_is_not_signed_and_a_signed_header_that_is_missing_are_refused() -> None:
    for names in ("x-amz-date", "host;x-amz-date;x-not-there"):
        scope = signed()
        listed = header(scope, "authorization").replace("SignedHeaders=host;x-amz-date", f"SignedHeaders={names}")
        assert Sent(with_header(scope, "authorization", listed), GET_ITEM).code == "IncompleteSignature"


@pytest.mark.parametrize("name", ["authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"])
def test_a_header_that_counts_is_there_once(name: str) -> None:
    scope = signed("s3", "PUT", "/lake/a", b"RIFF", key=OF_A_FUNCTION, token=TOKEN)
    assert Sent(scope, b"RIFF").passed
    assert Sent(with_one_more(scope, name, header(scope, name)), b"RIFF").code == "IncompleteSignature"


@pytest.mark.parametrize(("service", "method", "path"), [("dynamodb", "POST", "/"), ("s3", "PUT", "/lake/a")])
@pytest.mark.parametrize("body", [b"", GET_ITEM + b" ", GET_ITEM[:-1], GET_ITEM.replace(b"a", b"b")])
def test_another_body_than_the_signed_one_is_refused(service: str, method: str, path: str, body: bytes) -> None:
    code = {"s3": "XAmzContentSHA256Mismatch", "dynamodb": "SignatureDoesNotMatch"}[service]
    scope = signed(service, method, path)
    assert Sent(scope, GET_ITEM).passed
    assert Sent(scope, body).code == code


def signed_with(payload: str, service: str = "s3") -> Scope:
    """Signed with this text in place of the body's hash."""
    request = AWSRequest("PUT", f"http://{ADDRESS}/lake/a", headers={"X-Amz-Content-SHA256": payload})
    SigV4Auth(Credentials(*ROOT), service, "eu-central-1").add_auth(request)
    return scope_of("PUT", "/lake/a", dict(request.headers.items()))


@pytest.mark.parametrize("payload", ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"])
def test_s3_takes_a_body_that_is_not_signed_and_no_other_service_does(payload: str) -> None:
    assert Sent(signed_with(payload), b"any body").passed
    assert Sent(signed_with(payload, "dynamodb"), b"any body").code == "NotImplemented"


@pytest.mark.parametrize("payload", ["STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "unsigned-payload", "0" * 63, "A" * 64])
def test_a_body_that_is_signed_in_a_way_that_is_not_checked_is_refused(payload: str) -> None:
    assert Sent(signed_with(payload), b"any body").code == "NotImplemented"


def presigned() -> str:
    s3 = boto3.client("s3", "eu-central-1", endpoint_url=f"http://{ADDRESS}", **keys(ROOT))
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "lake", "Key": "a"})
    return url.removeprefix(f"http://{ADDRESS}")


def keys(pair: tuple[str, str], token: str | None = None) -> dict[str, Any]:
    return {"aws_access_key_id": pair[0], "aws_secret_access_key": pair[1], "aws_session_token": token}


@pytest.mark.parametrize("key", [ROOT[0], "test", "000000000000"])
def test_no_key_in_the_query_counts_with_or_without_a_signed_header(key: str) -> None:
    assert Sent(scope_of("GET", presigned().replace(ROOT[0], key), {})).code == "AccessDenied"
    for query in (f"X-Amz-Credential={key}/x", f"x-amz-credential={key}", f"AWSAccessKeyId={key}&Signature=a"):
        for spelt in (query, query.replace("A", "%41", 1).replace("a", "%61", 1)):
            scope = signed("s3", "GET", f"/lake/a?{spelt}", b"", key=OF_A_FUNCTION, token=TOKEN)
            assert Sent(scope).code == "AccessDenied"


def test_a_web_socket_is_closed() -> None:
    sent = Sent(signed() | {"type": "websocket"})
    assert not sent.emulator.got
    assert sent.answer == [{"type": "websocket.close", "code": 1008}]


def test_the_servers_own_start_and_end_pass() -> None:
    assert Sent({"type": "lifespan"}).passed


def test_a_client_that_hangs_up_is_not_answered() -> None:
    emulator = Emulator()
    gate = Gate(emulator, ADDRESS, ROOT[0], lambda key, token: SECRETS.get((key, token)))

    async def hang_up() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def never(message: Any) -> None:
        raise AssertionError(message)

    asyncio.run(gate(signed(), hang_up, never))
    assert not emulator.got


NAMES = st.text("abcXYZ0189-_.~ /+%&=ąü€:@!", min_size=1, max_size=30)


@given(NAMES, st.binary(max_size=200), st.dictionaries(st.sampled_from(["x-amz-meta-a", "x-amz-b"]), NAMES))
def test_whatever_botocore_signs_passes(name: str, body: bytes, headers: dict[str, str]) -> None:
    path = "/lake/" + boto3_quote(name)
    plain = {key: value.encode("ascii", "replace").decode() for key, value in headers.items()}
    for service in ("s3", "lambda"):
        assert Sent(signed(service, "PUT", f"{path}?prefix={boto3_quote(name)}", body, headers=plain), body).passed


def boto3_quote(text: str) -> str:
    return percent_encode(text, safe="-._~/")


PARTS: dict[str, Callable[[Scope], Scope]] = {
    "method": lambda scope: scope | {"method": "DELETE"},
    "path": lambda scope: scope | {"raw_path": b"/lake/b", "path": "/lake/b"},
    "case of the path": lambda scope: scope | {"raw_path": b"/lake/A", "path": "/lake/A"},
    "query": lambda scope: scope | {"query_string": b"versionId=2"},
    "no query": lambda scope: scope | {"query_string": b""},
    "one more parameter": lambda scope: scope | {"query_string": scope["query_string"] + b"&acl"},
    "target": lambda scope: with_header(scope, "x-amz-target", "Other.Thing"),
    "one more value": lambda scope: with_one_more(scope, "x-amz-target", "Other.Thing"),
    "date": lambda scope: with_header(scope, "x-amz-date", header(scope, "x-amz-date")[:-2] + "xZ"),
    "signature": lambda scope: with_header(scope, "authorization", header(scope, "authorization")[:-64] + "0" * 64),
    "region": lambda scope: with_header(
        scope, "authorization", header(scope, "authorization").replace("eu-central-1", "us-east-1")
    ),
    "service": lambda scope: with_header(
        scope,
        "authorization",
        header(scope, "authorization").replace("/s3/", "/sqs/").replace("/dynamodb/", "/sqs/"),
    ),
    "key": lambda scope: with_header(
        scope, "authorization", header(scope, "authorization").replace(ROOT[0], OF_A_FUNCTION[0])
    ),
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("service", ["s3", "dynamodb"])
def test_no_part_of_a_signed_request_can_be_changed(service: str, part: str) -> None:
    scope = signed(service, "PUT", "/lake/a?versionId=1", headers={"X-Amz-Target": "Some.Thing"})
    assert Sent(scope, GET_ITEM).passed
    assert Sent(PARTS[part](scope), GET_ITEM).code in (
        "SignatureDoesNotMatch",
        "RequestTimeTooSkewed",
        "InvalidClientTokenId",
    )


class Kept(Exception):
    """The request is kept."""


class Recorder:
    """Keeps the first request that boto3 would send, and sends nothing."""

    def __init__(self) -> None:
        self.sent: list[tuple[Scope, bytes]] = []

    def client(self, service: str) -> Any:
        config = Config(retries={"total_max_attempts": 1})
        made = boto3.client(  # type: ignore[call-overload]
            service, "eu-central-1", endpoint_url=f"http://{ADDRESS}", config=config, **keys(OF_A_FUNCTION, TOKEN)
        )
        made.meta.events.register("before-send", self._keep)
        return made

    def _keep(self, request: Any, **_: Any) -> None:
        parts = urlsplit(request.url)
        body = request.body or b""
        body = body.read() if hasattr(body, "read") else body
        body = body.encode() if isinstance(body, str) else body
        headers = {
            name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()
        }
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        self.sent.append((scope_of(request.method, target, headers), body))
        raise Kept


OPERATIONS: dict[str, Callable[[Recorder], Any]] = {
    "s3 put": lambda r: r.client("s3").put_object(Bucket="lake", Key="a b+c/ü/%2F//~(1)", Body=b"RIFF" * 99),
    "s3 stream": lambda r: r.client("s3").upload_fileobj(io.BytesIO(b"RIFF" * 99), "lake", "./a/../b"),
    "s3 list": lambda r: r.client("s3").list_objects_v2(Bucket="lake", Prefix="a b/&=+ü", Delimiter="/"),
    "s3 versions": lambda r: r.client("s3").list_object_versions(Bucket="lake"),
    "s3 copy": lambda r: r.client("s3").copy_object(Bucket="lake", Key="a", CopySource="lake/ü b", Metadata={"A": "b"}),
    "s3 delete": lambda r: r.client("s3").delete_objects(Bucket="lake", Delete={"Objects": [{"Key": "ü"}]}),
    "sts": lambda r: r.client("sts").get_caller_identity(),
    "lambda": lambda r: r.client("lambda").invoke(
        FunctionName="arn:aws:lambda:eu-central-1:123456789012:function:a", Payload="1"
    ),
    "lambda get": lambda r: r.client("lambda").get_function(
        FunctionName="arn:aws:lambda:eu-central-1:123456789012:function:a"
    ),
    "scheduler": lambda r: r.client("scheduler").get_schedule(Name="a"),
    "sqs": lambda r: r.client("sqs").send_message(QueueUrl=f"http://{ADDRESS}/0/queue", MessageBody="ü"),
    "ssm": lambda r: r.client("ssm").get_parameters_by_path(Path="/a"),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_boto3_sends_passes(operation: str) -> None:
    recorder = Recorder()
    with pytest.raises(Kept):
        OPERATIONS[operation](recorder)
    [(scope, body)] = recorder.sent
    assert Sent(scope, body).passed


def test_a_refusal_is_in_the_words_of_the_requests_protocol() -> None:
    for kind, begins in (
        ("application/x-amz-json-1.0", b'{"__type": "MissingAuthenticationToken"'),
        ("application/x-www-form-urlencoded", b"<ErrorResponse><Error><Code>MissingAuthenticationToken"),
        ("application/octet-stream", b"<Error><Code>MissingAuthenticationToken"),
    ):
        sent = Sent(with_header(scope_of("POST", "/", {}), "content-type", kind))
        assert sent.answer[1]["body"].startswith(begins)
