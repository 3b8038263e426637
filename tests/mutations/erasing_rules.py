"""Rules 7, 15 and 18, as far as an erasure keeps them: final, nothing brought back, nobody else touched."""

from tests.mutations.mutation import Mutation

ERASE = ("unit/operations/erase/test_erase.py",)
PROOF = ("unit/operations/erase/test_erase_proof.py",)
COMPACTORS = (
    "crash/test_erasure.py::test_an_operator_and_a_compactor_that_stop_for_each_other_at_any_call_leave_nothing",
)

MUTATIONS = (
    Mutation(
        7,
        "a tombstone keeps the call's record",
        "ledger/ledger.py",
        "(*item.keys() - TOMBSTONE, *CALL,",
        '(*item.keys() - TOMBSTONE - {"record"},',
        ERASE,
    ),
    Mutation(
        7,
        "a recording under the key of an erased one is taken for it",
        "ledger/ledger.py",
        'digest_of(item["connection_id"]) if "connection_id" in item else None',
        "None",
        ERASE,
    ),
    Mutation(
        7,
        "what is erased is listed as a namesake of its tombstone",
        "ledger/entry.py",
        " or known == digest_of(listed)",
        "",
        ERASE,
    ),
    Mutation(
        7,
        "an erasure that died is not found again",
        "operations/erase/targets.py",
        'item.get("erasing") or ',
        "",
        ERASE,
    ),
    Mutation(
        7,
        "everything is deleted before the tombstones stand",
        "operations/erase/eraser.py",
        """            for target in targets.all:
                self._ledger.erase(target.recording_id, target.partition.source, target.partition.call_date)
            # The voice before the rows: it goes even where the lake is damaged, and while a row stands, the day that
            # leads to it is found again. Results of queries after them: until then a query may write a new one.
            self._clear(self._copies, targets)
            targets.must_be_all()
            self._clear((self._rows, self._results), targets)
""",
        """            self._clear((*self._copies, self._rows, self._results), targets)
            for target in targets.all:
                self._ledger.erase(target.recording_id, target.partition.source, target.partition.call_date)
""",
        ("crash/test_erasure.py::test_an_operator_and_a_copier_that_stop_for_each_other_at_any_call_leave_nothing",),
    ),
    Mutation(
        7,
        "a damaged day of the lake keeps the voice",
        "operations/erase/eraser.py",
        """            self._clear(self._copies, targets)
            targets.must_be_all()
""",
        """            targets.must_be_all()
            self._clear(self._copies, targets)
""",
        PROOF,
    ),
    Mutation(
        7,
        "a recording is looked for under the ledger's day alone",
        "lake/search.py",
        'pc.or_(is_one_of(rows["recording_id"], ids), is_one_of(rows["agent"], agents))',
        'is_one_of(rows["agent"], agents)',
        ERASE,
    ),
    Mutation(
        7,
        "dead letters that nobody could look into are proven to be none",
        "operations/erase/service_places.py",
        "hidden = max(0, len(self._dead) - len(letters))",
        "hidden = 0",
        PROOF,
    ),
    Mutation(
        15,
        "an erasure does not look a second time",
        "operations/erase/eraser.py",
        """                wait(moment)
                self._clear((*self._copies, self._results), targets)
""",
        "                wait(moment)\n",
        ERASE,
    ),
    Mutation(
        15,
        "older versions of an erased object stay",
        "operations/erase/bucket_places.py",
        "                dead += versions\n",
        "                dead += versions[:1]\n",
        ERASE,
    ),
    Mutation(
        18,
        "a partition without the erased rows keeps its manifest",
        "operations/erase/lake_places.py",
        "            self._lake.remove(partition, ids)",
        "            if holders(self._store, partition, ids).named:\n                self._lake.remove(partition, ids)",
        COMPACTORS,
    ),
    Mutation(
        18,
        "old files go before a query has ended that reads them",
        "operations/erase/eraser.py",
        "            if wait is not None and (moment",
        "            self._clear((self._old_files,), targets)\n            if wait is not None and (moment",
        ERASE,
    ),
    Mutation(
        18,
        "an inbox object is deleted with the rows of others",
        "operations/erase/bucket_places.py",
        "        if kept:\n",
        "        if False:\n",
        ERASE,
    ),
)
