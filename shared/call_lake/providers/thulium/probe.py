"""Find out on one account what Thulium leaves undocumented (docs/providers.md)."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from call_lake.model import json_values
from call_lake.providers.probe import AudioAddress, Prober, ProbeResult, VendorProbe
from call_lake.providers.thulium.api import authorization, listing_rows
from call_lake.providers.thulium.description import VENDOR

LOOK_BACK = timedelta(days=30)
HALF_A_YEAR = timedelta(days=182)
HALF_AN_HOUR = timedelta(minutes=30)
DOCUMENTED_LIMIT = 100
AGREE = 0.9  # of the rows that have both times
QUARTER = timedelta(minutes=15)
ZONES = ("Europe/Warsaw", "UTC", "Europe/London", "Europe/Kyiv")
"""Tried in this order, after the zone that is set."""
MINUTE = "%Y-%m-%d %H:%M"


def probe_thulium(prober: Prober) -> ProbeResult:
    """Raises Transient where no answer comes, SecretEmpty, ConfigError."""
    probe = _Thulium(prober)
    probe.run()
    return prober.finish()


class _Thulium:
    def __init__(self, prober: Prober) -> None:
        self._prober = prober
        self._found = prober.found
        self._base = prober.client.base.url.rstrip("/")
        self._now = prober.clock.now().astimezone(prober.settings.zone)

    def run(self) -> None:
        self._prober.announce("listing")
        # A day more: whatever its zone, the newest row is in it.
        window = (self._now - LOOK_BACK).strftime(MINUTE), (self._now + timedelta(days=1)).strftime(MINUTE)
        listed = self._list(*window, DOCUMENTED_LIMIT)
        if listed is None:
            return
        rows, answer = listed
        count = json_values.whole(answer.get("count"))
        counted = f"a count of {count}" if count is not None else "no count"
        self._found.say("listing", f"{len(rows)} rows of the last {LOOK_BACK.days} days, {counted}")
        if not rows:
            self._prober.audio(self._forms, rows)
            return
        again = self._list(*window, DOCUMENTED_LIMIT)
        self._prober.order(rows, again[0] if again else [], ("created_at", "date"))
        self._limit(window, rows, count)
        self._filter(rows)
        self._zone(rows)
        self._prober.audio(self._forms, [row for row in rows if _key(row)])

    # -- listing

    def _list(self, date_from: str, date_to: str, limit: int) -> tuple[list[Any], Any] | None:
        return self._prober.listing(self._url(date_from, date_to, limit), listing_rows)

    def _url(self, date_from: str, date_to: str, limit: int) -> str:
        query = {"limit": limit, "offset": 0, "date_from": date_from, "date_to": date_to}
        return f"{self._base}/recordings?{urlencode(query, quote_via=quote)}"

    def _limit(self, window: tuple[str, str], rows: list[Any], count: int | None) -> None:
        """Ask for more rows than the documented maximum, to see how the server answers."""
        self._prober.announce("page limit")
        answer, more, _ = self._prober.ask(self._url(*window, 2 * DOCUMENTED_LIMIT), listing_rows)
        if more is None:
            asked = 2 * DOCUMENTED_LIMIT
            self._found.say("page limit", f"it refuses {asked} rows ({answer.status}); the polls ask for 100 at most")
            return
        given = len(more)
        if count is not None and count > DOCUMENTED_LIMIT:
            self._found.say("page limit", f"{given} rows where {2 * DOCUMENTED_LIMIT} were asked for")
        else:
            self._found.say("page limit", f"not seen: there are only {given} rows")
        if count is not None and len(rows) < min(count, DOCUMENTED_LIMIT):
            self._found.say("page limit", f"a page of 100 has {len(rows)} rows: shorter pages are understood")

    def _filter(self, rows: Sequence[Any]) -> None:
        """Find out whether the filter compares the recording's creation or the call's date, ends included."""
        self._prober.announce("window")
        row = next((row for row in rows if _key(row) and _minute(row, "created_at") != _minute(row, "date")), None)
        if row is None:
            self._found.say("window", "not seen: no row was created in another minute than its call")
            return
        by_creation, by_call = (self._has(row, _minute(row, name)) for name in ("created_at", "date"))
        if by_creation or by_call:
            what = "the recording's creation" if by_creation else "the call"
            self._found.say("window", f"of the date of {what}, both ends included")
        else:
            self._found.say("window", "an end is not included, or other than documented: windows overlap either way")

    def _has(self, row: Any, minute: str) -> bool:
        listed = self._list(minute, minute, DOCUMENTED_LIMIT) if minute else None
        return listed is not None and any(_key(one) == _key(row) for one in listed[0])

    def _zone(self, rows: Sequence[Any]) -> None:
        """Compare the wall clock of ``date`` with the epoch at the start of ``connection_id``, now and half a year ago:
        zones that agree in winter may differ in summer."""
        self._prober.announce("time zone")
        then = (self._now - HALF_A_YEAR).strftime(MINUTE), (self._now - HALF_A_YEAR + LOOK_BACK / 2).strftime(MINUTE)
        earlier = self._list(*then, DOCUMENTED_LIMIT)
        pairs = [pair for row in [*rows, *(earlier[0] if earlier else ())] if (pair := _wall_and_epoch(row))]
        if not pairs:
            self._found.say("time zone", "not seen: no connection_id begins with an epoch")
            return
        names = dict.fromkeys((self._prober.settings.time_zone, *ZONES))
        agree = {name: sum(_agrees(pair, ZoneInfo(name)) for pair in pairs) / len(pairs) for name in names}
        agreeing = [name for name in names if agree[name] >= AGREE]
        seen = ", ".join(f"{hours:+g} h" for hours, _ in Counter(map(_offset_h, pairs)).most_common(3))
        if not agreeing:
            self._found.say(
                "time zone",
                f"none that is known to the probe: the clock is {seen} from UTC on {len(pairs)} rows",
                "set time_zone to the zone of the system; until then call dates may be off by one",
            )
            return
        best = agreeing[0]
        others = "" if best == self._prober.settings.time_zone else ", ".join(agreeing[1:])
        self._found.say(
            "time zone",
            f"{best} on {agree[best]:.0%} of {len(pairs)} rows ({seen} from UTC)",
            f"{others} would do, too, in this season: set the one of the system's office" if others else "",
        )
        self._prober.propose({"time_zone": best})

    # -- audio

    def _forms(self, row: Any) -> list[AudioAddress]:
        key = _key(row) or ""
        whole, slashed = quote(key, safe=""), quote(key, safe="/")
        query, path = VENDOR.download_url, "{base_url}/recordings/download/{filename}"
        stream = "{base_url}/recordings/stream?filename={filename}"
        current = self._prober.settings.download_url
        forms = [("as set", current, self._prober.settings.encode_slashes)] if current else []
        forms += [("?filename=, encoded", query, True), ("?filename=, slashes kept", query, False)]
        forms += [("in the path, slashes kept", path, False), ("in the path, encoded", path, True)]
        forms += [("stream?filename=, encoded", stream, True)]
        return [
            AudioAddress(
                name,
                template.replace("{base_url}", self._base).replace("{filename}", whole if encoded else slashed),
                {"download_url": "" if template == query else template, "encode_slashes": encoded},
            )
            for name, template, encoded in forms
        ]


PROBE = VendorProbe(authorization, "recordings?limit=1&offset=0", listing_rows, probe_thulium)


def _key(row: Any) -> str | None:
    try:
        return json_values.key(row.get("filename")) if isinstance(row, dict) else None
    except ValueError:
        return None


def _minute(row: Any, name: str) -> str:
    return (json_values.text(row.get(name)) or "")[:16] if isinstance(row, dict) else ""


def _wall_and_epoch(row: Any) -> tuple[datetime, datetime] | None:
    """The call's start on the wall clock and in UTC, where the row has both."""
    if not isinstance(row, dict):
        return None
    try:
        wall = datetime.strptime(_minute(row, "date"), MINUTE)  # noqa: DTZ007 - which zone is the question
        seconds = int((json_values.text(row.get("connection_id")) or "").partition(".")[0])
        return wall, datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _agrees(pair: tuple[datetime, datetime], zone: ZoneInfo) -> bool:
    """Whether both lie within a quarter of an hour: a call may wait in a queue before its date."""
    wall, epoch = pair
    return abs(wall - epoch.astimezone(zone).replace(tzinfo=None)) < QUARTER


def _offset_h(pair: tuple[datetime, datetime]) -> float:
    """Hours from UTC, to half an hour: a call may wait nearly a quarter of an hour before its date."""
    wall, epoch = pair
    return round((wall - epoch.replace(tzinfo=None)) / HALF_AN_HOUR) / 2
