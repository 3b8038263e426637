"""Rules 15 to 23 where a lake is rebuilt and the quarantine is sent again."""

from tests.mutations.mutation import Mutation, at
from tests.mutations.operations import before, never, passing, rewriting, skipping, swapping, uncaught

REBUILD = ("unit/operations/test_rebuild.py", "unit/operations/test_rebuild_races.py")
ORDER = (
    "unit/operations/test_rebuild_races.py::test_an_erasure_at_any_call_of_a_rebuild_leaves_no_row_even_where_that_dies",
)
QUARANTINE = ("unit/bucket/test_quarantine.py",)

MUTATIONS = (
    Mutation(
        16,
        "a rebuild asks the ledger before it reads the manifest",
        at("lake.partition_rebuild", "_attempt"),
        before("read_manifest", "ask_ledger = (lambda said: lambda ids: said)(ask_ledger(sorted(listed)))"),
        ORDER,
    ),
    Mutation(
        16,
        "a rebuild whose answer was lost is counted again",
        at("lake.partition_rebuild", "_attempt"),
        never("key", "ours"),
        REBUILD,
    ),
    Mutation(
        16,
        "a large partition's second reading of the ledger is believed",
        at("lake.partition_rebuild", "_attempt"),
        never("with_row"),
        REBUILD,
    ),
    Mutation(
        16,
        "a rebuild takes a broken connection for a broken file",
        at("lake.partition_rebuild", "_read"),
        uncaught("ConnectionError"),
        REBUILD,
    ),
    Mutation(
        17,
        "a rebuild does not mark what it replaces",
        at("lake.partition_rebuild", "_attempt"),
        passing("mark_replaced", 1, "manifest.__replace__(keys=())"),
        REBUILD,
    ),
    Mutation(
        17,
        "a rebuild names files that may be collected",
        at("lake.partition_rebuild", "_attempt"),
        passing("mark_replaced", 3, "self._clock.now()"),
        REBUILD,
    ),
    Mutation(
        18,
        "a rebuild keeps the row of an erased recording",
        at("lake.partition_rebuild", "_attempt"),
        passing("_with_kept", 3, "kept | erased"),
        REBUILD,
    ),
    Mutation(
        18,
        "a rebuild does not look for tombstones after its commit",
        at("operations.rebuild", "_rebuild_one"),
        never("changed"),
        REBUILD,
    ),
    Mutation(
        18,
        "a rebuild leaves a row that is there twice",
        at("lake.partition_rebuild", "_attempt"),
        rewriting("current.rows", "len(current.digests)"),
        REBUILD,
    ),
    Mutation(
        18,
        "a rebuild drops the rows that the ledger does not know",
        at("lake.partition_rebuild", "_attempt"),
        passing("_with_kept", 3, "set()"),
        REBUILD,
    ),
    Mutation(
        23,
        "a rebuilt partition is not registered",
        at("operations.rebuild", "_rebuild_one"),
        skipping("register"),
        REBUILD,
    ),
    Mutation(
        23,
        "a rebuild compares nothing with the catalogue",
        at("operations.rebuild", "Rebuilder.rebuild"),
        skipping("compare"),
        REBUILD,
    ),
    Mutation(
        21,
        "a row leaves the quarantine before it stands in the inbox",
        at("bucket.quarantine", "put_back"),
        swapping("put", "delete"),
        QUARANTINE,
    ),
    Mutation(
        21,
        "a row that is refused again is set aside under the key that is deleted",
        at("bucket.quarantine", "put_back"),
        passing("sha256", 0, "one.rejected.text.encode()"),
        QUARANTINE,
    ),
)
