"""Rule 31: documents of engines become rows, once, bounded, and of nothing that is erased."""

from tests.mutations.mutation import Mutation, at
from tests.mutations.operations import (
    ignoring,
    never,
    passing,
    returning,
    skipping,
    swapping,
    uncaught,
    without,
)

READER = ("unit/transcripts/test_reader.py",)
DOCUMENTS = ("unit/transcripts/test_documents.py",)
ERASING = ("unit/operations/erase/test_places.py",)

MUTATIONS = (
    Mutation(
        31,
        "the event of a transcript is sent before its row is safe",
        at("transcripts.reader", "TranscriptReader._finish"),
        swapping("put_rows", "_announce"),
        READER,
    ),
    Mutation(
        31,
        "a document of an unknown recording becomes a row",
        at("transcripts.reader", "TranscriptReader._document"),
        never("recording", "partition"),
        READER,
    ),
    Mutation(
        31,
        "a document under another day becomes a row of that day",
        at("transcripts.reader", "TranscriptReader._document"),
        ignoring("partition"),
        READER,
    ),
    Mutation(
        31,
        "a late document of an erased recording becomes a row",
        at("transcripts.reader", "TranscriptReader._document"),
        never("State"),
        READER,
    ),
    Mutation(
        31,
        "a recording that is erased while its document is read keeps it",
        at("transcripts.reader", "TranscriptReader._unless_erased"),
        returning("outcome"),
        READER,
    ),
    Mutation(
        31,
        "the document of an erased recording goes, and its state stays",
        at("transcripts.reader", "TranscriptReader._erase"),
        skipping("transcripts"),
        READER,
    ),
    Mutation(
        31,
        "a document that was read is read again with each message",
        at("transcripts.reader", "TranscriptReader._document"),
        never("known"),
        READER,
    ),
    Mutation(
        31,
        "a document that was replaced counts as read",
        at("ledger.transcripts", "TranscriptEntry.has_read"),
        ignoring("document"),
        READER,
    ),
    Mutation(
        31,
        "a document that cannot be read comes again for hours",
        at("transcripts.reader", "TranscriptReader._document"),
        uncaught("BadDocument"),
        READER,
    ),
    Mutation(
        31,
        "a document of any size is loaded",
        at("transcripts.reader", "TranscriptReader._read"),
        never("MAX_DOCUMENT_BYTES"),
        READER,
    ),
    Mutation(
        31,
        "two documents are read as one",
        at("transcripts.reader", "_ObjectBody.read"),
        without("get_range", "if_match"),
        READER,
    ),
    Mutation(
        31,
        "the sweep sends nothing",
        at("transcripts.sweep", "DocumentSweep._look_at"),
        skipping("send"),
        READER,
    ),
    Mutation(
        31,
        "the sweep takes a replaced document for read",
        at("transcripts.sweep", "DocumentSweep._look_at"),
        ignoring("has_read"),
        READER,
    ),
    Mutation(
        31,
        "a sweep has no end",
        at("transcripts.sweep", "DocumentSweep.run"),
        never("until_s"),
        READER,
    ),
    Mutation(
        31,
        "a document nests without an end",
        at("transcripts.json_stream", "JsonStream._next"),
        never("MAX_DEPTH"),
        DOCUMENTS,
    ),
    Mutation(
        31,
        "a document has parts without an end",
        at("transcripts.json_stream", "JsonStream._next"),
        never("MAX_EVENTS"),
        DOCUMENTS,
    ),
    Mutation(
        31,
        "a text has no end",
        at("transcripts.json_stream", "_Feed.read"),
        never("MAX_TOKEN_BYTES"),
        DOCUMENTS,
    ),
    Mutation(
        31,
        "of two members of one name the last one counts",
        at("transcripts.json_stream", "JsonStream.members"),
        never("name", "seen"),
        DOCUMENTS,
    ),
    Mutation(
        31,
        "a document that goes on after its end is read",
        at("transcripts.own_format", "read_own"),
        skipping("end"),
        DOCUMENTS,
    ),
    Mutation(
        31,
        "the sides of a stereo call are mixed",
        at("transcripts.amazon", "_Results._channel"),
        passing("_items", 2, "None"),
        DOCUMENTS,
    ),
    Mutation(
        31,
        "an erasure knows one engine alone",
        at("operations.erase.transcript_places", "engines_of"),
        returning("[AWS_ENGINE]"),
        ERASING,
    ),
    Mutation(
        31,
        "an erasure leaves masked documents",
        at("operations.erase.transcript_places", "TranscriptDocuments._is_hit"),
        passing("removeprefix", 0, "''"),
        ERASING,
    ),
)
