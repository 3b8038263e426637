"""The manifest: the list of the Parquet files that make up one partition. Replacing it is the commit (rule 16).

A manifest holds one ``s3://`` URI a line, without blank lines and comments, because Athena, Trino and Hive read it with
SymlinkTextInputFormat. File names are random and never used again. So the same content never comes back, and neither
does the same ETag.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from os.path import commonprefix

from call_lake.model.lake_tables import LakeTable, TablePartition, data_key
from call_lake.ports import ObjectInfo, ObjectStore, PreconditionFailed, WriteConflict


@dataclass(frozen=True, slots=True)
class Manifest:
    """``keys``: the data files, in the order in which they were committed. ``etag`` is None before the first commit."""

    keys: tuple[str, ...]
    etag: str | None


@dataclass(frozen=True, slots=True)
class ListedPartition:
    """One partition as a listing shows it. The manifest is not read: ``files`` is computed from its size."""

    partition: TablePartition
    files: int
    committed_at: datetime


def read_manifest(store: ObjectStore, partition: TablePartition) -> Manifest:
    """Read the manifest; one without keys where the partition has none yet."""
    found = store.get(partition.manifest)
    if found is None:
        return Manifest((), None)
    start = len(_uri(store, ""))
    return Manifest(tuple(line[start:] for line in found[0].decode().splitlines()), found[1])


def swap_manifest(store: ObjectStore, partition: TablePartition, old: Manifest, keys: Sequence[str]) -> Manifest | None:
    """Replace the manifest ``old`` by one that names ``keys``. Return the new one, or None where another commit has
    replaced ``old`` first.

    None also comes back where the SDK sent the request twice and the first one succeeded. So read the manifest again
    before you do anything else.
    """
    body = "".join(_uri(store, key) + "\n" for key in keys).encode()
    try:
        etag = store.put(
            partition.manifest, body, if_match=old.etag, if_none_match=old.etag is None, content_type="text/plain"
        )
    except (PreconditionFailed, WriteConflict):
        return None
    return Manifest(tuple(keys), etag)


def list_partitions(store: ObjectStore, table: LakeTable) -> Iterator[ListedPartition]:
    """List every partition of a table that ever had a commit, by source and date."""
    for info in store.list(table.manifests):
        partition = TablePartition.of_key(info.key)
        if partition is not None and info.key == partition.manifest:
            line_bytes = len(_uri(store, data_key(partition, "0" * 32))) + 1
            yield ListedPartition(partition, info.size // line_bytes, info.last_modified)


def partitions_between(
    store: ObjectStore, table: LakeTable, first: date, last: date, sources: Collection[str] = ()
) -> list[TablePartition]:
    """Partitions of these days that ever had a commit, newest day first, then by source. ``sources``: all, where it is
    empty."""
    found = {
        partition
        for info in _of_days(store, table.manifests, first, last, sources)
        if (partition := TablePartition.of_key(info.key)) is not None and info.key == partition.manifest
        if first <= partition.call_date <= last and (not sources or partition.source in sources)
    }
    return sorted(found, key=lambda partition: (-partition.call_date.toordinal(), partition.source))


def sizes_between(
    store: ObjectStore, table: LakeTable, first: date, last: date, sources: Collection[str] = ()
) -> dict[str, int]:
    """The size of every data file of these days by key, and of some others. Those that no manifest names are among
    them."""
    return {info.key: info.size for info in _of_days(store, table.data, first, last, sources)}


def _of_days(
    store: ObjectStore, prefix: str, first: date, last: date, sources: Collection[str]
) -> Iterator[ObjectInfo]:
    """List what is below ``prefix`` of these sources and days. It may list other days too, which costs less than a
    request for each day."""
    if not sources:
        yield from store.list(prefix)
    days = commonprefix([first.isoformat(), last.isoformat()])  # noqa: RUF071 - of texts
    for source in sources:
        yield from store.list(f"{prefix}source={source}/call_date={days}")


def _uri(store: ObjectStore, key: str) -> str:
    return f"s3://{store.bucket}/{key}"
