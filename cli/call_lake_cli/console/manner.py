"""How the command that runs now prints: what its options ``--output``, ``--utc``, ``--quiet`` and ``--verbose`` say."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum


class Format(StrEnum):
    """How a command prints its data."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Manner:
    """``quiet``: data and errors alone. ``verbose``: each call of AWS too, and where an error comes from."""

    output: Format = Format.TABLE
    utc: bool = False
    quiet: bool = False
    verbose: bool = False


_manners = [Manner()]


def manner() -> Manner:
    """That of the command that runs now."""
    return _manners[-1]


@contextmanager
def in_manner(chosen: Manner) -> Iterator[None]:
    """Print in this manner until the command ends."""
    _manners.append(chosen)
    try:
        yield
    finally:
        _manners.pop()
