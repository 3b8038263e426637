"""What each command prints for known facts, on a screen of 80 and of 60 columns: ``tests/unit/cli/screens/NAME.txt``.

To add a command's screen, add an entry to ``SCREENS``, and type ``make screens``. Then look at the new file.
"""

import importlib
import shlex
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from call_lake.bucket.quarantine import QuarantinedRow, RejectedRow
from call_lake.lake.spoken import Said
from call_lake.ledger.entry import OUTLIVED, Entry, State
from call_lake.ledger.jobs import Job, JobKind, JobState
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import Partition
from call_lake.model.phrases import Hit
from call_lake.model.recording import AudioFacts, StoredAudio
from call_lake.model.sound import SOUND_COLUMNS
from call_lake.model.times import iso
from call_lake.model.windows import Window
from call_lake.operations.erase.eraser import ErasureReport
from call_lake.operations.erase.place import SearchResult
from call_lake.operations.erase.targets import ErasureRequest, Near, Target, Targets
from call_lake.operations.rebuild import RebuildAttempt
from call_lake.operations.redrive import RedriveCounts
from call_lake.operations.verify.findings import Finding, Kind
from call_lake.operations.verify.verifier import VerifyReport
from call_lake.providers.probe import Fact, ProbeResult
from call_lake.settings import SourceSettings
from call_lake_cli.commands.backfill import BackfillState
from call_lake_cli.doctor.checks import fail, ok, warn
from call_lake_cli.main import app
from call_lake_cli.stack.athena import Answer, QueryCost
from call_lake_cli.stack.census import SourceCensus, SourceStatus
from call_lake_cli.stack.engines import EngineStatus
from call_lake_cli.stack.log_lines import LogLine, parse
from call_lake_cli.stack.version import this_version
from tests.support.fakes import World
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.provider import make_recording
from tests.support.lake_samples import row_of
from tests.support.template import ROOT

FOLDER = ROOT / "tests/unit/cli/screens"
WIDTHS = (80, 60)
NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
DAY = date(2026, 10, 20)
STORED_AT = datetime(2026, 10, 20, 10, 12, 30, tzinfo=UTC)
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
CALL = make_recording(7)
ID = CALL.recording_id
DAYS = "--from 2026-10-01 --to 2026-10-31"
LISTEN_URL = f"http://127.0.0.1:50000/#{'0' * 43}"


@dataclass(frozen=True, slots=True)
class Screen:
    """A line that is typed. ``known``: what stands in for what asks AWS or a provider, by its name below
    ``call_lake_cli``. ``typed``: the answers to what the command asks."""

    line: str
    known: Mapping[str, Any] = field(default_factory=dict)
    typed: str = ""


class KnownStack:
    """A stack of two sources. Nothing of it can be asked, except its ledger, which is empty."""

    name = bucket = "call-lake"
    local = True
    version = this_version()
    sources_path = "/call-lake/sources/"
    functions: Mapping[str, str] = {"poller": "call-lake-poller", "sound-analyzer": "call-lake-sound-analyzer"}
    sound_url = "https://sqs/call-lake-sound"
    engines: Mapping[str, str] = {}
    ledger_table = "call-lake-ledger"
    days = ("2026-10-02", "2026-10-31")

    def __init__(self) -> None:
        world = World.make()
        self.table, self.store = world.table, world.store
        self.sources = {
            "conpeek": SourceSettings("conpeek", "conpeek", "https://example.conpeek.com"),
            "thulium": SourceSettings("thulium", "thulium", "https://example.thulium.com/api", secret="s"),
        }

    def client(self, service: str) -> Any:
        table = {"ItemCount": 1_000_000, "TableSizeBytes": 1_500_000_001}
        return SimpleNamespace(describe_table=lambda TableName: {"Table": table})  # noqa: N803 - as boto3 has it


def gives(value: Any) -> Callable[..., Any]:
    return lambda *_, **__: value


def screen_of(screen: Screen, columns: int, folder: Path) -> str:
    """What a person sees who types the line. ``folder``: an empty one to type it in."""
    shutil.copy(ROOT / "template.yaml", folder)
    stack = KnownStack()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for part in ("commands", "console", "doctor", "stack", "listening"):
            for file in (ROOT / "cli/call_lake_cli" / part).glob("*.py"):
                module = importlib.import_module(f"call_lake_cli.{part}.{file.stem}".removesuffix(".__init__"))
                for name, value in (("find_stack", gives(stack)), ("CLOCK", FakeClock(NOW))):
                    if hasattr(module, name):
                        patch.setattr(module, name, value)
        for path, value in screen.known.items():
            patch.setattr(f"call_lake_cli.{path}", value)
        environment = {"COLUMNS": str(columns), "AWS_REGION": "eu-central-1"}
        done = CliRunner(env=environment).invoke(app, shlex.split(screen.line)[1:], input=screen.typed)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    shown = "\n".join(line.rstrip() for line in done.output.splitlines())
    return f"$ {screen.line}\n{shown}\n[{columns} columns, exit code {done.exit_code}]\n"


