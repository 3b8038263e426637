"""Calls and talk time per source and day with Spark, over the files that the manifests name.

Spark reads ``s3a://`` with the module hadoop-aws of the same Hadoop version; Amazon EMR and AWS Glue have theirs.
Arguments: the first and the last day, like 2026-10-25.
"""

import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import count, sum


def calls_per_day(spark: SparkSession, base: str, paths: list[str]) -> list[tuple]:
    """``base`` is the folder above ``source=…``, from where Spark takes the partition columns out of the paths."""
    calls = spark.read.option("basePath", base).option("mergeSchema", "true").parquet(*paths)
    days = calls.groupBy("source", "call_date").agg(count("*"), sum("talk_s"))
    return [tuple(row) for row in days.orderBy("source", "call_date").collect()]


if __name__ == "__main__":
    from manifests import BUCKET, files

    session = SparkSession.builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()
    found = [uri.replace("s3://", "s3a://", 1) for uri in files(*sys.argv[1:])]
    for row in calls_per_day(session, f"s3a://{BUCKET}/lake/calls/data/", found):
        print(*row)
