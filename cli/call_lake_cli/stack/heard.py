"""What is known of one recording's transcripts and sound: for ``call-lake show``. No word of the call."""

from typing import Any

from call_lake.ledger.transcripts import TranscriptEntry, TranscriptLedger, TranscriptState
from call_lake.model.layout import Partition
from call_lake.model.times import iso
from call_lake.model.transcripts import AWS_ENGINE, Transcript
from call_lake.wiring.operator import CLOCK
from call_lake_cli.console.words import counted
from call_lake_cli.stack.handle import Stack
from call_lake_cli.stack.sound_facts import sentences_of


def transcripts_facts(stack: Stack, partition: Partition, recording_id: str) -> list[dict[str, Any]]:
    """Each engine that was asked for a transcript, or that has one, by name. Raises LakeDamaged, Transient."""
    from call_lake.lake.spoken import transcripts_of

    heard = {one.engine: one for one in transcripts_of(stack.store, partition, recording_id)}
    found = []
    for engine in sorted({AWS_ENGINE, *stack.engines, *heard}):
        entry = TranscriptLedger(stack.table, CLOCK, engine).entry(recording_id)
        if entry or engine in heard:
            found.append(_facts_of(engine, entry, heard.get(engine)))
    return found


def sound_facts(stack: Stack, partition: Partition, recording_id: str) -> dict[str, Any] | None:
    """The row of table ``sound``; None where there is none. Raises LakeDamaged, Transient."""
    from call_lake.lake.spoken import sound_of

    return sound_of(stack.store, partition, recording_id)


def transcript_story(facts: dict[str, Any]) -> str:
    """``aws: READY, pl-PL, 124 words, confidence 93%``, or why there is none."""
    confidence = facts["confidence"]
    has_older_row = facts["state"] == TranscriptState.FAILED and facts["words"] is not None
    parts = [
        facts["state"] or "not in the ledger",
        facts["reason"],
        "its earlier row stays" if has_older_row else None,
        facts["language"],
        None if facts["words"] is None else counted(facts["words"], "word"),
        None if confidence is None else f"confidence {confidence:.0%}",
        "no row yet" if facts["state"] == "READY" and facts["words"] is None else None,
    ]
    return f"{facts['engine']}: {', '.join(filter(None, parts))}"


def sound_story(row: dict[str, Any] | None) -> str | None:
    return " ".join(sentences_of(row)) or None


def _facts_of(engine: str, entry: TranscriptEntry | None, heard: Transcript | None) -> dict[str, Any]:
    return {
        "engine": engine,
        "state": entry.state if entry else None,
        "reason": entry.reason if entry else None,
        "changed_at": iso(entry.changed_at) if entry else None,
        "attempts": entry.attempts if entry else None,
        "language": heard.language if heard else None,
        "words": heard.words if heard else None,
        "confidence": heard.confidence if heard else None,
        "transcribed_at": iso(heard.transcribed_at) if heard else None,
    }
