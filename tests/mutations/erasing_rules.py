"""Rules 7, 15 and 18, as far as an erasure keeps them: final, nothing brought back, nobody else touched."""

from tests.mutations.mutation import Mutation, at
from tests.mutations.operations import (
    always,
    before,
    giving,
    never,
    passing,
    returning,
    rewriting,
    skipping,
    storing,
    swapping,
    without,
)

ERASE = ("unit/operations/erase/test_eraser.py", "unit/operations/erase/test_places.py")
PROOF = ("unit/operations/erase/test_erase_proof.py",)
COMPACTORS = (
    "crash/test_erasure.py::test_an_operator_and_a_compactor_that_stop_for_each_other_at_any_call_leave_nothing",
)

FOUND = ("unit/operations/erase/test_targets.py",)
FILED = ("unit/operations/erase/test_proofs.py",)
TYPED = ("unit/cli/commands/test_erase_typed.py",)
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
        never("erasing"),
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
        at("lake.search", "_found_rows"),
        giving(("or_", "ids"), 0),
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
        15,
        "an erasure looks into the table of calls alone",
        at("operations.erase.lake_places", "_places"),
        rewriting("TABLES", "TABLES[:1]"),
        ("unit/operations/erase/test_places.py",),
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
    Mutation(
        25,
        "a number in another spelling is nobody's",
        at("operations.erase.people", "People.number"),
        giving("compare", "Likeness.DIFFERENT"),
        FOUND,
    ),
    Mutation(
        25,
        "a name with another case is another name",
        at("model.names", "folded"),
        returning("name"),
        FOUND,
    ),
    Mutation(
        25,
        "what is only perhaps theirs is erased",
        at("operations.erase.targets", "_Search.judge"),
        rewriting("Likeness.SAME in (is_agent, *numbers.values())", "max(is_agent, *numbers.values()) > 0"),
        FOUND,
    ),
    Mutation(
        25,
        "what only the provider's record holds is not looked for in the table",
        at("lake.search", "_found_rows"),
        never("mention"),
        FOUND,
    ),
    Mutation(
        25,
        "a short number is taken for the end of a long one",
        at("model.phone_numbers", "_end_alike"),
        rewriting("len(short) >= ALIKE_DIGITS", "bool(short)"),
        ("unit/model/test_phone_numbers.py",),
    ),
    Mutation(
        25,
        "one subscriber's number in two countries is the same",
        at("model.phone_numbers", "_likeness"),
        rewriting(
            "Likeness.PERHAPS if _end_alike(wanted.digits, stored.digits) else Likeness.DIFFERENT", "Likeness.SAME"
        ),
        ("unit/model/test_phone_numbers.py",),
    ),
    Mutation(
        25,
        "an erasure goes on over what is perhaps theirs",
        at("call_lake_cli.erasure.question", "approve"),
        never("matched"),
        TYPED,
    ),
    Mutation(
        25,
        "an erasure begins where nobody can be asked",
        at("call_lake_cli.erasure.question", "must_be_able_to_ask"),
        never("yes"),
        TYPED,
    ),
    Mutation(
        25,
        "an erasure begins before it has asked",
        at("operations.erase.eraser", "erase"),
        skipping("on_found"),
        FOUND,
    ),
    Mutation(
        25,
        "results of other people's queries are left over where nothing matched",
        at("operations.erase.bucket_places", "QueryResults.search"),
        rewriting("len(hits) if targets.all else 0", "len(hits)"),
        FOUND,
    ),
    Mutation(
        25,
        "nothing matched is success",
        at("call_lake_cli.commands.erase", "check"),
        never("erased_before"),
        TYPED,
    ),
    Mutation(
        25,
        "a proof names the people",
        at("operations.erase.proofs", "people_of"),
        giving("of_person", "text"),
        FILED,
    ),
    Mutation(
        25,
        "a proof is overwritten",
        at("operations.erase.proofs", "Proofs.keep"),
        without("put", "if_none_match"),
        FILED,
    ),
    Mutation(
        25,
        "an erasure ends before its proof is kept",
        at("operations.erase.eraser", "erase"),
        swapping("on_report", "is_clean"),
        FILED,
    ),
    Mutation(
        25,
        "running again shows no earlier proof",
        at("operations.erase.proofs", "Proofs.about"),
        always("isdisjoint"),
        FILED,
    ),
    Mutation(
        25,
        "running again finds proofs of nobody",
        at("call_lake_cli.erasure.filing", "earlier_proofs"),
        giving("about", "[]"),
        TYPED,
    ),
)
