"""The access log: who listened to which recordings, read words of them, or took them along (``access-log/``,
docs/security.md).

A program writes its line before it hands out any audio or any word. So there may be a line without a listening, and
never a listening without a line.
"""

import secrets
from collections.abc import Sequence
from typing import Any, Literal

from call_lake.model.layout import access_log_key
from call_lake.model.times import iso
from call_lake.plain_text import json_text
from call_lake.ports import Clock, ObjectStore

type Access = Literal["play", "get", "export", "search"]
"""``search``: words of these recordings were shown, because a phrase was looked for."""


class AccessLog:
    """Writes lines to the bucket. ``who``: the person, as AWS or the machine knows them. ``program``: what handed the
    audio out, with its version."""

    def __init__(self, store: ObjectStore, clock: Clock, who: str, program: str) -> None:
        self.who = who
        self._store = store
        self._clock = clock
        self._program = program

    def note(self, action: Access, recording_ids: Sequence[str], **facts: Any) -> None:
        """Write one line. ``facts``: whatever else explains the access, as JSON values without phone numbers and names
        of callers. Raises what the store raises, and hand out no audio then."""
        at = self._clock.now()
        line: dict[str, Any] = {"at": iso(at), "who": self.who, "program": self._program, "action": action}
        line |= {"recording_ids": list(recording_ids), **facts}
        key = access_log_key(at, secrets.token_hex(8))
        body = (json_text(line) + "\n").encode()
        self._store.put(key, body, if_none_match=True, content_type="application/x-ndjson")
