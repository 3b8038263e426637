import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from call_lake.errors import Reason, Transient
from call_lake.ports import Clock, ObjectInfo, PreconditionFailed, WriteConflict
from tests.fakes.calls import Batches, Calls


@dataclass(frozen=True, slots=True)
class _Object:
    info: ObjectInfo
    body: bytes


class MemoryStore:
    """One bucket. ``conflicts``: how many of the next conditional writes are answered with 409."""

    def __init__(self, bucket: str, clock: Clock, calls: Calls) -> None:
        self.bucket = bucket
        self.conflicts = 0
        self._clock = clock
        self._calls = calls
        self._objects: dict[str, _Object] = {}
        self._lock = threading.RLock()
        self._deletes = Batches(calls, "store", "delete", 1000)
        self.refuse_deletes = self._deletes.refuse

    def put(
        self,
        key: str,
        body: bytes | BinaryIO,
        *,
        if_none_match: bool = False,
        if_match: str | None = None,
        sha256: str | None = None,
        metadata: Mapping[str, str] | None = None,
        content_type: str = "application/octet-stream",
    ) -> str:
        def act() -> str:
            data = _read(body)
            if sha256 is not None and sha256 != hashlib.sha256(data).hexdigest():
                raise Transient(Reason.AWS, f"PutObject {key}: BadDigest")
            with self._lock:
                self._check(key, if_none_match, if_match)
                etag = f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
                written_at = self._clock.now().replace(microsecond=0)
                lower = {name.lower(): value for name, value in (metadata or {}).items()}
                self._objects[key] = _Object(ObjectInfo(key, len(data), etag, written_at, lower, sha256), data)
                return etag

        return str(self._calls.run("store", "put", act))

    def _check(self, key: str, if_none_match: bool, if_match: str | None) -> None:
        if (if_none_match or if_match is not None) and self.conflicts:
            self.conflicts -= 1
            raise WriteConflict(key)
        standing = self._objects.get(key)
        if if_none_match and standing:
            raise PreconditionFailed(key)
        if if_match is not None and standing is None:
            raise WriteConflict(key)
        if if_match is not None and standing and standing.info.etag != if_match:
            raise PreconditionFailed(key)

    def get(self, key: str) -> tuple[bytes, str] | None:
        def act() -> tuple[bytes, str] | None:
            found = self._objects.get(key)
            return (found.body, found.info.etag) if found else None

        found: tuple[bytes, str] | None = self._calls.run("store", "get", act)
        return found

    def get_range(self, key: str, start: int, length: int) -> bytes:
        return bytes(self._calls.run("store", "get_range", lambda: self._objects[key].body[start : start + length]))

    def head(self, key: str) -> ObjectInfo | None:
        def act() -> ObjectInfo | None:
            found = self._objects.get(key)
            return found.info if found else None

        info: ObjectInfo | None = self._calls.run("store", "head", act)
        return info

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        def act() -> list[ObjectInfo]:
            with self._lock:
                found = [item.info for key, item in self._objects.items() if key.startswith(prefix)]
            return sorted(found, key=lambda info: info.key.encode())

        return (replace(info, metadata=None, sha256=None) for info in self._calls.run("store", "list", act))

    def delete(self, keys: Sequence[str]) -> None:
        def accept(position: int) -> bool:
            self._objects.pop(keys[position], None)
            return True

        self._deletes.send(len(keys), accept)

    def bodies(self, prefix: str = "") -> dict[str, bytes]:
        """What stands, for a test to look at: no call of the world."""
        return {key: item.body for key, item in sorted(self._objects.items()) if key.startswith(prefix)}


def _read(body: bytes | BinaryIO) -> bytes:
    if isinstance(body, bytes):
        return body
    body.seek(0)
    return body.read()
