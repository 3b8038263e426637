"""What a client left behind, read by plain pyarrow from the files that it names."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.fs import FileSelector, FileType

from bench.compact.bucket import Bucket
from bench.compact.worker import s3_of
from call_lake.model.layout import Partition


@dataclass(frozen=True, slots=True)
class Judged:
    """Recordings that are there more than once, are missing, or are in an older version than was delivered."""

    twice: int
    lost: int
    stale: int

    def counts(self) -> str:
        return f"{self.twice} / {self.lost} / {self.stale}"


@dataclass(frozen=True, slots=True)
class Kept:
    """Bytes of the table's data files, and of all that lies in the bucket with them; how many data files there are, and
    in the fullest closed partition."""

    live_bytes: int
    stored_bytes: int
    live_files: int
    most_files: int


def judge(bucket: Bucket, files: Sequence[str], truth: Mapping[str, int]) -> Judged:
    s3 = s3_of(bucket.s3_url)
    counts: Counter[str] = Counter()
    newest: dict[str, int] = {}
    for key in files:
        path = f"{bucket.name}/{key}"
        rows = pq.read_table(path, filesystem=s3, columns=["recording_id", "stored_at"], partitioning=None)
        ids = rows["recording_id"].to_pylist()
        counts.update(ids)
        stored_at = rows["stored_at"].cast(pa.timestamp("ms", "UTC")).cast(pa.int64()).to_pylist()
        for name, at in zip(ids, stored_at, strict=True):
            newest[name] = max(at, newest.get(name, at))
    return Judged(
        twice=sum(count > 1 for count in counts.values()),
        lost=sum(name not in newest for name in truth),
        stale=sum(newest[name] < at for name, at in truth.items() if name in newest),
    )


def kept(bucket: Bucket, files: Sequence[str], closed: Sequence[Partition]) -> Kept:
    found = s3_of(bucket.s3_url).get_file_info(FileSelector(bucket.name, recursive=True))
    sizes = {info.path.removeprefix(f"{bucket.name}/"): info.size for info in found if info.type is FileType.File}
    live = {key: sizes[key] for key in files}
    folders = Counter(one.path for key in files for one in closed if one.path in key)
    return Kept(sum(live.values()), sum(sizes.values()), len(live), max(folders.values(), default=0))
