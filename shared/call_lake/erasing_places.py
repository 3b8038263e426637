"""The places in which something of a recording may lie. Each can be searched, and cleared.

What to look for follows from recording id, source and call date alone: a tombstone is enough to go on from.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from call_lake.erasing_targets import Targets
from call_lake.errors import Transient
from call_lake.lake import Lake
from call_lake.lake_garbage import Garbage
from call_lake.lake_layout import OPEN_DATA, Partition
from call_lake.lake_open import OpenTable
from call_lake.lake_search import holders, holds_any
from call_lake.ledger import TOMBSTONE, State, ids_of
from call_lake.ports import ObjectVersion, Table, VersionedStore
from call_lake.recording import recording_from_message
from call_lake.redriving import DeadLetter, DeadLetters

ATHENA_RESULTS = "athena-results/"


@dataclass(frozen=True, slots=True)
class Search:
    """How many objects, rows' files, messages or items were looked into, and how many of them hold something.
    ``hidden``: how many could not be looked into now."""

    searched: int
    hits: int
    hidden: int = 0


class Searchable(Protocol):
    name: str

    def search(self, targets: Targets) -> Search:
        """Changes nothing."""


class Place(Searchable, Protocol):
    def clear(self, targets: Targets) -> None:
        """May be repeated. Raises Transient, PartialFailure."""


class LedgerItems:
    """Cleared by ``Ledger.erase``, before all other places."""

    name = "ledger"

    def __init__(self, table: Table) -> None:
        self._table = table

    def search(self, targets: Targets) -> Search:
        items = self._table.get_many(sorted(targets.ids))
        bare = [id for id, item in items.items() if item.get("state") == State.ERASED and item.keys() <= TOMBSTONE]
        return Search(len(targets.ids), len(targets.ids) - len(bare))


class Rows:
    """The rows that a reader of the table sees."""

    name = "rows"

    def __init__(self, store: VersionedStore, lake: Lake) -> None:
        self._store = store
        self._lake = lake

    def search(self, targets: Targets) -> Search:
        searched = hits = 0
        for partition, ids in targets.by_partition.items():
            found = holders(self._store, partition, ids)
            searched += found.files
            hits += sum(map(len, found.named.values()))
        return Search(searched, hits)

    def clear(self, targets: Targets) -> None:
        """Changes every partition's manifest, rows or not: so that a compactor that has not seen the tombstones loses
        its commit."""
        for partition, ids in targets.by_partition.items():
            self._lake.remove(partition, ids)


class OldFiles:
    """Data files that held the rows, and that no manifest names any more.

    None of them will be named again: a compactor that decided before the tombstones stood has lost its swap, and one
    that decides later leaves these rows out. So they may go as soon as nobody reads them.
    """

    name = "old_data_files"

    def __init__(self, store: VersionedStore, garbage: Garbage) -> None:
        self._store = store
        self._garbage = garbage

    def replaced_at(self, targets: Targets) -> datetime | None:
        """When the last of them that a query may be reading was replaced. One without a mark was never named."""
        moments = []
        for partition, ids in targets.by_partition.items():
            marked = self._garbage.replaced_at(partition)
            unnamed = holders(self._store, partition, ids).unnamed
            moments += [marked[key] for key in unnamed if key in marked]
        return max(moments, default=None)

    def search(self, targets: Targets) -> Search:
        found = [self._found(partition, ids) for partition, ids in targets.by_partition.items()]
        return Search(sum(searched for searched, _ in found), sum(len(dead) for _, dead in found))

    def clear(self, targets: Targets) -> None:
        for partition, ids in targets.by_partition.items():
            self._store.delete_versions(self._found(partition, ids)[1])

    def _found(self, partition: Partition, ids: set[str]) -> tuple[int, list[ObjectVersion]]:
        """How many files were looked into, and the versions that hold the rows."""
        standing = holders(self._store, partition, ids)
        searched, dead = standing.files, list[ObjectVersion]()
        for version in self._store.list_versions(partition.data):
            if version.is_marker:
                continue
            if version.is_latest:
                dead += [version] if version.key in standing.unnamed else []
            else:
                searched += 1
                body = self._store.get_version(version)
                dead += [version] if body and holds_any(body, ids) else []
        return searched, dead


class OpenFiles:
    """Files of the table ``calls_open``. They hold no number and no name, but the recording's row."""

    name = "open_table"

    def __init__(self, store: VersionedStore, open_table: OpenTable) -> None:
        self._store = store
        self._open_table = open_table

    def search(self, targets: Targets) -> Search:
        found = [self._found(partition, ids) for partition, ids in targets.by_partition.items()]
        return Search(sum(searched for searched, _ in found), sum(len(dead) for _, dead in found))

    def clear(self, targets: Targets) -> None:
        for partition, ids in targets.by_partition.items():
            self._open_table.follow(partition)
            self._store.delete_versions(self._found(partition, ids)[1])

    def _found(self, partition: Partition, ids: set[str]) -> tuple[int, list[ObjectVersion]]:
        """How many files were looked into, and the versions that hold the rows."""
        versions = [one for one in self._store.list_versions(OPEN_DATA + partition.path) if not one.is_marker]
        bodies = ((one, self._store.get_version(one)) for one in versions)
        return len(versions), [one for one, body in bodies if body and holds_any(body, ids)]


