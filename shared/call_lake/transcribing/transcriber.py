"""The transcriber: takes messages of its queue, and sweeps (rule 30)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from call_lake.errors import Transient
from call_lake.model.events import RECORDING_STORED
from call_lake.model.transcribing import Wanted
from call_lake.observability import log
from call_lake.ports import PartialFailure, Queue
from call_lake.transcribing.ended import EndedJobs
from call_lake.transcribing.parts import Books, Counts, TranscriberPorts
from call_lake.transcribing.starter import Starter
from call_lake.transcribing.sweep import Sweep

JOB_ENDED = "Transcribe Job State Change"
"""https://docs.aws.amazon.com/transcribe/latest/dg/monitoring-events.html"""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the queue. ``deliveries``: how often it came so far, this time included."""

    id: str
    body: str
    deliveries: int


class Transcriber:
    """``job_prefix``: how the names of this stack's jobs begin. ``dead_letters``: for what is no message of ours."""

    def __init__(self, ports: TranscriberPorts, dead_letters: Queue, job_prefix: str, hours_per_day: float) -> None:
        self._books = books = Books(ports, hours_per_day)
        self._dead_letters = dead_letters
        self._job_prefix = job_prefix
        self._starter = Starter(books)
        self._ended = EndedJobs(books)
        self._sweep = Sweep(books, self._ended)

    def sweep(self, until_s: float) -> Counts:
        """Look at what nobody heard of, and send what waits; ``until_s`` is of the clock's ``monotonic``."""
        self._books.counts = Counts()
        self._sweep.run(until_s)
        return self._books.counts

    def take(self, messages: Sequence[Message]) -> tuple[list[str], Counts]:
        """Take a batch; return the ids of the messages that have to come again. Where there is no room for one job,
        the batch asks for no other."""
        self._books.counts = Counts()
        again: list[str] = []
        refusal = ""
        for message in messages:
            try:
                asked = _read(message.body, self._job_prefix)
                if isinstance(asked, Wanted):
                    refusal = refusal or self._starter.start(asked)
                    is_done = not refusal or self._starter.later(asked, message.deliveries, refusal)
                else:
                    self._ended.look(asked, unheard=False)
                    is_done = True
            except (KeyError, TypeError, ValueError, RecursionError) as error:
                log.error("no message of ours: to the dead letters", error=type(error).__name__)
                self._dead_letters.send([message.body])
                is_done = True
            except (Transient, PartialFailure) as error:
                log.warning("AWS is in trouble: tried again", error=str(error))
                refusal = refusal or str(error)
                is_done = False
            if not is_done:
                again.append(message.id)
        return again, self._books.counts


def _read(body: str, job_prefix: str) -> Wanted | str:
    """The recording that wants a transcript, or the recording id of a job that ended: the account's other jobs give
    an id that the ledger does not know. Raises KeyError, TypeError or ValueError for a message that is neither."""
    message: Mapping[str, Any] = json.loads(body)
    match message["detail-type"]:
        case kind if kind == RECORDING_STORED:
            return Wanted.of_message(message)
        case kind if kind == JOB_ENDED:
            return str(message["detail"]["TranscriptionJobName"]).removeprefix(job_prefix)
    raise ValueError("another kind of event")
