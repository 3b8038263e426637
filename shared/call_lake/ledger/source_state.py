"""What the ledger keeps of one source: its checkpoint, its pauses and its holes (rules 1, 2)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from call_lake.ledger.jobs import Jobs
from call_lake.model.times import iso, parse_iso
from call_lake.model.windows import Window
from call_lake.ports import Below, Clock, Item, OneOf, PreconditionFailed, Table

PAUSED = "paused"
AUDIO_HOSTS_MOST = 20
READ_MOST = 50
"""So many separate stretches before the first poll are remembered."""
HOLE_MEMORY = timedelta(hours=3)
"""A hole that no poll has met for so long is mended, or lies behind the look-back."""


@dataclass(frozen=True, slots=True)
class ReadTimes:
    """Which stretches of a source's list have been read. ``polled_from``: from when on the first poll read, empty where
    the ledger does not know. ``before``: start and end of what backfills and sweeps have read of the time before."""

    polled_from: str
    before: tuple[tuple[str, str], ...] = ()

    def has(self, moment: datetime) -> bool:
        """Whether what was listed then has been read. True where the ledger does not know."""
        text = iso(moment)
        return text >= self.polled_from or any(start <= text <= end for start, end in self.before)


class SourceState:
    """The item ``source#<name>`` of the ledger's table; ``jobs`` are the source's jobs."""

    def __init__(self, table: Table, clock: Clock, source: str) -> None:
        self._table = table
        self._clock = clock
        self._id = f"source#{source}"
        self.source = source
        self.jobs = Jobs(table, clock, source)

    def facts(self) -> Item:
        """The item: ``checkpoint``, ``swept_to``, ``last_poll_at``, ``last_ok_at``, ``trouble``, ``quiet_until`` …"""
        return self._table.get(self._id) or {}

    def note(self, **facts: Any) -> None:
        """Set facts; None removes one."""
        self._table.update(self._id, facts)

    def checkpoint(self) -> datetime | None:
        """Up to here everything was listed completely at least once; None before the first poll."""
        return self._moment("checkpoint")

    def begin(self, checkpoint: datetime, polled_from: datetime) -> None:
        """Set the first checkpoint, and from when on the first poll reads. A later call changes nothing."""
        facts = {"checkpoint": iso(checkpoint), "polled_from": iso(polled_from)}
        try:
            self._table.update(self._id, facts, {"checkpoint": OneOf((None,))})
        except PreconditionFailed:
            return

    def read_times(self) -> ReadTimes:
        """What has been read since the first poll, and before it."""
        facts = self.facts()
        before = tuple((one["start"], one["end"]) for one in facts.get("read_before", ()))
        return ReadTimes(facts.get("polled_from", ""), before)

    def note_read(self, window: Window) -> None:
        """Note that a backfill or a sweep has read a window, as far as it is before the first poll."""
        times = self.read_times()
        if iso(window.start) >= times.polled_from:
            return
        merged = _merged([*times.before, (iso(window.start), min(iso(window.end), times.polled_from))])
        if merged != list(times.before):
            self.note(read_before=[{"start": start, "end": end} for start, end in merged][-READ_MOST:])

    def advance(self, to: datetime) -> None:
        """Move the checkpoint forward. One that another poll has moved further stays (rule 2)."""
        try:
            self._table.update(self._id, {"checkpoint": iso(to)}, {"checkpoint": Below(iso(to))})
        except PreconditionFailed:
            return

    def swept_to(self) -> datetime | None:
        """The end of the last sweep that was read completely: what was listed before that moment has been seen."""
        return self._moment("swept_to")

    def quiet_until(self) -> datetime | None:
        """Until when the provider has asked for no request."""
        return self._moment("quiet_until")

    def note_audio_host(self, host: str) -> None:
        """Remember that audio came from a host other than the configured one; ``call-lake status`` shows it."""
        hosts = self.facts().get("audio_hosts", [])
        if host not in hosts and len(hosts) < AUDIO_HOSTS_MOST:
            self.note(audio_hosts=sorted({*hosts, host}))

    def pause(self) -> None:
        """Until ``resume`` no poll lists or publishes, and no copier downloads."""
        since = iso(self._clock.now())
        self.note(paused_since=since, trouble=f"{PAUSED} since {since}")

    def resume(self) -> None:
        """End a pause."""
        self.note(paused_since=None, trouble=None)

    def paused_since(self) -> datetime | None:
        """Since when the source is paused; None where it is not."""
        return self._moment("paused_since")

    def hole_since(self, window: Window, now: datetime) -> datetime:
        """Since when this window, or one that overlaps it, has been unreadable. A new hole is noted as of ``now``."""
        holes = [hole for hole in self.facts().get("holes", []) if now - parse_iso(hole["seen"]) < HOLE_MEMORY]
        old = next((hole for hole in holes if _overlap(window, _window_of(hole))), None)
        hole = old or {"start": iso(window.start), "end": iso(window.end), "since": iso(now)}
        self.note(holes=[one for one in holes if one is not old] + [hole | {"seen": iso(now)}])
        return parse_iso(hole["since"])

    def _moment(self, fact: str) -> datetime | None:
        text = self.facts().get(fact)
        return parse_iso(text) if text else None


def _merged(spans: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The same spans of time, in order, those that touch made one."""
    merged: list[tuple[str, str]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _window_of(hole: Item) -> Window:
    return Window(parse_iso(hole["start"]), parse_iso(hole["end"]))


def _overlap(one: Window, other: Window) -> bool:
    return one.start <= other.end and other.start <= one.end
