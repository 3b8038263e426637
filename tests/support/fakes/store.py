import hashlib
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import BinaryIO

from call_lake.errors import Reason, Transient
from call_lake.ports import Clock, ObjectInfo, ObjectVersion, PreconditionFailed, WriteConflict
from tests.support.fakes.calls import Batches, Calls


@dataclass(frozen=True, slots=True)
class _Object:
    info: ObjectInfo
    body: bytes


@dataclass(frozen=True, slots=True)
class _Version:
    """``found`` is None for a deletion's marker."""

    id: str
    at: datetime
    found: _Object | None


class MemoryStore:
    """One bucket. ``conflicts``: how many of the next conditional writes are answered with 409. ``versioned``: whether
    it keeps what is replaced or deleted; to be set before the first write. ``notify`` gets what is written, as S3's
    notifications do."""

    def __init__(self, bucket: str, clock: Clock, calls: Calls) -> None:
        self.bucket = bucket
        self.conflicts = 0
        self.versioned = False
        self.notify: Callable[[ObjectInfo], None] = lambda info: None
        self._clock = clock
        self._calls = calls
        self._objects: dict[str, _Object] = {}
        self._versions: dict[str, list[_Version]] = {}  # of each key, the latest last
        self._version_ids = itertools.count(1)
        self._lock = threading.RLock()
        self._deletes = Batches(calls, "store", "delete", 1000)
        self._version_deletes = Batches(calls, "store", "delete_versions", 1000)

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
                return self._write(key, data, metadata, sha256)

        return str(self._calls.run("store", "put", act))

    def appear(self, key: str, body: bytes) -> None:
        """What somebody else writes: no call of the world."""
        with self._lock:
            self._write(key, body, None, None)

    def _write(self, key: str, data: bytes, metadata: Mapping[str, str] | None, sha256: str | None) -> str:
        etag = f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
        written_at = self._clock.now().replace(microsecond=0)
        lower = {name.lower(): value for name, value in (metadata or {}).items()}
        info = ObjectInfo(key, len(data), etag, written_at, lower, sha256)
        self._stand(key, _Object(info, data))
        self.notify(info)
        return etag

    def _stand(self, key: str, found: _Object | None) -> None:
        """Let this be the key's latest version; None for a deletion."""
        if self.versioned:
            version = _Version(f"v{next(self._version_ids)}", self._clock.now().replace(microsecond=0), found)
            self._versions.setdefault(key, []).append(version)
        elif found:
            self._versions[key] = [_Version("null", found.info.last_modified, found)]
        else:
            self._versions.pop(key, None)
        self._show_latest(key)

    def _show_latest(self, key: str) -> None:
        latest = self._versions[key][-1].found if self._versions.get(key) else None
        if latest:
            self._objects[key] = latest
        else:
            self._objects.pop(key, None)

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

    def get_range(self, key: str, start: int, length: int, *, if_match: str | None = None) -> bytes:
        def act() -> bytes:
            found = self._objects[key]
            if if_match is not None and found.info.etag != if_match:
                raise PreconditionFailed(key)
            return found.body[start : start + length]

        return bytes(self._calls.run("store", "get_range", act))

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

    def folders(self, prefix: str) -> Iterator[str]:
        return iter(self._calls.run("store", "folders", lambda: self._folders(self._objects, prefix)))

    def delete(self, keys: Sequence[str]) -> None:
        def accept(position: int) -> bool:
            with self._lock:
                self._stand(keys[position], None)
            return True

        self._deletes.send(len(keys), accept)

    def refuse_deletes(self, *positions: int, times: int = 2) -> None:
        """Refuse these positions of the next deletion, of objects or of versions (``Batches.refuse``)."""
        self._deletes.refuse(*positions, times=times)
        self._version_deletes.refuse(*positions, times=times)

    def list_versions(self, prefix: str) -> Iterator[ObjectVersion]:
        def act() -> list[ObjectVersion]:
            with self._lock:
                return [
                    ObjectVersion(key, version.id, version.at, version is kept[-1], version.found is None)
                    for key, kept in sorted(self._versions.items(), key=lambda item: item[0].encode())
                    if key.startswith(prefix)
                    for version in reversed(kept)
                ]

        return iter(self._calls.run("store", "list_versions", act))

    def version_folders(self, prefix: str) -> Iterator[str]:
        return iter(self._calls.run("store", "version_folders", lambda: self._folders(self._versions, prefix)))

    def _folders(self, keys: Mapping[str, object], prefix: str) -> Sequence[str]:
        with self._lock:
            behind = (key.removeprefix(prefix).partition("/") for key in keys if key.startswith(prefix))
            return sorted({prefix + name + slash for name, slash, _ in behind if slash}, key=str.encode)

    def get_version(self, version: ObjectVersion) -> bytes | None:
        def act() -> bytes | None:
            kept = self._versions.get(version.key, [])
            return next((one.found.body for one in kept if one.id == version.version_id and one.found), None)

        body: bytes | None = self._calls.run("store", "get_version", act)
        return body

    def delete_versions(self, versions: Sequence[ObjectVersion]) -> None:
        def accept(position: int) -> bool:
            key, id = versions[position].key, versions[position].version_id
            with self._lock:
                self._versions[key] = [one for one in self._versions.get(key, []) if one.id != id]
                if not self._versions[key]:
                    del self._versions[key]
                self._show_latest(key)
            return True

        self._version_deletes.send(len(versions), accept)

    def every_version(self) -> Iterator[tuple[str, bytes]]:
        """Key and body of what is kept, older versions included, for a test to look at: no call of the world."""
        return ((key, one.found.body) for key, ones in sorted(self._versions.items()) for one in ones if one.found)

    def expire(self, prefix: str, before: datetime) -> None:
        """What a rule of the bucket's lifecycle does with what was written before then: no call of the world."""
        for key, item in list(self._objects.items()):
            if key.startswith(prefix) and item.info.last_modified < before:
                self._stand(key, None)

    def bodies(self, prefix: str = "") -> dict[str, bytes]:
        """What stands, for a test to look at: no call of the world."""
        return {key: item.body for key, item in sorted(self._objects.items()) if key.startswith(prefix)}


def _read(body: bytes | BinaryIO) -> bytes:
    if isinstance(body, bytes):
        return body
    body.seek(0)
    return body.read()
