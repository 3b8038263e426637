"""Put the poller together on AWS."""

from call_lake.aws.client import client
from call_lake.aws.dynamodb import DynamoTable
from call_lake.aws.messages import SqsQueue
from call_lake.aws.parameters import SourceParameters
from call_lake.ledger.id_key import IdKey
from call_lake.ledger.ledger import Ledger
from call_lake.polling.poller import PolledSource, Poller
from call_lake.providers import VENDORS
from call_lake.settings import PollerSettings, SourceSettings
from call_lake.wiring.sources import CLOCK, provider_of, secrets


class PollerParts:
    """What one function instance keeps between polls: the providers, the key of recording ids, and the recordings that
    the ledger is known to hold."""

    def __init__(self, settings: PollerSettings) -> None:
        self._settings = settings
        self._sources = SourceParameters(client("ssm"), settings.sources_path, VENDORS)
        self._table = DynamoTable(client("dynamodb"), settings.ledger_table)
        self._id_key = IdKey(self._table, CLOCK, self._read_id_key, self._sources.names)
        self._known: dict[str, dict[str, str | None]] = {}

    def source(self, name: str) -> SourceSettings:
        """Raises ConfigError where there is no such source, or its settings are wrong."""
        return self._sources.one(name)

    def poller(self, source: SourceSettings, until_s: float) -> Poller:
        """The poller of one poll, which ends before ``until_s`` of the monotonic clock."""
        queue = SqsQueue(client("sqs"), source.queue_url)
        known = self._known.setdefault(source.name, {})
        polled = PolledSource(source, provider_of(source), queue, self._id_key, known)
        ledger = Ledger(self._table, CLOCK, self._settings.republish_after_s)
        return Poller(polled, ledger, CLOCK, self._settings, until_s)

    def _read_id_key(self) -> dict[str, str]:
        """Past the cache: it is read once in the life of the function, and again only while it is refused."""
        return secrets().get(self._settings.recording_id_key, fresh=True)
