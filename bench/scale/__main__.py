"""What grows with a stack's history: `python -m bench.scale`.

The real code over AWS in memory, with one year and with ten years of calls. Requests are counted; what they take in AWS
is computed from assumptions. Nothing here was measured in AWS.
"""

import argparse
import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from textwrap import wrap

from bench.cloud.cloud import Times
from bench.cost.metered import item_bytes
from bench.cost.prices import Prices
from bench.harness.runner import bench, say
from bench.harness.tables import table
from bench.scale.history import ERASED_NUMBER, SOURCES, History
from bench.scale.operations import OPERATIONS, Used, measure
from bench.scale.scan import ScanCost, cost_of
from call_lake.aws.dynamodb import DynamoTable
from call_lake.ledger.ledger import Ledger
from call_lake.operations.erase.targets import ErasureRequest, find_targets
from call_lake.ports import Item
from tests.support.fakes import World
from tests.support.pipeline import POLLER

KINDS = {
    "S3 list": ("store.list", "store.list_versions", "store.folders", "store.version_folders"),
    "S3 get": ("store.get", "store.get_range", "store.head", "store.get_version"),
    "S3 put": ("store.put",),
    "DynamoDB read": ("table.get", "table.get_many", "table.query_due", "table.created_at"),
    "DynamoDB write": ("table.update",),
}
SAMPLE_ITEMS, REPEAT = 9_000, 4


@dataclass(frozen=True, slots=True)
class Line:
    """From AWS to the computer of the operator."""

    scan_ms: float
    mb_per_s: float


def run(asked: argparse.Namespace) -> str:
    logging.disable(logging.CRITICAL)
    times = Times()
    used: dict[int, dict[str, Used]] = {}
    for years in asked.years:
        say(f"making {years} years")
        history = History(years, asked.calls)
        used[years] = {}
        for name, operation in OPERATIONS.items():
            say(f"{years} years: {name}")
            used[years][name] = measure(history, operation, times)
    items = history.some_items(SAMPLE_ITEMS)
    size = sum(map(item_bytes, items)) / len(items)
    sizes = {years: (len(SOURCES) * years * 365, len(SOURCES) * years * 365 * asked.calls) for years in asked.years}
    what = ", ".join(f"{years} years: {parts:,} partitions, {rows:,} rows" for years, (parts, rows) in sizes.items())
    assumed = ", ".join(f"`{one.name}` {one.default:g}" for one in fields(Times) if one.name.endswith("_ms"))
    line = Line(asked.scan_ms, asked.line_mb_per_s)
    head = (
        f"{len(SOURCES)} sources of {asked.calls:,} calls a day. {what}. An item of the ledger has {size:,.0f} bytes. "
        f"Assumed, not measured in AWS: {assumed}, a page of a Scan {line.scan_ms:g} ms, and {line.mb_per_s:g} MB/s to "
        "the operator's computer."
    )
    counts = {years: rows for years, (_, rows) in sizes.items()}
    return "\n\n".join(
        [
            "\n".join(wrap(head, 116)),
            _operations(used),
            "¹ Without the scan of the ledger that comes before it:",
            _scans(items, size, counts, line, Prices.load()),
            "### Requests",
            _requests(used),
        ]
    )


def _operations(used: Mapping[int, Mapping[str, Used]]) -> str:
    short, long = min(used), max(used)
    rows = []
    for name in OPERATIONS:
        pair = [used[short][name], used[long][name]]
        rows.append(
            [
                name,
                *(f"{sum(one.requests.values()):,}" for one in pair),
                *(f"{one.waited_s:,.2f}" for one in pair),
                *(f"{one.cpu_s:,.2f}" for one in pair),
                *(f"{one.peak_mb:,.0f}" for one in pair),
                *(f"{one.read_units:,.0f}" for one in pair),
            ]
        )
    names = ("requests", "s of requests", "CPU s", "MB more", "read units")
    return table(["", *(f"{name}, {years} y" for name in names for years in (short, long))], rows)


def _scans(items: Sequence[Item], size: float, counts: Mapping[int, int], line: Line, prices: Prices) -> str:
    world = World.make()
    request = ErasureRequest(numbers=frozenset([ERASED_NUMBER]))

    def days(scanned: DynamoTable) -> None:
        list(Ledger(scanned, world.clock, POLLER.republish_after_s).days(date(2000, 1, 1), date(2000, 1, 1)))

    def number(scanned: DynamoTable) -> None:
        find_targets(request, scanned, world.store, lambda line: None)

    rows = []
    for name, read in {"for `verify`, `rebuild`": days, "for `erase` of a number": number}.items():
        say(f"scan {name}")
        cost = cost_of(items, REPEAT, read)
        for years, count in counts.items():
            rows.append(_scan(f"{name}, {years} y", count, cost, line, prices))
    return table(
        ["scan of the ledger", "items", "pages", "at once", "read units", "USD", "GB received", "CPU s", "minutes"],
        rows,
    )


def _scan(name: str, count: int, cost: ScanCost, line: Line, prices: Prices) -> list[str]:
    pages, units = count / cost.items_a_page, count * cost.read_units
    received, cpu_s = count * cost.answer_bytes, count * cost.cpu_us / 1e6
    # One thread computes at a time, and all share the line. Only the waiting is shared out: each round of pages is
    # waited for, then taken.
    waits_s = pages * line.scan_ms / 1000 / cost.at_once
    line_s = received / line.mb_per_s / 1e6
    seconds = waits_s + line_s + cpu_s
    dollars = prices.usd("dynamodb_read", units)
    return [
        name,
        f"{count:,}",
        f"{pages:,.0f}",
        f"{cost.at_once}",
        f"{units:,.0f}",
        f"{dollars:.2f}",
        f"{received / 1e9:.1f}",
        f"{cpu_s:,.0f}",
        f"{seconds / 60:.1f}",
    ]


def _requests(used: Mapping[int, Mapping[str, Used]]) -> str:
    short, long = min(used), max(used)
    rows = []
    for name in OPERATIONS:
        line = [name]
        for kinds in KINDS.values():
            counts = [sum(used[years][name].requests[kind] for kind in kinds) for years in (short, long)]
            line.append(f"{counts[0]:,}" if counts[0] == counts[1] else f"{counts[0]:,} → {counts[1]:,}")
        rows.append(line)
    return table([f"{short} y → {long} y", *KINDS], rows)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--years", type=int, nargs=2, default=[1, 10])
    parser.add_argument("--calls", type=int, default=3000, help="of each source and day")
    parser.add_argument("--scan-ms", type=float, default=60, help="until DynamoDB answers a page of a Scan")
    parser.add_argument("--line-mb-per-s", type=float, default=12.5, help="to the computer that scans")
    return bench("scale", parser, run)


if __name__ == "__main__":
    sys.exit(main())
