"""The tables of the lake. One mechanism (``lake/``) serves them all; what differs is in these descriptions (ADR 0041).

A further table is a description here, and a table of the Glue database in template.yaml.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Self

from call_lake.model.layout import INBOX, LAKE, Partition
from call_lake.model.sound import SOUND_COLUMNS, SOUND_SCHEMA_VERSION
from call_lake.model.table import ABOUT_PEOPLE, COLUMNS, SCHEMA_VERSION
from call_lake.model.transcripts import TRANSCRIPT_COLUMNS, TRANSCRIPT_SCHEMA_VERSION


@dataclass(frozen=True, eq=False)
class LakeTable:
    """One table: what its rows are, and where the bucket has them.

    ``columns``: column -> kind, as Glue names it, without the partition's; ``schema_version`` is one of them. ``key``:
    the columns that tell rows apart; the first one is ``recording_id``, and there are at most two. Of two rows with one
    key the one with the later ``rank`` counts. If both have the same, ``tie`` decides: of a number the larger one
    counts, of a text the row without it. ``sort``: the order of the rows in a file, before the recording id.
    ``required``: columns without which a row does not fit. ``unnamed``: columns about people, of which no name of an
    object may be made (ADR 0026). ``bloom``: columns with a Bloom filter, each with how many rows share a value at
    least. ``unique``: columns whose values hardly repeat, so that a dictionary costs. ``differences``: nearly sorted
    columns, stored as differences. ``unsearched``: columns that nobody searches for a range. ``has_large_rows``: a row
    may be a megabyte, so files are written in small pieces. ``twin_of``: the table whose rows these are, with fewer
    columns.
    """

    name: str
    columns: Mapping[str, str]
    schema_version: int
    key: tuple[str, ...]
    rank: str
    tie: str | None
    sort: str
    required: tuple[str, ...]
    unnamed: tuple[str, ...] = ()
    bloom: Mapping[str, int] = field(default_factory=lambda: {"recording_id": 1})
    unique: frozenset[str] = frozenset()
    differences: frozenset[str] = frozenset()
    unsearched: frozenset[str] = frozenset()
    has_large_rows: bool = False
    twin_of: "LakeTable | None" = None

    @property
    def prefix(self) -> str:
        """Of everything below, except the inbox."""
        return f"{LAKE}{self.name}/"

    @property
    def inbox(self) -> str:
        """The prefix of rows that wait for the compactor."""
        return f"{INBOX}{self.name}/"

    @property
    def data(self) -> str:
        return f"{self.prefix}data/"

    @property
    def manifests(self) -> str:
        """The prefix of the partitions' manifests: the location of the Glue table."""
        return f"{self.prefix}manifest/"

    @property
    def garbage(self) -> str:
        return f"{self.prefix}garbage/"

    @property
    def quarantine(self) -> str:
        return f"{self.prefix}quarantine/"

    @property
    def canary(self) -> str:
        return f"{self.prefix}canary/"

    @property
    def twin(self) -> "LakeTable | None":
        """The table that has these rows with fewer columns."""
        return next((table for table in _BY_NAME.values() if table.twin_of is self), None)

    def at(self, partition: Partition) -> "TablePartition":
        return TablePartition(self, partition)

    def __str__(self) -> str:
        return f"table {self.name}"


@dataclass(frozen=True, slots=True)
class TablePartition:
    """One partition of one table. Its properties are prefixes and keys."""

    table: LakeTable
    partition: Partition

    @property
    def source(self) -> str:
        return self.partition.source

    @property
    def call_date(self) -> date:
        return self.partition.call_date

    @property
    def path(self) -> str:
        return self.partition.path

    @property
    def twin(self) -> "TablePartition | None":
        """The same partition of the table's twin."""
        return self.table.twin.at(self.partition) if self.table.twin else None

    @classmethod
    def of_key(cls, key: str) -> Self | None:
        """Of any object of the inbox or of a table; None where the key names none."""
        table = table_of_key(key)
        if table is None:
            return None
        prefix = table.inbox if key.startswith(INBOX) else key[: key.find("/", len(LAKE) + len(table.name) + 1) + 1]
        partition = Partition.of_key(key, prefix)
        return cls(table, partition) if partition is not None else None

    @property
    def inbox(self) -> str:
        return self.table.inbox + self.partition.path

    @property
    def data(self) -> str:
        return self.table.data + self.partition.path

    @property
    def manifest(self) -> str:
        """The key of the one object that names the partition's data files."""
        return f"{self.table.manifests}{self.partition.path}symlink.txt"

    @property
    def garbage(self) -> str:
        return self.table.garbage + self.partition.path

    @property
    def quarantine(self) -> str:
        return self.table.quarantine + self.partition.path

    @property
    def canary_note(self) -> str:
        """The key that exists while ``call-lake doctor --canary`` has invented rows in the partition."""
        return f"{self.table.canary}{self.partition.path}note.json"

    def __str__(self) -> str:
        return f"{self.table.name} {self.partition}"


