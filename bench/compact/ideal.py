"""The layout that reads least without an index: one file a partition, sorted, nothing superseded, zstd."""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.parquet as pq

from bench.compact.bucket import Bucket
from bench.compact.clients.plain import CODEC
from bench.compact.worker import by_partition, newest, read, s3_of


def write_ideal(bucket: Bucket, increments: Iterable[int]) -> list[str]:
    """Everything that was delivered; returns the keys."""
    names = ["load", *(f"increment-{number}" for number in increments)]
    delivered = pa.concat_tables([read(bucket.dataset.folder, name) for name in names])
    s3, keys = s3_of(bucket.s3_url), []
    for (source, day), rows in by_partition(newest(delivered)):
        keys.append(f"ideal/source={source}/call_date={day}/part.parquet")
        rows = rows.drop_columns(["source", "call_date"]).sort_by("started_at")
        pq.write_table(rows, f"{bucket.name}/{keys[-1]}", filesystem=s3, compression=CODEC)
    return keys
