"""What a scan of the whole ledger costs: real requests and answers of boto3, but no network.

Pages of items are made as DynamoDB would send them. All parts of Call Lake that take a page are measured for some
pages; a ledger of any size costs so much for each item.
"""

import io
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import batched
from typing import Any

import boto3
from boto3.dynamodb.types import TypeSerializer
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from bench.cost.metered import READ_BYTES, item_bytes
from call_lake.aws.dynamodb import DynamoTable
from call_lake.ports import Item

PAGE_BYTES = 1_000_000
"""Of items, before a projection: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Scan.html"""


@dataclass(frozen=True, slots=True)
class ScanCost:
    """Of one item. ``answer_bytes``: as it is sent, in JSON. ``requests_at_once``: in how many segments it is read."""

    read_units: float
    answer_bytes: float
    cpu_us: float
    items_a_page: float
    at_once: int


class _Body(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


class Pages:
    """Answers the Scan requests of a client with ``repeat`` times the given items."""

    def __init__(self, items: Sequence[Item], repeat: int) -> None:
        per_page = round(PAGE_BYTES / (sum(map(item_bytes, items)) / len(items)))
        self.per_page = per_page
        self._pages = [list(some) for some in batched(items, per_page, strict=False) if len(some) == per_page]
        self.count = len(self._pages) * repeat
        self._made: dict[tuple[int, str], bytes] = {}
        self.answer_bytes = 0
        self.items = 0
        self.units = 0.0
        self.at_once = 1

    def table(self) -> DynamoTable:
        client = boto3.client(
            "dynamodb",
            region_name="eu-central-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(max_pool_connections=32),
        )
        client.meta.events.register("before-send.dynamodb.Scan", self._answer)
        return DynamoTable(client, "ledger")

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        asked = json.loads(request.body)
        segment, of = asked.get("Segment", 0), asked.get("TotalSegments", 1)
        self.at_once = of
        start = asked.get("ExclusiveStartKey")
        number = int(start["id"]["S"]) if start else segment
        names = asked.get("ExpressionAttributeNames", {})
        wanted = [names[one.strip()] for one in asked.get("ProjectionExpression", "").split(",") if one]
        body = b'{"Items":[],"Count":0,"ScannedCount":0}'
        if number < self.count:
            body = self._page(number % len(self._pages), wanted)
            share = 1 if asked.get("ConsistentRead") else 0.5
            self.items += self.per_page
            self.answer_bytes += len(body)
            self.units += share * PAGE_BYTES / READ_BYTES
            if number + of < self.count:
                last = json.dumps({"id": {"S": str(number + of)}}).encode()
                body = body[:-1] + b',"LastEvaluatedKey":' + last + b"}"
        headers = {"content-type": "application/x-amz-json-1.0"}
        return AWSResponse(request.url, 200, headers, _Body(body))

    def _page(self, number: int, wanted: list[str]) -> bytes:
        key = (number, ",".join(wanted))
        if key not in self._made:
            serialize = TypeSerializer().serialize
            items = [
                {
                    name: serialize(json.loads(json.dumps(value), parse_float=Decimal))
                    for name, value in item.items()
                    if not wanted or name in wanted
                }
                for item in self._pages[number]
            ]
            text = json.dumps({"Items": items, "Count": len(items), "ScannedCount": len(items)})
            self._made[key] = text.encode()
        return self._made[key]


def cost_of(items: Sequence[Item], repeat: int, read: Callable[[DynamoTable], object]) -> ScanCost:
    """``read``: takes everything that a scan gives."""
    warm = Pages(items, 1)
    read(warm.table())
    pages = Pages(items, repeat)
    pages._made = warm._made
    table = pages.table()
    begun_s = time.process_time()
    read(table)
    used_s = time.process_time() - begun_s
    count = pages.items
    return ScanCost(
        pages.units / count, pages.answer_bytes / count, used_s / count * 1e6, pages.per_page, pages.at_once
    )
