"""Measure the sound of stored recordings, and leave their rows in the inbox of table ``sound`` (rule 32)."""

import json
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Self

from call_lake.bucket.inbox import put_rows
from call_lake.errors import CallLakeError
from call_lake.ledger.entry import erased_among
from call_lake.model.lake_tables import SOUND
from call_lake.model.layout import Partition
from call_lake.model.recording import RECORDING_ID
from call_lake.model.sound import Sound, SoundNote, sound_row
from call_lake.model.table import Row
from call_lake.observability import log
from call_lake.ports import Clock, ObjectStore, Table
from call_lake.sound.limits import LARGEST_BYTES, why_unread

PIECE_BYTES = 8 * 1024 * 1024
"""What is in memory of a download at a time. Each piece is one GET request to S3."""
ROOM_S = 90.0
"""A recording is begun only while so much time is left: to download it, to measure it, and to write the rows."""
FORMAT = re.compile("[a-z0-9]{1,8}")
SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class StoredSound:
    """What a ``Recording Stored`` event says of a recording. ``size_bytes``: as the event has it."""

    recording_id: str
    partition: Partition
    format: str
    sha256: str
    size_bytes: int

    @classmethod
    def of_detail(cls, detail: Mapping[str, Any]) -> Self:
        """Raises ValueError, KeyError and TypeError for what is no event of ours: its values become keys."""
        id, format, sha256 = detail["recording_id"], detail["format"], detail["sha256"]
        partition = Partition.of_values(detail["source"], detail["call_date"])
        named = RECORDING_ID.fullmatch(id)
        if partition is None or named is None or named[1] != partition.source:
            raise ValueError("recording_id, source and call_date do not belong together")
        if not (FORMAT.fullmatch(format) and SHA256.fullmatch(sha256)):
            raise ValueError("no format and SHA-256 of a recording")
        return cls(id, partition, format, sha256, int(detail["bytes"]))

    @property
    def key(self) -> str:
        """Made of the id, and not taken from the event."""
        return self.partition.audio_of(self.recording_id) + self.format


@dataclass(slots=True)
class SoundReport:
    """What became of a batch: the messages that come again, and how many rows have facts, how many a note alone."""

    again: list[str] = field(default_factory=list)
    measured: int = 0
    unread: int = 0
    seconds: float = 0.0


type Measure = Callable[[BinaryIO], Sound | SoundNote]


class SoundAnalyzer:
    """``measure``: tells what a file's samples say (``reader.SoundReader``)."""

    def __init__(self, store: ObjectStore, table: Table, clock: Clock, measure: Measure) -> None:
        self._store = store
        self._table = table
        self._clock = clock
        self._measure = measure

    def analyze(self, messages: Mapping[str, str], until_s: float) -> SoundReport:
        """Measure the recordings of these messages (id -> body), which end before ``until_s`` of the monotonic clock.

        The order is: the row, then the message is done. A message that comes twice makes a row twice, and the later one
        counts. An erased recording gets no row: the ledger is asked before the audio is read and after the row is
        written.
        """
        report = SoundReport()
        wanted = dict(self._readable(messages, report))
        erased = erased_among(self._table, [one.recording_id for one in wanted.values()])
        rows: dict[str, Row] = {}
        for id, stored in wanted.items():
            if stored.recording_id in erased:
                continue
            if self._clock.monotonic() > until_s - ROOM_S:
                report.again.append(id)
                continue
            try:
                row = self._row(stored, report)
            except (CallLakeError, OSError, RuntimeError) as error:  # AWS, the disk, the process: not this audio
                log.warning("not measured: tried again", recording_id=stored.recording_id, error=str(error))
                report.again.append(id)
                continue
            if row is not None:
                rows[id] = row
        self._write(list(rows.values()))
        return report

    def _readable(self, messages: Mapping[str, str], report: SoundReport) -> Iterable[tuple[str, StoredSound]]:
        for id, body in messages.items():
            try:
                yield id, StoredSound.of_detail(json.loads(body)["detail"])
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                log.error("no event of a stored recording: to the dead letters", message_id=id, error=repr(error)[:200])
                report.again.append(id)

    def _row(self, stored: StoredSound, report: SoundReport) -> Row | None:
        """None where the audio is gone: it expired, or is being erased."""
        found: Sound | SoundNote | None = why_unread(stored.format, stored.size_bytes)
        if found is None:
            with tempfile.TemporaryFile() as audio:
                try:
                    found = self._measure(audio) if self._download(stored.key, audio) else SoundNote.TOO_LARGE
                except KeyError:
                    log.info("its audio is gone: no row", recording_id=stored.recording_id)
                    return None
        if isinstance(found, Sound):
            report.measured += 1
            report.seconds += found.audio_s
        else:
            report.unread += 1
            log.info("sound not read", recording_id=stored.recording_id, note=found, format=stored.format)
        return sound_row(stored.recording_id, stored.partition, stored.sha256, found, self._clock.now())

    def _download(self, key: str, audio: BinaryIO) -> bool:
        """Whether all of it is in the file now; False where it is too large. Raises KeyError where it is gone."""
        at = 0
        while at <= LARGEST_BYTES:
            piece = self._store.get_range(key, at, PIECE_BYTES)
            audio.write(piece)
            at += len(piece)
            if len(piece) < PIECE_BYTES:
                return True
        return False

    def _write(self, rows: Sequence[Row]) -> None:
        """The rows of a batch together. What was erased meanwhile leaves nothing: the eraser may have looked into the
        inbox before. Raises Transient, and then all messages come again."""
        if not rows:
            return
        keys = put_rows(self._store, rows, SOUND)
        if erased := erased_among(self._table, [row["recording_id"] for row in rows]):
            kept = put_rows(self._store, [row for row in rows if row["recording_id"] not in erased], SOUND)
            self._store.delete(sorted(set(keys) - set(kept)))
