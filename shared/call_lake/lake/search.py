"""Look into the data files: for a person's rows and given recordings, as an erasure has to, or for all rows of a day.

Not through Athena: it keeps the text of a query, and with it the number that was asked for, for 45 days
(https://docs.aws.amazon.com/athena/latest/ug/queries-viewing-history.html), and it shows only what manifests name.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from call_lake.lake.arrow_rows import SCHEMA, is_one_of, rows_of, sorted_rows
from call_lake.lake.errors import FileGone, LakeDamaged
from call_lake.lake.file_cache import Index
from call_lake.lake.manifest import read_manifest
from call_lake.lake.partition_rebuild import UNREADABLE
from call_lake.model.layout import Partition
from call_lake.model.table import Row
from call_lake.ports import ObjectStore

SEARCH_ROWS = 65_536
NUMBER_COLUMNS = ("caller", "callee")
SEARCHED = ["recording_id", *NUMBER_COLUMNS, "agent"]


@dataclass(frozen=True, slots=True)
class Holders:
    """Data files of a partition that hold some of the recordings asked for, each with those. ``named``: by the
    manifest; ``unnamed``: not any more, or never. ``files``: how many were looked into."""

    named: Mapping[str, set[str]]
    unnamed: Mapping[str, set[str]]
    files: int


def recordings_in(
    store: ObjectStore, partition: Partition, numbers: set[str], agents: set[str], ids: set[str]
) -> set[str]:
    """Ids of the partition's rows with one of these numbers, agents or recording ids, exactly as written here. Reads
    four columns. Raises LakeDamaged."""

    def read(keys: tuple[str, ...]) -> set[str]:
        index = Index(store)
        chunks = (rows for key in keys for rows in index.open(key).batches(SEARCH_ROWS, SEARCHED))
        theirs = (rows.filter(_is_theirs(rows, numbers, agents, ids))["recording_id"].to_pylist() for rows in chunks)
        return {id for some in theirs for id in some}

    return of_manifest(store, partition, read)


def _is_theirs(rows: pa.Table, numbers: set[str], agents: set[str], ids: set[str]) -> pa.ChunkedArray:
    theirs = pc.or_(is_one_of(rows["recording_id"], ids), is_one_of(rows["agent"], agents))
    for name in NUMBER_COLUMNS:
        theirs = pc.or_(theirs, is_one_of(rows[name], numbers))
    return theirs


def read_partition(store: ObjectStore, source: str, call_date: date) -> list[Row]:
    """The rows of one partition by ``started_at``, as they were given to ``inbox.put_rows``. Raises LakeDamaged."""
    partition = Partition(source, call_date)

    def read(keys: tuple[str, ...]) -> list[Row]:
        index = Index(store)
        tables = [rows for key in keys for rows in index.open(key).batches(SEARCH_ROWS)]
        return rows_of(sorted_rows(pa.concat_tables([SCHEMA.empty_table(), *tables])), partition)

    return of_manifest(store, partition, read)


def holders(store: ObjectStore, partition: Partition, ids: set[str]) -> Holders:
    """Which data files hold rows of these recordings, whether a manifest names them or not. Raises LakeDamaged."""
    sizes = {info.key: info.size for info in store.list(partition.data)}

    def read(keys: tuple[str, ...]) -> Holders:
        named = {key: _held(store, key, sizes.get(key), ids) for key in keys}
        unnamed = {}
        for key in sizes.keys() - set(keys):
            with suppress(FileGone):  # collected since it was listed
                unnamed[key] = _held_or_broken(store, key, sizes[key], ids)
        return Holders(_hits(named), _hits(unnamed), len(named) + len(unnamed))

    return of_manifest(store, partition, read)


def of_manifest[T](store: ObjectStore, partition: Partition, read: Callable[[tuple[str, ...]], T]) -> T:
    """What ``read`` makes of the files that the manifest names. Raises LakeDamaged."""
    manifest = read_manifest(store, partition)
    while True:
        try:
            return read(manifest.keys)
        except (ConnectionError, TimeoutError):  # an OSError, too, and nothing against a file
            raise
        except FileGone as gone:  # collected since the manifest was read: then there is a newer one
            broken = f"names {gone}, which somebody deleted"
        except UNREADABLE as error:
            broken = f"names a file that cannot be read ({error})"
        newer = read_manifest(store, partition)
        if newer == manifest:
            raise LakeDamaged.by(partition, broken)
        manifest = newer


def _held(store: ObjectStore, key: str, size_bytes: int | None, ids: set[str]) -> set[str]:
    index = Index(store)
    return set(index.versions(index.know(key, size_bytes), ids))


def _held_or_broken(store: ObjectStore, key: str, size_bytes: int, ids: set[str]) -> set[str]:
    """All of them where the file cannot be read: nobody can say what it holds, and nobody needs it."""
    try:
        return _held(store, key, size_bytes, ids)
    except (ConnectionError, TimeoutError):
        raise
    except UNREADABLE:
        return ids


def _hits(held: Mapping[str, set[str]]) -> dict[str, set[str]]:
    return {key: ids for key, ids in held.items() if ids}


def holds_any(body: bytes, ids: set[str]) -> bool:
    """Whether a data file, given as its bytes, holds a row of one of these recordings."""
    rows = pq.read_table(pa.BufferReader(body), columns=["recording_id"], use_threads=False)
    return bool(pc.any(is_one_of(rows["recording_id"], ids)).as_py())
