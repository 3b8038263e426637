"""What the ledger, the dead letters, Athena and Amazon Transcribe hold of a recording."""

from collections.abc import Iterable, Iterator
from contextlib import suppress

from call_lake.errors import Transient
from call_lake.ledger.entry import TOMBSTONE, State
from call_lake.ledger.identity import possible_ids
from call_lake.model.layout import ATHENA_RESULTS
from call_lake.model.messages import recording_from_message
from call_lake.operations.erase.place import Search
from call_lake.operations.erase.targets import Targets
from call_lake.ports import DeadLetter, DeadLetters, ObjectVersion, Table, Transcriptions, VersionedStore


class LedgerItems:
    """Cleared by ``Ledger.erase``, before all other places."""

    name = "ledger"

    def __init__(self, table: Table) -> None:
        self._table = table

    def search(self, targets: Targets) -> Search:
        items = self._table.get_many(sorted(targets.ids))
        bare = [id for id, item in items.items() if item.get("state") == State.ERASED and item.keys() <= TOMBSTONE]
        return Search(len(targets.ids), len(targets.ids) - len(bare))


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
    return not targets.ids.isdisjoint(possible_ids(recording))


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
