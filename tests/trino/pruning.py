"""Partitions are left out by both keys, and a query without a bound lists no more than the lake has."""

from collections.abc import Iterator

from tests.trino.report import Check
from tests.trino.world import World

DAYS = "SELECT source, min(call_date), max(call_date), date_diff('day', min(call_date), max(call_date)) + 1"
LISTS = 2  # a partition's manifests, and then the folder of the files that they name: docs/adr/0033
SPARE = 10


def check(world: World) -> Iterator[Check]:
    spans = world.athena.rows(f"{DAYS} FROM calls GROUP BY source ORDER BY source")
    partitions = sum(int(days or 0) for *_, days in spans)
    source, first, last, days_of_source = spans[0]
    wanted = {
        "without a bound": ("true", partitions),
        "of one source": (f"source = '{source}' AND call_date >= DATE '{first}'", int(days_of_source or 0)),
        "of one day": (f"call_date = DATE '{last}'", len(spans)),
        "of one day of one source": (f"source = '{source}' AND call_date = DATE '{last}'", 1),
    }
    for what, (where, between) in wanted.items():
        sql = f"SELECT count(*) FROM calls WHERE {where}"
        world.listings.taken()
        theirs, listings = world.trino.rows(sql), world.listings.taken()
        result = f"{theirs[0][0]} rows; {listings:,} listings for {between} partitions between its first and last row"
        is_pruned = listings <= LISTS * between + SPARE
        yield Check(f"`count(*)` {what}", result, is_pruned and theirs == world.athena.rows(sql))
