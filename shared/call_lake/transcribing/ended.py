"""Look at a job that may have ended, and note what came of it (rule 30)."""

from call_lake.ledger.entry import State
from call_lake.ledger.transcripts import TranscriptEntry, TranscriptState, as_read
from call_lake.model.layout import redacted_key, transcript_key
from call_lake.model.transcribing import Job, JobStatus, document_written
from call_lake.model.transcripts import AWS_ENGINE, MAX_DOCUMENT_BYTES
from call_lake.observability import log
from call_lake.transcribing.parts import LOOK_AFTER, Books

MOST_ATTEMPTS = 3


class EndedJobs:
    """Looks at jobs. An event of Amazon Transcribe only says which one: what it says besides is not used."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._transcripts = books.transcripts
        self._ports = books.ports

    def look(self, recording_id: str, *, unheard: bool) -> None:
        """Note what came of the recording's job. ``unheard``: no event came, so perhaps none of S3 came either.
        Raises Transient."""
        entry = self._transcripts.entry(recording_id)
        if entry is None:
            return
        is_erased = entry.state is TranscriptState.ERASED
        if is_erased or self._books.recording_state(recording_id) is State.ERASED:
            self.forget(entry)
        elif entry.state is TranscriptState.RUNNING:
            self._look(entry, self._ports.jobs.job(recording_id), unheard)

    def forget(self, entry: TranscriptEntry) -> None:
        """The recording is erased: delete its job, and a document that waits under its other name. The reader deletes
        the document. A job that still runs cannot be deleted: the next sweep tries again."""
        self._drop(redacted_key(entry.partition, entry.recording_id))
        if self._ports.jobs.delete(entry.recording_id):
            self._transcripts.erase(entry.recording_id, entry.partition)
            log.info("the job of an erased recording is deleted", recording_id=entry.recording_id)

    def _look(self, entry: TranscriptEntry, job: Job | None, unheard: bool) -> None:
        match job:
            case Job(JobStatus.QUEUED | JobStatus.IN_PROGRESS):
                self._look_again(entry)
            case Job(JobStatus.FAILED):
                self._books.fail(entry, entry, job.reason or "Amazon Transcribe gives no reason")
            case Job(is_redacted=True) if not self._moved(entry):
                self._books.fail(entry, entry, "its document is too large")
            case _ if unheard:  # done, or Amazon Transcribe does not know it any more
                self._ended(entry)

    def _ended(self, entry: TranscriptEntry) -> None:
        """A document counts, whatever became of the job: tell the reader, for S3 did not. Without one start again."""
        document = self._ports.store.head(transcript_key(entry.partition, AWS_ENGINE, entry.recording_id))
        if document is not None:
            self._ports.documents.send([document_written(self._ports.store.bucket, document.key, document.etag)])
            self._look_again(entry)
        elif entry.attempts >= MOST_ATTEMPTS:
            self._books.fail(entry, entry, f"{entry.attempts} jobs ended, and none left a document")
        else:
            self._transcripts.waiting(entry, self._ports.clock.now(), "its job left no document", as_read(entry))
            log.warning("a job left no document: it starts again", recording_id=entry.recording_id)

    def _look_again(self, entry: TranscriptEntry) -> None:
        self._transcripts.running(entry, self._ports.clock.now() + LOOK_AFTER, as_read(entry))

    def _moved(self, entry: TranscriptEntry) -> bool:
        """A job that masks personal data writes its one document as ``redacted-<recording id>.json``. Everybody looks
        for ``<recording id>.json``, and S3 tells the reader of that one. False where the document is too large."""
        key = redacted_key(entry.partition, entry.recording_id)
        found = self._ports.store.head(key)
        if found is None:
            return True
        read = self._ports.store.get(key) if found.size <= MAX_DOCUMENT_BYTES else None
        if read is None:
            return False
        target = transcript_key(entry.partition, AWS_ENGINE, entry.recording_id)
        self._ports.store.put(target, read[0], content_type="application/json")
        self._drop(key)
        return True

    def _drop(self, key: str) -> None:
        """Delete an object permanently: its older versions, too, where the bucket keeps them."""
        self._ports.store.delete_versions(list(self._ports.store.list_versions(key)))
