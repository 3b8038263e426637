"""The handlers as Lambda runs them, over AWS in memory; what they print as metrics, as CloudWatch would read it."""

import importlib
import io
import json
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from call_lake.copying.outcome import CopyReport, Message
from call_lake.lake.compactor import CompactionResult, Compactor
from call_lake.polling.poller import PolledSource, Poller
from call_lake.settings import SourceSettings
from tests.support.fakes import World
from tests.support.fakes.provider import FakeProvider
from tests.support.pipeline import COMPACTOR, FUNCTION_TIME_S, POLLER, URLS, Pipeline
from tests.support.reading import ReadingWorld
from tests.support.transcribing import TranscribingBench

NAMESPACE = "CallLake/test-stack"
TRANSCRIBED_HOURS = 4
ENVIRONMENT = {
    "POWERTOOLS_METRICS_NAMESPACE": NAMESPACE,
    "POWERTOOLS_SERVICE_NAME": "of-the-template",
    "LEDGER_TABLE": "ledger",
    "SOURCES_PATH": "/sources",
    "RECORDING_ID_KEY": "key-of-recording-ids",
    "BUCKET": "call-lake-test",
    "EVENT_BUS": "call-lake",
    "DLQ_URL": "https://sqs.eu-central-1.amazonaws.com/000000000000/dlq",
    "DATABASE": "call_lake",
    "QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/000000000000/transcriptions",
    "DOCUMENTS_URL": "https://sqs.eu-central-1.amazonaws.com/000000000000/documents",
    "TRANSCRIPTION_LANGUAGES": "pl-PL",
    "JOB_PREFIX": "call-lake-",
}


@dataclass(frozen=True, slots=True)
class Metric:
    """One value that CloudWatch would keep, under exactly these dimensions."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]
    unit: str
    value: float


def metrics_in(printed: str) -> list[Metric]:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html"""
    found = []
    for line in printed.splitlines():
        document = json.loads(line) if line.startswith("{") else {}
        for directive in document.get("_aws", {}).get("CloudWatchMetrics", []):
            for names in directive["Dimensions"]:
                dimensions = frozenset((name, document[name]) for name in names)
                for metric in directive["Metrics"]:
                    values = document[metric["Name"]]
                    found += [
                        Metric(directive["Namespace"], metric["Name"], dimensions, metric["Unit"], value)
                        for value in (values if isinstance(values, list) else [values])
                    ]
    return found


class Functions:
    """``poll``, ``copy``, ``compact`` and ``transcribe`` are one invocation each; ``emitted`` collects their metrics.
    ``more``: further settings of every source."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        self.world = World.make()
        self.providers = {source: FakeProvider(self.world.calls) for source in URLS}
        self.pipeline = Pipeline(self.world, self.providers)
        self._compactor = Compactor(
            self.world.store, self.pipeline.table_of("Compactor"), self.world.catalog, self.world.clock, COMPACTOR
        )
        self.emitted: list[Metric] = []
        self.more: dict[str, Any] = {}
        self.transcribing = TranscribingBench(self.world, hours=TRANSCRIBED_HOURS)
        self.reading = ReadingWorld.make(self.world)
        reader = SimpleNamespace(reader=self.reading.reader, sweep=self.reading.sweeper)
        replaced: dict[str, tuple[str, Any]] = {
            "poller": ("parts", self),
            "copier": ("copier", self),
            "compactor": ("compact", self._compact),
            "transcriber": ("transcriber", self.transcribing.transcriber),
            "transcript_reader": ("parts", reader),
        }
        self._handlers = {name: self._import(name, monkeypatch, *parts) for name, parts in replaced.items()}

    def _import(self, name: str, monkeypatch: pytest.MonkeyPatch, parts: str, ours: Any) -> Any:
        """The handler's module, with its parts, that is AWS, replaced by those in memory."""
        module = importlib.import_module(f"functions.{name}.handler")
        monkeypatch.setattr(module, parts, ours)
        return module

    # -- what the handlers ask of their parts

    def source(self, name: str) -> SourceSettings:
        return SourceSettings(name, name, URLS[name], **self.more)

    def poller(self, source: SourceSettings, until_s: float) -> Poller:
        world = self.world
        return Poller(
            PolledSource(source, self.providers[source.name], world.queues[source.name], self.pipeline.id_key),
            self.pipeline.ledger_of("Poller"),
            world.clock,
            POLLER,
            world.clock.monotonic() + FUNCTION_TIME_S,
            threads=1,
        )

    def copy_batch(self, messages: Sequence[Message], until_s: float) -> CopyReport:
        return self.pipeline.copy_batch(messages)

    def _compact(self, until_s: float) -> CompactionResult:
        return self._compactor.run(self.world.clock.monotonic() + FUNCTION_TIME_S)

    # -- invocations

    def poll(self, source: str) -> list[Metric]:
        return self._invoke("poller", {"source": source})

    def sweep(self, source: str) -> list[Metric]:
        return self._invoke("poller", {"source": source, "mode": "sweep"})

    def copy(self, source: str) -> list[Metric]:
        """One batch, whatever its verdicts: the messages stay in the queue."""
        records = [
            {
                "messageId": one.message_id,
                "receiptHandle": one.receipt_handle,
                "body": one.body,
                "attributes": {"ApproximateReceiveCount": str(one.receive_count)},
            }
            for one in self.world.queues[source].receive(10)
        ]
        return self._invoke("copier", {"Records": records})

    def compact(self) -> list[Metric]:
        return self._invoke("compactor", {})

    def transcribe(self, *bodies: str) -> list[Metric]:
        """One batch of these messages."""
        records = [
            {"messageId": str(number), "body": body, "attributes": {"ApproximateReceiveCount": "1"}}
            for number, body in enumerate(bodies)
        ]
        return self._invoke("transcriber", {"Records": records})

    def sweep_transcriptions(self) -> list[Metric]:
        return self._invoke("transcriber", {"sweep": True})

    def read_documents(self, *bodies: bytes) -> list[Metric]:
        """Documents of new recordings, and one batch of their messages."""
        for number, body in enumerate(bodies):
            self.reading.write(self.reading.place(self.reading.recording(number)), body)
        return self._invoke("transcript_reader", {"Records": self.documents_waiting()})

    def documents_waiting(self) -> list[dict[str, Any]]:
        return [{"messageId": one.message_id, "body": one.body} for one in self.reading.queue.receive(10)]

    def handle(self, function: str, event: dict[str, Any]) -> Any:
        """What one invocation answers."""
        context = SimpleNamespace(
            function_name=function,
            memory_limit_in_mb=256,
            invoked_function_arn=f"arn:aws:lambda:eu-central-1:000000000000:function:{function}",
            aws_request_id="00000000-0000-0000-0000-000000000000",
            get_remaining_time_in_millis=lambda: 240_000,
        )
        return self._handlers[function].handler(event, context)

    def _invoke(self, function: str, event: dict[str, Any]) -> list[Metric]:
        printed = io.StringIO()
        with redirect_stdout(printed):
            self.handle(function, event)
        found = metrics_in(printed.getvalue())
        self.emitted += found
        return found


def value_of(metrics: list[Metric], name: str, **dimensions: str) -> float | None:
    """The value of the one metric of this name with exactly these dimensions; None where it was not emitted."""
    found = [m.value for m in metrics if m.name == name and m.dimensions == frozenset(dimensions.items())]
    assert len(found) <= 1, f"{name} was emitted {len(found)} times"
    return found[0] if found else None
