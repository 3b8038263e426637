"""Remove transcripts that are too old, a day of a source at a time: documents of all engines and rows (rule 33).

The steps of a day are: note in the ledger which transcripts go, delete what is in the engines' folders, delete the rows
that wait or were set aside, unregister the partition, and replace its manifest by an empty one. The manifest comes
last, because a run finds the day by it. If a run dies in between, the next one repeats the steps. A document that
arrives afterwards is found by its folder.
"""

from collections.abc import Iterator
from datetime import datetime

from call_lake.lake.lake import Lake
from call_lake.lake.manifest import Manifest, list_partitions
from call_lake.lake.registration import Registration
from call_lake.lake.retention import EVERY, AtOnce
from call_lake.ledger.transcripts import TranscriptLedger
from call_lake.model.lake_tables import TRANSCRIPTS, TablePartition
from call_lake.model.layout import DOCUMENTS, Partition, TranscriptPlace
from call_lake.model.retention import TranscriptsKept
from call_lake.ports import Clock, ObjectStore, Table


class TranscriptRetention:
    """``kept``: nothing is ever removed where both its days are 0, and nothing here costs a request then."""

    def __init__(
        self,
        store: ObjectStore,
        table: Table,
        clock: Clock,
        lake: Lake,
        registration: Registration,
        kept: TranscriptsKept,
    ) -> None:
        self._store = store
        self._table = table
        self._clock = clock
        self._lake = lake
        self._registration = registration
        self._kept = kept
        self._done_at: datetime | None = None

    def is_due(self) -> bool:
        """Whether old days were not all removed within the last 24 hours."""
        is_done = self._done_at is not None and self._clock.now() - self._done_at < EVERY
        return self._kept.expire and not is_done

    def done(self) -> None:
        """Note that every old day was removed."""
        self._done_at = self._clock.now()

    def old_days(self) -> list[Partition]:
        """The days that have documents or rows, and may be too old. Costs two listings, and one more for each engine
        and each of its sources."""
        found = {listed.partition.partition for listed in list_partitions(self._store, TRANSCRIPTS) if listed.files}
        found |= {partition for engine in self._engines() for partition in self._days_of(engine)}
        set_aside = (
            Partition.of_key(info.key, TRANSCRIPTS.quarantine) for info in self._store.list(TRANSCRIPTS.quarantine)
        )
        found |= {partition for partition in set_aside if partition}
        return sorted(one for one in found if self._kept.may_go(one.call_date, self._clock.now()))

    def remove(self, partition: Partition, at_once: AtOnce) -> bool:
        """Remove all transcripts of one old day. False where the day has to wait: its audio is left, or another commit
        was faster. Raises Transient, FileGone, PartialFailure."""
        if not self._kept.must_go(partition.call_date, self._clock.now()) and self._has_audio(partition):
            return False
        place = TRANSCRIPTS.at(partition)
        # Before the inbox is listed: what a commit takes from there meanwhile changes the manifest.
        manifest, rows = self._lake.keys(place)
        prefixes = [partition.transcripts_of(engine) for engine in self._engines()]
        documents = [info.key for prefix in prefixes for info in self._store.list(prefix)]
        waiting = [info.key for prefix in (place.inbox, place.quarantine) for info in self._store.list(prefix)]
        named = {(one.recording_id, one.engine) for key in documents if (one := TranscriptPlace.of_key(key))}
        at_once(lambda text: self._expired(text, partition), sorted("/".join(key) for key in rows | named))
        self._store.delete(documents)
        self._store.delete(waiting)
        return self._empty(place, manifest)

    def _has_audio(self, partition: Partition) -> bool:
        return next(iter(self._store.list(partition.audio)), None) is not None

    def _expired(self, text: str, partition: Partition) -> None:
        recording_id, engine = text.split("/")
        TranscriptLedger(self._table, self._clock, engine).expired(recording_id, partition)

    def _empty(self, place: TablePartition, manifest: Manifest) -> bool:
        if not manifest.etag:
            return True
        self._registration.unregister(place)
        return not manifest.keys or self._lake.empty(place, manifest)

    def _engines(self) -> list[str]:
        """Those that ever wrote a document."""
        return [prefix.removeprefix(DOCUMENTS).rstrip("/") for prefix in self._store.folders(DOCUMENTS)]

    def _days_of(self, engine: str) -> Iterator[Partition]:
        for source in self._store.folders(f"{DOCUMENTS}{engine}/"):
            for day in self._store.folders(source):
                *_, name, call_date, _ = day.split("/")
                if partition := Partition.of_values(name, call_date):
                    yield partition
