"""Rules 15 to 21 where a lake is rebuilt and the quarantine is sent again."""

from tests.mutations.mutation import Mutation

REBUILD = ("unit/operations/test_rebuild.py",)
QUARANTINE = ("unit/bucket/test_quarantine.py",)

MUTATIONS = (
    Mutation(
        16,
        "a rebuild asks the ledger before it reads the manifest",
        "lake/partition_rebuild.py",
        "        old = self._read(partition, mine)\n        if isinstance(old, Rebuilt):\n            return old\n",
        "        truth = (lambda told: lambda ids: told)(truth(sorted(listed)))\n"
        "        old = self._read(partition, mine)\n        if isinstance(old, Rebuilt):\n            return old\n",
        REBUILD,
    ),
    Mutation(
        16,
        "a rebuild whose answer was lost is counted again",
        "lake/partition_rebuild.py",
        "(mine[key] for key in manifest.keys if key in mine)",
        "(mine[key] for key in manifest.keys if False)",
        REBUILD,
    ),
    Mutation(
        16,
        "a large partition's second reading of the ledger is believed",
        "lake/partition_rebuild.py",
        'if set(rows["recording_id"].to_pylist()) != plan.told.intersection(some):',
        "if False:",
        REBUILD,
    ),
    Mutation(
        16,
        "a rebuild takes a broken connection for a broken file",
        "lake/partition_rebuild.py",
        "except (ConnectionError, TimeoutError):",
        "except ZeroDivisionError:",
        REBUILD,
    ),
    Mutation(
        17,
        "a rebuild does not mark what it replaces",
        "lake/partition_rebuild.py",
        "self._garbage.swap(partition, old.manifest, keys, began)",
        "__import__('call_lake.lake.manifest').lake.manifest.swap_manifest(self._store, partition, old.manifest, keys)",
        REBUILD,
    ),
    Mutation(
        17,
        "a rebuild names files that may be collected",
        "lake/partition_rebuild.py",
        "keys, began)",
        "keys, self._clock.now())",
        REBUILD,
    ),
    Mutation(
        18,
        "a rebuild keeps the row of an erased recording",
        "lake/partition_rebuild.py",
        "kept = old.digests.keys() - plan.told - plan.erased",
        "kept = old.digests.keys() - plan.told",
        REBUILD,
    ),
    Mutation(
        18,
        "a rebuild does not look for tombstones after its commit",
        "operations/rebuild.py",
        "            if rebuilt.changed:\n",
        "            if False:\n",
        REBUILD,
    ),
    Mutation(
        18,
        "a rebuild leaves a row that is there twice",
        "lake/partition_rebuild.py",
        "dropped = old.rows - len(old.digests) + len(",
        "dropped = len(",
        REBUILD,
    ),
    Mutation(
        18,
        "a rebuild drops the rows that the ledger does not know",
        "lake/partition_rebuild.py",
        "_tables(ids, plan, _rows_of(old.files, kept), truth)",
        "_tables(ids, plan, SCHEMA.empty_table(), truth)",
        REBUILD,
    ),
    Mutation(
        21,
        "a rebuild shows a day that the table does not have",
        "operations/rebuild.py",
        "if why_misplaced(partition, self._settings, self._clock.now().date()):",
        "if False:",
        REBUILD,
    ),
    Mutation(
        21,
        "a row leaves the quarantine before it stands in the inbox",
        "bucket/quarantine.py",
        '    store.put(key, f"{one.rejected.text}\\n".encode(), content_type="application/x-ndjson")\n'
        "    store.delete([one.key])\n",
        "    store.delete([one.key])\n"
        '    store.put(key, f"{one.rejected.text}\\n".encode(), content_type="application/x-ndjson")\n',
        QUARANTINE,
    ),
    Mutation(
        21,
        "a row that is refused again is set aside under the key that is deleted",
        "bucket/quarantine.py",
        'hashlib.sha256(f"{one.key}\\n{one.rejected.text}".encode())',
        "hashlib.sha256(one.rejected.text.encode())",
        QUARANTINE,
    ),
)
