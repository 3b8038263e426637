"""The object store on S3."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from io import SEEK_CUR, SEEK_END, SEEK_SET, BytesIO
from mmap import ACCESS_READ, mmap
from typing import Any, BinaryIO

from botocore.exceptions import ClientError

from call_lake.aws.client import calling, code_of, in_batches, send_all, status_of
from call_lake.ports import ObjectInfo, ObjectVersion, PreconditionFailed, WriteConflict

DELETE_BATCH = 1000  # DeleteObjects
WINDOW_BYTES = 1024 * 1024  # a multiple of every page size


class S3ObjectStore:
    """One bucket. The role needs ``s3:ListBucket`` on it: without, S3 answers 403 for an object that is not there.

    A write with ``if_match`` needs ``s3:GetObject`` besides ``s3:PutObject``. Conditional writes:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    """

    def __init__(self, client: Any, bucket: str) -> None:
        self.bucket = bucket
        self._client = client

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
        request: dict[str, Any] = {"Bucket": self.bucket, "Key": key, "Body": body, "ContentType": content_type}
        if if_none_match:
            request["IfNoneMatch"] = "*"
        if if_match is not None:
            request["IfMatch"] = if_match
        if sha256 is not None:
            request["ChecksumAlgorithm"] = "SHA256"
            request["ChecksumSHA256"] = base64.b64encode(bytes.fromhex(sha256)).decode()
        if metadata:
            request["Metadata"] = dict(metadata)
        if isinstance(body, BytesIO):
            request["Body"] = body.getvalue()  # no copy
        elif not isinstance(body, bytes):
            request["Body"] = _InWindows(body)
        with calling(f"PutObject {key}"):
            try:
                return str(self._client.put_object(**request)["ETag"])
            except ClientError as error:
                if status_of(error) == 412:
                    raise PreconditionFailed(key) from error
                gone = if_match is not None and code_of(error) == "NoSuchKey"
                if status_of(error) == 409 or gone:
                    raise WriteConflict(f"{key}: {code_of(error)}") from error
                raise

    def get(self, key: str) -> tuple[bytes, str] | None:
        with calling(f"GetObject {key}"):
            try:
                answer = self._client.get_object(Bucket=self.bucket, Key=key)
            except self._client.exceptions.NoSuchKey:
                return None
            return answer["Body"].read(), answer["ETag"]

    def get_range(self, key: str, start: int, length: int, *, if_match: str | None = None) -> bytes:
        request = {"Bucket": self.bucket, "Key": key, "Range": f"bytes={start}-{start + length - 1}"}
        with calling(f"GetObject {key}"):
            try:
                answer = self._client.get_object(**request | ({"IfMatch": if_match} if if_match else {}))
            except self._client.exceptions.NoSuchKey:
                raise KeyError(key) from None
            except ClientError as error:
                if status_of(error) == 412:
                    raise PreconditionFailed(key) from error
                if code_of(error) == "InvalidRange":  # it begins at or after the end
                    return b""
                raise
            return bytes(answer["Body"].read())

    def head(self, key: str) -> ObjectInfo | None:
        with calling(f"HeadObject {key}"):
            try:
                answer = self._client.head_object(Bucket=self.bucket, Key=key, ChecksumMode="ENABLED")
            except ClientError as error:
                if status_of(error) == 404:
                    return None
                raise
        checksum = answer.get("ChecksumSHA256", "")
        return ObjectInfo(
            key=key,
            size=answer["ContentLength"],
            etag=answer["ETag"],
            last_modified=answer["LastModified"],
            metadata=answer["Metadata"],
            # "<base64>-<parts>" is the checksum of the checksums of a multipart upload that somebody else made.
            sha256=base64.b64decode(checksum).hex() if checksum and "-" not in checksum else None,
        )

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        with calling(f"ListObjectsV2 {prefix}"):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
                for found in page.get("Contents", ()):
                    yield ObjectInfo(found["Key"], found["Size"], found["ETag"], found["LastModified"])

    def folders(self, prefix: str) -> Iterator[str]:
        with calling(f"ListObjectsV2 {prefix}"):
            yield from self._folders("list_objects_v2", prefix)

    def _folders(self, operation: str, prefix: str) -> Iterator[str]:
        pages = self._client.get_paginator(operation).paginate(Bucket=self.bucket, Prefix=prefix, Delimiter="/")
        for page in pages:
            yield from (found["Prefix"] for found in page.get("CommonPrefixes", ()))

    def delete(self, keys: Sequence[str]) -> None:
        def send(positions: Sequence[int]) -> dict[int, str]:
            wanted = {"Objects": [{"Key": keys[position]} for position in positions], "Quiet": True}
            with calling("DeleteObjects"):
                answer = self._client.delete_objects(Bucket=self.bucket, Delete=wanted)
            refused = {error["Key"]: error["Code"] for error in answer.get("Errors", ())}
            return {position: refused[keys[position]] for position in positions if keys[position] in refused}

        send_all("DeleteObjects", in_batches(len(keys), DELETE_BATCH), send)

    def list_versions(self, prefix: str) -> Iterator[ObjectVersion]:
        with calling(f"ListObjectVersions {prefix}"):
            for page in self._client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=prefix):
                bodies = [_version(found, is_marker=False) for found in page.get("Versions", ())]
                markers = [_version(found, is_marker=True) for found in page.get("DeleteMarkers", ())]
                yield from sorted([*markers, *bodies], key=lambda v: (v.key.encode(), not v.is_latest))

    def version_folders(self, prefix: str) -> Iterator[str]:
        with calling(f"ListObjectVersions {prefix}"):
            yield from self._folders("list_object_versions", prefix)

    def get_version(self, version: ObjectVersion) -> bytes | None:
        with calling(f"GetObject {version.key}"):
            try:
                answer = self._client.get_object(Bucket=self.bucket, Key=version.key, VersionId=version.version_id)
            except ClientError as error:
                if status_of(error) == 404:
                    return None
                raise
            return bytes(answer["Body"].read())

    def delete_versions(self, versions: Sequence[ObjectVersion]) -> None:
        def send(positions: Sequence[int]) -> dict[int, str]:
            some = [versions[position] for position in positions]
            wanted = {"Objects": [{"Key": one.key, "VersionId": one.version_id} for one in some], "Quiet": True}
            with calling("DeleteObjects"):
                answer = self._client.delete_objects(Bucket=self.bucket, Delete=wanted)
            refused = {(error["Key"], error.get("VersionId")): error["Code"] for error in answer.get("Errors", ())}
            found = {position: (versions[position].key, versions[position].version_id) for position in positions}
            return {position: refused[name] for position, name in found.items() if name in refused}

        send_all("DeleteObjects", in_batches(len(versions), DELETE_BATCH), send)


class _InWindows:
    """A file as the body of a request, sent in large pieces of mapped memory. Given the file itself, botocore reads and
    sends 128 KiB at a time, which takes a third more CPU time. Only one piece is mapped at a time, because mapped pages
    count as memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = file.seek(0, SEEK_END)
        self._at = 0

    def __len__(self) -> int:
        return self._size

    def read(self, size: int = -1) -> memoryview | bytes:
        """The next piece of WINDOW_BYTES, whatever ``size`` asks for; everything that is left where it is negative."""
        left = self._size - self._at
        length = min(left, WINDOW_BYTES) if size >= 0 else left
        if not length:
            return b""
        window = memoryview(mmap(self._file.fileno(), length, access=ACCESS_READ, offset=self._at))
        self._at += length
        return window if size >= 0 else bytes(window)

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        self._at = offset + {SEEK_SET: 0, SEEK_CUR: self._at, SEEK_END: self._size}[whence]
        return self._at


def _version(found: dict[str, Any], *, is_marker: bool) -> ObjectVersion:
    return ObjectVersion(found["Key"], found["VersionId"], found["LastModified"], found["IsLatest"], is_marker)
