"""What S3's requests and answers look like: bodies and their checksums, ranges, errors, listings."""

import base64
import hashlib
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape, unescape

from bench.harness.http_server import Exchange, HungUp

XMLNS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
PAGE = 1000  # keys of a listing, as S3's


class Refused(Exception):
    """The request is answered with this status and S3's error code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


def wrapped(name: str, inner: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{name} {XMLNS}>{inner}</{name}>'.encode()


def fields(**values: str) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())


def asked_range(header: str | None, size: int) -> tuple[int, int]:
    """First byte and the one behind the last."""
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", header or "bytes=0-")
    assert found is not None, header
    first, last = found.groups()
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1) if last else size


def checked(exchange: Exchange) -> tuple[int, str]:
    """Size and SHA-256 (hex) of the body, hashed while it arrives and not kept. Raises Refused where it is not what the
    request's Content-Length, checksums and signed hash say."""
    headers = exchange.headers
    if "content-length" not in headers:
        raise Refused(411, "MissingContentLength")
    signed = headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    if signed.startswith("STREAMING"):
        raise Refused(501, "NotImplemented")
    size, crc32, sha256, md5 = 0, 0, hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    for piece in exchange.body():
        size += len(memoryview(piece))
        sha256.update(piece)
        if "x-amz-checksum-crc32" in headers:
            crc32 = zlib.crc32(piece, crc32)
        if "content-md5" in headers:
            md5.update(piece)
    digests = {
        "x-amz-checksum-sha256": sha256.digest(),
        "x-amz-checksum-crc32": crc32.to_bytes(4, "big"),
        "content-md5": md5.digest(),
    }
    if signed not in ("UNSIGNED-PAYLOAD", sha256.hexdigest()):
        raise Refused(400, "XAmzContentSHA256Mismatch")
    if any(name in headers and base64.b64decode(headers[name]) != digest for name, digest in digests.items()):
        raise Refused(400, "BadDigest")
    return size, sha256.hexdigest()


def received(exchange: Exchange) -> bytes:
    """The body, without the frames of a chunked transfer, nor those of an ``aws-chunked`` body within."""
    if exchange.headers.get("transfer-encoding", "") == "chunked":
        body = _transferred(exchange)
    else:
        body = b"".join(bytes(piece) for piece in exchange.body())
    framed = "STREAMING" in exchange.headers.get("x-amz-content-sha256", "")
    return b"".join(_frames(body)) if framed else body


def _transferred(exchange: Exchange) -> bytes:
    if exchange.headers.get("expect", "").lower() == "100-continue":
        exchange.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    found = bytearray(exchange.rest)
    exchange.rest = b""  # these clients wait for the answer before they send more
    while not found.endswith(b"\r\n0\r\n\r\n") and found != b"0\r\n\r\n":
        piece = exchange.connection.recv(1024 * 1024)
        if not piece:
            raise HungUp
        found += piece
    return b"".join(_frames(bytes(found)))


def _frames(body: bytes) -> Iterator[bytes]:
    """What is between ``<size in hex>[;extension]`` lines, until a size of zero."""
    at = 0
    while True:
        end = body.index(b"\r\n", at)
        size = int(body[at:end].partition(b";")[0], 16)
        if not size:
            return
        yield body[end + 2 : end + 2 + size]
        at = end + 2 + size + 2


def keys_to_delete(body: bytes) -> list[str]:
    return [unescape(key) for key in re.findall(r"<Key>(.*?)</Key>", body.decode(), re.DOTALL)]


def listing(bucket: str, query: Mapping[str, str], found: Sequence[tuple[str, Any]]) -> bytes:
    """One page of ListObjectsV2, or of the first version if the client asks for that. ``found``: keys, ascending, with
    their objects."""
    after = query.get("continuation-token") or query.get("start-after") or query.get("marker") or ""
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    most = min(int(query.get("max-keys", PAGE)), PAGE)
    name = (lambda key: quote(key, safe="/")) if query.get("encoding-type") == "url" else escape
    inner: list[str] = []
    last, folders, is_truncated = "", set(), False
    for key, stored in found:
        rest = key[len(prefix) :]
        folder = prefix + rest.partition(delimiter)[0] + delimiter if delimiter and delimiter in rest else None
        if key <= after or (folder and (folder in folders or after.startswith(folder))):
            continue
        if len(inner) == most:
            is_truncated = True
            break
        last = folder or key
        if folder:
            folders.add(folder)
            inner.append(f"<CommonPrefixes><Prefix>{name(folder)}</Prefix></CommonPrefixes>")
        else:
            inner.append(
                f"<Contents><Key>{name(key)}</Key><Size>{stored.size_bytes}</Size><ETag>{escape(stored.etag)}</ETag>"
                f"<LastModified>{stored.modified:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
                "<StorageClass>STANDARD</StorageClass></Contents>"
            )
    head = f"<Name>{bucket}</Name><Prefix>{name(prefix)}</Prefix><KeyCount>{len(inner)}</KeyCount>"
    head += f"<MaxKeys>{most}</MaxKeys><IsTruncated>{str(is_truncated).lower()}</IsTruncated>"
    if query.get("encoding-type") == "url":
        head += "<EncodingType>url</EncodingType>"
    if is_truncated:
        head += f"<NextContinuationToken>{escape(last)}</NextContinuationToken><NextMarker>{name(last)}</NextMarker>"
    return wrapped("ListBucketResult", head + "".join(inner))
