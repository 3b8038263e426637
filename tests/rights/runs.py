"""The functions at work in memory, with every request that they would send to AWS noted.

The worlds of ``tests/crash`` take every way through the pipeline. Behind each port of theirs is the adapter that the
function has in AWS: it is asked the same, and its request is noted and goes nowhere. What the worlds do not have, such
as settings and secrets, is asked through the functions' own wiring.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import fields, replace
from datetime import date, timedelta
from functools import cache, partial
from itertools import islice
from math import inf
from pathlib import Path
from typing import Any, BinaryIO

from call_lake.aws.client import client
from call_lake.aws.dynamodb import DynamoTable
from call_lake.aws.glue import GlueCatalog
from call_lake.aws.messages import EventBridgeBus, SqsDeadLetters, SqsQueue
from call_lake.aws.parameters import SecretsManagerSecrets, SourceParameters
from call_lake.aws.s3 import S3ObjectStore
from call_lake.aws.transcribe import TranscribeJobs
from call_lake.errors import ConfigError, NotReady, Reason
from call_lake.lake.registration import tables_of
from call_lake.ledger.entry import State
from call_lake.ledger.id_key import ids_under
from call_lake.ledger.ledger import Ledger
from call_lake.model.lake_tables import TRANSCRIPTS, inbox_key
from call_lake.model.layout import Partition, transcript_key
from call_lake.model.messages import message_of
from call_lake.model.recording import Recording
from call_lake.model.sound import SoundNote
from call_lake.model.transcribing import Job, JobStatus
from call_lake.operations.erase.eraser import Eraser, OtherServices
from call_lake.operations.erase.proofs import Proofs, Stamp, people_of, proof_of
from call_lake.operations.erase.targets import ErasureRequest
from call_lake.providers import VENDORS
from call_lake.settings import (
    CopierSettings,
    PollerSettings,
    ReaderSettings,
    SoundAnalyzerSettings,
    SourceSettings,
    TranscriberSettings,
    from_environment,
)
from call_lake.sound.analyzer import SoundAnalyzer
from call_lake.transcribing.parts import TranscriberPorts
from call_lake.wiring.copier import CopierSources
from call_lake.wiring.poller import PollerParts
from call_lake.wiring.sources import secret_of
from call_lake.wiring.transcriber import ports_of
from call_lake.wiring.transcript_reader import TranscriptReaderParts
from call_lake_cli.stack.handle import find_stack
from tests.crash.harness import Invocation, settle
from tests.crash.scenes import Changing, Crooked, Days, Kept, Outlived, Pair, Passing, Past, Straight
from tests.crash.small_world import SmallWorld
from tests.rights.recording import Answers, Recorder, Request, recording
from tests.support.audio_samples import encoded
from tests.support.fakes import Call, Died, World
from tests.support.fakes.calls import Proceed
from tests.support.fakes.dead_letters import MemoryDeadLetters
from tests.support.fakes.ids import ID_KEY
from tests.support.fakes.provider import make_recording
from tests.support.fakes.transcriptions import MemoryTranscriptions
from tests.support.heard import commit_heard, commit_sound, transcript
from tests.support.lake_samples import transcript_of
from tests.support.listening import Listening, id_of
from tests.support.operator_bench import Bench
from tests.support.pipeline import COMPACTOR, Pipeline
from tests.support.reading import ReadingWorld, document
from tests.support.resolved import ACCOUNT, REGION, Resolved
from tests.support.transcribing import TranscribingBench

OUTPUTS = (
    *("BucketName", "LedgerTable", "SourcesPath", "DeadLettersUrl", "BusName", "DatabaseName", "WorkgroupName"),
    *("PollerName", "CopierName", "CompactorName", "RecordingIdKeySecret"),
)
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/invented"
EVERYTHING = {
    "ThuliumBaseUrl": "https://example.thulium.com/api",
    "ConpeekBaseUrl": "https://example.conpeek.com",
    "EnableDashboard": "true",
    "EnableTranscription": "true",
    "AnalyzeSound": "true",
    "AnalystsTable": "true",
    "AudioRetentionDays": "365",
    "RowRetentionDays": "365",
    "TranscriptRetentionDays": "365",
    "Listeners": "true",
    "KmsKeyArn": KEY,
}
"""Parameters of a stack that has all there is."""
THERE = ("thulium", "2026-01-31")
"""A partition that Glue has already."""
SAMPLE = Path(__file__).parents[2] / "events/transcriber-recording-stored.json"
ROLES = {"poll": "PollerRole", "sweep": "PollerRole", "backfill": "PollerRole"}
ROLES |= {"copy": "CopierRole", "compact": "CompactorRole"}
"""By the first word of an invocation's name."""


