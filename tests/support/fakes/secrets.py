import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from call_lake.errors import ConfigError, SecretEmpty
from call_lake.ports import Clock
from tests.support.fakes.calls import Calls

CACHED = timedelta(seconds=300)


class MemorySecrets:
    """Secrets by name; None is one that is not filled yet. ``values`` is what Secrets Manager holds."""

    def __init__(self, clock: Clock, calls: Calls, values: Mapping[str, str | None] | None = None) -> None:
        self.values = dict(values or {})
        self._clock = clock
        self._calls = calls
        self._cache: dict[str, tuple[datetime, dict[str, str]]] = {}

    def set(self, name: str, **value: str) -> None:
        self.values[name] = json.dumps(value)

    def get(self, name: str, *, fresh: bool = False) -> dict[str, str]:
        read_at, value = self._cache.get(name, (None, {}))
        if fresh or read_at is None or self._clock.now() - read_at >= CACHED:
            value = dict(self._calls.run("secrets", "get", lambda: self._read(name)))
            self._cache[name] = (self._clock.now(), value)
        return dict(value)

    def forget(self) -> None:
        """A new process: nothing is cached."""
        self._cache.clear()

    def _read(self, name: str) -> dict[str, str]:
        if name not in self.values:
            raise ConfigError(f"there is no secret {name}")
        text = self.values[name]
        if text is None or not text.strip():
            raise SecretEmpty(name)
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if not isinstance(value, dict) or not all(isinstance(part, str) for part in value.values()):
            raise ConfigError(f"secret {name} must be a JSON object of strings")
        if not any(value.values()):
            raise SecretEmpty(name)
        return value
