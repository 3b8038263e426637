"""The bytes of data files that a query must read: footers, Bloom filters that are there, the column chunks it needs.

Row groups are left out by the minimum and maximum of their columns, then by their Bloom filters, as DuckDB, Trino and
Athena do. Where a row is found, the other columns of its row group are read; page indexes are not used.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import duckdb
import pyarrow.parquet as pq
from pyarrow.fs import S3FileSystem

from bench.compact import dataset
from bench.compact.bucket import Bucket
from bench.compact.worker import s3_of

SHOWN = ("started_at", "agent", "talk_s", "audio_uri")
END_BYTES = 8  # length of the footer and PAR1


@dataclass(frozen=True, slots=True)
class Reads:
    """Bytes: a week by day and agent; one recording by its id, the mean of some; one number's calls."""

    week: int
    recording: int
    number: int


def reads(bucket: Bucket, files: Sequence[str], recording_ids: Sequence[str], number: str) -> Reads:
    s3 = s3_of(bucket.s3_url)
    opened = [_File(s3, f"{bucket.name}/{key}") for key in files]
    days = {day.isoformat() for day in dataset.week()}
    return Reads(
        week=sum(file.columns("agent", "talk_s") for file in opened if file.day in days),
        recording=round(mean(sum(file.search(("recording_id",), id) for file in opened) for id in recording_ids)),
        number=sum(file.search(("caller", "callee"), number) for file in opened),
    )


class _File:
    def __init__(self, s3: S3FileSystem, path: str) -> None:
        self._s3, self._path = s3, path
        self._metadata = pq.read_metadata(path, filesystem=s3)
        self._footer = self._metadata.serialized_size + END_BYTES
        schema = self._metadata.schema
        self._position = {schema.column(n).path: n for n in range(len(schema))}
        self.day = path.partition("call_date=")[2][:10]

    def columns(self, *names: str) -> int:
        groups = range(self._metadata.num_row_groups)
        return self._footer + sum(self._chunk(group, name).total_compressed_size for group in groups for name in names)

    def search(self, names: tuple[str, ...], value: str) -> int:
        """To find and show the rows in which one of the columns has this value."""
        read = self._footer
        for group in range(self._metadata.num_row_groups):
            maybe = []
            for name in names:
                chunk = self._chunk(group, name)
                if not _within(chunk.statistics, value):
                    continue
                if chunk.bloom_filter_offset:
                    read += chunk.bloom_filter_length
                    if self._excludes(group, name, value):
                        continue
                maybe.append(name)
            read += sum(self._chunk(group, name).total_compressed_size for name in maybe)
            if any(self._holds(group, name, value) for name in maybe):
                shown = [name for name in SHOWN if name not in maybe]
                read += sum(self._chunk(group, name).total_compressed_size for name in shown)
        return read

    def _chunk(self, group: int, name: str) -> Any:
        return self._metadata.row_group(group).column(self._position[name])

    def _holds(self, group: int, name: str, value: str) -> bool:
        with self._s3.open_input_file(self._path) as source:
            return value in pq.ParquetFile(source).read_row_group(group, columns=[name])[name].to_pylist()

    def _excludes(self, group: int, name: str, value: str) -> bool:
        def probed(file: Path) -> bool:
            asked = "SELECT row_group_id, bloom_filter_excludes FROM parquet_bloom_probe(?, ?, ?)"
            found = duckdb.execute(asked, [str(file), name, value]).fetchall()
            return bool(dict(found)[group])

        return self._with_copy(probed)

    def _with_copy[T](self, work: Callable[[Path], T]) -> T:
        with self._s3.open_input_file(self._path) as source, tempfile.NamedTemporaryFile(suffix=".parquet") as copy:
            copy.write(source.readall())
            copy.flush()
            return work(Path(copy.name))


def _within(statistics: Any, value: str) -> bool:
    return statistics is None or not statistics.has_min_max or statistics.min <= value <= statistics.max
