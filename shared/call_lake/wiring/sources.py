"""What the poller and the copier share: the clock, and one provider a source for the life of the process."""

from collections.abc import Callable
from functools import cache

from call_lake.aws.client import client
from call_lake.aws.clock import SystemClock
from call_lake.aws.parameters import SecretsManagerSecrets
from call_lake.ports import Provider
from call_lake.providers import make_provider
from call_lake.settings import SourceSettings

CLOCK = SystemClock()


@cache
def secrets() -> SecretsManagerSecrets:
    """Secrets Manager, with one cache for the process."""
    return SecretsManagerSecrets(client("secretsmanager"))


def secret_of(source: SourceSettings) -> Callable[[bool], dict[str, str]]:
    """How a provider asks for its secret; True asks Secrets Manager again, past the cache."""
    return lambda fresh: secrets().get(source.secret, fresh=fresh)


_providers: dict[str, tuple[SourceSettings, Provider]] = {}


def provider_of(source: SourceSettings) -> Provider:
    """The one provider of the source in this process; a new one when the source's settings have changed."""
    kept = _providers.get(source.name)
    if kept is None or kept[0] != source:
        _providers[source.name] = kept = (source, make_provider(source, secret_of(source), CLOCK))
    return kept[1]
