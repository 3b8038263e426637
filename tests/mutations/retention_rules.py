"""Rule 27: what RowRetentionDays removes, when, and that nothing brings it back."""

from tests.mutations.mutation import Mutation, at
from tests.mutations.operations import always, ignoring, never, returning, rewriting, skipping, swapping

RETENTION = ("unit/lake/test_retention.py",)
EVERY_CALL = ("crash/test_every_call.py::test_any_fault_at_any_call_changes_nothing_in_the_end",)

MUTATIONS = (
    Mutation(
        27,
        "verify looks at days whose rows were removed",
        at("call_lake_cli.commands.verify", "kept_days"),
        returning("days"),
        ("unit/cli/commands/test_verify_retention.py",),
    ),
    Mutation(
        27,
        "rows are removed while audio of their day is left",
        at("lake.retention", "RowRetention.remove"),
        never("audio"),
        RETENTION,
    ),
    Mutation(
        27,
        "rows are removed and no tombstone is left",
        at("lake.retention", "RowRetention.remove"),
        skipping("outlived"),
        RETENTION,
    ),
    Mutation(
        27,
        "a removed day stays registered",
        at("lake.retention", "RowRetention._empty"),
        skipping("unregister"),
        RETENTION,
    ),
    Mutation(
        27,
        "a day leaves the table of calls alone",
        at("lake.retention", "RowRetention.remove"),
        rewriting("TABLES", "TABLES[:1]"),
        RETENTION,
    ),
    Mutation(
        27,
        "an empty manifest is registered again",
        at("lake.registration", "committed"),
        always("size"),
        RETENTION,
    ),
    Mutation(
        27,
        "a row under a wrong day buries a young recording",
        at("ledger.ledger", "Ledger.outlived"),
        ignoring("call_date"),
        RETENTION,
    ),
    Mutation(
        27,
        "a row under another source buries a recording",
        at("ledger.ledger", "Ledger.outlived"),
        always("named"),
        RETENTION,
    ),
    Mutation(
        27,
        "what was never stored stays in the ledger",
        at("lake.compactor", "Compactor._remove_old_days"),
        skipping("remove_unsettled"),
        RETENTION,
    ),
    Mutation(
        27,
        "a run that died leaves tombstones unwritten",
        at("lake.retention", "RowRetention.remove"),
        swapping("outlived", "manifest"),
        EVERY_CALL,
    ),
    Mutation(
        27,
        "a poll takes in what would be removed at once",
        at("polling.poller", "Poller._publish"),
        always("call_date"),
        ("unit/polling/test_polling.py",),
    ),
)
