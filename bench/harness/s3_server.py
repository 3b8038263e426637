"""The S3 of the benches: ``python -m bench.harness.s3_server [FOLDER]``, on a free port of 127.0.0.1.

With a folder it keeps objects as files there. Without one it keeps their hashes only, and checks each body as S3 does:
Content-Length, SHA-256, CRC32, Content-MD5, the hash of a signed payload. It never checks the signature itself. Buckets
exist as soon as they are named. It prints its port and ends with its standard input.

A bench asks it: ``/-/found`` tells requests, what stands and what ever stood; ``/-/reset`` forgets all of that;
``/-/hang?after=N`` lets N more writes pass and leaves the next one without an answer, until ``/-/go-on``.
"""

import itertools
import json
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from urllib.request import urlopen

from bench.harness import s3_messages as s3
from bench.harness.http_server import Exchange, serve
from bench.harness.s3_messages import Refused

KEPT_HEADERS = ("content-type", "x-amz-checksum-sha256")


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of an object; an object of one PUT is one part. A file is never written again, so a reader that has
    opened it reads it to its end."""

    size_bytes: int
    sha256: str = ""  # hex, where no file is kept
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    parts: tuple[Part, ...]
    etag: str
    headers: Mapping[str, str]
    modified: datetime

    @property
    def size_bytes(self) -> int:
        return sum(part.size_bytes for part in self.parts)

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes from ``start`` on, before ``stop``."""
        for part in self.parts:
            if part.file and start < part.size_bytes and stop > 0:
                with part.file.open("rb") as file:
                    file.seek(max(start, 0))
                    yield file.read(min(stop, part.size_bytes) - max(start, 0))
            start, stop = start - part.size_bytes, stop - part.size_bytes


