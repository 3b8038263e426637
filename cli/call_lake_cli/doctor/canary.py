"""``call-lake doctor --canary``: does Athena always read a whole partition while its manifest is swapped?

AWS documents symlink manifests only for lists that never change (docs/limits.md). It does not say what a query sees
while a manifest is swapped. The canary commits invented rows to a day before all calls, asks Athena while more commits
replace the files, and removes the rows again.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta

from call_lake.lake.arrow_rows import table_of
from call_lake.lake.lake import Lake
from call_lake.lake.registration import CALLS, CALLS_OPEN
from call_lake.lake.search import read_partition
from call_lake.model.layout import Partition
from call_lake.model.table import COLUMNS, SCHEMA_VERSION, Row
from call_lake.model.times import iso
from call_lake.ports import Catalog, Clock, ObjectStore
from call_lake.wiring.operator import catalog_of
from call_lake_cli.console.errors import UserError
from call_lake_cli.doctor.checks import Check, fail, ok
from call_lake_cli.stack.athena import run_query
from call_lake_cli.stack.handle import Stack

COMMITS = 20
QUERIES_AT_LEAST = 3
FIRST_DAY = date(2000, 1, 1)  # before all calls
FREE_DAYS = 31  # so many days are tried
NAME = "canary"

type Count = Callable[[], tuple[int, int, float]]
"""Asks Athena for the partition's rows, different recordings, and the highest number among them."""


@dataclass(frozen=True, slots=True)
class Counted:
    """One answer of Athena: its rows, the different recordings among them, and the highest number. ``before`` and
    ``after``: how many rows were committed when the question began and when the answer came."""

    before: int
    rows: int
    recordings: int
    highest: float
    after: int

    @property
    def is_whole(self) -> bool:
        """Whether these are the rows of one commit that was there meanwhile: rows 1 to n, each once."""
        return self.before <= self.rows <= self.after and self.rows == self.recordings == self.highest


def run_canary(stack: Stack, clock: Clock) -> Iterator[Check]:
    """Commit rows, ask while their files are swapped, remove them. Raises UserError where no day is free."""
    source = next(iter(stack.sources))
    partition = free_day(stack.store, source, FIRST_DAY)
    lake, catalog = Lake(stack.store, stack.table, clock, 86_400), catalog_of(stack)
    ids: set[str] = set()

    def count() -> tuple[int, int, float]:
        # Both come from us: a source's name is [a-z0-9-], a day has digits.
        sql = f"""SELECT count(*) AS n, count(DISTINCT recording_id) AS ids, coalesce(max(talk_s), 0) AS highest
                  FROM calls WHERE source = '{source}' AND call_date = '{partition.call_date}'"""  # noqa: S608
        row = run_query(stack, sql).as_dicts()[0]
        return row["n"], row["ids"], row["highest"]

    def commit(number: int) -> None:
        row = canary_row(partition, number, clock)
        ids.add(row["recording_id"])
        lake.commit(partition, table_of([json.dumps(row)], partition)[0])
        if number == 1:
            catalog.register(CALLS.name, [partition])

    try:
        yield from verdict(commit_and_ask(commit, count))
    finally:
        remove_canary(lake, stack.store, catalog, partition, ids)
    left = count()
    if left[0]:
        yield fail(f"{NAME}: removed", f"{left[0]} rows are still seen", f"look at {partition.manifest}")
    else:
        yield ok(f"{NAME}: removed", "nothing of it is left")


def commit_and_ask(commit: Callable[[int], None], count: Count) -> list[Counted]:
    """Ask once after the first commit, then again and again while the other commits go on."""
    commit(1)
    seen = [Counted(1, *count(), 1)]
    committed = [1]

    def others() -> None:
        for number in range(2, COMMITS + 1):
            commit(number)
            committed.append(number)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(others)
        while not running.done() or len(seen) < QUERIES_AT_LEAST:
            before = committed[-1]
            answer = count()
            # One more than is known: a commit may be visible before its writer has returned.
            seen.append(Counted(before, *answer, min(committed[-1] + 1, COMMITS)))
        running.result()
    return [*seen, Counted(COMMITS, *count(), COMMITS)]


def verdict(seen: list[Counted]) -> Iterator[Check]:
    """The check that these answers come to."""
    first, broken = seen[0], [one for one in seen if not one.is_whole]
    if not first.rows:
        yield fail(
            f"{NAME}: first commit",
            "Athena does not see a committed row: it does not read the symlink manifest of a registered partition here",
            "see docs/limits.md, and report it",
        )
    elif broken:
        one = broken[0]
        yield fail(
            f"{NAME}: swaps",
            f"{len(broken)} of {len(seen)} answers were of no commit: {one.rows} rows of {one.recordings} recordings, "
            f"while {one.before} to {one.after} were committed",
            "see docs/limits.md, and report it",
        )
    else:
        yield ok(f"{NAME}: swaps", f"{len(seen)} answers over {COMMITS} commits, each of them one commit's rows")


def free_day(store: ObjectStore, source: str, first: date) -> Partition:
    """The first day on which the lake has no object at all. Raises UserError."""
    for number in range(FREE_DAYS):
        partition = Partition(source, first + timedelta(days=number))
        places = (partition.manifest, partition.data, partition.inbox)
        if not any(True for place in places for _ in store.list(place)):
            return partition
    raise UserError(f"the lake has calls on each of the {FREE_DAYS} days from {first} on: no day is free for a canary")


def canary_row(partition: Partition, number: int, clock: Clock) -> Row:
    """An invented row with no audio; ``talk_s`` holds its number."""
    digest = hashlib.sha256(f"{NAME} {number} {iso(clock.now())}".encode()).hexdigest()[:32]
    day = partition.call_date.isoformat()
    known = {
        "recording_id": f"{partition.source}-{digest}",
        "provider": NAME,
        "provider_key": f"{NAME} {number}",
        "started_at": f"{day}T12:00:00.000Z",
        "talk_s": float(number),
        "stored_at": iso(clock.now()),
        "raw": "{}",
        "schema_version": SCHEMA_VERSION,
        "source": partition.source,
        "call_date": day,
    }
    return dict.fromkeys(COLUMNS) | known


def remove_canary(lake: Lake, store: ObjectStore, catalog: Catalog, partition: Partition, ids: set[str]) -> None:
    """Remove the rows as an erasure does. Then, if nothing else uses the partition, unregister it and delete its
    objects, including those that a compaction has made of it for ``calls_open`` meanwhile."""
    lake.remove(partition, ids)
    if not read_partition(store, partition.source, partition.call_date):
        for table in (CALLS, CALLS_OPEN):
            catalog.unregister(table.name, partition)
        store.delete([partition.manifest])
        store.delete([partition.open_manifest])
        places = (partition.data, partition.garbage, partition.open_data)
        store.delete([info.key for place in places for info in store.list(place)])
