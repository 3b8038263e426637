"""Count calls and talk time per day and per hour, and write that as one file to look at without a server."""

import base64
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from call_lake.model.table import Row, talk_of
from call_lake.model.times import parse_iso
from call_lake.plain_text import json_text

PAGE = Path(__file__).with_name("page")
DAYS_MAX = 400


class Overview:
    """Counts rows as they pass. ``zones``: each source's time zone by its name."""

    def __init__(self, first: date, last: date, zones: Mapping[str, ZoneInfo]) -> None:
        self._first, self._last = first, last
        self._zones = zones
        self._days: defaultdict[str, list[float]] = defaultdict(lambda: [0, 0.0])
        self._hours = [[0, 0.0] for _ in range(24)]

    def add(self, row: Row) -> None:
        started = parse_iso(row["started_at"]).astimezone(self._zones[row["source"]])
        for one in (self._days[str(row["call_date"])], self._hours[started.hour]):
            one[0] += 1
            one[1] += talk_of(row)

    def to_json(self) -> dict[str, Any]:
        """Every day from first to last, also those without calls, and the 24 hours of the sources' own clocks."""
        days = [(self._first + timedelta(days=n)).isoformat() for n in range((self._last - self._first).days + 1)]
        return {
            "days": [_counts({"day": day}, self._days.get(day, [0, 0.0])) for day in days],
            "hours": [_counts({"hour": hour}, counts) for hour, counts in enumerate(self._hours)],
        }


def _counts(of: dict[str, Any], counts: list[float]) -> dict[str, Any]:
    return of | {"calls": counts[0], "talk_s": round(counts[1], 1)}


def static_page(title: str, rows: Iterable[Row], first: date, last: date, zones: Mapping[str, ZoneInfo]) -> str:
    """The page's overview as one HTML file that needs no server and loads nothing. It holds counts alone."""
    counted = Overview(first, last, zones)
    for row in rows:
        counted.add(row)
    data = json_text(counted.to_json() | {"title": title}).replace("<", "\\u003c")
    style, script = ((PAGE / name).read_text(encoding="utf-8") for name in ("listen.css", "listen.js"))
    policy = f"default-src 'none'; style-src {_source_of(style)}; script-src {_source_of(script)}"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>Call Lake: overview</title>\n'
        f'<style>{style}</style>\n</head>\n<body>\n<main><h1 id="title"></h1><div id="overview"></div></main>\n'
        f'<script type="application/json" id="data">{data}</script>\n<script>{script}</script>\n</body>\n</html>\n'
    )


def _source_of(text: str) -> str:
    """How a policy names a style or script that is in the page itself: https://www.w3.org/TR/CSP3/#grammardef-hash-source"""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
