"""Where a body ends: compressed ones, and lengths that are none."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call_lake.audio.spool import spool
from call_lake.concurrency import BytesBudget
from call_lake.errors import Reason, Transient
from call_lake.providers.http.body import CHUNK_BYTES
from call_lake.providers.http.decompress import unpack
from tests.support.raw_server import RawServer, client, download, ok


def answered(pieces: list[bytes]) -> bytes:
    """The audio of an answer, from a server that hangs up then."""
    with RawServer(lambda request: [*pieces, b""]) as server:
        return download(client(server))


def without_length(body: bytes, *headers: str) -> list[bytes]:
    return ["\r\n".join(["HTTP/1.1 200 OK", *headers]).encode() + b"\r\n\r\n", body]


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


PLAIN = bytes(range(256)) * 400 + b"the end"
PACKERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "deflate as zlib's": ("deflate", zlib.compress),
    "deflate, raw": ("deflate", raw_deflate),
}
each_coding = pytest.mark.parametrize(("coding", "pack"), PACKERS.values(), ids=PACKERS)


# Unpacking


def unpacked(packed: bytes, coding: str, step: int = 7, piece_bytes: int = 1000) -> bytes:
    chunks = (packed[at : at + step] for at in range(0, len(packed), step))
    pieces = list(unpack(chunks, coding, piece_bytes))
    assert all(0 < len(piece) <= piece_bytes for piece in pieces)
    return b"".join(pieces)


@each_coding
@given(data=st.binary(max_size=300), times=st.integers(1, 40), step=st.integers(1, 400), piece=st.integers(1, 300))
def test_what_was_packed_comes_out_in_pieces_that_are_not_too_long(coding, pack, data, times, step, piece):
    assert unpacked(pack(data * times), coding, step, piece) == data * times


@each_coding
@given(data=st.binary(max_size=300), share=st.floats(0, 1, exclude_max=True), step=st.integers(1, 400))
def test_what_was_packed_is_whole_only_with_its_end(coding, pack, data, share, step):
    packed = pack(data)
    with pytest.raises(EOFError):
        unpacked(packed[: max(1, int(len(packed) * share))], coding, step)


@given(st.lists(st.tuples(st.binary(max_size=50), st.integers(0, 20)), min_size=1, max_size=4), st.integers(1, 60))
def test_a_gzip_may_have_several_members_and_zeros_behind_each(members, step):
    packed = b"".join(gzip.compress(data) + bytes(zeros) for data, zeros in members)
    assert unpacked(packed, "gzip", step) == b"".join(data for data, _ in members)


@pytest.mark.parametrize("kept", [1, 2, 12, 30, -1])
def test_a_gzip_whose_second_member_is_cut_is_not_whole(kept):
    with pytest.raises(EOFError):
        unpacked(gzip.compress(PLAIN) + gzip.compress(b"the second member of several")[:kept], "gzip")


@each_coding
@pytest.mark.parametrize("behind", [b"\r\n", b"<!-- generated -->" * 50, bytes(100) + b"x"])
def test_what_stands_behind_the_end_is_left_out(coding, pack, behind):
    assert unpacked(pack(PLAIN) + behind, coding) == PLAIN


@pytest.mark.parametrize(("coding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_damaged_body_is_an_error(coding, pack):
    packed = bytearray(pack(PLAIN))
    packed[-1] ^= 1
    with pytest.raises(zlib.error):
        unpacked(bytes(packed), coding)


@each_coding
def test_a_small_body_that_unpacks_to_a_huge_one_takes_no_memory_for_it(coding, pack):
    packed = pack(bytes(100_000_000))
    tracemalloc.start()
    try:
        size = sum(len(piece) for piece in unpack(iter([packed]), coding, CHUNK_BYTES))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size == 100_000_000
    assert most < 4 * CHUNK_BYTES


# Compressed answers


@each_coding
@pytest.mark.parametrize("chunked", [False, True])
def test_a_compressed_body_is_taken_whole(coding, pack, chunked):
    packed = pack(PLAIN)
    headers = [f"Content-Encoding: {coding}"]
    if chunked:
        packed = b"%x\r\n%b\r\n0\r\n\r\n" % (len(packed), packed)
        headers.append("Transfer-Encoding: chunked")
    assert answered(without_length(packed, *headers)) == PLAIN


@each_coding
@pytest.mark.parametrize("promised", [True, False])
def test_a_compressed_body_without_its_end_is_truncated_whatever_http_promised(coding, pack, promised):
    cut = pack(PLAIN)[:-3]
    headers = [f"Content-Encoding: {coding}"]
    with pytest.raises(Transient) as caught:
        answered(ok(cut, *headers) if promised else without_length(cut, *headers))
    assert caught.value.reason is Reason.TRUNCATED


def test_a_body_that_is_not_compressed_as_it_says_is_transient():
    with pytest.raises(Transient) as caught:
        answered(ok(b"RIFF0000", "Content-Encoding: gzip"))
    assert caught.value.reason is Reason.HTTP_ERROR


@pytest.mark.parametrize("named", ["gzip, gzip", "deflate, gzip", "gzip, br", ", ".join(["gzip"] * 2000)])
def test_a_body_that_is_compressed_more_than_once_is_refused_unread(named):
    with pytest.raises(Transient, match="compressed more than once") as caught:
        answered(ok(gzip.compress(gzip.compress(PLAIN)), f"Content-Encoding: {named}"))
    assert caught.value.reason is Reason.HTTP_ERROR


@pytest.mark.parametrize("coding", ["br", "zstd", "BR", "compress"])
def test_a_coding_that_nobody_asked_for_is_named(coding):
    with pytest.raises(Transient, match=f"compressed with {coding.lower()}"):
        answered(ok(b"packed", f"Content-Encoding: {coding}"))


def test_identity_beside_a_coding_changes_nothing():
    assert answered(ok(gzip.compress(PLAIN), "Content-Encoding: identity, gzip")) == PLAIN


def test_a_body_of_empty_parts_without_end_stops_at_the_deadline():
    members = gzip.compress(b"") * 2000

    def answer(request: bytes) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
        while not server.stop.is_set():
            yield members

    with (
        RawServer(answer) as server,
        client(server).open_audio("/file", 0.3) as body,
        pytest.raises(Transient) as caught,
    ):
        list(body)
    assert caught.value.reason is Reason.TIMEOUT


def test_a_compressed_body_of_no_bytes_is_empty():
    assert answered(ok(b"", "Content-Encoding: gzip")) == b""


# Content-Length (RFC 9112, 6.3)


def with_length(value: str, *headers: str) -> list[bytes]:
    return without_length(b"0123456789", *headers, f"Content-Length:{value}")


@pytest.mark.parametrize(
    "value", ["", " ", " abc", " -5", " +10", " 1_0", " 0x0a", " 10.0", " 10,", " 10;", " 1" + "0" * 5000]
)
def test_a_length_that_is_none_is_an_error_and_not_a_body_up_to_the_end_of_the_connection(value):
    with pytest.raises(Transient) as caught:
        answered(with_length(value))
    assert caught.value.reason is Reason.HTTP_ERROR
    assert not value.strip() or value.strip() not in caught.value.detail


@pytest.mark.parametrize("value", ["10", " 10 ", " 010", " 10, 10"])
def test_a_length_that_is_one_is_believed(value):
    assert answered(with_length(value)) == b"0123456789"


@pytest.mark.parametrize("value", ["", " abc", " -5", " 3", " 99"])
def test_of_a_chunked_body_the_length_does_not_count(value):
    body = b"a\r\n0123456789\r\n0\r\n\r\n"
    head = f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length:{value}\r\n\r\n".encode()
    assert answered([head, body]) == b"0123456789"


def test_a_listing_whose_length_is_none_is_an_error():
    pieces: list[Any] = [*without_length(b"[1]", "Content-Length: many"), b""]
    with RawServer(lambda request: pieces) as server, pytest.raises(Transient) as caught:
        client(server).get_json(f"{server.url}/list")
    assert caught.value.reason is Reason.HTTP_ERROR


@pytest.mark.parametrize(("status", "reason"), [(503, Reason.HTTP_ERROR), (429, Reason.RATE_LIMITED)])
def test_a_refusal_whose_length_is_none_stays_that_refusal(status, reason):
    head = f"HTTP/1.1 {status} x\r\nRetry-After: 7\r\nContent-Length: many\r\n\r\n".encode()
    with pytest.raises(Transient) as caught:
        answered([head])
    assert (caught.value.reason, caught.value.retry_after_s) == (reason, 7)


# What the client of Python's library does not know of RFC 9112


@pytest.mark.parametrize(
    "header",
    [
        "Content-Length: 8, 8",
        "Content-Length: 8 ,8,8",
        "Content-Length: 8\r\nContent-Length: 8, 8",
        "Transfer-Encoding: chunked ",
        "Transfer-Encoding: chunked\t",
        "Transfer-Encoding: identity, Chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        "Content-Length: 3\r\nTransfer-Encoding: chunked ",
        "Transfer-Encoding: identity\r\nContent-Length: 8, 8",
    ],
)
def test_a_body_ends_where_its_headers_say_it_and_its_connection_is_used_again(header):
    body = b"8\r\nRIFFbody\r\n0\r\n\r\n" if "hunked" in header else b"RIFFbody"
    with RawServer(lambda request: without_length(body, header)) as server:
        asking = client(server)
        assert [download(asking), download(asking)] == [b"RIFFbody"] * 2
    assert len(server.connections) == 1


@pytest.mark.parametrize("coding", ["gzip, chunked", "gzip", "xchunked", "chunked, gzip", "chunked;q=1"])
def test_a_transfer_coding_that_nobody_asked_for_is_refused(coding):
    with pytest.raises(Transient) as caught:
        answered(without_length(b"8\r\nRIFFbody\r\n0\r\n\r\n", f"Transfer-Encoding: {coding}"))
    assert caught.value.reason is Reason.CONNECTION


@pytest.mark.parametrize("framing", ["Content-Length: 8", "Transfer-Encoding: chunked", "X: the connection's end"])
@pytest.mark.parametrize(("promised", "is_whole"), [(8, True), (100, False), (7, False)])
def test_the_range_of_a_206_promises_the_length_of_its_body(framing, promised, is_whole):
    """``spool`` holds the body to it, so a part that calls itself the whole is never stored."""
    body = b"8\r\nRIFFbody\r\n0\r\n\r\n" if "chunked" in framing else b"RIFFbody"
    head = f"HTTP/1.1 206 x\r\nContent-Range: bytes 0-{promised - 1}/{promised}\r\n{framing}\r\n\r\n".encode()
    with RawServer(lambda request: [head, body, b""]) as server, client(server).open_audio("/f", 20) as stream:
        assert stream.declared_length == promised
        if is_whole:
            with spool(stream, BytesBudget(10**6), 10**6) as whole:
                assert whole.kept_length
            return
        with pytest.raises(Transient) as caught, spool(stream, BytesBudget(10**6), 10**6):
            pass
    assert caught.value.reason is Reason.TRUNCATED
