"""Plays: each is noted in the access log first, then gets a ticket under which its audio is served (ADR 0037)."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from call_lake.bucket.access_log import AccessLog
from call_lake_cli.listening.door import new_secret

type Action = Literal["play", "get"]
TICKET_TIME = timedelta(hours=4)
TICKETS_MAX = 500


@dataclass(frozen=True, slots=True)
class Play:
    """One recording that somebody hears, or saves as a file. ``size``: bytes of the object ``key``."""

    action: Action
    recording_id: str
    key: str
    size: int
    format: str
    until: datetime


class Plays:
    """The tickets that were given out, the latest TICKETS_MAX of them."""

    def __init__(self, access_log: AccessLog, now: Callable[[], datetime]) -> None:
        self._access_log = access_log
        self._now = now
        self._tickets: OrderedDict[str, Play] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, action: Action, recording_id: str, key: str, size: int, format: str) -> str:
        """Note the play, then give its ticket. Where the note fails there is no ticket, so nothing is heard."""
        self._access_log.note(action, [recording_id])
        ticket = new_secret()
        with self._lock:
            self._tickets[ticket] = Play(action, recording_id, key, size, format, self._now() + TICKET_TIME)
            if len(self._tickets) > TICKETS_MAX:
                self._tickets.popitem(last=False)
        return ticket

    def find(self, ticket: str) -> Play | None:
        """None for a ticket that was never given, and for one that has expired."""
        with self._lock:
            play = self._tickets.get(ticket)
        return play if play and self._now() < play.until else None
