"""Rules 7, 15 and 18, as far as an erasure keeps them: final, nothing brought back, nobody else touched."""

from tests.mutations.mutation import Mutation, at
from tests.mutations.operations import before, giving, ignoring, never, passing, rewriting, skipping, storing, swapping

ERASE = ("unit/operations/erase/test_eraser.py", "unit/operations/erase/test_places.py")
PROOF = ("unit/operations/erase/test_erase_proof.py",)
COMPACTORS = (
    "crash/test_erasure.py::test_an_operator_and_a_compactor_that_stop_for_each_other_at_any_call_leave_nothing",
)

RESTORED = ("unit/operations/test_restored_ledger.py",)

MUTATIONS = (
    Mutation(
        7,
        "what a proof names is left alone where the ledger has forgotten it",
        at("operations.erase.targets", "find_targets"),
        skipping("known", "proved"),
        RESTORED,
    ),
    Mutation(
        7,
        "a tombstone keeps the call's record",
        at("ledger.ledger", "Ledger._bury"),
        passing("fromkeys", 0, "('due_list', 'due_at')"),
        ERASE,
    ),
    Mutation(
        7,
        "a recording under the key of an erased one is taken for it",
        at("ledger.ledger", "Ledger._bury"),
        storing("connection_id", "None"),
        ERASE,
    ),
    Mutation(
        7,
        "what is erased is listed as a namesake of its tombstone",
        at("ledger.identity", "same_recording"),
        rewriting("listed.connection_digest", "listed.connection_id"),
        ERASE,
    ),
    Mutation(
        7,
        "an erasure that died is not found again",
        at("operations.erase.targets", "find_targets"),
        ignoring("erasing"),
        ERASE,
    ),
    Mutation(
        7,
        "everything is deleted before the tombstones stand",
        at("operations.erase.eraser", "erase"),
        swapping("_ledger", "_rows"),
        ("crash/test_erasure.py::test_an_operator_and_a_copier_that_stop_for_each_other_at_any_call_leave_nothing",),
    ),
    Mutation(
        7,
        "a damaged day of the lake keeps the voice",
        at("operations.erase.eraser", "erase"),
        swapping("_copies", "must_be_all"),
        PROOF,
    ),
    Mutation(
        7,
        "a recording is looked for under the ledger's day alone",
        at("lake.search", "_is_theirs"),
        giving(("or_", "agent"), 1),
        ERASE,
    ),
    Mutation(
        7,
        "dead letters that nobody could look into are proven to be none",
        at("operations.erase.service_places", "DeadLetterQueue.search"),
        giving("max", "0"),
        PROOF,
    ),
    Mutation(
        15,
        "an erasure does not look a second time",
        at("operations.erase.eraser", "erase"),
        skipping("_copies", "_results"),
        ERASE,
    ),
    Mutation(
        15,
        "older versions of an erased object stay",
        at("operations.erase.bucket_places", "BucketObjects.clear"),
        passing("delete_versions", 0, "dead[:1]"),
        ERASE,
    ),
    Mutation(
        18,
        "a partition without the erased rows keeps its manifest",
        at("operations.erase.lake_places", "TableRows.clear"),
        before("remove", "if not files_holding(self._store, partition, ids).named:\n    continue"),
        COMPACTORS,
    ),
    Mutation(
        18,
        "old files go before a query has ended that reads them",
        at("operations.erase.eraser", "erase"),
        before("_wait_until", "self._clear(self._old_files, targets)"),
        ERASE,
    ),
    Mutation(
        18,
        "an inbox object is deleted with the rows of others",
        at("operations.erase.bucket_places", "InboxObjects._before_deletion"),
        never("kept"),
        ERASE,
    ),
)
