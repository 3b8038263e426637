"""Find calls by what was said in them (ADR 0046), and read what is known of one recording.

A search reads column ``text`` of the days' transcripts. Only where a text may have the phrase, it reads the segments,
which say when it was said.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import batched, groupby

import pyarrow as pa

from call_lake.concurrency import in_threads
from call_lake.lake.arrow_rows import rows_of
from call_lake.lake.calls import CallFilter, CallReader
from call_lake.lake.data_file import DataFile
from call_lake.lake.errors import FileGone
from call_lake.lake.manifest import partitions_between, sizes_between
from call_lake.lake.search import of_manifest
from call_lake.model.lake_tables import SOUND, TRANSCRIPTS, TablePartition
from call_lake.model.layout import Partition
from call_lake.model.phrases import Hit, Phrase
from call_lake.model.table import Row
from call_lake.model.transcripts import Transcript, transcript_of_row
from call_lake.ports import ObjectStore

THREADS = 4
"""Python compares the words, so more threads would only hold more memory."""
AT_ONCE = 8
"""So many partitions are searched before the first call of them is handed out."""
BATCH_BYTES = 8 * 1024 * 1024
"""So much of a file's transcripts is unpacked at once, in each thread."""
ROWS = 4096
HITS_MAX = 20
"""So many places of one transcript are kept; all are counted."""


@dataclass(frozen=True, slots=True)
class Said:
    """Where a phrase was said in one call, by the engine that heard it. ``hits``: the first ones by time, of the engine
    that is first by name; ``total``: how many it heard."""

    engine: str
    hits: Sequence[Hit]
    total: int


class SpokenReader:
    """Finds calls by what was said. ``calls``: reads the rows of the calls that are found. Safe to use from threads."""

    def __init__(self, store: ObjectStore, calls: CallReader) -> None:
        self._store = store
        self._calls = calls

    def calls(self, wanted: CallFilter, phrase: Phrase) -> Iterator[tuple[Row, Said]]:
        """The calls that fit and in which the phrase was said, newest first. Raises LakeDamaged, NewerSchema."""
        for day, found in groupby(self._found(wanted, phrase), lambda one: one[0].call_date):
            said = {id: one for _, of_partition in found for id, one in of_partition.items()}
            if ids := said.keys() & wanted.ids if wanted.ids else said.keys():
                for row in self._calls.calls(replace(wanted, first=day, last=day, ids=frozenset(ids))):
                    yield row, said[row["recording_id"]]

    def _found(self, wanted: CallFilter, phrase: Phrase) -> Iterator[tuple[TablePartition, Mapping[str, Said]]]:
        days = (wanted.first, wanted.last, wanted.sources)
        partitions = partitions_between(self._store, TRANSCRIPTS, *days)
        sizes = sizes_between(self._store, TRANSCRIPTS, *days) if partitions else {}

        def may_say(text: str | None) -> bool:
            return text is not None and phrase.may_be_in(text)

        def search(keys: tuple[str, ...]) -> dict[str, Said]:
            files = (_open(self._store, key, sizes.get(key)) for key in keys)
            return _said((row for file in files for row in _rows_where(file, "text", may_say)), phrase)

        def read(place: TablePartition) -> dict[str, Said]:
            return of_manifest(self._store, place, search)

        for some in batched(partitions, AT_ONCE, strict=False):
            yield from zip(some, in_threads(read, some, THREADS), strict=True)


def transcripts_of(store: ObjectStore, partition: Partition, recording_id: str) -> list[Transcript]:
    """What each engine heard in one recording. Raises LakeDamaged, NewerSchema, Transient."""
    return [transcript_of_row(row) for row in rows_of_recording(store, TRANSCRIPTS.at(partition), recording_id)]


def sound_of(store: ObjectStore, partition: Partition, recording_id: str) -> Row | None:
    """A recording's row in table ``sound``; None where there is none. Raises LakeDamaged, NewerSchema, Transient."""
    return next(iter(rows_of_recording(store, SOUND.at(partition), recording_id)), None)


def transcript_keys(store: ObjectStore, partition: Partition) -> set[tuple[str, str]]:
    """Recording id and engine of each transcript of a partition. Raises LakeDamaged, NewerSchema, Transient."""
    columns = list(TRANSCRIPTS.key)

    def read(keys: tuple[str, ...]) -> set[tuple[str, str]]:
        parts = (part for key in keys for part in _open(store, key).batches(ROWS, columns))
        return {pair for part in parts for pair in zip(*(part[name].to_pylist() for name in columns), strict=True)}

    return of_manifest(store, TRANSCRIPTS.at(partition), read)


def rows_of_recording(store: ObjectStore, place: TablePartition, recording_id: str) -> list[Row]:
    """A recording's rows in a partition of a table. Raises LakeDamaged, NewerSchema, Transient."""

    def read(keys: tuple[str, ...]) -> list[Row]:
        files = (_open(store, key) for key in keys)
        return [row for file in files for row in _rows_where(file, "recording_id", lambda id: id == recording_id)]

    return of_manifest(store, place, read)


def _said(rows: Iterator[Row], phrase: Phrase) -> dict[str, Said]:
    found: dict[str, Said] = {}
    for row in rows:
        heard = transcript_of_row(row)
        known = found.get(heard.recording_id)
        if (known is None or heard.engine < known.engine) and (hits := phrase.hits(heard.segments)):
            found[heard.recording_id] = Said(heard.engine, hits[:HITS_MAX], len(hits))
    return found


def _rows_where(file: DataFile, column: str, fits: Callable[[str | None], bool]) -> Iterator[Row]:
    """The rows of which this column fits. The other columns are read only where one does."""
    parts = file.batches(ROWS, [column], bytes_at_most=BATCH_BYTES)
    chosen = [fits(value) for part in parts for value in part[column].to_pylist()]
    if not any(chosen):
        return
    at = 0
    for part in file.batches(ROWS, bytes_at_most=BATCH_BYTES):
        yield from rows_of(part.filter(pa.array(chosen[at : at + part.num_rows])), file.partition)
        at += part.num_rows


def _open(store: ObjectStore, key: str, size_bytes: int | None = None) -> DataFile:
    """``size_bytes``: None where it is not known. Raises FileGone."""
    if size_bytes is None:
        info = store.head(key)
        if info is None:
            raise FileGone(key)
        size_bytes = info.size
    return DataFile(store, key, size_bytes, few_columns=True)
