"""The Glue Data Catalog: which partitions of a table are registered."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from call_lake.aws.client import calling, in_batches, send_all
from call_lake.model.layout import Partition

PAGE = 1000  # https://docs.aws.amazon.com/glue/latest/webapi/API_GetPartitions.html
BATCH = 100
"""BatchCreatePartition and BatchUpdatePartition take so many:
https://docs.aws.amazon.com/glue/latest/webapi/API_BatchCreatePartition.html
https://docs.aws.amazon.com/glue/latest/webapi/API_BatchUpdatePartition.html"""
FINGERPRINT = "call_lake_description"
"""A partition's parameter: the table's description that it was registered with."""


@dataclass(frozen=True, slots=True)
class _Description:
    """What a partition has of its table: everything but the location and the columns' comments.

    Glue keeps columns and formats for each partition. A change of the table leaves them as they were:
    https://docs.aws.amazon.com/athena/latest/ug/updates-and-partitions.html
    """

    location: str
    storage: Mapping[str, Any]

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> "_Description":
        given = table["StorageDescriptor"]
        kept = {name: given[name] for name in ("InputFormat", "OutputFormat", "SerdeInfo") if name in given}
        columns = [{"Name": column["Name"], "Type": column["Type"]} for column in given["Columns"]]
        return cls(given["Location"].rstrip("/") + "/", kept | {"Columns": columns})

    @property
    def fingerprint(self) -> str:
        text = json.dumps([self.location, self.storage], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def location_of(self, partition: Partition) -> str:
        return self.location + partition.path

    def is_of(self, partition: Partition, found: Mapping[str, Any]) -> bool:
        """Whether Glue has this partition as ``partition`` describes it. Somebody may have set another location."""
        location = found.get("StorageDescriptor", {}).get("Location", "").rstrip("/") + "/"
        described = found.get("Parameters", {}).get(FINGERPRINT)
        return (described, location) == (self.fingerprint, self.location_of(partition))

    def partition(self, partition: Partition) -> dict[str, Any]:
        """Glue's PartitionInput."""
        return {
            "Values": _values(partition),
            "StorageDescriptor": {**self.storage, "Location": self.location_of(partition)},
            "Parameters": {FINGERPRINT: self.fingerprint},
        }


class GlueCatalog:
    """The tables of one Glue database that are partitioned by ``source`` and ``call_date``. Implements
    ``ports.Catalog``."""

    def __init__(self, client: Any, database: str) -> None:
        self._client = client
        self._database = database
        self._descriptions: dict[str, _Description] = {}

    def registered(self, table: str) -> set[Partition]:
        description = self._describe(table)
        # Without the columns a page of 1,000 partitions is small. It still has the locations:
        # https://docs.aws.amazon.com/glue/latest/webapi/API_GetPartitions.html
        pages = self._client.get_paginator("get_partitions").paginate(
            DatabaseName=self._database,
            TableName=table,
            ExcludeColumnSchema=True,
            PaginationConfig={"PageSize": PAGE},  # how many come unasked, AWS does not say
        )
        found = set[Partition]()
        with calling(f"GetPartitions of {table}"):
            for page in pages:
                for one in page["Partitions"]:
                    partition = Partition.of_values(*one["Values"])
                    if partition and description.is_of(partition, one):
                        found.add(partition)
        return found

    def register(self, table: str, partitions: Sequence[Partition]) -> None:
        description = self._descriptions.get(table) or self._describe(table)

        def send(batch: Sequence[int]) -> dict[int, str]:
            inputs = [description.partition(partitions[position]) for position in batch]
            refused = self._create(table, inputs)
            there = [one for one in inputs if refused.get(tuple(one["Values"])) == "AlreadyExistsException"]
            if there:
                refused = {values: code for values, code in refused.items() if code != "AlreadyExistsException"}
                refused |= self._update(table, there)
            by_values = {tuple(_values(partitions[position])): position for position in batch}
            return {by_values[values]: code for values, code in refused.items()}

        send_all(f"register partitions of {table}", in_batches(len(partitions), BATCH), send)

    def unregister(self, table: str, partition: Partition) -> None:
        with calling(f"DeletePartition of {table}"):
            try:
                self._client.delete_partition(
                    DatabaseName=self._database, TableName=table, PartitionValues=_values(partition)
                )
            except self._client.exceptions.EntityNotFoundException:
                return

    def _describe(self, table: str) -> _Description:
        with calling(f"GetTable {table}"):
            found = self._client.get_table(DatabaseName=self._database, Name=table)["Table"]
        self._descriptions[table] = _Description.of(found)
        return self._descriptions[table]

    def _create(self, table: str, inputs: Sequence[dict[str, Any]]) -> dict[tuple[str, ...], str]:
        """Create partitions; return the values of the refused ones, each with AWS's code."""
        return self._batch(
            "PartitionValues", self._client.batch_create_partition, TableName=table, PartitionInputList=inputs
        )

    def _update(self, table: str, inputs: Sequence[dict[str, Any]]) -> dict[tuple[str, ...], str]:
        """Write the description of partitions that exist; return as ``_create``."""
        entries = [{"PartitionValueList": one["Values"], "PartitionInput": one} for one in inputs]
        return self._batch("PartitionValueList", self._client.batch_update_partition, TableName=table, Entries=entries)

    def _batch(self, values: str, call: Callable[..., Any], **request: Any) -> dict[tuple[str, ...], str]:
        with calling(f"register partitions of {request['TableName']}"):
            errors = call(DatabaseName=self._database, **request).get("Errors", ())
        return {tuple(one[values]): one["ErrorDetail"]["ErrorCode"] for one in errors}


def _values(partition: Partition) -> list[str]:
    return [partition.source, partition.call_date.isoformat()]