class S3:
    """All buckets; a path is a bucket's name and a key."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._passing: int | None = None  # writes before one hangs
        self._hung = 0
        self._clear()

    def _clear(self) -> None:
        self._objects: dict[str, Stored] = {}
        self._versions: dict[str, list[Stored]] = {}  # all that ever stood under a path
        self._uploads: dict[str, dict[int, Part]] = {}
        self._requests: Counter[str] = Counter()

    def handle(self, exchange: Exchange) -> None:
        try:
            self._handle(exchange)
        except Refused as refused:
            # The body of a PUT may be on its way still, so the connection ends.
            exchange.keeps = exchange.method != "PUT"
            body = f"<Error>{s3.fields(Code=refused.code, Message=refused.code)}</Error>".encode()
            exchange.answer(refused.status, body, {} if exchange.keeps else {"Connection": "close"})

    def _handle(self, exchange: Exchange) -> None:
        path = exchange.path[1:]
        bucket, _, key = path.partition("/")
        if bucket == "-":
            return self._tell(exchange, key)
        with self._lock:
            self._requests[exchange.method] += 1
        if exchange.method in ("PUT", "POST", "DELETE"):
            self._maybe_hang(exchange)
        match exchange.method:
            case "PUT" if not key:
                return exchange.answer(200)
            case "PUT" if "partNumber" in exchange.query:
                return self._put_part(exchange)
            case "PUT":
                return self._put(exchange, path)
            case "POST" if "delete" in exchange.query:
                keys = s3.keys_to_delete(s3.received(exchange))
                self._delete(*(f"{bucket}/{one}" for one in keys))
                inner = "".join(f"<Deleted>{s3.fields(Key=one)}</Deleted>" for one in keys)
                return exchange.answer(200, s3.wrapped("DeleteResult", inner))
            case "POST" if "uploads" in exchange.query:
                return self._begin_upload(exchange, bucket, key)
            case "POST":
                return self._complete_upload(exchange, bucket, key)
            case "DELETE":
                self._uploads.pop(exchange.query.get("uploadId", ""), None)
                if "uploadId" not in exchange.query:
                    self._delete(path)
                return exchange.answer(204)
            case "GET" | "HEAD" if not key:
                return self._list(exchange, bucket)
            case "GET" | "HEAD":
                return self._get(exchange, path)
        raise Refused(501, "NotImplemented")

    # -- objects

    def _put(self, exchange: Exchange, path: str) -> None:
        if "expect" in exchange.headers:  # the client waits with the body
            self._check_conditions(exchange, path)
        copied = exchange.headers.get("x-amz-copy-source")
        part = None if copied else self._received(exchange)
        parts = self._standing(unquote(copied).lstrip("/")).parts if copied else ((part,) if part else ())
        etag = self._store(exchange, path, parts)
        body = s3.wrapped("CopyObjectResult", s3.fields(ETag=etag)) if copied else b""
        exchange.answer(200, body, {"ETag": etag})

    def _received(self, exchange: Exchange) -> Part:
        if self._folder is None:
            return Part(*s3.checked(exchange))
        body, file = s3.received(exchange), self._folder / str(next(self._numbers))
        file.write_bytes(body)
        return Part(len(body), file=file)

    def _store(self, exchange: Exchange, path: str, parts: tuple[Part, ...]) -> str:
        """Decided and written in one step."""
        etag = f'"{next(self._numbers):032x}-1"'  # like a multipart upload's: no MD5, so nobody compares it to one
        kept = {
            name: text
            for name, text in exchange.headers.items()
            if name.startswith("x-amz-meta-") or name in KEPT_HEADERS
        }
        stored = Stored(parts, etag, kept, datetime.now(UTC))
        with self._lock:
            self._check_conditions(exchange, path)
            self._objects[path] = stored
            self._versions.setdefault(path, []).append(stored)
        return etag

    def _check_conditions(self, exchange: Exchange, path: str) -> None:
        standing = self._objects.get(path)
        wanted = exchange.headers.get("if-match")
        if wanted and standing is None:
            raise Refused(404, "NoSuchKey")
        if (exchange.headers.get("if-none-match") == "*" and standing) or (
            wanted and standing and standing.etag.strip('"') != wanted.strip('"')
        ):
            raise Refused(412, "PreconditionFailed")

    def _standing(self, path: str) -> Stored:
        with self._lock:
            found = self._objects.get(path)
        if found is None:
            raise Refused(404, "NoSuchKey")
        return found

    def _get(self, exchange: Exchange, path: str) -> None:
        found = self._standing(path)
        headers = {"ETag": found.etag, "Last-Modified": format_datetime(found.modified, usegmt=True)}
        headers["Accept-Ranges"] = "bytes"
        if exchange.method == "HEAD":
            return exchange.send(200, found.size_bytes, [], headers | dict(found.headers))
        if self._folder is None:
            raise Refused(501, "NotImplemented")
        start, stop = s3.asked_range(exchange.headers.get("range"), found.size_bytes)
        if start >= max(found.size_bytes, 1):
            raise Refused(416, "InvalidRange")
        if "range" in exchange.headers:
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{found.size_bytes}"
        status = 206 if "range" in exchange.headers else 200
        return exchange.answer(status, b"".join(found.read(start, stop)), headers)

    def _delete(self, *paths: str) -> None:
        with self._lock:
            for path in paths:
                self._objects.pop(path, None)

    def _list(self, exchange: Exchange, bucket: str) -> None:
        if exchange.method == "HEAD" or "location" in exchange.query or "versioning" in exchange.query:
            exchange.answer(200, s3.wrapped("LocationConstraint", "") if exchange.method == "GET" else b"")
            return
        start = f"{bucket}/{exchange.query.get('prefix', '')}"
        with self._lock:
            found = [(path, stored) for path, stored in self._objects.items() if path.startswith(start)]
        keys = sorted((path.removeprefix(f"{bucket}/"), stored) for path, stored in found)
        exchange.answer(200, s3.listing(bucket, exchange.query, keys), {"Content-Type": "application/xml"})

    # -- multipart uploads

    def _begin_upload(self, exchange: Exchange, bucket: str, key: str) -> None:
        upload = f"upload-{next(self._numbers)}"
        s3.received(exchange)
        with self._lock:
            self._uploads[upload] = {}
        inner = s3.fields(Bucket=bucket, Key=key, UploadId=upload)
        exchange.answer(200, s3.wrapped("InitiateMultipartUploadResult", inner))

    def _put_part(self, exchange: Exchange) -> None:
        part = self._received(exchange)
        with self._lock:
            if exchange.query["uploadId"] not in self._uploads:
                raise Refused(404, "NoSuchUpload")
            self._uploads[exchange.query["uploadId"]][int(exchange.query["partNumber"])] = part
        exchange.answer(200, b"", {"ETag": f'"{next(self._numbers):032x}"'})

    def _complete_upload(self, exchange: Exchange, bucket: str, key: str) -> None:
        s3.received(exchange)
        with self._lock:
            parts = self._uploads.pop(exchange.query.get("uploadId", ""), None)
        if parts is None:
            raise Refused(404, "NoSuchUpload")
        etag = self._store(exchange, f"{bucket}/{key}", tuple(parts[number] for number in sorted(parts)))
        inner = s3.fields(Bucket=bucket, Key=key, ETag=etag)
        exchange.answer(200, s3.wrapped("CompleteMultipartUploadResult", inner))

    # -- what a bench asks

    def _maybe_hang(self, exchange: Exchange) -> None:
        with self._lock:
            if self._passing is None:
                return
            self._passing -= 1
            hangs = self._passing < 0
            self._hung += hangs
        if hangs:
            while exchange.connection.recv(1024 * 1024):  # until the client is gone
                pass
            raise OSError("the client was killed")

    def _tell(self, exchange: Exchange, what: str) -> None:
        told: dict[str, Any] = {"hung": self._hung}
        with self._lock:
            match what:
                case "found":
                    told["requests"], told["standing"] = self._requests, sorted(self._objects)
                    told["versions"] = {
                        path: [[(part.size_bytes, part.sha256) for part in stored.parts] for stored in versions]
                        for path, versions in self._versions.items()
                    }
                case "reset":
                    self._clear()
                case "hang":
                    self._passing, self._hung = int(exchange.query["after"]), 0
                case "go-on":
                    self._passing, self._hung = None, 0
        exchange.answer(200, json.dumps(told).encode())


def ask(url: str, what: str) -> Any:
    """What a server of a bench tells of itself."""
    with urlopen(f"{url}/-/{what}", timeout=120) as answer:  # noqa: S310 - our own server
        return json.loads(answer.read())


if __name__ == "__main__":
    serve(S3(Path(sys.argv[1]) if sys.argv[1:] else None).handle)
