"""The manifest: which Parquet files are a partition now. Replacing it is the commit (design rule 16).

One ``s3://`` URI a line, as Hive's SymlinkTextInputFormat, Trino's and Athena's, reads it: no blank line, no comment.
File names are random and never used again, so the same content, and with it the same ETag, never comes back.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from call_lake.model.layout import MANIFEST, Partition, data_key
from call_lake.ports import ObjectStore


@dataclass(frozen=True, slots=True)
class Manifest:
    """``keys``: the data files, in the order they were committed. ``etag`` is None before the first commit."""

    keys: tuple[str, ...]
    etag: str | None


@dataclass(frozen=True, slots=True)
class Listed:
    """One partition as a listing shows it, without reading its manifest: ``files`` follows from its size."""

    partition: Partition
    files: int
    committed_at: datetime


def read_manifest(store: ObjectStore, partition: Partition) -> Manifest:
    found = store.get(partition.manifest)
    if found is None:
        return Manifest((), None)
    start = len(_uri(store, ""))
    return Manifest(tuple(line[start:] for line in found[0].decode().splitlines()), found[1])


def swap_manifest(store: ObjectStore, partition: Partition, old: Manifest, keys: Sequence[str]) -> Manifest:
    """Replace ``old`` by ``keys``, if it still stands, and return what stands then. Raises PreconditionFailed or
    WriteConflict otherwise, and also where the SDK sent the request twice and the first one succeeded: so a loser reads
    again before it does anything."""
    body = "".join(_uri(store, key) + "\n" for key in keys).encode()
    etag = store.put(
        partition.manifest, body, if_match=old.etag, if_none_match=old.etag is None, content_type="text/plain"
    )
    return Manifest(tuple(keys), etag)


def list_partitions(store: ObjectStore) -> Iterator[Listed]:
    """Every partition that was ever committed, by source and date."""
    for info in store.list(MANIFEST):
        partition = Partition.of_key(info.key, MANIFEST)
        if partition is not None and info.key == partition.manifest:
            line_bytes = len(_uri(store, data_key(partition, "0" * 32))) + 1
            yield Listed(partition, info.size // line_bytes, info.last_modified)


def _uri(store: ObjectStore, key: str) -> str:
    return f"s3://{store.bucket}/{key}"