# -- the facts

STATUS = SourceStatus(
    "thulium",
    checkpoint="2026-11-30T11:55:10.000Z",
    checkpoint_age_s=290.0,
    waiting=10_000,
    failed=Counter(forbidden=3),
    queue=12,
    since=date(2026, 10, 31),
    rows=90_215,
    erased=1,
    newest_row="2026-11-30T11:54:00.000Z",
    audio_hosts=["example.thulium.com"],
    at_least=["waiting"],
)
ENGINES = [EngineStatus("aws", 12, 1204, 100, 3, 100.0, 100), EngineStatus("local", 0, 0, 0, 0)]
CENSUS = [
    SourceCensus("conpeek", listed=1234, stored=1230, rows=1230, failed=Counter(not_found=4)),
    SourceCensus("thulium", listed=90_219, stored=90_215, rows=90_215, failed=Counter(forbidden=3), waiting=1),
]
HEARD: dict[str, Any] = {
    "state": "READY",
    "reason": None,
    "changed_at": "2026-10-20T10:20:00.000Z",
    "attempts": 1,
    "language": "pl-PL",
    "words": 124,
    "confidence": 0.93,
    "transcribed_at": "2026-10-20T10:19:58.000Z",
}
FACTS = {
    "recording_id": ID,
    "state": State.STORED,
    "waits": None,
    "transcripts": [
        HEARD | {"engine": "aws"},
        dict.fromkeys(HEARD) | {"engine": "local", "state": "FAILED", "reason": "no codec"},
    ],
    "sound": dict.fromkeys(SOUND_COLUMNS)
    | {"audio_s": 57.0, "silence_share": 0.21, "longest_silence_s": 12.4, "longest_silence_at_s": 31.0},
    "ledger": {
        "first_published_at": "2026-10-20T10:12:09.000Z",
        "erased_at": None,
        "attempts": 2,
        "reason": "timeout",
        "due_at": None,
        "expired_at": None,
        "history": [{"at": "2026-10-20T10:12:20.000Z", "reason": "timeout", "detail": "no answer within 30 s"}],
        "audio": {
            "bucket": "call-lake",
            "key": f"audio/source=thulium/call_date=2026-10-20/{ID}.wav",
            "facts": {"format": "wav", "bytes": 912_044, "sha256": SHA256, "seconds": 57.0, "note": None},
            "stored_at": "2026-10-20T10:12:30.000Z",
        },
    },
    "listing": CALL.to_json(),
    "object": {"key": f"audio/source=thulium/call_date=2026-10-20/{ID}.wav", "bytes": 912_044, "sha256": SHA256},
    "rows": [{"recording_id": ID, "agent": CALL.agent, "stored_at": "2026-10-20T10:12:30.000Z", "raw": "{}"}],
}
GONE: dict[str, Any] = {"state": State.ERASED, "listing": None, "object": None, "rows": []}
GONE |= {"transcripts": [], "sound": None}
REMOVED: dict[str, Any] = {
    "first_published_at": None,
    "erased_at": "2026-11-20T03:00:00.000Z",
    "due_at": None,
    "expired_at": None,
    "attempts": 0,
    "reason": OUTLIVED,
    "history": [],
    "audio": None,
}
FAILED = Entry(
    ID,
    State.FAILED,
    "thulium",
    DAY,
    CALL,
    STORED_AT,
    attempts=1,
    reason="forbidden",
    history=({"at": "2026-10-20T10:12:20.000Z", "reason": "forbidden", "detail": "the download answered 403"},),
)
AUDIO = StoredAudio("call-lake", f"audio/{ID}.wav", AudioFacts("wav", 912_044, SHA256), STORED_AT)
ROW = QuarantinedRow(
    "quarantine/source=thulium/call_date=2026-10-20/0199a1b2c3d4.json",
    STORED_AT,
    RejectedRow(
        f"{CALLS.at(Partition('thulium', DAY)).inbox}one.json", f'{{"recording_id": "{ID}"}}', "talk_s is no number"
    ),
)
WINDOW = Window(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
CHECKS = [
    ok("credentials", "account 123456789012"),
    warn("alarm topic", "calls-alarms has no subscription: nobody is told of alarms", "type aws sns subscribe"),
    ok("query", "Athena counted 1,204 calls since 2026-11-29 in 0.8 s"),
]
BROKEN = fail("table", "there is no table calls: somebody dropped it", "docs/runbook.md, A dropped table")
LOST = Finding("thulium", Kind.NO_OBJECT, f"audio/{ID}.wav", "stored at 2026-10-20T10:12:30.000Z", ID, DAY)
PROBED = ProbeResult(
    [Fact("order", "newest first"), Fact("download", "403 for the API's user", "give it the right to download")],
    {"page_size": 100},
)
ANSWER = Answer(
    ("call_date", "agent", "calls", "recording_id"),
    (("2026-10-20", "Agent 1", 12, ID), ("2026-10-20", None, 3, ID)),
    QueryCost(0.84, 10_485_760),
)


def verified(*findings: Finding, retention_days: int = 0) -> dict[str, Any]:
    report = VerifyReport("thulium", 1204, 1204, list(findings), known=[one.recording_id or "" for one in findings])
    settings = SimpleNamespace(open_table=False, row_retention_days=retention_days)
    names = ("ledger_of", "ids_of", "catalog_of", "provider_of", "audio_kept", "tables_of")
    ledger = SimpleNamespace(days=gives([]))
    return {
        **{f"commands.verify.{name}": gives(ledger) for name in names},
        "commands.verify.compactor_settings": gives(settings),
        "commands.verify.select_sources": gives({"thulium": None}),
        "commands.verify.Verifier": gives(SimpleNamespace(verify=gives(report))),
        "commands.verify.Redownloader": gives(SimpleNamespace(ask_again=gives(None))),
    }


REDRIVEN = {
    **{f"commands.failed.{name}": gives(None) for name in ("ledger_of", "queue_of", "dead_letters_of")},
    "commands.failed.Redriver": gives(SimpleNamespace(redrive=gives(RedriveCounts(12, 2, 1, 3)))),
}
NO_ENTRY = {"commands.show.find_entries": gives([]), "commands.show.ledger_of": gives(None)}
AN_ENTRY = NO_ENTRY | {"commands.show.find_entries": gives([None]), "commands.show._facts_now": gives(FACTS)}
FAILURES = {
    "commands.failed.ledger_of": gives(None),
    "commands.failed.failures": gives([FAILED]),
    "commands.failed.dead_letters_of": gives([None]),
}
GOT = {
    "commands.get._found": gives([(FAILED, AUDIO)]),
    "commands.get.access_log_of": gives(SimpleNamespace(note=gives(None))),
    "commands.get.copy_audio": gives(None),
}
FOUND = [row_of(number, caller="+48800000003", direction="inbound", duration_s=200.4) for number in (1, 2)]
PLACES = [
    Hit(12.4, 3, 0, 1, "spk_1", "Good morning, I want to ", "cancel my contract", ", please."),
    Hit(98.0, 17, 4, 0, None, "You want to ", "cancel … my contract", "?"),
]
SAID = {
    "commands.find.find_said": lambda *_: iter([(FOUND[0], Said("aws", PLACES, 2))]),
    "commands.find_said.access_log_of": gives(SimpleNamespace(note=gives(None))),
}
LENGTHS = {make_recording(number).recording_id: 300.0 for number in range(1204)}
ASKED = {
    "commands.transcribe.engine_queue": gives(None),
    "commands.transcribe._missing": gives(LENGTHS),
    "commands.transcribe._refuse_unknown": gives(None),
    "commands.transcribe.transcriber_settings": gives(SimpleNamespace(hours_per_day=100)),
    "commands.transcribe.send_stored": gives(1204),
}
LISTENED = {
    "listening.desk.desk_of": gives(SimpleNamespace(about={"who": "anna"})),
    "listening.server.listening": gives(nullcontext(SimpleNamespace(url=LISTEN_URL, run=gives(None)))),
}
BACKFILLED = BackfillState(Job("backfill", "thulium", JobKind.BACKFILL, WINDOW, WINDOW.end, JobState.DONE), 0, None)
SECRET = {f"commands.secrets.{name}": gives({}) for name in ("read_secret", "check", "write")}
DEPLOYED = {
    "commands.deploy._place": gives(SimpleNamespace(account="123456789012", region="eu-central-1")),
    **{f"commands.deploy.{name}": gives(None) for name in ("_find_in_account", "_refuse_key", "_build")},
    "commands.deploy._sam": gives(0),
}
ERASED = ErasureReport(
    ErasureRequest(recording_ids=frozenset({ID})),
    Targets(
        (Target(ID, Partition("thulium", DAY), "STORED"),),
        matched=1,
        near=Near(numbers={"800000007": 2}),
        agents={"Agent 1": 1},
    ),
    {"audio": SearchResult(1204, 1), "query_results": SearchResult(3, 0)},
    NOW,
    NOW,
    dry_run=True,
)
REBUILT = [RebuildAttempt(Partition("thulium", DAY), None, 1, "the manifest changed while it was read")]

BEFORE = "polls began at 2026-11-29T12:00:00.000Z: only a backfill reads what is older"
OLD = [
    Finding(
        "thulium",
        Kind.BEFORE_FIRST,
        "the provider lists it, the ledger does not have it",
        BEFORE,
        make_recording(number).recording_id,
        date(2026, 10, 1 + number % 20),
        group=BEFORE,
    )
    for number in range(109)
]
WAITING = Entry(
    ID,
    State.RETRYING,
    "thulium",
    DAY,
    CALL,
    STORED_AT,
    attempts=3,
    reason="not_found",
    due_at="2026-11-30T12:20:00.000Z",
    history=({"at": "2026-11-30T11:50:00.000Z", "reason": "not_found", "detail": "the download answered 404"},),
)
WAITS = {
    "commands.failed.ledger_of": gives(
        SimpleNamespace(waiting=lambda source, most: [WAITING] if source == "thulium" else [])
    )
}
ALARMS = [
    {
        "AlarmName": f"call-lake-{name}",
        "AlarmDescription": f"{meaning}: docs/runbook.md#the-alarm-{name}",
        "StateValue": state,
        "StateUpdatedTimestamp": NOW,
        "ActionsEnabled": name != "quarantine",
    }
    for name, meaning, state in (
        ("quarantine", "The table could not hold a row", "OK"),
        ("dead-letters", "Recordings failed permanently", "ALARM"),
    )
]


def logged(stack: Any, kind: str, since: datetime, term: str | None) -> list[LogLine]:
    """What `call-lake logs` reads."""
    texts = [
        '{"level": "INFO", "message": "polled", "source": "thulium", "listed": 12, "published": 3, "trouble": null}',
        '{"level": "ERROR", "message": "GAP: a window cannot be read", "source": "thulium", "error": "HTML"}',
        "2026-11-30T11:58:00.123Z 5f0c Task timed out after 240.00 seconds",
    ]
    return [line for text in texts if (line := parse(kind, "2026-11-30T11:58:00.123Z", text))]


GAP = Job("g", "thulium", JobKind.GAP, WINDOW, WINDOW.start, JobState.UNFINISHED, iso(STORED_AT), iso(NOW))
BUSY = SimpleNamespace(jobs=SimpleNamespace(unfinished=gives([GAP])), swept_to=gives(NOW))
SCREENS: dict[str, Screen] = {
    "help": Screen("call-lake --help"),
    "help-status": Screen("call-lake status --help"),
    "status": Screen("call-lake status", {"commands.status.take_status": gives([STATUS])}),
    "status-engines": Screen(
        "call-lake status",
        {"commands.status.take_status": gives([STATUS]), "commands.status.take_engines": gives(ENGINES)},
    ),
    "status-utc": Screen("call-lake status --utc", {"commands.status.take_status": gives([STATUS])}),
    "status-all": Screen("call-lake status --all", {"commands.status.take_census": gives(CENSUS)}),
    "verify": Screen(f"call-lake verify {DAYS}", verified(LOST)),
    "verify-many": Screen(f"call-lake verify {DAYS}", verified(LOST, *OLD)),
    "verify-removed": Screen(f"call-lake verify {DAYS}", verified(retention_days=20)),
    "verify-partly-removed": Screen(f"call-lake verify {DAYS}", verified(retention_days=50)),
    "verify-right": Screen(f"call-lake verify {DAYS}", verified()),
    "failed": Screen("call-lake failed", FAILURES),
    "failed-none": Screen("call-lake failed", FAILURES | {"commands.failed.failures": gives([])}),
    "failed-waiting": Screen("call-lake failed --waiting", WAITS),
    "alarms": Screen("call-lake alarms", {"commands.alarms.alarms_in": gives(ALARMS)}),
    "logs": Screen("call-lake logs", {"commands.logs.lines_of": logged}),
    "jobs": Screen("call-lake jobs", {"commands.jobs.SourceState": gives(BUSY)}),
    "redrive": Screen("call-lake redrive", REDRIVEN),
    "show": Screen(f"call-lake show {ID}", AN_ENTRY),
    "show-all": Screen(f"call-lake show {ID} --all", AN_ENTRY),
    "show-outlived": Screen(
        f"call-lake show {ID}", AN_ENTRY | {"commands.show._facts_now": gives(FACTS | GONE | {"ledger": REMOVED})}
    ),
    "show-unknown": Screen("call-lake show nothing", NO_ENTRY),
    "listen": Screen("call-lake listen", LISTENED),
    "get": Screen(f"call-lake get {ID}", GOT),
    "find": Screen("call-lake find --day 2026-10-20", {"commands.find.find_calls": lambda *_: iter(FOUND)}),
    "find-says": Screen("call-lake find --says 'cancel my contract' --day 2026-10-20", SAID),
    "find-none": Screen("call-lake find --number 800000003", {"commands.find.find_calls": lambda *_: iter(())}),
    "export-none": Screen(
        "call-lake export nothing -o calls.zip",
        {f"commands.export.{name}": gives([]) for name in ("find_entries", "ledger_of")},
    ),
    "env": Screen("call-lake env", {"commands.env.variables_of": gives({"CALL_LAKE_BUCKET": "call-lake"})}),
    "query": Screen("call-lake query 'SELECT …'", {"commands.query.run_query": gives(ANSWER)}),
    "backfill": Screen(
        f"call-lake backfill --source thulium {DAYS} --yes", {"commands.backfill._watch": gives(BACKFILLED)}
    ),
    "sound": Screen(
        f"call-lake sound {DAYS} --yes",
        {
            "commands.sound.unmeasured": gives(dict.fromkeys(range(1500), 240.0)),
            "commands.sound.sound_queue": gives(None),
            "commands.sound.send_stored": gives(1500),
        },
    ),
    "sound-none": Screen(f"call-lake sound {DAYS}", {"commands.sound.unmeasured": gives({})}),
    "transcribe": Screen(f"call-lake transcribe {DAYS} --yes", ASKED),
    "probe": Screen(
        "call-lake probe --source thulium",
        {
            "commands.probe.SecretsManagerSecrets": gives(SimpleNamespace(get=gives({}))),
            "commands.probe.run_probe": gives(PROBED),
        },
    ),
    "doctor": Screen("call-lake doctor", {"doctor.command.run_checks": gives(CHECKS)}),
    "doctor-failed": Screen("call-lake doctor", {"doctor.command.run_checks": gives([*CHECKS, BROKEN])}),
    "doctor-ok": Screen("call-lake doctor", {"doctor.command.run_checks": gives([CHECKS[0], CHECKS[2]])}),
    "pause": Screen("call-lake pause thulium"),
    "resume": Screen("call-lake resume thulium"),
    "allow": Screen("call-lake allow thulium --more 50000"),
    "rebuild": Screen("call-lake rebuild", {"commands.rebuild._rebuild": gives(REBUILT)}),
    "erase": Screen(
        f"call-lake erase --recording-id {ID} --dry-run",
        {"commands.erase._eraser": gives(SimpleNamespace(dry_run=gives(ERASED)))},
    ),
    "local-up": Screen("call-lake local up --detach --until 2026-10-31", {"stack.laptop.start": gives(KnownStack())}),
    "local-settle": Screen("call-lake local settle", {"commands.local.settle_stack": gives((True, CENSUS))}),
    "local-settle-gives-up": Screen(
        "call-lake local settle",
        {
            "commands.local.settle_stack": gives((False, CENSUS)),
            "commands.local.why_behind": gives("12 messages in the queue call-lake-engine-local"),
        },
    ),
    "local-down": Screen("call-lake local down", {"stack.laptop.end": gives(["emulator", "simulators"])}),
    "secrets-set": Screen("call-lake secrets set thulium", SECRET),
    "source-list": Screen("call-lake source list"),
    "source-add": Screen("call-lake source add thulium2 --provider thulium"),
    "source-remove": Screen("call-lake source remove conpeek --yes"),
    "quarantine-list": Screen("call-lake quarantine list", {"commands.quarantine.chosen": gives([ROW])}),
    "quarantine-retry": Screen(
        "call-lake quarantine retry",
        {"commands.quarantine.chosen": gives([ROW]), "commands.quarantine.send_again": gives([True])},
    ),
    "deploy": Screen(
        "call-lake deploy --stack call-lake --set ThuliumBaseUrl=https://example.thulium.com/api"
        " --set ConpeekBaseUrl= --set AlarmEmail=alarms@example.com",
        DEPLOYED,
        typed="\n\n\n\n",
    ),
    "mistake": Screen("call-lake verify --from yesterday --to today"),
}
