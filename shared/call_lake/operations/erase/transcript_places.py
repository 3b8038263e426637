"""Erase the transcripts of every engine: its documents, and what the ledger says of them."""

import re
from collections.abc import Iterable, Iterator

from call_lake.ledger.transcripts import TranscriptLedger, TranscriptState
from call_lake.model.layout import DOCUMENTS, ENGINE_NAME, MASKED
from call_lake.model.transcripts import AWS_ENGINE
from call_lake.operations.erase.bucket_places import BucketObjects
from call_lake.operations.erase.place import SearchResult
from call_lake.operations.erase.targets import Targets
from call_lake.ports import Clock, ObjectVersion, Table, VersionedStore


def engines_of(store: VersionedStore) -> list[str]:
    """Every engine that has documents in the bucket, in whatever version; and Amazon Transcribe, whose states come
    before its documents."""
    return sorted({AWS_ENGINE, *(name for name in _folders_of(store) if re.fullmatch(ENGINE_NAME, name))})


def _folders_of(store: VersionedStore) -> list[str]:
    return [folder.removeprefix(DOCUMENTS).rstrip("/") for folder in store.version_folders(DOCUMENTS)]


class TranscriptStates:
    """Ledger items of transcripts that are no tombstones yet. To be cleared before the documents: they tell which
    engines there are."""

    name = "transcript_states"

    def __init__(self, table: Table, store: VersionedStore, clock: Clock) -> None:
        self._table = table
        self._store = store
        self._clock = clock

    def search(self, targets: Targets) -> SearchResult:
        found = [entry for ledger in self._ledgers() for entry in ledger.entries(sorted(targets.ids)).values()]
        hits = sum(entry.state is not TranscriptState.ERASED for entry in found)
        return SearchResult(len(targets.ids), hits)

    def clear(self, targets: Targets) -> None:
        for ledger in self._ledgers():
            for entry in ledger.entries(sorted(targets.ids)).values():
                ledger.erase(entry.recording_id, entry.partition)

    def _ledgers(self) -> Iterator[TranscriptLedger]:
        for engine in engines_of(self._store):
            yield TranscriptLedger(self._table, self._clock, engine)


class TranscriptDocuments(BucketObjects):
    """The documents of every engine, and the masked ones of Amazon Transcribe. Folders that no engine can have are
    searched, too: somebody may have put copies there."""

    def __init__(self, store: VersionedStore) -> None:
        super().__init__("transcripts", store)

    def _prefixes(self, targets: Targets) -> Iterable[str]:
        for folder in _folders_of(self._store):
            for partition in targets.by_partition:
                yield partition.transcripts_of(folder)

    def _is_hit(self, version: ObjectVersion, targets: Targets) -> bool:
        return version.key.rpartition("/")[2].removeprefix(MASKED).partition(".")[0] in targets.ids
