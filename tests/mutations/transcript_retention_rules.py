"""Rule 33: words do not outlive the voice, and documents and rows go together."""

from tests.mutations.mutation import Mutation, at
from tests.mutations.operations import returning, skipping

RETENTION = ("unit/lake/test_transcript_retention.py",)

MUTATIONS = (
    Mutation(
        33,
        "transcripts go while audio of their day is left",
        at("lake.transcript_retention", "TranscriptRetention._has_audio"),
        returning("False"),
        RETENTION,
    ),
    Mutation(
        33,
        "TranscriptRetentionDays wait for the audio",
        at("model.retention", "TranscriptsKept.must_go"),
        returning("False"),
        RETENTION,
    ),
    Mutation(
        33,
        "words outlive the voice where TranscriptRetentionDays is longer",
        at("model.retention", "TranscriptsKept.may_go"),
        returning("self.must_go(call_date, now)"),
        RETENTION,
    ),
    Mutation(
        33,
        "documents stay when their rows go",
        at("lake.transcript_retention", "TranscriptRetention.remove"),
        skipping("delete", "documents"),
        RETENTION,
    ),
    Mutation(
        33,
        "a document without a row is not found",
        at("lake.transcript_retention", "TranscriptRetention._days_of"),
        returning("iter(())"),
        RETENTION,
    ),
    Mutation(
        33,
        "what was set aside stays when its rows go",
        at("lake.transcript_retention", "TranscriptRetention.remove"),
        skipping("delete", "waiting"),
        RETENTION,
    ),
    Mutation(
        33,
        "a removed transcript is still ready in the ledger",
        at("lake.transcript_retention", "TranscriptRetention._expired"),
        skipping("expired"),
        RETENTION,
    ),
    Mutation(
        33,
        "a day without transcripts stays registered",
        at("lake.transcript_retention", "TranscriptRetention._empty"),
        skipping("unregister"),
        RETENTION,
    ),
)
