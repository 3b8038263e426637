"""Every command, typed in a stack whose provider, ledger, bucket, Athena and AWS say hostile things."""

import json
import shutil
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.exceptions
import pytest
import typer.main
from typer.testing import CliRunner

from call_lake.bucket.quarantine import RejectedRow, quarantine
from call_lake.errors import Reason, Terminal
from call_lake.ledger.transcripts import TranscriptLedger
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import Partition
from call_lake.model.recording import Recording
from call_lake.model.transcripts import Segment
from call_lake.operations.rebuild import RebuildAttempt
from call_lake.operations.verify.findings import Finding, Kind
from call_lake.operations.verify.verifier import VerifyReport
from call_lake.providers.probe import Fact, ProbeResult
from call_lake.settings import SourceSettings
from call_lake_cli.commands import probe, rebuild, verify
from call_lake_cli.main import app
from call_lake_cli.stack.handle import Stack
from tests.support.fakes.ids import IDS
from tests.support.fakes.provider import make_recording
from tests.support.heard import commit_heard, commit_sound, transcript
from tests.support.operator_bench import DAY, DAYS, Bench
from tests.support.pipeline import URLS
from tests.support.template import ROOT

HOSTILE = "[/x][red]:100:\x1b]0;t\x07\x9b2J\u202egpj\u2066\n=1+1"
KEY = f"sales/{HOSTILE}.wav"
ID = IDS.of_key("thulium", KEY)
REFUSED = botocore.exceptions.ClientError({"Error": {"Code": HOSTILE, "Message": HOSTILE}}, HOSTILE)


class Aws:
    """A client of boto3: it answers what ANSWERS has, and refuses all else in hostile words."""

    meta = SimpleNamespace(region_name="eu-central-1")

    def __getattr__(self, operation: str) -> Any:
        def call(**arguments: Any) -> Any:
            if operation in ANSWERS:
                return ANSWERS[operation]
            raise REFUSED

        return call

    def get_paginator(self, operation: str) -> Any:
        if operation == "get_query_results":
            return type("Pages", (), {"paginate": lambda self, **_: [PAGE]})()
        if operation == "filter_log_events":
            return type("Pages", (), {"paginate": lambda self, **_: [{"events": EVENTS}]})()
        raise REFUSED


COLUMNS = {
    "source": "thulium",
    "n": "1",
    "ids": "1",
    "newest": HOSTILE,
    "agent": HOSTILE,
    HOSTILE: HOSTILE,
    "x": "NaN",
    "recording_id": HOSTILE,
    "call_date": "2026-10-20",
    "audio_uri": HOSTILE,
    "audio_sha256": HOSTILE,
    "total_bytes": "8000",
    "total_s": "1",
}
TYPES = {"n": "bigint", "ids": "bigint", "x": "double", "total_bytes": "double", "total_s": "double"}
PAGE = {
    "ResultSet": {
        "ResultSetMetadata": {"ColumnInfo": [{"Name": n, "Type": TYPES.get(n, "varchar")} for n in COLUMNS]},
        "Rows": [{"Data": [{"VarCharValue": text} for text in COLUMNS.values()]}],
    }
}
POWERTOOLS = {"level": HOSTILE, "message": HOSTILE, HOSTILE: HOSTILE, "why": [HOSTILE]}
EVENTS = [
    {"timestamp": 1, "message": text}
    for text in (HOSTILE, f"[ERROR] {HOSTILE}", json.dumps(POWERTOOLS, ensure_ascii=False), "[" * 100_000)
]
VARIABLES = {"LEDGER_TABLE": "ledger", "BUCKET": "lake", "SOURCES": "thulium"}
ANSWERS: dict[str, Any] = {
    "start_query_execution": {"QueryExecutionId": "1"},
    "get_query_execution": {"QueryExecution": {"Status": {"State": "SUCCEEDED"}}},
    "get_queue_attributes": {
        "Attributes": {
            "MessageRetentionPeriod": "86400",
            "ApproximateNumberOfMessages": "0",
            "ApproximateNumberOfMessagesNotVisible": "0",
            "ApproximateNumberOfMessagesDelayed": "0",
        }
    },
    "receive_message": {},
    "get_caller_identity": {"Arn": HOSTILE, "Account": HOSTILE},
    "get_function_configuration": {"Environment": {"Variables": VARIABLES}},
}


class HostileStack(Stack):
    bench: Bench

    def client(self, service: str) -> Any:
        return Aws()

    @property
    def table(self) -> Any:
        return self.bench.world.table

    @property
    def store(self) -> Any:
        return self.bench.world.store

    @property
    def sources(self) -> dict[str, SourceSettings]:
        return {name: SourceSettings(name, name, url, queue_url="queue") for name, url in URLS.items()}


