"""``call-lake alarms`` and ``call-lake jobs``."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from call_lake.ledger.jobs import JobKind
from call_lake.ledger.source_state import SourceState
from call_lake.model.times import iso
from call_lake.model.windows import Window
from call_lake_cli.commands import alarms as alarms_command
from call_lake_cli.commands import jobs as jobs_command
from call_lake_cli.main import app
from tests.support.fakes import World

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ID = "0" * 32


def typed(module: Any, stack: Any, *words: str) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "find_stack", lambda name: stack)
        done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def alarm(name: str, state: str, **more: Any) -> dict[str, Any]:
    facts = {"AlarmName": f"lake-{name}", "StateValue": state, "StateUpdatedTimestamp": NOW, "StateReason": "1 > 0"}
    return facts | {"AlarmDescription": f"It means {name}: docs/runbook.md#the-alarm-{name}"} | more


def alarms(*found: dict[str, Any]) -> list[dict[str, Any]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alarms_command, "alarms_in", lambda stack: list(found))
        stack = SimpleNamespace(name="lake", local=False, sources={})
        return list(typed(alarms_command, stack, "alarms"))


def test_an_alarm_is_told_with_its_meaning_and_its_section() -> None:
    assert alarms(alarm("gap-thulium", "ALARM")) == [
        {
            "state": "fires",
            "alarm": "gap-thulium",
            "since": "2026-11-30T12:00:00.000Z",
            "meaning": "It means gap-thulium",
            "runbook": "docs/runbook.md#the-alarm-gap-thulium",
            "muted": False,
            "why": "1 > 0",
        }
    ]


def test_what_fires_comes_first() -> None:
    found = alarms(alarm("a", "INSUFFICIENT_DATA"), alarm("b", "OK"), alarm("d", "ALARM"), alarm("c", "ALARM"))
    assert [(one["alarm"], one["state"]) for one in found] == [
        ("c", "fires"),
        ("d", "fires"),
        ("b", "quiet"),
        ("a", "no data"),
    ]


def test_a_muted_alarm_says_so() -> None:
    assert alarms(alarm("a", "ALARM", ActionsEnabled=False))[0]["meaning"].endswith("(muted)")


class Here:
    """A stack in memory, with what Amazon Transcribe lists by status, two jobs a page."""

    name = "lake"

    def __init__(self, *, transcribes: bool = False) -> None:
        self.world = World.make()
        self.table = self.world.table
        self.sources = {"thulium": SimpleNamespace(zone=UTC), "conpeek": SimpleNamespace(zone=UTC)}
        self.functions = {"poller": "p"} | ({"transcriber": "t"} if transcribes else {})
        self.listed: dict[str, list[tuple[str, datetime]]] = {}

    def state(self, source: str) -> SourceState:
        return SourceState(self.table, self.world.clock, source)

    def client(self, service: str) -> Any:
        assert service == "transcribe"
        return SimpleNamespace(list_transcription_jobs=self.page)

    def page(self, **asked: Any) -> dict[str, Any]:
        assert asked["JobNameContains"] == "lake-"
        start = int(asked.get("NextToken", 0))
        found = self.listed.get(asked["Status"], [])
        page = [{"TranscriptionJobName": name, "CreationTime": at} for name, at in found[start : start + 2]]
        more = {"NextToken": str(start + 2)} if len(found) > start + 2 else {}
        return {"TranscriptionJobSummaries": page} | more

    def jobs(self, *words: str) -> list[dict[str, Any]]:
        found = typed(jobs_command, self, "jobs", *words)
        return [{name: value for name, value in one.items() if value is not None} for one in found]


def test_an_unfinished_job_is_told_with_its_position_since_when_and_its_next_try() -> None:
    here = Here()
    jobs, began = here.state("thulium").jobs, here.world.clock.now()
    window = Window(began - timedelta(days=9), began)
    job = jobs.start(JobKind.BACKFILL, window)
    jobs.progress(job, began - timedelta(days=3))

    assert here.jobs() == [
        {
            "source": "thulium",
            "job": "backfill",
            "state": "first reading",
            "from": iso(window.start),
            "to": iso(window.end),
            "read_to": iso(began - timedelta(days=3)),
            "since": iso(began),
            "next_try": iso(began),
        }
    ]
    jobs.progress(job, began)
    (again,) = here.jobs()
    assert (again["state"], again["next_try"]) == ("second reading", iso(began + timedelta(days=1)))


def test_a_gap_waits_for_its_next_try_and_the_last_sweep_is_told() -> None:
    here = Here()
    now = here.world.clock.now()
    here.state("conpeek").jobs.start_gap(Window(now - timedelta(minutes=1), now), timedelta(days=1))
    here.state("conpeek").note(swept_to=iso(now))

    assert [(one["job"], one["state"], one.get("next_try")) for one in here.jobs()] == [
        ("gap", "first reading", iso(now + timedelta(days=1))),
        ("sweep", "done", None),
    ]
    assert here.jobs("--source", "thulium") == []


def test_transcriptions_are_counted_by_source_and_state_without_those_of_another_stack() -> None:
    here = Here(transcribes=True)
    mine, old = f"lake-thulium-{ID}", NOW - timedelta(hours=1)
    here.listed = {
        "FAILED": [(mine, NOW), (f"lake-test-thulium-{ID}", old), (mine, old), (f"my-lake-thulium-{ID}", old)],
        "IN_PROGRESS": [(f"lake-conpeek-{ID}", NOW)],
    }

    assert here.jobs() == [
        {"source": "conpeek", "job": "transcription", "state": "running", "recordings": 1, "since": iso(NOW)},
        {"source": "thulium", "job": "transcription", "state": "failed", "recordings": 2, "since": iso(old)},
    ]
    here.functions.pop("transcriber")
    assert here.jobs() == []
