"""What one attempt to copy a recording came to, and what a batch of them did."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from call_lake.errors import Reason
from call_lake.ledger.entry import Entry
from call_lake.model.recording import Recording, StoredAudio


@dataclass(frozen=True, slots=True)
class Message:
    """One message as its source's queue delivered it. ``receive_count``: how often by now."""

    id: str
    body: str
    receipt_handle: str
    receive_count: int = 1


class Verdict(StrEnum):
    """What happens to a message."""

    DONE = "done"
    AGAIN = "again"  # the message stays in its queue


class Result(StrEnum):
    """What one message's attempt came to."""

    # The message is done.
    STORED = "stored"
    ALREADY_STORED = "already stored"
    EXPIRED = "expired"
    FAILED = "failed"  # permanently: the message is in the dead-letter queue
    RETRY_IN_LEDGER = "retry in ledger"  # a poll publishes the recording again when it is due
    NOTHING_TO_DO = "nothing to do"  # failed, expired or erased before, stored by another attempt, or no recording
    # The message comes again.
    RETRY_IN_QUEUE = "retry in queue"
    NO_ATTEMPT = "no attempt"  # none is counted: the source rests, our own limit was reached, or a step broke
    COPIED = "copied"  # until the batch has written row, event and ledger
    AUDIO_EXPIRED = "audio expired"  # until the batch has written row and ledger
    SUSPECT = "suspect"  # until it is tried alone


AGAIN = frozenset({Result.RETRY_IN_QUEUE, Result.NO_ATTEMPT, Result.COPIED, Result.AUDIO_EXPIRED, Result.SUSPECT})


@dataclass(frozen=True, slots=True)
class ClaimedRecording:
    """A recording on its way to its audio. ``entry``: as the ledger had it when the attempt began. ``existing``: the
    audio that an earlier attempt has stored."""

    message: Message
    entry: Entry
    recording: Recording
    existing: StoredAudio | None = None


@dataclass(frozen=True, slots=True)
class CopiedRecording:
    """A recording whose audio is in S3, on its way to STORED. ``unmarked``: the entry of a suspect before its mark."""

    message: Message
    recording: Recording
    audio: StoredAudio
    unmarked: Entry | None = None


@dataclass(frozen=True, slots=True)
class ExpiredRecording:
    """A STORED recording whose audio has expired, on its way to EXPIRED."""

    message: Message
    entry: Entry


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one message's attempt came to.

    ``copied`` and ``expired``: what the batch has still to write. ``suspect``: what is still to be tried, alone.
    ``source`` and ``reason``: of an attempt that failed; ``source`` and ``stored_bytes``: of a recording that was
    stored.
    """

    message: Message
    result: Result
    copied: CopiedRecording | None = None
    expired: ExpiredRecording | None = None
    suspect: ClaimedRecording | None = None
    source: str = ""
    reason: Reason | None = None
    stored_bytes: int = 0

    @property
    def verdict(self) -> Verdict:
        return Verdict.AGAIN if self.result in AGAIN else Verdict.DONE


@dataclass(slots=True)
class CopyCounts:
    """Recordings of one batch by what became of them. ``already``: they were STORED before. ``retried``: they failed
    and are tried again. ``failed``: permanently."""

    stored: int = 0
    stored_bytes: int = 0
    already: int = 0
    expired: int = 0
    retried: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class CopyReport:
    """What one batch did. ``stored``: recordings by source. ``failures``: failed attempts by source and
    reason."""

    verdicts: dict[str, Verdict] = field(default_factory=dict)
    counts: CopyCounts = field(default_factory=CopyCounts)
    stored: Counter[str] = field(default_factory=Counter)
    failures: Counter[tuple[str, Reason]] = field(default_factory=Counter)


def report_of(outcomes: Iterable[Outcome]) -> CopyReport:
    """Add up the outcomes of a batch, one a message."""
    report = CopyReport()
    counts = report.counts
    for one in outcomes:
        report.verdicts[one.message.id] = one.verdict
        if one.reason is not None:
            report.failures[one.source, one.reason] += 1
        match one.result:
            case Result.STORED:
                counts.stored += 1
                counts.stored_bytes += one.stored_bytes
                report.stored[one.source] += 1
            case Result.ALREADY_STORED:
                counts.already += 1
            case Result.EXPIRED:
                counts.expired += 1
            case Result.RETRY_IN_QUEUE | Result.RETRY_IN_LEDGER:
                counts.retried += 1
            case Result.FAILED:
                counts.failed += 1
    return report