class Letters:
    """The dead-letter queue. What another reader has received is hidden from us for a while."""

    name = "dead_letters"

    def __init__(self, dead: DeadLetters) -> None:
        self._dead = dead

    def search(self, targets: Targets) -> Search:
        letters = self._receive_all()
        try:
            hidden = max(0, len(self._dead) - len(letters))
            return Search(len(letters), sum(_is_about(letter, targets) for letter in letters), hidden)
        finally:
            self._release(letters)

    def clear(self, targets: Targets) -> None:
        letters = self._receive_all()
        try:
            for letter in letters:
                if _is_about(letter, targets):
                    self._dead.delete(letter.receipt_handle)
        finally:
            self._release([letter for letter in letters if not _is_about(letter, targets)])

    def _receive_all(self) -> list[DeadLetter]:
        found: dict[str, DeadLetter] = {}
        try:
            while letters := self._dead.receive():
                if found.keys() >= {letter.message_id for letter in letters}:
                    break  # the first ones are visible again: all were seen
                found |= {letter.message_id: letter for letter in letters}
        except BaseException:
            self._release(found.values())
            raise
        return list(found.values())

    def _release(self, letters: Iterable[DeadLetter]) -> None:
        for letter in letters:
            with suppress(Transient):  # its receipt is too old: then it is visible anyway
                self._dead.release(letter.receipt_handle)


def _is_about(letter: DeadLetter, targets: Targets) -> bool:
    """Without the copier's label, by the message: that of a namesake may go with it, which the ledger still has open
    and a poll publishes again."""
    if labelled := letter.attributes.get("recording_id"):
        return labelled in targets.ids
    try:
        recording = recording_from_message(letter.body)
    except ValueError:
        return any(id in letter.body for id in targets.ids)
    return not targets.ids.isdisjoint((recording.recording_id, *ids_of(recording)))


class QueryResults:
    """What Athena wrote for the queries that were run: all of it, as no name says what it holds. It lives for a week
    anyway (template.yaml)."""

    name = "query_results"

    def __init__(self, store: VersionedStore) -> None:
        self._store = store
        self._cleared: set[tuple[str, str]] | None = None

    def search(self, targets: Targets) -> Search:
        """Once cleared, what was there then; later queries do not see the rows any more."""
        found = {(one.key, one.version_id) for one in self._versions() if not one.is_marker}
        return Search(len(found), len(found if self._cleared is None else found & self._cleared))

    def clear(self, targets: Targets) -> None:
        dead = list(self._versions())
        self._cleared = (self._cleared or set()) | {(one.key, one.version_id) for one in dead}
        self._store.delete_versions(dead)

    def _versions(self) -> Iterator[ObjectVersion]:
        return self._store.list_versions(ATHENA_RESULTS)


class Transcriptions(Protocol):
    """The jobs of Amazon Transcribe, one for each recording, which stay listed for 90 days
    (https://docs.aws.amazon.com/transcribe/latest/dg/limits-guidelines.html)."""

    def stands(self, recording_id: str) -> bool: ...

    def delete(self, recording_id: str) -> None:
        """One that is not there, or is still under way, is fine: it is searched for again."""


class TranscriptionJobs:
    """``transcriptions`` is None where nothing was ever transcribed: then the proof says that none were searched."""

    name = "transcription_jobs"

    def __init__(self, transcriptions: Transcriptions | None) -> None:
        self._transcriptions = transcriptions

    def search(self, targets: Targets) -> Search:
        if self._transcriptions is None:
            return Search(0, 0)
        return Search(len(targets.ids), sum(map(self._transcriptions.stands, sorted(targets.ids))))

    def clear(self, targets: Targets) -> None:
        if self._transcriptions is None:
            return
        for id in sorted(targets.ids):
            if self._transcriptions.stands(id):
                self._transcriptions.delete(id)