CALLS = LakeTable(
    name="calls",
    columns=COLUMNS,
    schema_version=SCHEMA_VERSION,
    key=("recording_id",),
    rank="stored_at",
    tie="audio_uri",  # a recording keeps its stored_at when its audio expires (ADR 0010)
    sort="started_at",
    required=("recording_id", "started_at", "stored_at"),
    unnamed=ABOUT_PEOPLE,
    # One end of a call is nearly always ours, so each column has at most half as many numbers as rows.
    bloom={"recording_id": 1, "caller": 2, "callee": 2},
    unique=frozenset({"recording_id", "provider_key", "connection_id", "audio_uri", "audio_sha256", "raw"}),
    differences=frozenset({"started_at", "ended_at", "listed_at", "stored_at"}),
    unsearched=frozenset({"audio_sha256", "raw"}),
)
CALLS_OPEN = LakeTable(
    name="calls_open",
    columns={name: kind for name, kind in COLUMNS.items() if name not in (*ABOUT_PEOPLE, "audio_uri")},
    schema_version=SCHEMA_VERSION,
    key=("recording_id",),
    rank="stored_at",
    tie=None,
    sort="started_at",
    required=CALLS.required,
    twin_of=CALLS,
)
"""The rows of ``calls`` without the columns about people, and without the one that leads to the audio (ADR 0009)."""
TRANSCRIPTS = LakeTable(
    name="transcripts",
    columns=TRANSCRIPT_COLUMNS,
    schema_version=TRANSCRIPT_SCHEMA_VERSION,
    key=("recording_id", "engine"),
    rank="transcribed_at",
    tie="words",
    sort="transcribed_at",
    required=("recording_id", "engine", "transcribed_at"),
    unique=frozenset({"recording_id", "text"}),
    differences=frozenset({"transcribed_at"}),
    unsearched=frozenset({"text", "segments"}),
    has_large_rows=True,
)
SOUND = LakeTable(
    name="sound",
    columns=SOUND_COLUMNS,
    schema_version=SOUND_SCHEMA_VERSION,
    key=("recording_id",),
    rank="analyzed_at",
    tie=None,
    sort="analyzed_at",
    required=("recording_id", "analyzed_at"),
    unique=frozenset({"recording_id", "audio_sha256"}),
    differences=frozenset({"analyzed_at"}),
    unsearched=frozenset({"audio_sha256"}),
)
TABLES = (CALLS, TRANSCRIPTS, SOUND)
"""The tables that get rows by the inbox. A twin's rows come from the files of its table."""
_BY_NAME = {table.name: table for table in (*TABLES, CALLS_OPEN)}


def table_of_key(key: str) -> LakeTable | None:
    """The table to which an object of the inbox or of the lake belongs; None for every other key."""
    for root in (INBOX, LAKE):
        if key.startswith(root):
            found = _BY_NAME.get(key.removeprefix(root).partition("/")[0])
            return None if found and found.twin_of and root == INBOX else found
    return None


def inbox_key(table: LakeTable, partition: Partition | None, name: str) -> str:
    """``partition`` None: rows whose key named no partition."""
    return f"{table.at(partition).inbox if partition else table.inbox}{name}.json"


def quarantine_key(table: LakeTable, partition: Partition | None, name: str) -> str:
    """``partition`` None: a row whose inbox key named no partition."""
    return f"{table.at(partition).quarantine if partition else table.quarantine}{name}.json"


def data_key(place: TablePartition, commit_id: str) -> str:
    """The key of the data file that one commit writes."""
    return f"{place.data}{commit_id}.parquet"
