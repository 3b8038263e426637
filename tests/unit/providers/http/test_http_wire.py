import gzip
import time
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from call_lake.errors import Reason, Transient
from call_lake.providers.http.hosts import Target
from call_lake.providers.http.transport import Adapter, Request
from tests.support.raw_server import RawServer, client, download, ok


@pytest.mark.parametrize("path", ["/a/../b/./c", "/a%2E%2E/b", "/x?filename=..%2F..%2Fz&q=%7E'", "/%C5%BC//b;c=1"])
def test_a_path_is_sent_as_it_is(path):
    with RawServer(lambda request: ok(b"x")) as server:
        assert download(client(server), server.url + path) == b"x"
    assert server.requests[0].startswith(f"GET {path} HTTP/1.1\r\n".encode())


def test_the_connection_goes_to_the_address_that_was_checked():
    with RawServer(lambda request: ok(b"pinned")) as server:
        target = Target.parse(f"http://cdn.test:{server.port}/x")
        response = Adapter().send(Request(target, {}, lambda: "127.0.0.1"), timeout=(5, 5))
        assert response.content == b"pinned"
        response.close()
    assert b"Host: cdn.test:%d\r\n" % server.port in server.requests[0]


def test_a_connection_is_used_again_redirects_too():
    def answer(request: bytes) -> list[bytes]:
        if b"/file " in request:
            return [b"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 4\r\n\r\nmove"]
        return ok(b"x" * 100_000)

    with RawServer(answer) as server:
        asked = client(server)
        for _ in range(3):
            assert len(download(asked)) == 100_000
    assert (len(server.requests), len(server.connections)) == (6, 1)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        [*ok(b"x" * 50, length=100), b""],
        [*ok(b"", length=100), b""],
        [CHUNKED, b"5\r\nhello\r\n", b"5\r\nhe", b""],
        [CHUNKED, b"5\r\nhello\r\n", b""],
        [*ok(gzip.compress(b"x" * 5000)[:30], "Content-Encoding: gzip", length=100), b""],
    ],
)
def test_a_body_that_ends_before_its_promised_length_is_truncated(pieces):
    with RawServer(lambda request: pieces) as server, pytest.raises(Transient) as caught:
        download(client(server))
    assert caught.value.reason is Reason.TRUNCATED


@pytest.mark.parametrize("coding", ["gzip", "X-Gzip", "deflate", "identity", "utf-8", "aws-chunked", "none", ""])
def test_a_compressed_body_is_unpacked_and_promises_no_length(coding):
    plain = bytes(range(256)) * 4000
    packers: dict[str, Any] = {"gzip": gzip.compress, "X-Gzip": gzip.compress, "deflate": zlib.compress}
    packed = packers.get(coding, bytes)(plain)
    headers = [f"Content-Encoding: {coding}"] if coding else []
    with RawServer(lambda request: ok(packed, *headers)) as server, client(server).open_audio("/f", 20) as body:
        assert b"".join(body) == plain
        assert body.declared_length == (None if packed != plain else len(plain))


@pytest.mark.parametrize("head", [ok(b"", length=1_000_000)[0], b"HTTP/1.1 200 OK\r\n\r\n"])
@pytest.mark.parametrize("drips", [True, False])
def test_a_body_that_does_not_end_ends_at_its_deadline_and_is_never_taken_for_whole(head, drips):
    def answer(request: bytes) -> Iterator[bytes]:
        yield head + b"x"
        while not server.stop.wait(0.02):
            if drips:
                yield b"x"

    with RawServer(answer) as server, pytest.raises(Transient) as caught:
        download(client(server), deadline_s=0.5)
    assert caught.value.reason is Reason.TIMEOUT


def test_the_body_of_a_refusal_does_not_hold_up_a_download_past_its_deadline():
    def answer(request: bytes) -> Iterator[bytes]:
        yield b"HTTP/1.1 503 x\r\nContent-Length: 60000\r\n\r\n"
        while not server.stop.wait(0.02):
            yield b"x"

    began_s = time.monotonic()
    with RawServer(answer) as server, pytest.raises(Transient) as caught:
        download(client(server), deadline_s=0.5)
    assert caught.value.reason is Reason.HTTP_ERROR
    assert time.monotonic() - began_s < 5, "of the 30 s that one answer may be silent"


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nX: "])
def test_headers_that_drip_end_in_time(start):
    def answer(request: bytes) -> Iterator[bytes]:
        yield start or b"H"
        while not server.stop.wait(0.02):
            yield b"T"

    with RawServer(answer) as server, pytest.raises(Transient):
        client(server, timeout_s=0.3).get_json(f"{server.url}/list")


def test_silence_is_a_time_out():
    def answer(request: bytes) -> Iterator[bytes]:
        server.stop.wait()
        yield b""

    with RawServer(answer) as server, pytest.raises(Transient) as caught:
        client(server, timeout_s=0.2).get_json(f"{server.url}/list")
    assert caught.value.reason is Reason.TIMEOUT


def test_a_port_where_nobody_listens_is_a_connection_error():
    with RawServer(lambda request: []) as server:
        asked = client(server)
    with pytest.raises(Transient) as caught:
        download(asked, server.url + "/48500000001")
    assert caught.value.reason is Reason.CONNECTION
    assert "48500000001" not in caught.value.detail


def test_netrc_and_cookies_play_no_part(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    def answer(request: bytes) -> list[bytes]:
        return ok(b"x", "Set-Cookie: a=b; Path=/")

    with RawServer(answer) as home, RawServer(answer) as other:
        asked = client(home, allowed_hosts=(f"127.0.0.1:{other.port}",))
        for _ in range(2):
            download(asked)
            download(asked, f"{other.url}/x")
    assert not [request for request in other.requests if b"Authorization" in request or b"Cookie" in request]
    assert [b"Authorization: the-key" in request for request in home.requests] == [True, True]
    assert not [request for request in home.requests if b"Cookie" in request]
