"""Runs docs/reading/read_spark.py over local copies of the files that the manifests name.

Arguments: the folder docs/reading, a folder for the copies, the first and the last day.
"""

import sys
from pathlib import Path

import boto3
from pyspark.sql import SparkSession  # type: ignore[import-not-found]


def main(reading: str, copies: str, *days: str) -> None:
    sys.path.insert(0, reading)
    from manifests import BUCKET, files  # type: ignore[import-not-found]
    from read_spark import calls_per_day  # type: ignore[import-not-found]

    paths = []
    for uri in files(*days):
        key = uri.removeprefix(f"s3://{BUCKET}/")
        copy = Path(copies, key)
        copy.parent.mkdir(parents=True, exist_ok=True)
        boto3.client("s3").download_file(BUCKET, key, str(copy))
        paths.append(f"file://{copy}")
    local = {"spark.ui.enabled": "false", "spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
    session = SparkSession.builder.master("local[1]").config(map=local).getOrCreate()
    for row in calls_per_day(session, f"file://{copies}/lake/calls/data/", paths):
        print(*row)


if __name__ == "__main__":
    main(*sys.argv[1:])
