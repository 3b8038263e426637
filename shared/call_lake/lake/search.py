"""Search the data files themselves: for rows of a person or a recording, and for all rows of a day.

An erasure cannot ask Athena. Athena keeps the text of each query, with the number that was asked for, for 45 days
(https://docs.aws.amazon.com/athena/latest/ug/queries-viewing-history.html). It also reads only the files that manifests
name.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from call_lake.lake.arrow_rows import arrow_schema, fits_text, is_one_of, recording_of, rows_of, sorted_rows
from call_lake.lake.data_file import UNREADABLE, partition_of
from call_lake.lake.errors import FileGone, LakeDamaged
from call_lake.lake.file_cache import FileCache
from call_lake.lake.manifest import read_manifest
from call_lake.model.lake_tables import TablePartition
from call_lake.model.table import Row
from call_lake.ports import ObjectStore

SEARCH_ROWS = 65_536
NUMBER_COLUMNS = ("caller", "callee")
SEARCHED = ["recording_id", *NUMBER_COLUMNS, "agent"]
PROVIDERS_TEXTS = ["provider_key", "connection_id", "raw"]
"""Columns that may hold a number though neither side of the call is it."""


@dataclass(frozen=True, slots=True)
class FilesHolding:
    """Keys of a partition's data files that hold some of the given recordings, each with those recordings. ``named``:
    files that the manifest names; ``unnamed``: other files. ``files``: how many files were searched."""

    named: Mapping[str, set[str]]
    unnamed: Mapping[str, set[str]]
    files: int


@dataclass(frozen=True, slots=True)
class Sought:
    """Which rows a search takes. ``is_number`` and ``is_agent`` say whether a text is like one that is looked for; each
    is asked once for each text of a file. ``ids``: recording ids. ``mention``: a regular expression of RE2 that is
    looked for in what the provider sent; None: the search does not read that."""

    is_number: Callable[[str], bool]
    is_agent: Callable[[str], bool]
    ids: set[str]
    mention: str | None = None


@dataclass(frozen=True, slots=True)
class FoundRow:
    """A row that a search took. ``is_mentioned``: whether what the provider sent matches the expression."""

    recording_id: str
    caller: str | None
    callee: str | None
    agent: str | None
    is_mentioned: bool


def rows_about(
    store: ObjectStore, partition: TablePartition, sought: Sought, sizes: Mapping[str, int]
) -> list[FoundRow]:
    """The rows of a partition of ``calls`` that are sought. Reads four columns, and with ``mention`` three more, which
    are most of a lake. ``sizes``: of data files, as far as the caller knows them. Raises LakeDamaged."""
    columns = [*SEARCHED, *(PROVIDERS_TEXTS if sought.mention else [])]

    def read(keys: tuple[str, ...]) -> list[FoundRow]:
        cache = FileCache(store)
        files = (cache.data_file(key, sizes.get(key)) for key in keys)
        chunks = (rows for file in files for rows in file.batches(SEARCH_ROWS, columns))
        return [row for rows in chunks for row in _found_rows(rows, sought)]

    return of_manifest(store, partition, read)


def _found_rows(rows: pa.Table, sought: Sought) -> list[FoundRow]:
    mentioned = pa.chunked_array([pa.repeat(False, len(rows))])
    for name in PROVIDERS_TEXTS if sought.mention else []:
        mentioned = pc.or_(mentioned, pc.fill_null(pc.match_substring_regex(rows[name], sought.mention), False))
    theirs = pc.or_(mentioned, is_one_of(rows["recording_id"], sought.ids))
    for name in NUMBER_COLUMNS:
        theirs = pc.or_(theirs, fits_text(rows[name], sought.is_number))
    theirs = pc.or_(theirs, fits_text(rows["agent"], sought.is_agent))
    found = rows.append_column("is_mentioned", mentioned).filter(theirs).select([*SEARCHED, "is_mentioned"])
    return [FoundRow(**row) for row in found.to_pylist()]


def read_partition(store: ObjectStore, partition: TablePartition) -> list[Row]:
    """The rows of one partition, in the order of a file, as ``inbox.put_rows`` was given them. Raises LakeDamaged."""
    table = partition.table

    def read(keys: tuple[str, ...]) -> list[Row]:
        cache = FileCache(store)
        parts = [rows for key in keys for rows in cache.data_file(key).batches(SEARCH_ROWS)]
        return rows_of(sorted_rows(pa.concat_tables([arrow_schema(table).empty_table(), *parts]), table), partition)

    return of_manifest(store, partition, read)


def files_holding(store: ObjectStore, partition: TablePartition, ids: set[str]) -> FilesHolding:
    """Find the data files with rows of these recordings, whether the manifest names them or not. Raises
    LakeDamaged."""
    sizes = {info.key: info.size for info in store.list(partition.data)}

    def read(keys: tuple[str, ...]) -> FilesHolding:
        named = {key: _held(store, key, sizes.get(key), ids) for key in keys}
        unnamed = {}
        for key in sizes.keys() - set(keys):
            with suppress(FileGone):  # collected since it was listed
                unnamed[key] = _held_or_broken(store, key, sizes[key], ids)
        return FilesHolding(_hits(named), _hits(unnamed), len(named) + len(unnamed))

    return of_manifest(store, partition, read)


def of_manifest[T](store: ObjectStore, partition: TablePartition, read: Callable[[tuple[str, ...]], T]) -> T:
    """Return what ``read`` makes of the keys that the manifest names. ``read`` is called again where the manifest
    changed meanwhile. Raises LakeDamaged."""
    manifest = read_manifest(store, partition)
    while True:
        try:
            return read(manifest.keys)
        except (ConnectionError, TimeoutError):  # see UNREADABLE
            raise
        except FileGone as gone:  # collected since the manifest was read? Then there is a newer manifest
            broken = f"names {gone}, which somebody deleted"
        except UNREADABLE as error:
            broken = f"names a file that cannot be read ({error})"
        newer = read_manifest(store, partition)
        if newer == manifest:
            raise LakeDamaged.by(partition, broken)
        manifest = newer


def _held(store: ObjectStore, key: str, size_bytes: int | None, ids: set[str]) -> set[str]:
    cache = FileCache(store)
    return {recording_of(row, partition_of(key).table) for row in cache.ranks(cache.summary(key, size_bytes), ids)}


def _held_or_broken(store: ObjectStore, key: str, size_bytes: int, ids: set[str]) -> set[str]:
    """All of ``ids`` where the file cannot be read: it may hold each of them, and nobody needs the file."""
    try:
        return _held(store, key, size_bytes, ids)
    except (ConnectionError, TimeoutError):
        raise
    except UNREADABLE:
        return ids


def _hits(held: Mapping[str, set[str]]) -> dict[str, set[str]]:
    return {key: ids for key, ids in held.items() if ids}


def holds_any(body: bytes, ids: set[str]) -> bool:
    """Whether a data file, given as bytes, holds a row of one of these recordings."""
    rows = pq.read_table(pa.BufferReader(body), columns=["recording_id"], use_threads=False)
    return bool(pc.any(is_one_of(rows["recording_id"], ids)).as_py())