@cache
def requests() -> tuple[Request, ...]:
    """All that the functions send in all of these worlds."""
    deployed = Resolved(**EVERYTHING)
    sources = {one["Name"]: one["Value"] for one in deployed.of_type("AWS::SSM::Parameter").values()}
    answers: dict[str, dict[str, Any]] = {
        "GetParametersByPath": {"Parameters": [{"Name": name, "Value": text} for name, text in sources.items()]},
        "GetSecretValue": {"SecretString": json.dumps({"key": ID_KEY, "user": "api", "password": "invented"})},
        "GetTable": {"Table": {"StorageDescriptor": {"Location": "s3://invented/manifest", "Columns": []}}},
        "GetPartitions": {"Partitions": []},
        "BatchCreatePartition": {
            "Errors": [{"PartitionValues": list(THERE), "ErrorDetail": {"ErrorCode": "AlreadyExistsException"}}]
        },
    }
    settings = {
        name.rpartition("/")[2]: SourceSettings.from_json(name.rpartition("/")[2], text)
        for name, text in sources.items()
    }
    with recording(answers) as recorder:
        for world in _worlds():
            _mirror(world, deployed, settings)
            settle(world, before_each=partial(_begin, recorder))
            recorder.role = ""
        _wired(recorder, deployed)
    return tuple(recorder.requests)


def _worlds() -> Iterable[SmallWorld]:
    yield from (
        Late(),
        Straight(),
        Days(),
        Crooked(),
        Past(),
        Passing(),
        Outlived(),
        Heard(),
        Interrupted(),
        TwoFormats(),
        Erased(),
    )


class Heard(Straight):
    """A transcript is there that is too old."""

    transcript_retention_days = 1

    def furnish(self) -> None:
        super().furnish()
        row = transcript_of(1, day=self.start.date() - timedelta(days=9))
        partition = Partition(row["source"], date.fromisoformat(row["call_date"]))
        self.world.store.appear(inbox_key(TRANSCRIPTS, partition, "heard"), json.dumps(row).encode())
        self.world.store.appear(transcript_key(partition, "aws", row["recording_id"]), b"{}")


class Late(Pair):
    """The other source's audio is not ready at first."""

    sources = ("thulium", "conpeek")

    def furnish(self) -> None:
        super().furnish()
        late = make_recording(3, "conpeek", listed_at=self.start - timedelta(minutes=30))
        self.providers["conpeek"].add(late)
        answers = iter([NotReady(Reason.NOT_FOUND, "404")])

        def on_audio(_: Recording) -> None:
            if refusal := next(answers, None):
                raise refusal

        self.providers["conpeek"].on_audio = on_audio


class Interrupted(Pair):
    """The copier dies once, after it stored the audio."""

    def furnish(self) -> None:
        super().furnish()
        deaths = iter([Died("before the event")])

        def die_once(call: Call, proceed: Proceed) -> Any:
            if call.port == "bus" and (death := next(deaths, None)):
                raise death
            return proceed()

        self.calls.on_call(die_once)


