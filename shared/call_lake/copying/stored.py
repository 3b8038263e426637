"""What the copier does about a recording that is stored: keep one object of it, and notice when that has expired."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from call_lake.bucket import inbox
from call_lake.bucket.audio_objects import AudioObjects
from call_lake.ledger.entry import Entry
from call_lake.ledger.expiry import AudioExpiry
from call_lake.ledger.ledger import Ledger
from call_lake.model.lake_tables import CALLS
from call_lake.model.recording import Recording, StoredAudio
from call_lake.model.table import row_of
from call_lake.observability import log
from call_lake.ports import Clock, ObjectStore


class StoredRecordings:
    """Every step may be repeated, and done by two copiers at once. ``retention_days``: after which the bucket deletes
    audio; 0 for never."""

    def __init__(self, ledger: Ledger, store: ObjectStore, clock: Clock, retention_days: int) -> None:
        self._ledger = ledger
        self._store = store
        self._audio_objects = AudioObjects(store)
        self._clock = clock
        self._expiry = AudioExpiry(ledger.table, clock, retention_days)

    def mark_stored(self, recording: Recording, audio: StoredAudio, unmarked: Entry | None) -> Entry | None:
        """Mark it STORED, or return what came first (``Ledger.stored``). What can expire stays in the index."""
        return self._ledger.stored(recording, audio, self._expiry.due_list(recording.source), unmarked)

    def has_expired(self, entry: Entry) -> bool:
        """Whether the bucket's own rule has deleted the audio of a stored recording. An object that somebody else
        deleted is for ``verify``. Deletes objects that the ledger does not name."""
        existing = self._audio_objects.existing(entry.recording) if entry.recording else []
        self._drop(entry, existing)
        return not existing and entry.audio is not None and self._expiry.is_over(entry.audio)

    def drop_strays(self, entry: Entry) -> None:
        """Two attempts stored two formats: delete the objects that the ledger does not name."""
        if entry.recording is not None:
            self._drop(entry, self._audio_objects.existing(entry.recording))

    def _drop(self, entry: Entry, existing: Sequence[StoredAudio]) -> None:
        """Write the winner's row again, with a later ``stored_at`` than the losers', then delete them (rule 13). Where
        the winner's object is not there as the ledger describes it, they may be all there is, and nothing is done."""
        winner, recording = entry.audio, entry.recording
        strays = [audio for audio in existing if winner is not None and audio.key != winner.key]
        if winner is None or recording is None or not strays:
            return
        head = self._store.head(winner.key)
        if head is None or head.sha256 != winner.facts.sha256:
            log.error(
                "other objects of a recording are kept: the one that the ledger names is missing or another; "
                "`call-lake verify` says which",
                recording_id=entry.recording_id,
                key=winner.key,
            )
            return
        latest = max(audio.stored_at for audio in (winner, *strays)) + timedelta(milliseconds=1)
        restamped = replace(winner, stored_at=max(self._clock.now(), latest))
        if self._ledger.restamped(entry, restamped):
            inbox.put_rows(self._store, [row_of(recording, restamped)], CALLS)
        self._store.delete([audio.key for audio in strays])

    def expire(self, entries: Sequence[Entry]) -> None:
        """Write rows without ``audio_uri``, then mark the entries EXPIRED. A death in between leaves them STORED, and
        they are asked about again. A row keeps its ``stored_at``: written twice, it is the same row (rule 18)."""
        rows = [row_of(e.recording, e.audio, expired=True) for e in entries if e.recording and e.audio]
        inbox.put_rows(self._store, rows, CALLS)
        for entry in entries:
            self._expiry.expired(entry)
