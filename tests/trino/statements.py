"""Statements of the documentation that change the catalogue, as far as Trino has them."""

from collections.abc import Iterator

from call_lake_local.bootstrap import ROOT
from tests.trino.answers import AS_THEY_ARE
from tests.trino.client import TrinoError
from tests.trino.report import Check, compared
from tests.trino.world import World

VIEW = ROOT / "docs/queries/calls_daily.sql"
ASKED = AS_THEY_ARE["the view `calls_daily`, as deployed"]


def check(world: World) -> Iterator[Check]:
    """What docs/reading.md has for a view that Athena refuses: drop it, and create it again from its file."""
    before = world.trino.rows(ASKED)
    for statement in ("DROP VIEW calls_daily", f"CREATE VIEW calls_daily AS {VIEW.read_text()}"):
        name = " ".join(statement.split()[:3])
        try:
            world.trino.ask(statement)
        except TrinoError as error:
            yield Check(f"`{name}`", str(error), ok=False)
            return
        yield Check(f"`{name}`", "accepted")
    yield compared("the view after that, against before", before, world.trino.rows(ASKED))
    yield compared("the same, against the adapter", world.athena.rows(ASKED), world.trino.rows(ASKED))
