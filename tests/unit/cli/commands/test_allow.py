"""``call-lake allow``, and what ``call-lake status`` says of a ceiling that is reached."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import call_lake_cli.commands.allow as command
from call_lake.ledger.ceiling import Ceiling
from call_lake.settings import SourceSettings
from call_lake_cli.commands import status
from call_lake_cli.main import app
from call_lake_cli.stack import census
from tests.support.operator_bench import Bench
from tests.support.pipeline import URLS

SAYS = (
    "ceiling reached: 2 new recordings today; the rest waits until 00:00 UTC; "
    "`call-lake allow thulium --more N` lets more through"
)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Five recordings are listed, and two may come on a day."""
    bench = Bench(5)
    bench.pipeline.more = {"new_per_day": 2}
    found = SimpleNamespace(
        engines={},
        table=bench.world.table,
        store=bench.world.store,
        sources={name: SourceSettings(name, name, url, new_per_day=2) for name, url in URLS.items()},
        client=lambda service: SimpleNamespace(get_queue_attributes=lambda **asked: {"Attributes": {}}),
    )
    for module in (command, status):
        monkeypatch.setattr(module, "find_stack", lambda name: found)
    monkeypatch.setattr(command, "CLOCK", bench.world.clock)
    monkeypatch.setattr(census, "run_query", lambda stack, sql: SimpleNamespace(as_dicts=list))
    return bench


def typed(*words: str) -> Result:
    return CliRunner(env={"COLUMNS": "1000"}).invoke(app, words)


def told() -> dict[str, Any]:
    return next(one for one in json.loads(typed("status", "--json").stdout)["sources"] if one["source"] == "thulium")


def test_it_lets_so_many_more_through_and_says_what_it_did(bench: Bench) -> None:
    assert bench.pipeline.poll("thulium").published == 2

    done = typed("allow", "thulium", "--more", "2")

    assert done.exit_code == 0
    assert done.stderr == (
        "thulium may bring 2 new recordings more until 00:00 UTC, 4 in all today; the next poll goes on\n"
    )
    assert bench.pipeline.poll("thulium").published == 2
    assert bench.pipeline.poll("thulium").published == 0


def test_it_says_how_many_may_come_where_the_ceiling_was_not_reached(bench: Bench) -> None:
    done = typed("allow", "thulium", "--more", "1000000")

    assert "may bring 1,000,002 new recordings more" in done.stderr


@pytest.mark.parametrize("more", ["0", "-5", "2.5", "many", "", "10000001", "1e3"])
def test_a_number_that_is_no_number_of_recordings_allows_nothing(bench: Bench, more: str) -> None:
    done = typed("allow", "thulium", "--more", more)

    assert done.exit_code != 0
    assert "--more" in done.stderr
    assert bench.world.table.items() == {}


def test_the_number_has_to_be_given(bench: Bench) -> None:
    assert typed("allow", "thulium").exit_code != 0
    assert bench.world.table.items() == {}


def test_a_source_that_there_is_not_is_one_line(bench: Bench) -> None:
    done = typed("allow", "thulum", "--more", "5")

    assert done.exit_code == 2
    assert done.stderr == "error: there is no source 'thulum'; there are: thulium, conpeek\n"
    assert bench.world.table.items() == {}


def test_status_says_that_the_ceiling_is_reached_until_more_is_allowed(bench: Bench) -> None:
    bench.pipeline.poll("thulium")
    assert f"thulium: {SAYS}\n" in typed("status").stdout
    assert told()["trouble"] == SAYS

    typed("allow", "thulium", "--more", "1")

    assert "ceiling" not in typed("status").stdout
    assert told()["trouble"] is None


def test_status_says_what_else_is_the_trouble(bench: Bench) -> None:
    bench.pipeline.poll("thulium")
    bench.pipeline.book("thulium").note(trouble=f"unauthorized: 401; {SAYS}")

    shown = typed("status").stdout
    assert "unauthorized: 401; ceiling reached" in shown
    assert f"thulium: {SAYS}\n" in shown


def test_the_ceiling_is_that_of_the_source(bench: Bench) -> None:
    bench.pipeline.poll("thulium")
    typed("allow", "conpeek", "--more", "7")

    assert Ceiling(bench.world.table, bench.world.clock, "thulium", 2).today().left == 0
    assert Ceiling(bench.world.table, bench.world.clock, "conpeek", 2).today().left == 9