def hostile(number: int, key: str) -> Recording:
    made = make_recording(number, key=key)
    return replace(
        made, agent=HOSTILE, callee=f"+48 800 999 {number:03d} {HOSTILE}", connection_id=HOSTILE + str(number)
    )


@pytest.fixture(autouse=True)
def a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe would get tab-separated values."""
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture(scope="module")
def stack() -> HostileStack:
    bench = Bench(0)
    bench.thulium.add(hostile(1, KEY), hostile(2, KEY + "2"))

    def refuse(recording: Recording) -> None:
        if recording.provider_key != KEY:
            raise Terminal(Reason.FORBIDDEN, HOSTILE)

    bench.thulium.on_audio = refuse
    bench.settle()
    bench.pipeline.book("thulium").pause()
    bench.world.table.update("source#thulium", {"trouble": HOSTILE})
    row = json.dumps({"recording_id": HOSTILE, "agent": HOSTILE}, ensure_ascii=False)
    quarantine(bench.world.store, RejectedRow(f"{CALLS.at(Partition('thulium', DAY)).inbox}any.json", row, HOSTILE))
    first, second = (IDS.of_key("thulium", key) for key in (KEY, KEY + "2"))
    said = Segment(0.0, 1.0, f"{HOSTILE} hostile words {HOSTILE}", speaker=HOSTILE)
    commit_heard(bench.world, replace(transcript(1, said, engine="local"), recording_id=first, language=HOSTILE))
    commit_sound(bench.world, 1, recording_id=first, sound_note=HOSTILE)
    failed = TranscriptLedger(bench.world.table, bench.world.clock, "local")
    failed.failed(second, Partition("thulium", DAY), HOSTILE)
    names = ("lake", "lake", "ledger", "/sources", "dlq", "bus", "lake", "lake")
    found = HostileStack(*names, {"compactor": "c"}, engines={"local": "queue"})
    object.__setattr__(found, "bench", bench)
    return found


@pytest.fixture(autouse=True)
def here(stack: HostileStack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith("call_lake_cli.") and hasattr(module, "find_stack"):
            monkeypatch.setattr(module, "find_stack", lambda name=None: stack)
    monkeypatch.setattr("call_lake_cli.listening.server.Server.run", lambda self: None)  # it serves until Ctrl-C
    shutil.copy(ROOT / "template.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)


DAY_OPTIONS = ["--from", "2026-10-20", "--to", "2026-10-20"]
TYPED = [
    *(["status"], ["status", "--json"], ["failed"], ["failed", "--json"], ["failed", "--reason", HOSTILE]),
    *(["failed", "--waiting"], ["alarms"], ["alarms", "--json"], ["jobs"], ["jobs", "--source", HOSTILE]),
    *(["logs"], ["logs", "--json"], ["logs", HOSTILE], ["logs", "--since", HOSTILE], ["logs", "--recording", HOSTILE]),
    *(["show", KEY], ["show", KEY, "--json"], ["show", ID], ["show", HOSTILE], ["get", KEY], ["get", KEY + "2"]),
    *(["find", *DAY_OPTIONS], ["find", *DAY_OPTIONS, "--json"], ["find", *DAY_OPTIONS, "--number", HOSTILE]),
    *(["find", "--agent", HOSTILE], ["find", "--longer-than", HOSTILE], ["get", HOSTILE, ID, "-o", HOSTILE]),
    *(["export", *DAY_OPTIONS, "--for", HOSTILE, "-o", f"{n}.zip"] for n in range(1)),
    *(["export", HOSTILE, "-o", "b.zip"], ["export", KEY, "-o", HOSTILE]),
    *(
        ["query", "SELECT 1"],
        ["query", "SELECT 1", "--output", "csv"],
        ["query", "SELECT 1", "--json"],
        ["query", HOSTILE],
        ["query", "SELECT 1", "-o", "answer.csv"],
        ["query", "-f", HOSTILE],
        ["query", "longest-calls", "--param", HOSTILE],
        ["query", "longest-calls", "--param", f"{HOSTILE}=1"],
        ["env"],
    ),
    *(["find", *DAY_OPTIONS, "--says", HOSTILE], ["find", *DAY_OPTIONS, "--says", "hostile words", "--json"]),
    *(["find", *DAY_OPTIONS, "--says", "hostile words"], ["find", "--says", "hostile words", "--output", "csv"]),
    *(["sound", *DAY_OPTIONS], ["sound", *DAY_OPTIONS, "--source", HOSTILE]),
    *(["transcribe", "--failed", "--engine", "local"], ["transcribe", *DAY_OPTIONS, "--engine", HOSTILE]),
    *(["transcribe", *DAY_OPTIONS, "--engine", "local"], ["rebuild", "--table", "transcripts", *DAY_OPTIONS]),
    *(["redrive", "--reason", HOSTILE], ["redrive", "--source", HOSTILE]),
    *(["quarantine", "list"], ["quarantine", "list", "--raw"], ["quarantine", "list", "--raw", "--json"]),
    *(["quarantine", "retry", HOSTILE], ["quarantine", "retry", "--source", HOSTILE]),
    *(
        ["pause", HOSTILE],
        ["pause", "thulium"],
        ["resume", HOSTILE],
        ["allow", HOSTILE, "--more", "5"],
        ["verify", *DAY_OPTIONS],
    ),
    *(["allow", HOSTILE, "--more", "5"], ["allow", "thulium", "--more", HOSTILE]),
    *(["verify", "--from", HOSTILE, "--to", HOSTILE], ["doctor"], ["doctor", "--json"], ["rebuild", *DAY_OPTIONS]),
    *(["rebuild", "--source", HOSTILE], ["probe", HOSTILE], ["probe", "--source", "thulium"]),
    *(["probe", "--source", HOSTILE], ["backfill", "--source", HOSTILE, *DAY_OPTIONS]),
    *(["backfill", "--source", "thulium", *DAY_OPTIONS], ["secrets", "set", HOSTILE], ["secrets", "set", "thulium"]),
    *(["erase", "--agent", HOSTILE, "--dry-run"], ["erase", "--number", "800 999 001", "--dry-run"]),
    *(["erase", "--recording-id", HOSTILE, "--yes"], ["source", "list"], ["source", "remove", HOSTILE, "--yes"]),
    *(["source", "add", HOSTILE, "--provider", "thulium"], ["source", "add", "a", "--provider", HOSTILE]),
    *(["deploy", "--set", HOSTILE], ["deploy", "--stack", HOSTILE], ["local", "up", "--set", HOSTILE]),
    *(["listen"], ["listen", "--source", HOSTILE]),
    *(["local", "settle", "--from", HOSTILE, "--to", HOSTILE], ["local", "down"]),
]


def acts(text: str) -> list[str]:
    """The characters that act on a terminal, except ends of lines."""
    bidi = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    return [
        c
        for c in text
        if c != "\n" and (unicodedata.category(c) in ("Cc", "Cs") or unicodedata.bidirectional(c) in bidi)
    ]


@pytest.mark.parametrize(
    "words", TYPED, ids=lambda words: " ".join(words).replace(HOSTILE, "HOSTILE").replace(KEY, "KEY")
)
def test_what_a_command_prints_never_acts(words: list[str]) -> None:
    done = CliRunner(env={"AWS_REGION": "eu-central-1"}).invoke(app, words)

    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert acts(done.output) == []
    assert "this is a fault of Call Lake" not in done.output
    assert "💯" not in done.output


@pytest.mark.parametrize(
    "words",
    [
        ["show", KEY],
        ["status"],
        ["failed"],
        ["logs"],
        ["quarantine", "list"],
        ["query", "SELECT 1"],
        ["redrive", "--source", HOSTILE],
    ],
    ids=lambda words: words[0],
)
def test_what_a_provider_sent_is_shown_as_it_is(words: list[str]) -> None:
    shown = CliRunner(env={"COLUMNS": "400"}).invoke(app, words).output
    assert "[/x][red]:100:" in shown


def test_every_command_is_typed_here() -> None:
    def names(command: Any, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
        if hasattr(command, "commands"):
            for name, inner in command.commands.items():
                yield from names(inner, (*before, name))
        else:
            yield before

    typed = {tuple(words[: len(name)]) for words in TYPED for name in names(typer.main.get_command(app))}
    assert set(names(typer.main.get_command(app))) <= typed


# -- what only a run that went well prints


def test_a_verification_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    finding = Finding(HOSTILE, Kind.NO_ROW, HOSTILE, HOSTILE, HOSTILE, DAY)
    verify._print(DAYS, [VerifyReport(HOSTILE, 1, 1, [finding])], {HOSTILE: HOSTILE}, as_json=False)
    assert_text(capsys)


def test_a_probe_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    found = ProbeResult([Fact(HOSTILE, HOSTILE, HOSTILE)], {HOSTILE: HOSTILE}, works=True)
    for as_json in (False, True):
        probe.print_result(found, as_json=as_json)
    assert_text(capsys)


def test_a_rebuild_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    done = [RebuildAttempt(Partition(HOSTILE, DAY), None, 1, HOSTILE)]
    for as_json in (False, True):
        rebuild._print(done, None, as_json)
    assert_text(capsys)


def assert_text(capsys: pytest.CaptureFixture[str]) -> None:
    printed = capsys.readouterr()
    assert acts(printed.out + printed.err) == []
    assert "[/x][red]:100:" in printed.out
