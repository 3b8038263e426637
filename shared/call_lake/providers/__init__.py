"""The vendors' APIs behind one interface, ``ports.Provider``. A vendor is one folder here and one line below.

The folder holds ``description.VENDOR`` (a ``settings.Vendor``), ``api.CLIENT`` (the class of its clients) and
``probe.PROBE`` (a ``probe.VendorProbe``).
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import requests

from call_lake.ports import Clock, Provider
from call_lake.settings import SourceSettings, Vendor

FOLDERS = (
    "thulium",
    "conpeek",
)
"""One line a vendor: the name of its folder, which is what ``provider`` says in a source's settings."""


def load(vendor: str, module: str) -> Any:
    """A module of the vendor's folder."""
    return import_module(f"{__name__}.{vendor}.{module}")


VENDORS: Mapping[str, Vendor] = {name: load(name, "description").VENDOR for name in FOLDERS}
_CLIENTS: Mapping[str, Callable[..., Provider]] = {name: load(name, "api").CLIENT for name in FOLDERS}


def make_provider(
    settings: SourceSettings,
    secret: Callable[[bool], dict[str, str]],
    clock: Clock,
    session: requests.Session | None = None,
) -> Provider:
    """The client of one source. Many threads may use it.

    ``secret(fresh)`` gives the fields of the source's secret (``Vendor.secret_fields``). ``fresh`` reads the secret
    again, after a 401. Tests hand in a ``session``. Raises ConfigError for settings that cannot work.
    """
    return _CLIENTS[settings.checked(VENDORS).provider](settings, secret, clock, session)
