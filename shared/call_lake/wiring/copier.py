"""Put the copier together on AWS."""

from contextlib import suppress
from functools import partial

from call_lake.aws.client import client
from call_lake.aws.dynamodb import DynamoTable
from call_lake.aws.messages import EventBridgeBus, SqsQueue
from call_lake.aws.parameters import SourceParameters
from call_lake.aws.s3 import S3ObjectStore
from call_lake.copying.copier import Copier, CopierPorts
from call_lake.copying.fetcher import CopierSource
from call_lake.errors import Transient
from call_lake.ledger.ledger import Ledger
from call_lake.ledger.source_state import SourceState
from call_lake.ports import Table
from call_lake.providers import VENDORS
from call_lake.settings import CopierSettings
from call_lake.wiring.sources import CLOCK, provider_of

PAUSE_SEEN_S = 30.0  # a warm copier notices a pause, and its end, within so many seconds


def make_copier(settings: CopierSettings) -> Copier:
    """The one copier of a function instance."""
    table = DynamoTable(client("dynamodb"), settings.ledger_table)
    ports = CopierPorts(
        Ledger(table, CLOCK, settings.republish_after_s),
        S3ObjectStore(client("s3"), settings.bucket),
        EventBridgeBus(client("events"), settings.event_bus),
        SqsQueue(client("sqs"), settings.dlq_url),
        CLOCK,
    )
    return Copier(ports, CopierSources(settings, table).one, settings)


class CopierSources:
    """What the copier needs of each source."""

    def __init__(self, settings: CopierSettings, table: Table) -> None:
        self._parameters = SourceParameters(client("ssm"), settings.sources_path, VENDORS)
        self._storage_bytes = settings.storage_mib * 1024 * 1024
        self._table = table
        self._paused: dict[str, tuple[float, bool]] = {}
        self._hosts: set[tuple[str, str]] = set()

    def one(self, name: str) -> CopierSource:
        """Raises ConfigError where there is no such source, or its settings are wrong."""
        source = self._parameters.one(name)
        queue = SqsQueue(client("sqs"), source.queue_url)
        max_bytes = min(source.max_bytes, self._storage_bytes)
        return CopierSource(
            provider_of(source),
            queue,
            max_bytes,
            source.recording_deadline_s,
            self.is_paused(name),
            partial(self._note_host, name),
        )

    def _note_host(self, name: str, host: str) -> None:
        """A copy must not fail for this."""
        if (name, host) not in self._hosts:
            with suppress(Transient):
                SourceState(self._table, CLOCK, name).note_audio_host(host)
                self._hosts.add((name, host))

    def is_paused(self, name: str) -> bool:
        """Whether an operator paused the source; asked of the ledger every PAUSE_SEEN_S, not for each recording."""
        asked_s, paused = self._paused.get(name, (-PAUSE_SEEN_S, False))
        if CLOCK.monotonic() - asked_s >= PAUSE_SEEN_S:
            paused = SourceState(self._table, CLOCK, name).paused_since() is not None
            self._paused[name] = (CLOCK.monotonic(), paused)
        return paused
