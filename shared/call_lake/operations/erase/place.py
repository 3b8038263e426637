"""A place that can hold something of a recording: searched, then cleared."""

from dataclasses import dataclass
from typing import Protocol

from call_lake.operations.erase.targets import Targets


@dataclass(frozen=True, slots=True)
class Search:
    """How many objects, rows' files, messages or items were looked into, and how many of them hold something.
    ``hidden``: how many could not be looked into now."""

    searched: int
    hits: int
    hidden: int = 0


class Searchable(Protocol):
    name: str

    def search(self, targets: Targets) -> Search:
        """Changes nothing."""


class Place(Searchable, Protocol):
    def clear(self, targets: Targets) -> None:
        """May be repeated. Raises Transient, PartialFailure."""
