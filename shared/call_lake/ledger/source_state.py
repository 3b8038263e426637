"""What the ledger keeps of one source: its checkpoint, its pauses and its holes (rules 1, 2)."""

from datetime import datetime, timedelta
from typing import Any

from call_lake.ledger.jobs import Jobs
from call_lake.model.times import iso, parse_iso
from call_lake.model.windows import Window
from call_lake.ports import Below, Clock, Item, OneOf, PreconditionFailed, Table

PAUSED = "paused"
AUDIO_HOSTS_MOST = 20
HOLE_MEMORY = timedelta(hours=3)
"""A hole that no poll has met for so long is mended, or lies behind the look-back."""


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

    def polled_from(self) -> datetime | None:
        """From when on the first poll read: what was listed before that, only a backfill or a sweep reads."""
        return self._moment("polled_from")

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


def _window_of(hole: Item) -> Window:
    return Window(parse_iso(hole["start"]), parse_iso(hole["end"]))


def _overlap(one: Window, other: Window) -> bool:
    return one.start <= other.end and other.start <= one.end