class TwoFormats(Changing):
    """While the copier downloads, another one stores the same recording in another format."""

    def furnish(self) -> None:
        super().furnish()
        self.world.queues["thulium"].duplicates = 1
        provider = self.providers["thulium"]
        changes, others = provider.on_audio, iter([Pipeline(self.world, self.providers)])

        def on_audio(recording: Recording) -> None:
            if other := next(others, None):
                other.copy_once("thulium")
            changes(recording)

        provider.on_audio = on_audio


class Erased(Kept):
    """While the copier downloads, an operator erases the recording; the bucket keeps versions."""

    def furnish(self) -> None:
        super().furnish()
        table = self.world.table

        def on_audio(recording: Recording) -> None:
            if recording.recording_id == self.victim.recording_id:
                table.update(
                    recording.recording_id, {"state": State.ERASED, "record": None, "due_list": None, "due_at": None}
                )

        self.providers["thulium"].on_audio = on_audio


def _begin(recorder: Recorder, invocation: Invocation) -> None:
    recorder.role = ROLES[invocation.name.partition(" ")[0]]


def _mirror(world: SmallWorld, deployed: Resolved, sources: Mapping[str, SourceSettings]) -> None:
    """Put an adapter behind each port of a world."""
    named = deployed.environment("Copier")
    mirrored = replace(
        world.world,
        store=_mirrored(world.world.store, S3ObjectStore(client("s3"), named["BUCKET"])),
        table=_mirrored(world.world.table, DynamoTable(client("dynamodb"), named["LEDGER_TABLE"])),
        bus=_mirrored(world.world.bus, EventBridgeBus(client("events"), named["EVENT_BUS"])),
        dlq=_mirrored(world.world.dlq, SqsQueue(client("sqs"), named["DLQ_URL"])),
        catalog=_mirrored(
            world.world.catalog, GlueCatalog(client("glue"), deployed.environment("Compactor")["DATABASE"])
        ),
        queues={
            name: _mirrored(queue, SqsQueue(client("sqs"), sources[name].queue_url))
            for name, queue in world.world.queues.items()
        },
    )
    world.world = world._pipeline.world = mirrored


def _catalog(deployed: Resolved) -> GlueCatalog:
    return GlueCatalog(client("glue"), deployed.environment("Compactor")["DATABASE"])


def _mirrored(fake: Any, adapter: Any) -> Any:
    """Takes the fake's place, whatever its class."""
    return _Mirrored(fake, adapter)


class _Mirrored:
    """A fake whose every call is made of the adapter, too, if the adapter has it. What that makes of an empty answer
    does not matter."""

    def __init__(self, fake: Any, adapter: Any) -> None:
        self._fake = fake
        self._adapter = adapter

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._fake, name)
        mirror = getattr(self._adapter, name, None)
        return partial(_both, found, mirror) if callable(found) and callable(mirror) else found

    def __len__(self) -> int:
        return int(self.__getattr__("__len__")())


def _both(act: Callable[..., Any], mirror: Callable[..., Any], *args: Any, **named: Any) -> Any:
    with suppress(Exception):
        list(islice(mirror(*args, **named), 1))  # an iterator asks when it is asked
    return act(*args, **named)


