"""What ``call-lake status`` prints."""

import json
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from typer.testing import CliRunner, Result

from call_lake.ledger.transcribed_hours import TranscribedHours
from call_lake.ledger.transcripts import TranscriptLedger, as_read
from call_lake.model.layout import Partition
from call_lake.settings import TranscriberSettings
from call_lake_cli.commands import status
from call_lake_cli.commands.status import ENGINE_COLUMNS
from call_lake_cli.main import app
from call_lake_cli.stack import engines
from call_lake_cli.stack.census import MOST, SourceCensus, SourceStatus
from call_lake_cli.stack.engines import EngineStatus, take_engines
from tests.support.fakes import World
from tests.support.memory_stack import stack_of
from tests.support.tables import read_table

ROOT = Path(__file__).resolve().parents[4]
ONE = SourceStatus("thulium", waiting=10_000, failed=Counter(forbidden=3), since=date(2026, 9, 20), rows=7, erased=1)
AWS = EngineStatus("aws", 1, 3, 0, 0, 12.5, 100)
TOTALS = SourceCensus("thulium", listed=1234, stored=1200, rows=1199, failed=Counter(forbidden=30, not_found=4))


class FakeStack:
    """A stack whose ledger DynamoDB last counted so large."""

    ledger_table = "ledger"
    sources: ClassVar[dict[str, Any]] = {}

    def client(self, service: str) -> Any:
        return SimpleNamespace(describe_table=self._describe)

    def _describe(self, TableName: str) -> dict[str, Any]:  # noqa: N803 - as boto3 has it
        assert TableName == self.ledger_table
        return {"Table": {"ItemCount": 1_000_000, "TableSizeBytes": 1_500_000_001}}


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "find_stack", lambda name: FakeStack())
    monkeypatch.setattr(status, "take_status", lambda stack: [ONE])
    monkeypatch.setattr(status, "take_census", lambda stack: [TOTALS])
    monkeypatch.setattr(status, "take_engines", lambda stack: [])


def typed(*words: str) -> Result:
    return CliRunner(env={"COLUMNS": "1000"}).invoke(app, ["status", *words])


def cells(done: Result) -> dict[str, str]:
    """The one source's cells by column."""
    (found,) = read_table(done.stdout)
    return found


def test_it_shows_what_is_unfinished_and_the_last_31_days() -> None:
    done = typed()

    assert list(cells(done)) == [
        *("source", "checkpoint", "age", "waiting", "failed", "queue", "inbox", "quarantine"),
        *("rows", "erased", "newest row", "audio from", "trouble"),
    ]
    assert "Rows, erased and newest row: calls of the last 31 days; call-lake status --all counts all.\n" in done.stdout
    assert done.stderr == ""


def test_a_count_that_stopped_has_a_plus(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = SourceStatus("thulium", waiting=10_000, failed=Counter(forbidden=10_000), at_least=["waiting", "failed"])
    monkeypatch.setattr(status, "take_status", lambda stack: [ended])

    assert (cells(typed())["waiting"], cells(typed())["failed"]) == ("10,000+", "forbidden 10000, and more")


def test_all_says_first_what_it_will_read() -> None:
    done = typed("--all")

    assert done.stderr == (
        "reading the whole ledger: 1,000,000 items, about 366,211 DynamoDB read units (AWS counts them every six "
        "hours); then each day of the table since the first recording\n"
    )
    shown = cells(done)
    assert (shown["listed"], shown["stored"], shown["rows"]) == ("1,234", "1,200", "1,199")
    assert shown["failed"] == "forbidden 30, not_found 4"
    assert "31 days" not in done.stdout


def test_json_has_each_count_by_its_name() -> None:
    (one,), (totals,) = (json.loads(typed("--json", *more).stdout)["sources"] for more in ([], ["--all"]))

    assert (one["since"], one["failed"], one["at_least"]) == ("2026-09-20", {"forbidden": 3}, [])
    assert "listed" not in one
    assert (totals["since"], totals["listed"], totals["stored"]) == (None, 1234, 1200)


def test_engines_are_shown_where_there_are_some(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "transcripts" not in typed().stdout
    mine = EngineStatus("local", 2, 0, 0, MOST)
    monkeypatch.setattr(status, "take_engines", lambda stack: [AWS, mine])

    done = typed()

    rows = read_table(done.stdout.partition("transcripts\n")[2])
    assert [(row["engine"], row["queue"], row["failed"], row["hours today"]) for row in rows] == [
        ("aws", "1", "0", "12.5 of 100"),
        ("local", "2", "10,000+", "-"),
    ]
    assert "call-lake transcribe --failed --engine local lists what failed" in done.stdout
    assert "--failed lists" not in done.stdout
    engines = json.loads(typed("--json").stdout)["engines"]
    assert [(one["engine"], one["waiting"], one["at_least"]) for one in engines] == [
        ("aws", 3, []),
        ("local", 0, ["failed"]),
    ]


def test_engines_are_counted_in_the_index(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World.make()
    settings = TranscriberSettings("ledger", "bucket", "url", "dlq", "documents", "pl-PL", "prefix", hours_per_day=50)
    monkeypatch.setattr(engines, "transcriber_settings", lambda _: settings)
    monkeypatch.setattr(engines, "CLOCK", world.clock)
    ledger = TranscriptLedger(world.table, world.clock, "aws")
    place = Partition("thulium", date(2026, 10, 20))
    TranscribedHours(world.table, world.clock, 50).admit(5400.0)
    for number in range(3):
        entry = ledger.unknown(f"thulium-{number:032x}", place)
        ledger.waiting(entry, world.clock.now(), "ceiling", as_read(None))
    ledger.failed("thulium-a", place, "no")
    TranscriptLedger(world.table, world.clock, "local").failed("thulium-a", place, "no")
    world.calls.log.clear()

    found = take_engines(replace(stack_of(world), engines={"local": "b", "aws": "a"}))

    assert found == [EngineStatus("aws", 0, 3, 0, 1, 1.5, 50), EngineStatus("local", 0, 0, 0, 1)]
    assert {call.method for call in world.calls.log} == {"query_due", "get"}


def test_the_runbook_explains_each_column_and_each_key() -> None:
    said = (ROOT / "docs/runbook.md").read_text().partition("## What `status` says")[2].partition("\n## ")[0]
    engine = {*ENGINE_COLUMNS, *AWS.to_json()}
    names = {*cells(typed()), *cells(typed("--all")), *ONE.to_json(), *TOTALS.to_json(), *engine} - {"source"}

    assert sorted(name for name in names if f"`{name}`" not in said) == []
