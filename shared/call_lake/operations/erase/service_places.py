"""Erase from the other services: DynamoDB (the ledger), SQS (the dead letters), Amazon Transcribe."""

from call_lake.ledger.entry import TOMBSTONE, State
from call_lake.ledger.identity import possible_ids
from call_lake.model.messages import recording_from_message
from call_lake.operations.dead_letters import drain
from call_lake.operations.erase.place import SearchResult
from call_lake.operations.erase.targets import Targets
from call_lake.ports import DeadLetter, DeadLetters, Table, Transcriptions


class LedgerItems:
    """Items that still hold more than a tombstone. ``Ledger.erase`` clears them, before all other places."""

    name = "ledger"

    def __init__(self, table: Table) -> None:
        self._table = table

    def search(self, targets: Targets) -> SearchResult:
        items = self._table.get_many(sorted(targets.ids))
        bare = [id for id, item in items.items() if item.get("state") == State.ERASED and item.keys() <= TOMBSTONE]
        return SearchResult(len(targets.ids), len(targets.ids) - len(bare))


class DeadLetterQueue:
    """The messages of the dead-letter queue. A message that another reader has received is hidden for a while."""

    name = "dead_letters"

    def __init__(self, dead: DeadLetters) -> None:
        self._dead = dead

    def search(self, targets: Targets) -> SearchResult:
        letters = drain(self._dead, lambda letter: False)
        hidden = max(0, len(self._dead) - len(letters))
        return SearchResult(len(letters), sum(_is_about(letter, targets) for letter in letters), hidden)

    def clear(self, targets: Targets) -> None:
        drain(self._dead, lambda letter: _is_about(letter, targets))


def _is_about(letter: DeadLetter, targets: Targets) -> bool:
    """Whether a dead letter is about one of the recordings, by the copier's label or else by its message. By the
    message, the letter of another recording with the same key may be taken too. Its ledger item is still due, so a poll
    publishes it again."""
    if labelled := letter.attributes.get("recording_id"):
        return labelled in targets.ids
    try:
        recording = recording_from_message(letter.body)
    except ValueError:
        return any(id in letter.body for id in targets.ids)
    return not targets.ids.isdisjoint(possible_ids(recording))


class TranscriptionJobs:
    """Jobs of Amazon Transcribe. ``transcriptions`` is None where nothing was ever transcribed. Then the proof says
    that no job was searched."""

    name = "transcription_jobs"

    def __init__(self, transcriptions: Transcriptions | None) -> None:
        self._transcriptions = transcriptions

    def search(self, targets: Targets) -> SearchResult:
        if self._transcriptions is None:
            return SearchResult(0, 0)
        found = [id for id in sorted(targets.ids) if self._transcriptions.job(id)]
        return SearchResult(len(targets.ids), len(found))

    def clear(self, targets: Targets) -> None:
        if self._transcriptions is None:
            return
        for id in sorted(targets.ids):
            if self._transcriptions.job(id):
                self._transcriptions.delete(id)
