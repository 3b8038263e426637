"""What the copier does about a recording that is stored already: one object stands, or it has expired."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from call_lake.bucket import inbox
from call_lake.bucket.audio_objects import Archive
from call_lake.ledger.entry import Entry
from call_lake.ledger.expiry import Expiring
from call_lake.ledger.ledger import Ledger
from call_lake.model.recording import Recording, StoredAudio
from call_lake.model.table import row_of
from call_lake.ports import Clock, ObjectStore


class Keeper:
    """``retention_days``: after which the bucket deletes audio; 0 for never. Every step may be repeated, and done by
    two copiers at once."""

    def __init__(self, ledger: Ledger, store: ObjectStore, clock: Clock, retention_days: int) -> None:
        self._ledger = ledger
        self._store = store
        self._archive = Archive(store)
        self._clock = clock
        self._expiring = Expiring(ledger.table, clock, retention_days)

    def stored(self, recording: Recording, audio: StoredAudio) -> Entry:
        """``Ledger.stored``; what can expire stays in the index."""
        return self._ledger.stored(recording.recording_id, audio, self._expiring.index_of(recording.source))

    def has_expired(self, entry: Entry) -> bool:
        """Look at the objects of a stored recording, and leave the one that the ledger names; True where none stands
        and the bucket's own rule is why. One that somebody else deleted is for ``verify``."""
        standing = self._archive.standing(entry.recording) if entry.recording else []
        self._drop(entry, standing)
        return not standing and entry.audio is not None and self._expiring.is_over(entry.audio)

    def drop_strays(self, entry: Entry) -> None:
        """Two formats raced: the ledger's stays."""
        if entry.recording is not None:
            self._drop(entry, self._archive.standing(entry.recording))

    def _drop(self, entry: Entry, standing: Sequence[StoredAudio]) -> None:
        """The winner's row is written again, later than the loser's, then the loser goes (rule 13)."""
        winner, recording = entry.audio, entry.recording
        strays = [audio for audio in standing if winner is not None and audio.key != winner.key]
        if winner is None or recording is None or not strays:
            return
        latest = max(audio.stored_at for audio in (winner, *strays)) + timedelta(milliseconds=1)
        restamped = replace(winner, stored_at=max(self._clock.now(), latest))
        if self._ledger.restamped(entry, restamped):
            inbox.put_rows(self._store, [row_of(recording, restamped)])
        self._archive.delete([audio.key for audio in strays])

    def expire(self, entries: Sequence[Entry]) -> None:
        """The row without ``audio_uri``, then the ledger: who dies in between leaves it STORED, to be asked about
        again. The row keeps its ``stored_at``, so that it is the same one however often it is written (rule 18)."""
        rows = [row_of(e.recording, e.audio, expired=True) for e in entries if e.recording and e.audio]
        inbox.put_rows(self._store, rows)
        for entry in entries:
            self._expiring.expired(entry)
