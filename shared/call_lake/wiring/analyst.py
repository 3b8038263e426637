"""Put the reader of ``call_lake.read`` together, with the analyst's own credentials."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from call_lake.aws.client import client
from call_lake.aws.s3 import S3ObjectStore
from call_lake.lake.reading import read_rows
from call_lake.model.lake_tables import CALLS_OPEN, TABLES
from call_lake.ports import ObjectStore
from call_lake.settings import from_environment

READABLE = {table.name: table for table in (*TABLES, CALLS_OPEN)}


@dataclass(frozen=True, slots=True)
class AnalystSettings:
    """What ``call-lake env`` prints."""

    call_lake_bucket: str


def store_of(bucket: str | None) -> ObjectStore:
    """Raises ConfigError where no bucket is named and the environment has none."""
    return S3ObjectStore(client("s3"), bucket or from_environment(AnalystSettings).call_lake_bucket)


def read(
    table: str, first: date, last: date, sources: Collection[str], columns: Sequence[str] | None, bucket: str | None
) -> Any:
    """See ``call_lake.read``."""
    if table not in READABLE:
        raise ValueError(f"there is no table {table!r}; there are: {', '.join(READABLE)}")
    return read_rows(store_of(bucket), READABLE[table], first, last, sources, columns)
