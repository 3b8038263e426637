"""The key of recording ids, as the ledger knows it: by its fingerprint (ADR 0026).

Under another key every recording that is still listed would be stored a second time. So nothing is published before the
stack's key is known to be the ledger's. The first poll of a new ledger writes the fingerprint, and nobody changes it.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from call_lake.errors import ConfigError, KeyRefused, SecretEmpty
from call_lake.ledger.source_state import SourceState
from call_lake.model.recording_ids import FINGERPRINT, RecordingIds
from call_lake.ports import Clock, OneOf, PreconditionFailed, Table

ITEM = "key#recording-ids"
ITEM_VERSION = 1
HELP = "docs/runbook.md, The key of recording ids"


class IdKey:
    """The key of one process. ``secret``: reads the secret that holds it, as ``Secrets.get`` does. ``sources``: the
    names of the stack's sources."""

    def __init__(
        self, table: Table, clock: Clock, secret: Callable[[], Mapping[str, str]], sources: Callable[[], Iterable[str]]
    ) -> None:
        self._table = table
        self._clock = clock
        self._secret = secret
        self._sources = sources
        self._ids: RecordingIds | None = None

    def ids(self, *, first_use: bool = False) -> RecordingIds:
        """The ids under this key. It is compared with the ledger at the first call, and kept from then on.

        ``first_use``: note its fingerprint in a ledger that has none yet; only a poll does that. Raises KeyRefused.
        """
        if self._ids is None:
            ids = ids_under(self._secret)
            if not self._check(ids) and first_use:
                with suppress(PreconditionFailed):
                    item = {"version": ITEM_VERSION, "fingerprint": ids.fingerprint}
                    self._table.update(ITEM, item, {"fingerprint": OneOf((None,))})
                self._check(ids)  # another first poll may have been faster, under another key
            self._ids = ids
        return self._ids

    def _check(self, ids: RecordingIds) -> bool:
        return check_key(self._table, self._clock, ids, self._sources())


def ids_under(secret: Callable[[], Mapping[str, str]]) -> RecordingIds:
    """Read the key. Raises KeyRefused where the secret is gone, empty or no key, Transient where AWS fails."""
    try:
        return RecordingIds(secret().get("key", ""))
    except (ConfigError, SecretEmpty):
        why = 'the secret of the key of recording ids does not exist or has no "key" in its JSON'
    except ValueError as error:
        why = f"the secret of the key of recording ids is no key: {error}"
    raise KeyRefused(f"{why}; nothing is published until it is restored: {HELP}")


def check_key(table: Table, clock: Clock, ids: RecordingIds | None, sources: Iterable[str]) -> bool:
    """Whether the ledger has this key's fingerprint already; False for one that has none and no recordings either.
    ``ids`` None: a key that is still to be made. Raises KeyRefused for any other key, and for ids without a key."""
    # Before the fingerprint is read: the first poll of another source writes that first, then its checkpoint.
    polled = [name for name in sources if SourceState(table, clock, name).checkpoint() is not None]
    known = (table.get(ITEM) or {}).get("fingerprint")
    if known is None and polled:
        raise KeyRefused(
            f"the ledger has recordings of {polled[0]} under ids of the old kind, made without a key; nothing is "
            f"published: deploy a new stack for them, {HELP}"
        )
    if known is not None and (ids is None or known != ids.fingerprint):
        was = f"begins {known[:8]}" if isinstance(known, str) and FINGERPRINT.fullmatch(known) else "is none any more"
        given = f"the stack's begins {ids.fingerprint[:8]}" if ids else "the stack would get a new one"
        raise KeyRefused(
            f"the ledger's recording ids were made under another key: its fingerprint {was}, {given}; "
            f"nothing is published until RecordingIdKeyArn names the secret with the ledger's key: {HELP}"
        )
    return known is not None
