"""Find out on one tenant what Conpeek leaves undocumented (docs/providers.md)."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from call_lake.model import json_values
from call_lake.providers.conpeek.api import listing_rows
from call_lake.providers.conpeek.description import VENDOR
from call_lake.providers.conpeek.mapping import compile_mapping, length_reader
from call_lake.providers.probe import AudioAddress, Prober, ProbeResult, VendorProbe

LOOK_BACK = timedelta(days=30)
DEFAULT_LIMIT = VENDOR.page_size
NEEDED = {"provider_key": "an id of the recording", "started_at": "the start of the call"}
SECOND = "%Y-%m-%d %H:%M:%S"
AHEAD = timedelta(minutes=5)
TEMPLATES = (
    VENDOR.download_url,
    "{base_url}/cdr_dialog_recording/{dialog_uuid}/recording",
    "{base_url}/cdr_dialog_recording/{dialog_uuid}",
)


def probe_conpeek(prober: Prober) -> ProbeResult:
    """Raises Transient where no answer comes, SecretEmpty, ConfigError."""
    probe = _Conpeek(prober)
    probe.run()
    return prober.finish()


def authorization(secret: Mapping[str, str]) -> str:
    return secret["key"]


class _Conpeek:
    def __init__(self, prober: Prober) -> None:
        self._prober = prober
        self._found = prober.found
        self._base = prober.client.base.url.rstrip("/")
        self._now = prober.clock.now().astimezone(UTC)
        self._mapping = compile_mapping(prober.settings.name, prober.settings.mapping)

    def run(self) -> None:
        self._prober.announce("listing")
        listed = self._list(DEFAULT_LIMIT)
        if listed is None:
            return
        rows = [row for row in listed[0] if isinstance(row, dict)]
        extras = sorted(set(listed[1]) - {"data"})
        beside = f", beside {', '.join(extras)}" if extras else ""
        self._found.say("listing", f"{len(listed[0])} rows of the last {LOOK_BACK.days} days{beside}")
        if rows:
            again = self._list(DEFAULT_LIMIT)
            self._prober.order(rows, again[0] if again else [], ("hangup_time", "start_time"))
            self._limit(len(rows))
            self._fields(rows)
            self._clock(rows)
            self._talk(rows)
        self._prober.audio(self._forms, rows)

    def _list(self, limit: int) -> tuple[list[Any], Any] | None:
        first, last = self._now - LOOK_BACK, self._now + timedelta(days=1)
        condition = [
            {"property": "hangup_time", "operator": "gte", "value": first.strftime(SECOND)},
            {"property": "hangup_time", "operator": "lte", "value": last.strftime(SECOND)},
        ]
        query = {"limit": limit, "offset": 0, "filter": json.dumps(condition, separators=(",", ":"))}
        url = f"{self._base}/cdr_dialog_recording?{urlencode(query, quote_via=quote)}"
        return self._prober.listing(url, listing_rows)

    def _limit(self, rows: int) -> None:
        self._prober.announce("page limit")
        more = self._list(2 * DEFAULT_LIMIT)
        given = len(more[0]) if more else 0
        if given > rows:
            self._found.say("page limit", f"{given} rows where {2 * DEFAULT_LIMIT} were asked for")
        elif rows < DEFAULT_LIMIT:
            self._found.say("page limit", f"{rows} rows: all there are, or the server's limit; both are understood")
        else:
            self._found.say("page limit", f"{given} rows at most, whatever is asked for")

    def _fields(self, rows: Sequence[Any]) -> None:
        """Report the names of the record's fields, never their values."""
        have = {name: sum(_is_there(extract(row)) for row in rows) for name, extract in self._mapping.items()}
        missing = sorted(name for name, number in have.items() if not number and name not in NEEDED)
        self._found.say("fields of a record", ", ".join(sorted({name for row in rows for name in row})))
        if missing:
            self._found.say("mapping", f"nothing for {', '.join(missing)}", "map them, if the fields above have them")
        for name, what in NEEDED.items():
            if have[name] < len(rows):
                self._found.say(
                    "mapping", f"{name} is missing in {len(rows) - have[name]} of {len(rows)} rows",
                    f"set mapping.{name} to the field that is {what}; a record without it is not stored",
                )  # fmt: skip
        keys = Counter(key for row in rows if (key := json_values.text(self._mapping["provider_key"](row))))
        if keys and keys.most_common(1)[0][1] > 1:
            self._found.say(
                "mapping",
                f"{sum(number > 1 for number in keys.values())} keys stand for several rows",
                "set mapping.provider_key to a field that is another in each row, or recordings are taken for one",
            )

    def _clock(self, rows: Sequence[Any]) -> None:
        times = [at for row in rows if (at := json_values.moment(self._mapping["listed_at"](row)))]
        newest = max(times, default=None)
        if newest is not None and newest > self._now + AHEAD:
            ahead_h = (newest - self._now).total_seconds() / 3600
            self._found.say(
                "time zone",
                f"the newest hangup_time is {ahead_h:.1f} h ahead, so it is not UTC as documented",
                "ask the vendor: call times are stored as if they were UTC",
            )
        else:
            self._found.say("time zone", "nothing speaks against UTC, as documented")

    def _talk(self, rows: Sequence[Any]) -> None:
        """Find out the unit of ``talking_time``: the talk cannot be longer than the call."""
        pairs = []
        for row in rows:
            start, end = (json_values.moment(self._mapping[name](row)) for name in ("started_at", "ended_at"))
            talk = json_values.number(row.get("talking_time"))
            if start and end and talk and end > start:
                pairs.append(((end - start).total_seconds(), talk))
        if not pairs:
            self._found.say("talking_time", "not seen")
            return
        in_ms = sum(talk > 2 * call_s for call_s, talk in pairs) / len(pairs)
        unit = "milliseconds" if in_ms > 0.5 else "seconds"
        self._found.say("talking_time", f"in {unit}, by {len(pairs)} rows")
        mapped_s = length_reader(self._mapping, "talk")({"talking_time": 1000}, [])
        if unit == "seconds" and mapped_s != 1000:
            self._prober.propose({"mapping": dict(self._prober.settings.mapping) | {"talk_s": "talking_time"}})

    def _forms(self, row: Any) -> list[AudioAddress]:
        named = json_values.text(self._mapping["audio_url"](row)) if "audio_url" in self._mapping else None
        if named:
            return [AudioAddress("the record's URL", named, {})]
        uuid = quote(json_values.text(self._mapping["dialog_uuid"](row)) or "", safe="")
        current = self._prober.settings.download_url
        return [
            AudioAddress(
                template.removeprefix("{base_url}"),
                template.replace("{base_url}", self._base).replace("{dialog_uuid}", uuid),
                {"download_url": "" if template == TEMPLATES[0] else template},
            )
            for template in dict.fromkeys((*([current] if current else []), *TEMPLATES))
            if uuid
        ]


PROBE = VendorProbe(authorization, "cdr_dialog_recording?limit=1&offset=0", listing_rows, probe_conpeek)


def _is_there(value: Any) -> bool:
    return json_values.text(value) is not None
