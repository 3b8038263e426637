"""Put the parts together on AWS: what the functions share at cold start."""

from collections.abc import Callable
from functools import cache

from call_lake.aws.client import client
from call_lake.aws.clock import SystemClock
from call_lake.aws.dynamodb import DynamoTable
from call_lake.aws.messages import EventBridgeBus, SqsQueue
from call_lake.aws.parameters import SecretsManagerSecrets, SourceParameters
from call_lake.aws.s3 import S3ObjectStore
from call_lake.concurrency import BytesBudget
from call_lake.copying.copier import Copier
from call_lake.copying.fetcher import Route
from call_lake.copying.retry import Quiet, RetryPolicy
from call_lake.ledger.ledger import Ledger
from call_lake.ledger.source_state import SourceBook
from call_lake.polling.poller import PolledSource, Poller
from call_lake.ports import Provider
from call_lake.providers import make_provider
from call_lake.settings import CopierSettings, PollerSettings, SourceSettings

CLOCK = SystemClock()
PAUSE_SEEN_S = 30.0  # a warm copier notices a pause, and its end, within so many seconds


@cache
def _secrets() -> SecretsManagerSecrets:
    return SecretsManagerSecrets(client("secretsmanager"))


def secret_of(source: SourceSettings) -> Callable[[bool], dict[str, str]]:
    return lambda fresh: _secrets().get(source.secret, fresh=fresh)


class PollerParts:
    """Of one function instance: providers keep their request budget, and what the ledger is known to hold."""

    def __init__(self, settings: PollerSettings) -> None:
        self._settings = settings
        self._sources = SourceParameters(client("ssm"), settings.sources_path)
        self._table = DynamoTable(client("dynamodb"), settings.ledger_table)
        self._known: dict[str, dict[str, str | None]] = {}

    def source(self, name: str) -> SourceSettings:
        return self._sources.one(name)

    def poller(self, source: SourceSettings, until_s: float) -> Poller:
        queue = SqsQueue(client("sqs"), source.queue_url)
        polled = PolledSource(source, _provider(source), queue, self._known.setdefault(source.name, {}))
        ledger = Ledger(self._table, CLOCK, self._settings.republish_after_s)
        return Poller(polled, ledger, CLOCK, self._settings, until_s)


class CopierParts:
    """Of one function instance: the budget of bytes in flight, the providers' request budgets, who is to be left
    alone."""

    def __init__(self, settings: CopierSettings) -> None:
        self._settings = settings
        self._sources = SourceParameters(client("ssm"), settings.sources_path)
        self._table = DynamoTable(client("dynamodb"), settings.ledger_table)
        self._budget = BytesBudget(settings.bytes_in_flight)
        self._quiet = Quiet(CLOCK)
        self._paused: dict[str, tuple[float, bool]] = {}
        self._policy = RetryPolicy(
            base_s=settings.retry_base_s,
            ceiling_s=settings.retry_ceiling_s,
            queue_max_s=settings.queue_delay_max_s,
            not_ready_deadline_s=settings.not_ready_deadline_s,
        )

    def copier(self, until_s: float) -> Copier:
        settings = self._settings
        return Copier(
            Ledger(self._table, CLOCK, settings.republish_after_s),
            S3ObjectStore(client("s3"), settings.bucket),
            EventBridgeBus(client("events"), settings.event_bus),
            SqsQueue(client("sqs"), settings.dlq_url),
            self._route,
            CLOCK,
            self._policy,
            self._budget,
            until_s=until_s,
            threads=settings.copy_threads,
            retention_days=settings.retention_days,
            quiet=self._quiet,
        )

    def _route(self, name: str) -> Route:
        source = self._sources.one(name)
        queue = SqsQueue(client("sqs"), source.queue_url)
        max_bytes = min(source.max_bytes, self._settings.storage_mib * 1024 * 1024)
        return Route(_provider(source), queue, max_bytes, source.recording_deadline_s, self._is_paused(name))

    def _is_paused(self, name: str) -> bool:
        """Asked seldom: a route is made for each recording."""
        asked_s, paused = self._paused.get(name, (-PAUSE_SEEN_S, False))
        if CLOCK.monotonic() - asked_s >= PAUSE_SEEN_S:
            paused = SourceBook(self._table, CLOCK, name).paused_since() is not None
            self._paused[name] = (CLOCK.monotonic(), paused)
        return paused


_providers: dict[str, tuple[SourceSettings, Provider]] = {}


def _provider(source: SourceSettings) -> Provider:
    """One provider per source and process; a new one when the source's settings have changed."""
    kept = _providers.get(source.name)
    if kept is None or kept[0] != source:
        _providers[source.name] = kept = (source, make_provider(source, secret_of(source), CLOCK))
    return kept[1]