def _wired(recorder: Recorder, deployed: Resolved) -> None:
    """What the functions ask besides, with the parts that they have in AWS."""
    recorder.role = "PollerRole"
    parts = PollerParts(from_environment(PollerSettings, deployed.environment("Poller")))
    secret_of(parts.source("thulium"))(True)
    parts._id_key.ids(first_use=True)
    recorder.role = "CopierRole"
    copier = from_environment(CopierSettings, deployed.environment("Copier"))
    sources = CopierSources(copier, DynamoTable(client("dynamodb"), copier.ledger_table))
    sources.one("thulium")
    sources._note_host("thulium", "audio.example.com")
    secret_of(sources._parameters.one("thulium"))(True)
    recorder.role = "CompactorRole"
    catalog = _catalog(deployed)
    for table in tables_of(open_table=True):
        catalog.registered(table.name)
        catalog.register(table.name, [Partition(THERE[0], date.fromisoformat(THERE[1]))])
        catalog.unregister(table.name, Partition(THERE[0], date.fromisoformat(THERE[1])))
    recorder.role = "TranscriberRole"
    _transcribed(from_environment(TranscriberSettings, deployed.environment("Transcriber")))
    recorder.role = "TranscriptReaderRole"
    _read_documents(from_environment(ReaderSettings, deployed.environment("TranscriptReader")))
    recorder.role = "SoundAnalyzerRole"
    body = json.loads(SAMPLE.read_text())["Records"][0]["body"]
    _analyze_sound(from_environment(SoundAnalyzerSettings, deployed.environment("SoundAnalyzer")), body)
    recorder.role = ""


def _read_documents(settings: ReaderSettings) -> None:
    """A document that becomes a row, one of an erased recording, and one that only a sweep finds."""
    parts = TranscriptReaderParts(settings)
    real = parts.reader._ports
    here = ReadingWorld.make()
    here.world.store.bucket = settings.bucket
    world = replace(
        here.world,
        store=_mirrored(here.world.store, real.store),
        table=_mirrored(here.world.table, real.ledger.table),
        bus=_mirrored(here.world.bus, real.bus),
    )
    kept, erased = here.recording(1), here.recording(2)
    here.ledger.erase(erased.recording_id, erased.source, erased.call_date)
    for one in (kept, erased):
        here.write(here.place(one), document("a"))
    here.world.store.put(here.place(kept, "aws").key, b"{}")
    mirrored = replace(here, world=world, queue=_mirrored(here.queue, parts.sweep._queue))
    mirrored.read()
    mirrored.sweep()


def _transcribed(settings: TranscriberSettings) -> None:
    """Jobs of every end: a masked document is moved, one that nobody heard of is told, a lost job starts again, one of
    an erased recording goes; and a message that is none of ours."""
    real = ports_of(settings)

    def mirrored(fake: TranscriberPorts) -> TranscriberPorts:
        pairs = {one.name: (getattr(fake, one.name), getattr(real, one.name)) for one in fields(TranscriberPorts)}
        made = {name: _mirrored(*pair) for name, pair in pairs.items() if name != "clock"}
        return TranscriberPorts(**made, clock=fake.clock)

    world = World.make()
    world.store.bucket = settings.bucket
    bench = TranscribingBench(world, around=mirrored)
    masked, _, erased = (bench.start(number) for number in (1, 2, 3))
    bench.write_document(masked, redacted=True)
    bench.jobs.jobs = {masked.recording_id: Job(JobStatus.COMPLETED, is_redacted=True)}
    bench.erase(erased)
    bench.sweep(timedelta(hours=1))
    SqsQueue(client("sqs"), settings.dlq_url).send(["{}"])


def _analyze_sound(settings: SoundAnalyzerSettings, body: str) -> None:
    """The recording is erased while it is measured, so its row is written and deleted again."""
    world = World.make()
    store = _mirrored(world.store, S3ObjectStore(client("s3"), settings.bucket))
    table = _mirrored(world.table, DynamoTable(client("dynamodb"), settings.ledger_table))
    stored = json.loads(body)["detail"]
    world.store.put(stored["key"], b"invented")

    def measure(audio: BinaryIO) -> SoundNote:
        world.table.update(stored["recording_id"], {"state": State.ERASED})
        return SoundNote.DIED

    SoundAnalyzer(store, table, world.clock, measure).analyze({"1": body}, inf)


