"""The report of a canary: what anybody may read, so that it can be pasted into an issue. No account, ARN, bucket, name
of a stack or source, number or recording id is in it."""

import platform
import re
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from call_lake_cli.doctor.checks import Check
from call_lake_cli.stack.athena import QueryCost

HIDDEN = "…"
PRIVATE = re.compile(r"arn:\S+|s3[an]?://\S+|https?://\S+|(?:source=)?[a-z0-9-]+-[0-9a-f]{32}|\+?\d{9,}")
PACKAGES = ("call-lake", "boto3", "pyarrow")


@dataclass(frozen=True, slots=True)
class Report:
    """``checks``: as they were found, which nobody else should read. ``names``: what to hide in them. ``swaps``: of a
    manifest, in ``seconds``."""

    region: str
    checks: tuple[Check, ...]
    names: tuple[str, ...]
    costs: tuple[QueryCost, ...]
    swaps: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """What may be published."""
        seconds = sorted(cost.seconds for cost in self.costs)
        return {
            "versions": versions(),
            "region": self.region,
            "engine": next((cost.engine for cost in reversed(self.costs) if cost.engine), "unknown"),
            "queries": len(self.costs),
            "median_query_s": round(statistics.median(seconds), 2) if seconds else None,
            "slowest_query_s": round(seconds[-1], 2) if seconds else None,
            "bytes_read": sum(cost.scanned_bytes for cost in self.costs),
            "swaps": self.swaps,
            "swapping_s": self.seconds,
            "checks": [
                {"name": check.name, "level": check.level, "found": publishable(check.found, self.names)}
                for check in self.checks
            ],
        }

    def lines(self) -> list[str]:
        """The same as text."""
        said = self.to_json()
        median, slowest = said["median_query_s"], said["slowest_query_s"]
        return [
            ", ".join(f"{name} {number}" for name, number in said["versions"].items()),
            f"region {said['region']}, {said['engine']}",
            f"{said['queries']} queries: median {median} s, slowest {slowest} s, {said['bytes_read']:,} bytes read",
            f"{said['swaps']} swaps in {said['swapping_s']:g} s",
            *(f"{check['level']:7}  {check['name']}: {check['found']}" for check in said["checks"]),
        ]


def publishable(text: str, names: Iterable[str]) -> str:
    """The text without what identifies an account. ``names``: of the stack, its bucket, its sources and so on."""
    plain = PRIVATE.sub(HIDDEN, text)
    for name in sorted(filter(None, names), key=len, reverse=True):
        plain = re.sub(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", HIDDEN, plain)
    return plain


def versions() -> dict[str, str]:
    return {
        **{name: _version(name) for name in PACKAGES},
        "Python": platform.python_version(),
        platform.system(): platform.machine(),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
