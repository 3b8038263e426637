"""Calls and talk time per source and day with Polars, over the files that the manifests name.

Arguments: the first and the last day, like 2026-10-25.
"""

import sys

import polars as pl
from manifests import files


def calls_per_day(first_day: str, last_day: str) -> list[tuple]:
    calls = pl.scan_parquet(
        files(first_day, last_day),
        hive_partitioning=True,
        missing_columns="insert",  # files of an older schema
        extra_columns="ignore",  # files of a newer one
    )
    return (
        calls.group_by("source", "call_date")
        .agg(pl.len().alias("calls"), pl.sum("talk_s"))
        .sort("source", "call_date")
        .collect()
        .rows()
    )


if __name__ == "__main__":
    for row in calls_per_day(*sys.argv[1:]):
        print(*row)
