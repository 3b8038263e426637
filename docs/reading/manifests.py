"""The Parquet files that are the table ``calls`` now.

A partition is the files that its ``symlink.txt`` names, and that text is replaced in one step. A reader of it and
then of those files sees the partition before a commit or after it, never between. What else lies under
``lake/calls/data/`` is superseded.
"""

import os
from datetime import date

import boto3

BUCKET = os.environ["CALL_LAKE_BUCKET"]
MANIFESTS = "lake/calls/manifest/"


def files(first_day: str, last_day: str) -> list[str]:
    """S3 URIs of the data files of these days, like ``2026-10-25``; both belong to them. Raises ValueError for a day
    that is written in another way."""
    first, last = date.fromisoformat(first_day), date.fromisoformat(last_day)
    s3 = boto3.client("s3")
    uris = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=MANIFESTS):
        for key in (found["Key"] for found in page.get("Contents", [])):
            if first <= date.fromisoformat(key.partition("call_date=")[2][:10]) <= last:
                uris += s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode().splitlines()
    return uris
