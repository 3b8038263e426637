"""What Glue answers to a batch: it takes some partitions and refuses others, each with its code.

https://docs.aws.amazon.com/glue/latest/webapi/API_PartitionError.html
https://docs.aws.amazon.com/glue/latest/webapi/API_BatchUpdatePartitionFailureEntry.html
"""

from collections import defaultdict
from collections.abc import Callable
from copy import deepcopy
from datetime import date
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from call_lake.aws.glue import GlueCatalog
from call_lake.model.layout import Partition
from call_lake.ports import PartialFailure

FIRST, SECOND, THIRD = DAYS = [Partition("thulium", date(2026, 10, day)) for day in (20, 21, 22)]
TABLE: dict[str, Any] = {
    "Name": "calls",
    "StorageDescriptor": {
        "Location": "s3://lake/calls/manifest/",
        "InputFormat": "symlinks",
        "OutputFormat": "text",
        "SerdeInfo": {"SerializationLibrary": "parquet"},
        "Columns": [{"Name": "caller", "Type": "string", "Comment": "who called"}],
    },
}


class Glue:
    """A catalogue with one table, behind a client of boto3. ``refusals``: the codes that a partition is refused with,
    the next one first. ``requests``: each with how many partitions it names."""

    def __init__(self) -> None:
        self.table = deepcopy(TABLE)
        self.partitions: dict[Partition, dict[str, Any]] = {}
        self.refusals: dict[tuple[str, Partition], list[str]] = defaultdict(list)
        self.requests: list[tuple[str, int]] = []
        client = boto3.client("glue", "eu-central-1", aws_access_key_id="testing", aws_secret_access_key="testing")
        client.meta.events.register("before-parameter-build.glue", self._note)
        answer: Any = self._answer  # botocore takes what a handler returns for the answer
        client.meta.events.register("before-call.glue", answer)
        self.catalog = GlueCatalog(client, "lake")

    def _note(self, params: dict[str, Any], **_: Any) -> None:
        self._params = params

    def _answer(self, model: Any, **_: Any) -> tuple[Any, dict[str, Any]]:
        answer: dict[str, Any] = {}
        match model.name:
            case "GetTable":
                answer = {"Table": self.table}
            case "GetPartitions":
                self.requests.append(("list", self._params["MaxResults"]))
                answer = {"Partitions": list(self.partitions.values())}
            case "BatchCreatePartition":
                answer = self._write("create", "PartitionValues", self._params["PartitionInputList"])
            case "BatchUpdatePartition":
                inputs = [entry["PartitionInput"] for entry in self._params["Entries"]]
                answer = self._write("update", "PartitionValueList", inputs)
        return SimpleNamespace(status_code=200), answer

    def _write(self, operation: str, values: str, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        self.requests.append((operation, len(inputs)))
        errors = []
        for one in inputs:
            partition = Partition.of_values(*one["Values"])
            assert partition is not None
            if codes := self.refusals[operation, partition]:
                errors.append({values: one["Values"], "ErrorDetail": {"ErrorCode": codes.pop(0)}})
            elif operation == "create" and partition in self.partitions:
                errors.append({values: one["Values"], "ErrorDetail": {"ErrorCode": "AlreadyExistsException"}})
            else:
                self.partitions[partition] = one
        return {"Errors": errors}


@pytest.fixture
def glue() -> Glue:
    return Glue()


def test_partitions_of_one_batch_are_one_request(glue: Glue) -> None:
    glue.catalog.register("calls", DAYS)

    assert glue.requests == [("create", 3)]
    assert glue.catalog.registered("calls") == set(DAYS)


def test_a_refused_partition_is_sent_again_alone(glue: Glue) -> None:
    glue.refusals["create", SECOND] = ["InternalServiceException"]

    glue.catalog.register("calls", DAYS)

    assert glue.requests == [("create", 3), ("create", 1)]
    assert set(glue.partitions) == set(DAYS)


def test_a_partition_that_is_refused_twice_is_named_with_its_code_and_stops_no_other(glue: Glue) -> None:
    glue.refusals["create", SECOND] = ["InternalServiceException", "ResourceNumberLimitExceededException"]

    with pytest.raises(PartialFailure, match="ResourceNumberLimitExceededException") as caught:
        glue.catalog.register("calls", DAYS)

    assert caught.value.failed == (1,)
    assert set(glue.partitions) == {FIRST, THIRD}


def test_of_a_batch_only_what_exists_is_updated(glue: Glue) -> None:
    glue.catalog.register("calls", [SECOND])
    glue.table["StorageDescriptor"]["Columns"].append({"Name": "callee", "Type": "string"})
    assert glue.catalog.registered("calls") == set()
    glue.requests.clear()

    glue.catalog.register("calls", DAYS)

    assert glue.requests == [("create", 3), ("update", 1)]
    assert glue.catalog.registered("calls") == set(DAYS)
    assert [len(one["StorageDescriptor"]["Columns"]) for one in glue.partitions.values()] == [2, 2, 2]


def test_an_update_that_is_refused_is_tried_again(glue: Glue) -> None:
    glue.catalog.register("calls", DAYS)
    glue.refusals["update", SECOND] = ["ConcurrentModificationException"]
    glue.requests.clear()

    glue.catalog.register("calls", DAYS)

    assert glue.requests == [("create", 3), ("update", 3), ("create", 1), ("update", 1)]


def test_an_update_that_is_refused_twice_is_named_with_its_code(glue: Glue) -> None:
    glue.catalog.register("calls", [THIRD])
    glue.refusals["update", THIRD] = ["ConcurrentModificationException"] * 2

    with pytest.raises(PartialFailure, match="ConcurrentModificationException") as caught:
        glue.catalog.register("calls", DAYS)

    assert caught.value.failed == (2,)


def test_refusals_of_a_batch_are_told_apart(glue: Glue) -> None:
    glue.catalog.register("calls", [FIRST])
    glue.refusals["create", SECOND] = ["InternalServiceException"] * 2

    with pytest.raises(PartialFailure, match="InternalServiceException") as caught:
        glue.catalog.register("calls", DAYS)

    assert caught.value.failed == (1,)
    assert set(glue.partitions) == {FIRST, THIRD}


def test_partitions_are_listed_by_the_thousand(glue: Glue) -> None:
    glue.catalog.registered("calls")

    assert glue.requests == [("list", 1000)]


# -- the table's description, of which each partition has a hash


def moved(storage: dict[str, Any]) -> None:
    storage["Location"] = "s3://lake/elsewhere/"


def retyped(storage: dict[str, Any]) -> None:
    storage["Columns"][0]["Type"] = "bigint"


def renamed(storage: dict[str, Any]) -> None:
    storage["Columns"][0]["Name"] = "who"


def read_otherwise(storage: dict[str, Any]) -> None:
    storage["InputFormat"] = "files"


def written_otherwise(storage: dict[str, Any]) -> None:
    storage["OutputFormat"] = "files"


def parsed_otherwise(storage: dict[str, Any]) -> None:
    storage["SerdeInfo"] = {"SerializationLibrary": "orc"}


@pytest.mark.parametrize("change", [moved, retyped, renamed, read_otherwise, written_otherwise, parsed_otherwise])
def test_a_partition_of_a_table_that_reads_otherwise_is_not_registered(
    glue: Glue, change: Callable[[dict[str, Any]], None]
) -> None:
    glue.catalog.register("calls", [FIRST])

    change(glue.table["StorageDescriptor"])

    assert glue.catalog.registered("calls") == set()


def test_a_comment_and_a_slash_change_nothing(glue: Glue) -> None:
    glue.catalog.register("calls", [FIRST])

    glue.table["StorageDescriptor"]["Columns"][0]["Comment"] = "the caller's number"
    glue.table["StorageDescriptor"]["Location"] = "s3://lake/calls/manifest"

    assert glue.catalog.registered("calls") == {FIRST}


@pytest.mark.parametrize("parameters", [{}, {"Parameters": {"call_lake_description": "of somebody else"}}])
def test_a_partition_that_somebody_else_made_is_not_registered(glue: Glue, parameters: dict[str, Any]) -> None:
    glue.partitions[FIRST] = {"Values": ["thulium", "2026-10-20"], **parameters}

    assert glue.catalog.registered("calls") == set()


def test_values_that_are_no_source_and_day_are_left_alone(glue: Glue) -> None:
    glue.catalog.register("calls", [FIRST])
    glue.partitions[SECOND] = {**glue.partitions[FIRST], "Values": ["thulium", "no day"]}

    assert glue.catalog.registered("calls") == {FIRST}