@cache
def erasure() -> tuple[Request, ...]:
    """What ``call-lake erase`` asks for besides reading the stack. The bucket keeps versions; there are dead letters
    and transcripts."""
    deployed = Resolved(**EVERYTHING)
    named = deployed.environment("Copier")
    bench = Bench()
    bench.world.store.versioned = True
    bench.settle()
    known, named_by_id, other = bench.recordings
    bench.world.dlq.send([message_of(known), message_of(other)])
    for one in bench.recordings:
        bench.world.store.put(transcript_key(Partition.of_recording(one), "aws", one.recording_id), b"{}")
    bench.world.store.put("athena-results/invented.csv", b"")
    with recording({"GetSecretValue": {"SecretString": json.dumps({"key": ID_KEY})}}) as recorder:
        world = bench.world
        letters = SqsDeadLetters(client("sqs"), named["DLQ_URL"])
        jobs = TranscribeJobs(client("transcribe"), "stack-")
        store = _mirrored(world.store, S3ObjectStore(client("s3"), named["BUCKET"]))
        eraser = Eraser(
            Ledger(_mirrored(world.table, DynamoTable(client("dynamodb"), named["LEDGER_TABLE"])), world.clock, 1.0),
            store,
            OtherServices(
                _mirrored(MemoryDeadLetters(world.dlq, world.calls), letters),
                _mirrored(MemoryTranscriptions(world.calls, {known.recording_id}), jobs),
            ),
            world.clock,
            COMPACTOR.grace_s,
        )
        recorder.role = "operator"
        numbers, ids = frozenset({known.caller or ""}), frozenset({named_by_id.recording_id})
        report = eraser.erase(ErasureRequest(numbers=numbers, recording_ids=ids), world.clock.advance_to)
        id_key = deployed.environment("Poller")["RECORDING_ID_KEY"]
        people = people_of(report, ids_under(lambda: SecretsManagerSecrets(client("secretsmanager")).get(id_key)))
        stamp = Stamp("stack", ACCOUNT, REGION, "1", "operator", None, people)
        Proofs(store, world.clock).keep(proof_of(report, stamp))
        Proofs(store, world.clock).about(people)
    return tuple(recorder.requests)


@cache
def listening() -> tuple[Request, ...]:
    """What ``call-lake listen --source thulium`` asks for: a call is found, also by a word, heard in part, read, and
    told."""
    deployed = Resolved(**EVERYTHING)
    bucket = deployed.environment("Copier")["BUCKET"]
    outputs = dict.fromkeys(OUTPUTS, "invented") | {"BucketName": bucket, "SourcesPath": "/call-lake/stack/sources"}
    described = [{"OutputKey": name, "OutputValue": value} for name, value in outputs.items()]
    here = Listening()
    row = here.add(1, encoded("WAV", "PCM_16"))
    place = Partition("thulium", date.fromisoformat(row["call_date"]))
    commit_heard(here.world, transcript(1, "yes"), day=place.call_date)
    commit_sound(here.world, 1, day=place.call_date)
    here.world.store.put(transcript_key(place, "aws", row["recording_id"]), b"{}")
    answers: Answers = {
        "DescribeStacks": {"Stacks": [{"Outputs": described}]},
        "GetParametersByPath": {"Parameters": []},
    }
    with recording(answers) as recorder:
        recorder.role = "listener"
        stack = find_stack("stack")
        client("sts").get_caller_identity()
        with suppress(ConfigError):  # none is answered
            SourceParameters(client("ssm"), stack.sources_path, VENDORS).all()
        store = _mirrored(here.world.store, S3ObjectStore(client("s3"), bucket))
        desk = Listening(replace(here.world, store=store), {}, ("thulium",))
        desk.ask("calls", {"first": row["call_date"], "last": row["call_date"]})
        desk.ask("calls", {"first": row["call_date"], "last": row["call_date"], "says": "yes"})
        audio = desk.play(row)
        desk.get(audio, range="bytes=5-9")
        desk.ask("transcript", {"ticket": audio.rpartition("/")[2]})
        desk.ask("story", id_of(row))
    return tuple(recorder.requests)
