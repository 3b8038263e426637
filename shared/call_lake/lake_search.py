"""Look into the data files for a person's rows and for given recordings, as an erasure has to.

Not through Athena: it keeps the text of a query, and with it the number that was asked for, for 45 days
(https://docs.aws.amazon.com/athena/latest/ug/queries-viewing-history.html), and it shows only what manifests name.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from call_lake.lake_files import FileGone, LakeDamaged
from call_lake.lake_index import Index
from call_lake.lake_layout import Partition
from call_lake.lake_manifest import list_partitions, read_manifest
from call_lake.lake_rows import is_one_of
from call_lake.ports import ObjectStore

SEARCH_ROWS = 65_536
NUMBER_COLUMNS = ("caller", "callee")
PEOPLE = ["recording_id", *NUMBER_COLUMNS, "agent"]


@dataclass(frozen=True, slots=True)
class Holders:
    """Data files of a partition that hold some of the recordings asked for, each with those. ``named``: by the
    manifest; ``unnamed``: not any more, or never. ``files``: how many were looked into."""

    named: Mapping[str, set[str]]
    unnamed: Mapping[str, set[str]]
    files: int


def rows_of_people(
    store: ObjectStore, numbers: set[str], agents: set[str], tell: Callable[[int], None]
) -> Iterator[tuple[Partition, str]]:
    """Partition and recording id of every row with one of these numbers or agents, exactly as written here. Reads four
    columns of the whole lake; ``tell`` is given how many partitions were read. Raises LakeDamaged."""
    for number, listed in enumerate(list_partitions(store), 1):
        yield from ((listed.partition, id) for id in sorted(_people_in(store, listed.partition, numbers, agents)))
        tell(number)


def _people_in(store: ObjectStore, partition: Partition, numbers: set[str], agents: set[str]) -> set[str]:
    def read(keys: tuple[str, ...]) -> set[str]:
        index = Index(store)
        chunks = (rows for key in keys for rows in index.open(key).batches(SEARCH_ROWS, PEOPLE))
        theirs = (rows.filter(_is_theirs(rows, numbers, agents))["recording_id"].to_pylist() for rows in chunks)
        return {id for some in theirs for id in some}

    return _of_manifest(store, partition, read)


def _is_theirs(rows: pa.Table, numbers: set[str], agents: set[str]) -> pa.ChunkedArray:
    theirs = is_one_of(rows["agent"], agents)
    for name in NUMBER_COLUMNS:
        theirs = pc.or_(theirs, is_one_of(rows[name], numbers))
    return theirs


def holders(store: ObjectStore, partition: Partition, ids: set[str]) -> Holders:
    """Which data files hold rows of these recordings, whether a manifest names them or not. Raises LakeDamaged."""
    sizes = {info.key: info.size for info in store.list(partition.data)}

    def read(keys: tuple[str, ...]) -> Holders:
        named = {key: _held(store, key, sizes.get(key), ids) for key in keys}
        unnamed = {}
        for key in sizes.keys() - set(keys):
            with suppress(FileGone):  # collected since it was listed
                unnamed[key] = _held(store, key, sizes[key], ids)
        return Holders(_hits(named), _hits(unnamed), len(named) + len(unnamed))

    return _of_manifest(store, partition, read)


def _of_manifest[T](store: ObjectStore, partition: Partition, read: Callable[[tuple[str, ...]], T]) -> T:
    """What ``read`` makes of the files that the manifest names."""
    manifest = read_manifest(store, partition)
    while True:
        try:
            return read(manifest.keys)
        except FileGone as gone:  # collected since the manifest was read: then there is a newer one
            newer = read_manifest(store, partition)
            if newer == manifest:
                raise LakeDamaged.by(partition, gone) from None
            manifest = newer


def _held(store: ObjectStore, key: str, size_bytes: int | None, ids: set[str]) -> set[str]:
    index = Index(store)
    return set(index.versions(index.know(key, size_bytes), pa.array(sorted(ids), pa.string())))


def _hits(held: Mapping[str, set[str]]) -> dict[str, set[str]]:
    return {key: ids for key, ids in held.items() if ids}


def holds_any(body: bytes, ids: set[str]) -> bool:
    """Whether a data file, given as its bytes, holds a row of one of these recordings."""
    rows = pq.read_table(pa.BufferReader(body), columns=["recording_id"], use_threads=False)
    return bool(pc.any(is_one_of(rows["recording_id"], ids)).as_py())
