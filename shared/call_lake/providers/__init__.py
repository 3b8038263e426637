"""The vendors' APIs behind one interface (base.py)."""

from collections.abc import Callable

import requests

from call_lake.ports import Clock, Provider
from call_lake.providers.conpeek.api import Conpeek
from call_lake.providers.thulium.api import Thulium
from call_lake.settings import SourceSettings


def make_provider(
    settings: SourceSettings,
    secret: Callable[[bool], dict[str, str]],
    clock: Clock,
    session: requests.Session | None = None,
) -> Provider:
    """The client of one source. May be used by many threads.

    ``secret(fresh)`` gives ``{"username", "password"}`` for Thulium, ``{"key"}`` for Conpeek; ``fresh`` asks for it
    anew after a 401. ``session`` is a seam for tests. Raises ConfigError for settings that cannot work.
    """
    kinds: dict[str, Callable[..., Provider]] = {"thulium": Thulium, "conpeek": Conpeek}
    return kinds[settings.provider](settings, secret, clock, session)
