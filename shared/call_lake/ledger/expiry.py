"""Find recordings whose audio the bucket's own rule has deleted (AudioRetentionDays), and mark them EXPIRED (ADR 0010).

No scan is needed: while audio expires, a stored recording stays in the index ``due`` under ``stored#<source>``, by
when it was stored. The poller sends what has been there longer than audio is kept through its queue once more. The
copier looks whether the object is gone; where it is not, the poller asks again a day later.
"""

from datetime import timedelta

from call_lake.ledger.entry import Entry, State, entries_of, log_changed
from call_lake.model.recording import StoredAudio
from call_lake.model.times import iso
from call_lake.ports import Clock, Expectation, OneOf, PreconditionFailed, Table

# S3 counts from the midnight (UTC) after an object is old enough, and takes its time to delete:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-expire-general-considerations.html
SLACK = timedelta(days=2)
ASK_AGAIN = timedelta(days=1)


class AudioExpiry:
    """``retention_days``: after which the bucket deletes audio. 0: never, and then nothing here does anything."""

    def __init__(self, table: Table, clock: Clock, retention_days: int) -> None:
        self._table = table
        self._clock = clock
        self._kept = timedelta(days=retention_days)

    # -- the poller's side

    def to_ask(self, source: str, limit: int) -> list[Entry]:
        """Stored recordings of the source whose audio should be gone, the longest stored first."""
        if not self._kept:
            return []
        before = iso(self._clock.now() - self._kept - SLACK)
        keys = [found["id"] for found in self._table.query_due(_due_list(source), before, limit)]
        items = self._table.get_many(keys)  # for the index may be behind
        stored = [items[key] for key in keys if key in items and items[key].get("state") == State.STORED]
        return entries_of((item for item in stored if item.get("due_at", before) <= before), log_changed)

    def asked(self, entry: Entry) -> None:
        """Ask about it again in a day, if nothing became of it meanwhile: what is under this key is STORED."""
        due_at = self._clock.now() - self._kept - SLACK + ASK_AGAIN
        as_read: Expectation = {"due_list": OneOf((_due_list(entry.source),)), "due_at": OneOf((entry.due_at,))}
        self._update_if(entry, {"due_at": iso(due_at)}, as_read)

    # -- the copier's side

    def due_list(self, source: str) -> str | None:
        """Under which key the index keeps what is stored; None where nothing expires."""
        return _due_list(source) if self._kept else None

    def is_over(self, audio: StoredAudio) -> bool:
        """Whether the bucket may have deleted it by its own rule."""
        return bool(self._kept) and self._clock.now() - audio.stored_at >= self._kept

    def expired(self, entry: Entry) -> None:
        """Mark a STORED entry EXPIRED; what its audio was stays. An entry that has changed since it was read is left:
        a row with a later ``stored_at`` outranks the one without ``audio_uri``."""
        assert entry.audio is not None  # noqa: S101 - it is STORED
        changes = {"state": State.EXPIRED, "expired_at": iso(self._clock.now()), "due_list": None, "due_at": None}
        unchanged: Expectation = {"state": OneOf((State.STORED,)), "stored_at": OneOf((iso(entry.audio.stored_at),))}
        self._update_if(entry, changes, unchanged)

    def _update_if(self, entry: Entry, changes: dict[str, str | None], expect: Expectation) -> None:
        try:
            self._table.update(entry.recording_id, changes, expect)
        except PreconditionFailed:
            return


def _due_list(source: str) -> str:
    return f"stored#{source}"
