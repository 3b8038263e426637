"""S3's texts: listings, errors, ranges, chunked bodies."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape, unescape

from bench.copy.wire import Exchange, HungUp

__all__ = ["asked_range", "deleted", "error", "escape", "keys_to_delete", "listing", "received", "unquoted", "wrapped"]

SPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def wrapped(name: str, inner: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{name} {SPACE}>{inner}</{name}>'.encode()


def error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()


def unquoted(copy_source: str) -> str:
    return unquote(copy_source).lstrip("/")


def asked_range(header: str | None, size: int) -> tuple[int, int]:
    """First byte and the one behind the last."""
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", header or "bytes=0-")
    assert found is not None, header
    first, last = found.groups()
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1) if last else size


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


def deleted(keys: Sequence[str]) -> bytes:
    return wrapped("DeleteResult", "".join(f"<Deleted><Key>{escape(key)}</Key></Deleted>" for key in keys))


def listing(bucket: str, query: Mapping[str, str], found: Sequence[tuple[str, Any]], page: int) -> bytes:
    """One page of ListObjectsV2, or of the first version where the client asks for that."""
    after = query.get("continuation-token") or query.get("start-after") or query.get("marker") or ""
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    most = min(int(query.get("max-keys", page)), page)
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
        last = key
        if folder:
            folders.add(folder)
            inner.append(f"<CommonPrefixes><Prefix>{name(folder)}</Prefix></CommonPrefixes>")
            last = folder
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
