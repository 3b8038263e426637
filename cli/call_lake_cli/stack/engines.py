"""How far the engines are that transcribe a stack's recordings, without a scan (ADR 0032)."""

from dataclasses import asdict, dataclass
from typing import Any

from call_lake.ledger.transcribed_hours import HOUR_S, TranscribedHours
from call_lake.ledger.transcripts import TranscriptLedger, TranscriptState
from call_lake.model.transcripts import AWS_ENGINE
from call_lake.wiring.operator import CLOCK, transcriber_settings
from call_lake_cli.stack.census import IN_QUEUE, MOST
from call_lake_cli.stack.handle import Stack

LISTED = (TranscriptState.WAITING, TranscriptState.RUNNING, TranscriptState.FAILED)


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """One engine now. ``queue``: recordings that it has not taken yet. ``waiting``: for the hours of another day.
    ``hours_today`` of ``hours_per_day``: the ceiling, None for an engine of yours. A count stops at ``MOST``."""

    engine: str
    queue: int
    waiting: int
    running: int
    failed: int
    hours_today: float | None = None
    hours_per_day: int | None = None

    def to_json(self) -> dict[str, Any]:
        counts = (self.waiting, self.running, self.failed)
        at_least = [state.lower() for state, count in zip(LISTED, counts, strict=True) if count >= MOST]
        return asdict(self) | {"at_least": at_least}


def take_engines(stack: Stack) -> list[EngineStatus]:
    """Each engine that the stack has a queue for, by name. Raises Transient."""
    return [_status_of(stack, engine, url) for engine, url in sorted(stack.engines.items())]


def _status_of(stack: Stack, engine: str, queue_url: str) -> EngineStatus:
    ledger = TranscriptLedger(stack.table, CLOCK, engine)
    waiting, running, failed = (len(ledger.listed(state, MOST)) for state in LISTED)
    answer = stack.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=list(IN_QUEUE))["Attributes"]
    queue = sum(int(answer.get(key, 0)) for key in IN_QUEUE)
    if engine != AWS_ENGINE:
        return EngineStatus(engine, queue, waiting, running, failed)
    per_day = transcriber_settings(stack).hours_per_day
    today = TranscribedHours(stack.table, CLOCK, per_day).today()
    return EngineStatus(engine, queue, waiting, running, failed, round(today.used_s / HOUR_S, 1), per_day)
