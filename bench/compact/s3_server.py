"""The S3 of the bench and of the torture test, on 127.0.0.1: `python -m bench.compact.s3_server FOLDER` keeps objects
as files there, prints its port and ends with its standard input.

PutObject with If-Match and If-None-Match (decided and written in one step), ranges, HEAD, DeleteObjects, both listings,
multipart uploads, copies. Signatures and checksums are not looked at. ``/-/stats`` tells requests and bytes since the
last ``/-/reset-stats``; ``/-/hang?after=N`` lets N more writes pass and leaves the next one without an answer.
"""

import itertools
import json
import sys
import threading
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from bench.compact import s3_xml as xml
from bench.copy.wire import Exchange, serve

PAGE = 1000  # keys of a listing, as S3's


class Refused(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


@dataclass(frozen=True, slots=True)
class Stored:
    """One object. A file is never written again, so whoever opened it reads it to its end."""

    file: Path
    size_bytes: int
    etag: str
    modified: datetime


class Bucket:
    """All buckets of one server; a key here begins with its bucket's name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._objects: dict[str, Stored] = {}
        self._uploads: dict[str, dict[int, bytes]] = {}
        self._stats: Counter[str] = Counter()
        self._passing: int | None = None
        self._hung = 0

    def handle(self, exchange: Exchange) -> None:
        try:
            self._handle(exchange)
        except Refused as refused:
            exchange.answer(refused.status, xml.error(refused.code), {"Content-Type": "application/xml"})

    def _handle(self, exchange: Exchange) -> None:
        path = exchange.path[1:]
        bucket, _, key = path.partition("/")
        body = xml.received(exchange) if exchange.method in ("PUT", "POST") else b""
        if bucket == "-":
            return self._tell(exchange, key)
        if exchange.method in ("PUT", "POST", "DELETE"):
            self._maybe_hang(exchange)
        with self._lock:
            self._stats[exchange.method] += 1
            self._stats["bytes in"] += len(body)
        match exchange.method:
            case "PUT" | "POST" | "DELETE" if not key and "delete" not in exchange.query:
                return exchange.answer(200)  # buckets are there as soon as they are named
            case "GET" | "HEAD" if not key:
                return self._list(exchange, bucket)
            case "GET" | "HEAD":
                return self._get(exchange, path)
            case "PUT" if "partNumber" in exchange.query:
                return self._part(exchange, body)
            case "PUT":
                return self._put(exchange, path, body)
            case "POST" if "delete" in exchange.query:
                names = xml.keys_to_delete(body)
                for name in names:
                    self._delete(f"{bucket}/{name}")
                return exchange.answer(200, xml.deleted(names))
            case "POST" if "uploads" in exchange.query:
                return self._begin(exchange, bucket, key)
            case "POST":
                return self._complete(exchange, path)
            case "DELETE" if "uploadId" in exchange.query:
                self._uploads.pop(exchange.query["uploadId"], None)
                return exchange.answer(204)
            case "DELETE":
                self._delete(path)
                return exchange.answer(204)
        raise Refused(501, "NotImplemented")

    # -- objects

    def _put(self, exchange: Exchange, path: str, body: bytes) -> None:
        if source := exchange.headers.get("x-amz-copy-source"):
            body = self._standing(xml.unquoted(source)).file.read_bytes()
        etag = self._store(exchange, path, body)
        copied = xml.wrapped("CopyObjectResult", f"<ETag>{xml.escape(etag)}</ETag>") if source else b""
        exchange.answer(200, copied, {"ETag": etag})

    def _store(self, exchange: Exchange, path: str, body: bytes) -> str:
        number = next(self._numbers)
        stored = Stored(self._folder / str(number), len(body), f'"{number:032x}"', datetime.now(UTC))
        stored.file.write_bytes(body)
        with self._lock:
            standing = self._objects.get(path)
            if exchange.headers.get("if-none-match") == "*" and standing:
                raise Refused(412, "PreconditionFailed")
            wanted = exchange.headers.get("if-match")
            if wanted and standing is None:
                raise Refused(404, "NoSuchKey")
            if wanted and standing and standing.etag.strip('"') != wanted.strip('"'):
                raise Refused(412, "PreconditionFailed")
            self._objects[path] = stored
        return stored.etag

    def _standing(self, path: str) -> Stored:
        with self._lock:
            found = self._objects.get(path)
        if found is None:
            raise Refused(404, "NoSuchKey")
        return found

    def _get(self, exchange: Exchange, path: str) -> None:
        found = self._standing(path)
        headers = {
            "ETag": found.etag,
            "Last-Modified": format_datetime(found.modified, usegmt=True),
            "Accept-Ranges": "bytes",
            "Content-Type": "application/octet-stream",
        }
        if exchange.method == "HEAD":
            return exchange.send(200, found.size_bytes, [], headers)
        start, stop = xml.asked_range(exchange.headers.get("range"), found.size_bytes)
        if start >= max(found.size_bytes, 1):
            raise Refused(416, "InvalidRange")
        with found.file.open("rb") as file:
            file.seek(start)
            body = file.read(stop - start)
        with self._lock:
            self._stats["bytes out"] += len(body)
        if "range" in exchange.headers:
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{found.size_bytes}"
        return exchange.answer(206 if "range" in exchange.headers else 200, body, headers)

    def _delete(self, path: str) -> None:
        with self._lock:
            self._objects.pop(path, None)  # its file stays until the end of the run: somebody may be reading it

    def _list(self, exchange: Exchange, bucket: str) -> None:
        if exchange.method == "HEAD" or "location" in exchange.query or "versioning" in exchange.query:
            exchange.answer(200, xml.wrapped("LocationConstraint", "") if exchange.method == "GET" else b"")
            return
        prefix = exchange.query.get("prefix", "")
        with self._lock:
            start = len(bucket) + 1
            mine = [(path[start:], stored) for path, stored in self._objects.items() if path.startswith(f"{bucket}/")]
        wanted = sorted((key, stored) for key, stored in mine if key.startswith(prefix))
        exchange.answer(200, xml.listing(bucket, exchange.query, wanted, PAGE), {"Content-Type": "application/xml"})

    # -- multipart uploads

    def _begin(self, exchange: Exchange, bucket: str, key: str) -> None:
        upload = f"upload-{next(self._numbers)}"
        self._uploads[upload] = {}
        inner = f"<Bucket>{bucket}</Bucket><Key>{xml.escape(key)}</Key><UploadId>{upload}</UploadId>"
        exchange.answer(200, xml.wrapped("InitiateMultipartUploadResult", inner))

    def _part(self, exchange: Exchange, body: bytes) -> None:
        try:
            self._uploads[exchange.query["uploadId"]][int(exchange.query["partNumber"])] = body
        except KeyError:
            raise Refused(404, "NoSuchUpload") from None
        exchange.answer(200, b"", {"ETag": f'"{next(self._numbers):032x}"'})

    def _complete(self, exchange: Exchange, path: str) -> None:
        parts = self._uploads.pop(exchange.query.get("uploadId", ""), None)
        if parts is None:
            raise Refused(404, "NoSuchUpload")
        etag = self._store(exchange, path, b"".join(parts[number] for number in sorted(parts)))
        bucket, _, key = path.partition("/")
        inner = f"<Bucket>{bucket}</Bucket><Key>{xml.escape(key)}</Key><ETag>{xml.escape(etag)}</ETag>"
        exchange.answer(200, xml.wrapped("CompleteMultipartUploadResult", inner))

    # -- what the bench asks

    def _maybe_hang(self, exchange: Exchange) -> None:
        with self._lock:
            if self._passing is None:
                return
            self._passing -= 1
            hangs = self._passing < 0
            self._hung += hangs
        if hangs:
            exchange.connection.recv(1)  # until the client is gone
            exchange.hang_up()
            raise OSError("the client was killed")

    def _tell(self, exchange: Exchange, what: str) -> None:
        with self._lock:
            told = dict(self._stats) | {"hung": self._hung}
            match what:
                case "reset-stats":
                    self._stats.clear()
                case "hang":
                    self._passing, self._hung = int(exchange.query["after"]), 0
                case "go-on":
                    self._passing, self._hung = None, 0
        exchange.answer(200, json.dumps(told).encode())


if __name__ == "__main__":
    serve(Bucket(Path(sys.argv[1])).handle)
