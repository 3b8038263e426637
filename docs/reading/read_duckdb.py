"""Calls and talk time per source and day with DuckDB, over the files that the manifests name.

pyarrow opens them, so DuckDB needs no extension. Arguments: the first and the last day, like 2026-10-25.
"""

import os
import sys

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
from manifests import files
from pyarrow.fs import S3FileSystem

KEYS = pa.schema([("source", pa.string()), ("call_date", pa.date32())])


def calls_per_day(first_day: str, last_day: str) -> list[tuple]:
    paths = [uri.removeprefix("s3://") for uri in files(first_day, last_day)]
    s3 = S3FileSystem(endpoint_override=os.environ.get("AWS_ENDPOINT_URL"))  # which pyarrow does not read by itself
    calls = ds.dataset(paths, filesystem=s3, partitioning=ds.partitioning(KEYS, flavor="hive"))
    # Files of several schema versions: else the first one's columns are all that there are.
    every = [calls.schema, *(fragment.physical_schema for fragment in calls.get_fragments())]
    calls = calls.replace_schema(pa.unify_schemas(every))
    return (
        duckdb.connect()
        .register("calls", calls)
        .execute("""
            SELECT source, call_date, count(*) AS calls, sum(talk_s) AS talk_s
            FROM calls GROUP BY source, call_date ORDER BY source, call_date
        """)
        .fetchall()
    )


if __name__ == "__main__":
    for row in calls_per_day(*sys.argv[1:]):
        print(*row)
