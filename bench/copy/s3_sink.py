"""The S3 of the bench, the same for all: it hashes every byte that comes and keeps the hashes in place of the bytes.

Checked as S3 checks: Content-Length, x-amz-checksum-sha256 and -crc32, Content-MD5, the payload's hash where it is
signed, If-None-Match. Not checked: the signature itself. PutObject, multipart uploads, HEAD, DELETE, both listings.
Each body is hashed while it arrives, whoever sends it, so no client is dearer to serve than another.
``/-/found`` tells what stands and what ever stood; ``/-/reset`` empties.
"""

import base64
import hashlib
import json
import threading
import zlib
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any
from xml.sax.saxutils import escape

from bench.copy.wire import Exchange, serve

MODIFIED = datetime(2026, 11, 20, tzinfo=UTC)
KEPT = ("content-type", "x-amz-checksum-sha256")


class Refused(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of an object; an object of one PUT is one part. ``sha256`` is hex."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Stored:
    parts: tuple[Part, ...]
    headers: dict[str, str]

    @property
    def size_bytes(self) -> int:
        return sum(part.size_bytes for part in self.parts)


class Sink:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = count(1)
        self._clear()

    def _clear(self) -> None:
        self._objects: dict[str, Stored] = {}
        self._versions: dict[str, list[Stored]] = {}  # all that ever stood under a key
        self._uploads: dict[str, dict[int, Part]] = {}
        self._requests: Counter[str] = Counter()

    def handle(self, exchange: Exchange) -> None:
        try:
            self._handle(exchange)
        except Refused as refused:
            body = f"<Error><Code>{refused.code}</Code><Message>{refused.code}</Message></Error>".encode()
            # The body may be on its way still, so the connection ends.
            exchange.answer(refused.status, body, {"Connection": "close"})
            exchange.keeps = False

    def _handle(self, exchange: Exchange) -> None:
        _, bucket, key = (*exchange.path.split("/", 2), "")[:3]
        with self._lock:
            self._requests[exchange.method] += bucket != "-"
        match exchange.method:
            case "GET" if bucket == "-":
                self._tell(exchange, key)
            case "PUT" if "partNumber" in exchange.query:
                self._part(exchange)
            case "PUT":
                self._put(exchange, key)
            case "POST" if "uploads" in exchange.query:
                self._begin(exchange, bucket, key)
            case "POST" if "uploadId" in exchange.query:
                self._complete(exchange, bucket, key)
            case "DELETE":
                with self._lock:
                    self._uploads.pop(exchange.query.get("uploadId", ""), None)
                    if "uploadId" not in exchange.query:
                        self._objects.pop(key, None)
                exchange.answer(204)
            case "HEAD":
                self._head(exchange, key)
            case "GET" if not key:
                self._list(exchange, bucket)
            case _:
                raise Refused(501, "NotImplemented")

    def _put(self, exchange: Exchange, key: str) -> None:
        only_new = exchange.headers.get("if-none-match") == "*"
        if only_new and "expect" in exchange.headers:  # else the body has to be read before the refusal
            self._refuse_standing(key)
        part = _received(exchange)
        if only_new:
            self._refuse_standing(key)
        kept = {name: text for name, text in exchange.headers.items() if name.startswith("x-amz-meta-") or name in KEPT}
        exchange.answer(200, b"", {"ETag": self._store(key, (part,), kept)})

    def _refuse_standing(self, key: str) -> None:
        if key in self._objects:
            raise Refused(412, "PreconditionFailed")

    def _store(self, key: str, parts: tuple[Part, ...], headers: dict[str, str]) -> str:
        etag = f'"{next(self._numbers):032x}-1"'  # like a multipart upload's: no MD5, so nobody compares it to one
        stored = Stored(parts, headers | {"etag": etag})
        with self._lock:
            self._objects[key] = stored
            self._versions.setdefault(key, []).append(stored)
        return etag

    def _begin(self, exchange: Exchange, bucket: str, key: str) -> None:
        upload = f"upload-{next(self._numbers)}"
        with self._lock:
            self._uploads[upload] = {}
        _received(exchange)
        inner = f"<Bucket>{bucket}</Bucket><Key>{escape(key)}</Key><UploadId>{upload}</UploadId>"
        _xml(exchange, "InitiateMultipartUploadResult", inner)

    def _part(self, exchange: Exchange) -> None:
        part = _received(exchange)
        with self._lock:
            if exchange.query["uploadId"] not in self._uploads:
                raise Refused(404, "NoSuchUpload")
            self._uploads[exchange.query["uploadId"]][int(exchange.query["partNumber"])] = part
        exchange.answer(200, b"", {"ETag": f'"{next(self._numbers):032x}"'})

    def _complete(self, exchange: Exchange, bucket: str, key: str) -> None:
        _received(exchange)
        with self._lock:
            parts = self._uploads.pop(exchange.query["uploadId"], None)
        if parts is None:
            raise Refused(404, "NoSuchUpload")
        etag = self._store(key, tuple(parts[number] for number in sorted(parts)), {})
        inner = f"<Bucket>{bucket}</Bucket><Key>{escape(key)}</Key><ETag>{escape(etag)}</ETag>"
        _xml(exchange, "CompleteMultipartUploadResult", inner)

    def _head(self, exchange: Exchange, key: str) -> None:
        found = self._objects.get(key)
        if found is None:
            exchange.answer(404)
        else:
            modified = {"Last-Modified": MODIFIED.strftime("%a, %d %b %Y %H:%M:%S GMT")}
            exchange.send(200, found.size_bytes, [], modified | found.headers)

    def _list(self, exchange: Exchange, bucket: str) -> None:
        prefix = exchange.query.get("prefix", "")
        with self._lock:
            found = [(key, stored) for key, stored in self._objects.items() if key.startswith(prefix)]
        inner = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{stored.size_bytes}</Size>"
            f"<ETag>{escape(stored.headers['etag'])}</ETag>"
            f"<LastModified>{MODIFIED:%Y-%m-%dT%H:%M:%S.000Z}</LastModified></Contents>"
            for key, stored in sorted(found)
        )
        _xml(exchange, "ListBucketResult", f"<Name>{bucket}</Name><IsTruncated>false</IsTruncated>{inner}")

    def _tell(self, exchange: Exchange, what: str) -> None:
        with self._lock:
            told: dict[str, Any] = {
                "requests": dict(self._requests),
                "standing": sorted(self._objects),
                "versions": {
                    key: [[asdict(part) for part in stored.parts] for stored in versions]
                    for key, versions in self._versions.items()
                },
            }
            if what == "reset":
                self._clear()
        exchange.answer(200, json.dumps(told).encode())


def _received(exchange: Exchange) -> Part:
    """The body, taken in, if it is what its headers say. Raises Refused."""
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
    return Part(size, sha256.hexdigest())


def _xml(exchange: Exchange, name: str, inner: str) -> None:
    space = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{name} {space}>{inner}</{name}>'
    exchange.answer(200, text.encode(), {"Content-Type": "application/xml"})


if __name__ == "__main__":
    serve(Sink().handle)
