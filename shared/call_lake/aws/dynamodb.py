"""The ledger's table on DynamoDB."""

import math
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, DecimalException
from typing import Any

from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from call_lake.aws.client import calling, code_of, in_batches
from call_lake.concurrency import in_threads
from call_lake.errors import Reason, Transient
from call_lake.ports import FIRST_DUE, Below, Expectation, Item, OneOf, PreconditionFailed

INDEX = "due"
GET_BATCH = 100  # BatchGetItem
ATTEMPTS = 8
SCAN_SEGMENTS = 8
BACKOFF_S, BACKOFF_MAX_S = 0.05, 3.0
INSERT_BATCH = 25  # BatchExecuteStatement
INSERT_BATCH_BYTES = 1_000_000
"""Texts of one batch, far below what AWS takes: its pages give no limit for this request."""
DUPLICATE = "DuplicateItem"

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


class DynamoTable:
    """One table with hash key ``id`` and the sparse index ``due``.

    Raises ValueError for an item over 400 KB and for a number that DynamoDB cannot hold. A float without a fraction
    comes back as int: DynamoDB keeps one form of a number.
    """

    def __init__(self, client: Any, name: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self.name = name
        self._client = client
        self._sleep = sleep

    def get(self, id: str) -> Item | None:
        with calling(f"GetItem {id}"):
            answer = self._client.get_item(TableName=self.name, Key=_key(id), ConsistentRead=True)
        return _item(answer["Item"]) if "Item" in answer else None

    def get_many(self, ids: Sequence[str]) -> dict[str, Item]:
        wanted = list(dict.fromkeys(ids))  # DynamoDB refuses a batch that names a key twice
        found: dict[str, Item] = {}
        for batch in in_batches(len(wanted), GET_BATCH):
            for item in self._get_batch([wanted[position] for position in batch]):
                found[item["id"]] = item
        return found

    def _get_batch(self, ids: Sequence[str]) -> Iterator[Item]:
        request: dict[str, Any] = {self.name: {"Keys": [_key(id) for id in ids], "ConsistentRead": True}}
        for attempt in range(ATTEMPTS):
            with calling(f"BatchGetItem of {self.name}"):
                answer = self._client.batch_get_item(RequestItems=request)
            yield from map(_item, answer["Responses"].get(self.name, ()))
            request = answer.get("UnprocessedKeys") or {}
            if not request:
                return
            self._pause(attempt)
        left = len(request[self.name]["Keys"])
        raise Transient(Reason.AWS, f"BatchGetItem: {left} keys unprocessed after {ATTEMPTS} attempts")

    def update(self, id: str, changes: Mapping[str, Any], expect: Expectation | None = None) -> None:
        expression = _Expression()
        request = {
            "UpdateExpression": expression.update(changes),
            "ConditionExpression": expression.condition(expect or {}),
            "ExpressionAttributeNames": expression.names,
            "ExpressionAttributeValues": expression.values,
        }
        given = {name: value for name, value in request.items() if value}
        with calling(f"UpdateItem {id}"):
            try:
                # ReturnValues stays NONE: the poller's role may ask for nothing else (docs/adr/0027).
                self._client.update_item(TableName=self.name, Key=_key(id), **given)
            except ClientError as error:
                if code_of(error) == "ConditionalCheckFailedException":
                    raise PreconditionFailed(id) from error
                if code_of(error) == "ValidationException" and "size" in str(error):
                    raise ValueError(f"{id}: {error}") from error
                raise

    def insert(self, items: Sequence[Item]) -> set[str]:
        # An INSERT never replaces an item, and each statement has an answer, in the order of the request:
        # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchExecuteStatement.html
        return {item["id"] for batch in _by_size(items) for item in self._insert_batch(batch)}

    def _insert_batch(self, items: Sequence[Item]) -> Iterator[Item]:
        """Those that were written. What is refused for anything but its id is sent again: boto3 repeats a request that
        is throttled, but not a statement."""
        left = list(items)
        for attempt in range(ATTEMPTS):
            statements = [_insert_into(self.name, item) for item in left]
            with calling(f"BatchExecuteStatement of {self.name}"):
                answer = self._client.batch_execute_statement(Statements=statements)
            codes = [one.get("Error", {}).get("Code") for one in answer["Responses"]]
            yield from (item for item, code in zip(left, codes, strict=True) if code is None)
            left = [item for item, code in zip(left, codes, strict=True) if code not in (None, DUPLICATE)]
            if not left:
                return
            self._pause(attempt)
        refused = ", ".join(sorted({code for code in codes if code}))
        raise Transient(
            Reason.AWS, f"BatchExecuteStatement: {len(left)} statements refused {ATTEMPTS} times: {refused}"
        )

    def _pause(self, attempt: int) -> None:
        self._sleep(min(BACKOFF_MAX_S, BACKOFF_S * 2**attempt) * random.uniform(0.5, 1.0))  # noqa: S311

    def query_due(self, due_list: str, due_before: str, limit: int, *, due_from: str = FIRST_DUE) -> list[Item]:
        # BETWEEN includes both ends:
        # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.KeyConditionExpressions.html
        pages = self._client.get_paginator("query").paginate(
            TableName=self.name,
            IndexName=INDEX,
            KeyConditionExpression="#due_list = :due_list AND #due_at BETWEEN :due_from AND :due_before",
            ExpressionAttributeNames={"#due_list": "due_list", "#due_at": "due_at"},
            ExpressionAttributeValues=_wire({":due_list": due_list, ":due_from": due_from, ":due_before": due_before}),
            PaginationConfig={"MaxItems": limit, "PageSize": limit},
        )
        with calling(f"Query {due_list}"):
            return [_item(item) for page in pages for item in page["Items"]]

    def created_at(self) -> datetime:
        with calling(f"DescribeTable {self.name}"):
            created: datetime = self._client.describe_table(TableName=self.name)["Table"]["CreationDateTime"]
        return created.astimezone(UTC)

    def scan(self, attributes: Sequence[str], *, may_be_late: bool = False) -> Iterator[Item]:
        """Reads SCAN_SEGMENTS parts of the table at once, a page of each (docs/adr/0052)."""
        expression = _Expression()
        request = {
            "TableName": self.name,
            "ConsistentRead": not may_be_late,
            "ProjectionExpression": expression.projection(attributes),
            "ExpressionAttributeNames": expression.names,
            "TotalSegments": SCAN_SEGMENTS,
        }

        def page(segment: int) -> dict[str, Any]:
            start = {"ExclusiveStartKey": starts[segment]} if segment in starts else {}
            with calling(f"Scan {self.name}"):
                found: dict[str, Any] = self._client.scan(**request, Segment=segment, **start)
            return found

        starts: dict[int, Any] = {}
        segments = list(range(SCAN_SEGMENTS))
        while segments:
            pages = dict(zip(segments, in_threads(page, segments, SCAN_SEGMENTS), strict=True))
            # An empty page does not end a segment:
            # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Scan.html
            starts = {segment: one["LastEvaluatedKey"] for segment, one in pages.items() if one.get("LastEvaluatedKey")}
            segments = list(starts)
            for one in pages.values():
                yield from map(_item, one["Items"])


class _Expression:
    """Names and values of one request. Every attribute goes by a placeholder, for hundreds of words are reserved."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: dict[str, Any] = {}

    def update(self, changes: Mapping[str, Any]) -> str:
        given = {name: value for name, value in changes.items() if value is not None}
        assigned = [f"{self._name(name)} = {self._value(value)}" for name, value in given.items()]
        removed = [self._name(name) for name in changes if name not in given]
        clauses = (("SET", assigned), ("REMOVE", removed))
        return " ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses if parts)

    def projection(self, attributes: Sequence[str]) -> str:
        return ", ".join(map(self._name, attributes))

    def condition(self, expect: Expectation) -> str:
        return " AND ".join(self._holds(self._name(name), wanted) for name, wanted in expect.items())

    def _holds(self, name: str, wanted: OneOf | Below) -> str:
        missing = f"attribute_not_exists({name})"
        match wanted:
            case Below(value):
                return f"({missing} OR {name} < {self._value(value)})"
            case OneOf(values):
                given = [self._value(value) for value in values if value is not None]
                parts = [f"{name} IN ({', '.join(given)})"] if given else []
                return f"({' OR '.join(parts + [missing] * (None in values))})"

    def _name(self, name: str) -> str:
        if name not in self.names.values():
            self.names[f"#n{len(self.names)}"] = name
        return next(placeholder for placeholder, known in self.names.items() if known == name)

    def _value(self, value: Any) -> str:
        placeholder = f":v{len(self.values)}"
        self.values[placeholder] = _wire({placeholder: value})[placeholder]
        return placeholder


def _by_size(items: Sequence[Item]) -> Iterator[list[Item]]:
    """In batches that one request takes; a larger item is alone in its batch."""
    batch: list[Item] = []
    total = 0
    for item in items:
        size = sum(len(value) for value in item.values() if isinstance(value, str | bytes))
        if batch and (len(batch) == INSERT_BATCH or total + size > INSERT_BATCH_BYTES):
            yield batch
            batch, total = [], 0
        batch.append(item)
        total += size
    if batch:
        yield batch


def _insert_into(table: str, item: Item) -> dict[str, Any]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.insert.html"""
    if any("'" in name for name in item):
        raise ValueError("a name of an attribute has a quotation mark")
    pairs = ", ".join(f"'{name}': ?" for name in item)
    return {"Statement": f'INSERT INTO "{table}" VALUE {{{pairs}}}', "Parameters": [*_wire(item).values()]}


def _key(id: str) -> dict[str, Any]:
    return {"id": {"S": id}}


def _wire(item: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return {name: _serialize(_decimals(value)) for name, value in item.items()}
    except DecimalException as error:
        raise ValueError(f"a number that DynamoDB cannot hold: {error!r}") from error


def _item(wire: Mapping[str, Any]) -> Item:
    # Most attributes are texts, which need none of boto3's look at each type.
    return {name: value["S"] if "S" in value else _plain(_deserialize(value)) for name, value in wire.items()}


def _decimals(value: Any) -> Any:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"a number that DynamoDB cannot hold: {value!r}")
        return Decimal(repr(value))
    if isinstance(value, Mapping):
        return {name: _decimals(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_decimals(inner) for inner in value]
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Binary):
        binary: Any = value  # its stub has no value
        return binary.value
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value
