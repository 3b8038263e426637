"""The torture test with Trino as its reader: manifests are swapped under its queries."""

from collections.abc import Iterator
from datetime import UTC, datetime

from tests.torture.job import days_of
from tests.torture.run import Readers, torture
from tests.trino.laboratory import deployed_table, show
from tests.trino.report import Check
from tests.trino.world import World

GRACE_S = 10.0  # until a replaced file is deleted; longer than a query takes
KINDS = ("twice", "missing", "stale", "risen", "error")


def check(world: World, seconds: float) -> Iterator[Check]:
    readers = Readers("tests.trino.reader", ("calls",), world.trino.url, lambda name: _make_table(world, name))
    result = torture(world.emulator, seconds=seconds, grace_s=GRACE_S, readers=readers)
    counts = result.counts()
    asked = sum(result.queries.values())
    found = ", ".join(f"{counts.get(kind, 0)} {kind}" for kind in KINDS)
    what = f"{result.commits} commits, {result.erased} erasures, {result.collected} files deleted under {asked} queries"
    yield Check(what, found, not counts and asked > 0 and result.commits > 0)
    yield from (Check("of these", str(anomaly)[:300], ok=False) for anomaly in result.anomalies[:10])


def _make_table(world: World, name: str) -> None:
    """The deployed table over the run's bucket, in a database of the run's name."""
    laboratory = world.laboratory
    laboratory.glue.create_database(DatabaseInput={"Name": name})
    table = deployed_table(laboratory.glue, world.stack, "calls", name)
    laboratory.glue.create_table(DatabaseName=name, TableInput=table)
    days = days_of(datetime.now(UTC).date())
    show(laboratory.glue, name, table, days)
