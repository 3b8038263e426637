"""A person who is erased is in none of Trino's answers any more."""

import os
import subprocess
from collections.abc import Iterator

from call_lake_local.bootstrap import ROOT
from tests.trino.answers import BOUND, BUSIEST
from tests.trino.report import Check
from tests.trino.world import World


def check(world: World) -> Iterator[Check]:
    [[number]] = world.trino.rows(BUSIEST)
    theirs = f"SELECT recording_id FROM calls WHERE {BOUND} AND '{number}' IN (caller, callee) ORDER BY 1"
    ids = [recording_id for (recording_id,) in world.trino.rows(theirs)]
    named = ", ".join(f"'{one}'" for one in ids)
    left = {table: f"SELECT count(*) FROM {table} WHERE {BOUND}" for table in ("calls", "calls_open")}
    before = {table: int(world.trino.rows(sql)[0][0] or 0) for table, sql in left.items()}
    done = subprocess.run(
        [ROOT / ".venv/bin/call-lake", "erase", "--number", "-", "--now", "--exact", "--yes", "--json"],
        cwd=world.root,
        env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        input=f"{number}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        yield Check("`call-lake erase`", done.stderr.strip()[-300:] or done.stdout[-300:], ok=False)
        return
    for table, sql in left.items():
        still = world.trino.rows(f"SELECT count(*) FROM {table} WHERE {BOUND} AND recording_id IN ({named})")[0][0]
        gone = before[table] - int(world.trino.rows(sql)[0][0] or 0)
        result = f"{len(ids)} rows before, {still} after `call-lake erase`; {gone} rows fewer"
        yield Check(f"an erased person in `{table}`", result, bool(ids) and still == "0" and gone == len(ids))
