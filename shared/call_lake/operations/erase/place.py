"""What every place has in common that can hold something of a recording: it is searched, then cleared."""

from dataclasses import dataclass
from typing import Protocol

from call_lake.operations.erase.targets import Targets


@dataclass(frozen=True, slots=True)
class SearchResult:
    """``searched``: how many objects, files, messages or items were looked into. ``hits``: how many of them hold
    something of the recordings; of the place ``rows``, how many rows in these files. ``hidden``: how many could not be
    looked into now."""

    searched: int
    hits: int
    hidden: int = 0


class Searchable(Protocol):
    """A place that can be searched."""

    name: str

    def search(self, targets: Targets) -> SearchResult:
        """Count what this place holds of the recordings. Changes nothing. Raises Transient, LakeDamaged."""


class Place(Searchable, Protocol):
    """A place that can be searched and cleared."""

    def clear(self, targets: Targets) -> None:
        """Delete what this place holds of the recordings. May be repeated. Raises Transient, PartialFailure."""
