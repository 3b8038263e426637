"""Where the objects of a Glue table are."""

import re
from collections.abc import Mapping
from typing import Any

# A partition's values in the order of the table's partition keys, and where its objects are (s3://bucket/prefix/).
type Partition = tuple[tuple[str, ...], str]


class BadTable(Exception):
    """The table's definition, or what its location holds, is not what Athena could read."""


def location_of(table: Mapping[str, Any]) -> str:
    """Raises BadTable where the table has no location."""
    location = (table.get("StorageDescriptor") or {}).get("Location") or ""
    if not location.startswith("s3://"):
        raise BadTable(f"table {table.get('Name')!r} has no location in S3")
    return str(location).rstrip("/") + "/"


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key. Raises BadTable."""
    match = re.fullmatch(r"s3[an]?://([^/]+)/(.*)", uri)
    if match is None:
        raise BadTable(f"{uri!r} is not an S3 URI")
    return match[1], match[2]
