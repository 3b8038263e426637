"""Calls and talk time per source and day with awswrangler, over the files that the manifests name.

For Athena's answers instead: ``wr.athena.read_sql_query(sql, database=…, workgroup=…)``.
Arguments: the first and the last day, like 2026-10-25.
"""

import sys
from collections.abc import Iterable

import awswrangler as wr
import pandas as pd
from manifests import BUCKET, files


def calls_per_day(first_day: str, last_day: str) -> Iterable[tuple]:
    calls = wr.s3.read_parquet(
        files(first_day, last_day),
        path_root=f"s3://{BUCKET}/lake/calls/data/",
        dataset=True,
        columns=["source", "call_date", "talk_s"],
    )
    calls = calls.astype({"source": "str"}).assign(call_date=pd.to_datetime(calls["call_date"].astype("str")).dt.date)
    days = calls.groupby(["source", "call_date"])["talk_s"]
    return days.agg(["size", "sum"]).reset_index().itertuples(index=False, name=None)


if __name__ == "__main__":
    for row in calls_per_day(*sys.argv[1:]):
        print(*row)
