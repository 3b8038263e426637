"""Find documents that were not read, and ask the reader to read them: a lost message loses no words (rule 31)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from call_lake.errors import ConfigError
from call_lake.ledger.transcripts import TranscriptLedger
from call_lake.model.layout import DOCUMENTS, ENGINE_NAME, Partition, TranscriptPlace
from call_lake.model.transcribing import document_written
from call_lake.ports import Clock, ObjectStore, Queue, Table

SWEEP_DAYS = 14


@dataclass(slots=True)
class SweepResult:
    """``engines``: those that have documents. ``documents``: how many were compared with the ledger. ``sent``: how many
    the reader is asked to read. ``unfinished``: where the time was over before a day was looked at."""

    first: str
    last: str
    engines: list[str] = field(default_factory=list)
    documents: int = 0
    sent: int = 0
    unfinished: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SweepDays:
    """Calls of these days, both included."""

    first: date
    last: date

    @classmethod
    def until(cls, today: date) -> "SweepDays":
        """The last ``SWEEP_DAYS`` days. Tomorrow has begun in some time zones."""
        return cls(today - timedelta(days=SWEEP_DAYS), today + timedelta(days=1))

    @classmethod
    def of_request(cls, request: dict[str, object], today: date) -> "SweepDays":
        """Of ``{"sweep": true, "first": "2026-10-01", "last": "2026-10-31"}``; both may be missing. Raises
        ConfigError."""
        usual = cls.until(today)
        try:
            given = {name: date.fromisoformat(str(request[name])) for name in ("first", "last") if name in request}
        except ValueError as error:
            raise ConfigError(f'a sweep needs "first" and "last" as dates like 2026-10-31: {error}') from None
        return cls(given.get("first", usual.first), given.get("last", usual.last))

    def __iter__(self) -> Iterator[date]:
        """The newest first."""
        for number in range((self.last - self.first).days, -1, -1):
            yield self.first + timedelta(days=number)


class DocumentSweep:
    """Compares the documents of all engines with the ledger. ``queue``: the reader's."""

    def __init__(self, table: Table, store: ObjectStore, queue: Queue, clock: Clock) -> None:
        self._table = table
        self._store = store
        self._queue = queue
        self._clock = clock

    def run(self, days: SweepDays, until_s: float) -> SweepResult:
        """Look at these days, the newest first, until the clock's monotonic time ``until_s``. Raises Transient."""
        result = SweepResult(days.first.isoformat(), days.last.isoformat())
        for engine, source in self._written(result):
            for day in days:
                if self._clock.monotonic() > until_s:
                    result.unfinished.append(f"{engine}/{source}/{day} and before")
                    break
                self._look_at(engine, Partition(source, day), result)
        return result

    def _written(self, result: SweepResult) -> list[tuple[str, str]]:
        """Engines and sources that have documents."""
        found = []
        for folder in self._store.folders(DOCUMENTS):
            engine = folder.removeprefix(DOCUMENTS).rstrip("/")
            if not re.fullmatch(ENGINE_NAME, engine):
                continue
            result.engines.append(engine)
            found += [(engine, one.removeprefix(folder).rstrip("/")) for one in self._store.folders(folder)]
        return found

    def _look_at(self, engine: str, partition: Partition, result: SweepResult) -> None:
        listed = [(TranscriptPlace.of_key(one.key), one) for one in self._store.list(partition.transcripts_of(engine))]
        etags = {place.recording_id: (place, one.etag) for place, one in listed if place is not None}
        entries = TranscriptLedger(self._table, self._clock, engine).entries(etags)
        unread = [
            document_written(self._store.bucket, place.key, etag)
            for id, (place, etag) in etags.items()
            if (known := entries.get(id)) is None or not known.has_read(etag)
        ]
        self._queue.send(unread)
        result.documents += len(etags)
        result.sent += len(unread)
