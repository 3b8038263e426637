"""Make ministack answer requests for partitions as Glue does. Its own GetPartitions returns every partition to every
segment, so a reader that asks for segments side by side, as Trino does, reads each row several times. Its own
BatchCreatePartition registers partitions of tables that do not exist.

https://docs.aws.amazon.com/glue/latest/webapi/API_GetPartitions.html
https://docs.aws.amazon.com/glue/latest/webapi/API_BatchCreatePartition.html
"""

import sys
from collections.abc import Callable
from typing import Any

from ministack.services import glue

PAGE = 1000
"""The largest page that GetPartitions gives."""
REPLACED = ("_get_partitions", "_batch_create_partition")

_ORIGINAL: dict[str, Callable[..., Any]] = {name: getattr(glue, name) for name in REPLACED if hasattr(glue, name)}


def install() -> None:
    """Exits where ministack lacks what this replaces or uses."""
    if missing := [name for name in (*REPLACED, "_tables", "_partitions") if not hasattr(glue, name)]:
        sys.exit(f"our Glue does not fit this ministack: {', '.join(missing)} not found in its Glue")
    for name in REPLACED:
        setattr(glue, name, globals()[name])


def _get_partitions(data: dict[str, Any]) -> Any:
    """Expressions are not applied: every reader filters what it gets."""
    if (absent := _absent(data)) is not None:
        return absent
    segment = data.get("Segment") or {"SegmentNumber": 0, "TotalSegments": 1}
    registered = glue._partitions.get(_key(data)) or []
    found = registered[segment["SegmentNumber"] :: segment["TotalSegments"]]
    start = int(data.get("NextToken") or 0)
    end = start + min(data.get("MaxResults") or PAGE, PAGE)
    page = [_without_columns(one) if data.get("ExcludeColumnSchema") else one for one in found[start:end]]
    return glue.json_response({"Partitions": page} | ({"NextToken": str(end)} if end < len(found) else {}))


def _batch_create_partition(data: dict[str, Any]) -> Any:
    absent = _absent(data)
    return _ORIGINAL["_batch_create_partition"](data) if absent is None else absent


def _absent(data: dict[str, Any]) -> Any | None:
    if _key(data) in glue._tables:
        return None
    return glue.error_response_json("EntityNotFoundException", f"Table {data['TableName']} not found.", 400)


def _key(data: dict[str, Any]) -> str:
    return f"{data['DatabaseName']}/{data['TableName']}"


def _without_columns(partition: dict[str, Any]) -> dict[str, Any]:
    storage = {name: value for name, value in partition["StorageDescriptor"].items() if name != "Columns"}
    return partition | {"StorageDescriptor": storage}
