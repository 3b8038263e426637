"""Which listed recordings a source leaves out, by the rules in its settings: opted-out agents, test queues, hang-ups.

The poll counts what it leaves out. Such a recording is never stored: it has no ledger item, no audio, no row, no event.
"""

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, Self

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

from call_lake.model.recording import ListedRecording

TEXTS = ("agent", "direction", "disposition", "provider_key")
LENGTHS = ("shorter_than_s", "longer_than_s")
DIRECTIONS = ("inbound", "outbound")


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule fits a recording if all of its conditions do.

    Texts may hold ``*`` and ``?``; upper and lower case are the same. Lengths are seconds of talk, or of the call where
    the talk is not listed. ``record`` is a JMESPath over the provider's own record, which has to come out true. A field
    that a recording does not have fits no condition.
    """

    agent: str = ""
    direction: str = ""
    disposition: str = ""
    provider_key: str = ""
    shorter_than_s: float | None = None
    longer_than_s: float | None = None
    record: str = ""

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Raises ValueError; its text never repeats a value, which may be a name."""
        known = [field.name for field in fields(cls)]
        if not isinstance(data, Mapping) or not data:
            raise ValueError(f"each rule is a JSON object with at least one of {', '.join(known)}")
        for name, value in data.items():
            if name not in known:
                raise ValueError(f"a rule knows no {name!r}; it knows {', '.join(known)}")
            if name in LENGTHS:
                if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
                    raise ValueError(f"{name} must be a number of seconds above 0")
            elif not isinstance(value, str) or not value.strip():
                raise ValueError(f"{name} must be a text that is not empty")
        if data.get("direction", "inbound") not in DIRECTIONS:
            raise ValueError(f"direction must be {' or '.join(DIRECTIONS)}")
        try:
            _compiled(data.get("record", "@"))
        except Exception:  # jmespath raises several unrelated types
            raise ValueError("record is no JMESPath") from None
        return cls(**data)

    def fits(self, recording: ListedRecording) -> bool:
        """Whether all conditions of the rule are true of the recording."""
        return (
            all(_matches(getattr(recording, name), getattr(self, name)) for name in TEXTS if getattr(self, name))
            and self._length_fits(recording.talk_s if recording.talk_s is not None else recording.duration_s)
            and (not self.record or _is_true(self.record, recording.raw))
        )

    def _length_fits(self, length_s: float | None) -> bool:
        if self.shorter_than_s is not None and (length_s is None or length_s >= self.shorter_than_s):
            return False
        return self.longer_than_s is None or (length_s is not None and length_s > self.longer_than_s)


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one source. ``include``: if there are any, only recordings that fit one of them are stored.
    ``exclude``: recordings that fit one of these are never stored."""

    include: tuple[Rule, ...] = ()
    exclude: tuple[Rule, ...] = ()

    def wanted(self, recordings: Sequence[ListedRecording]) -> Sequence[ListedRecording]:
        """The recordings that are to be stored."""
        if not self.include and not self.exclude:
            return recordings
        return [recording for recording in recordings if self._wants(recording)]

    def _wants(self, recording: ListedRecording) -> bool:
        included = not self.include or any(rule.fits(recording) for rule in self.include)
        return included and not any(rule.fits(recording) for rule in self.exclude)


def _matches(text: str | None, pattern: str) -> bool:
    return text is not None and fnmatchcase(_plain(text), _plain(pattern))


def _plain(text: str) -> str:
    """One spelling of one name: letters with accents may come as one character or as two."""
    return unicodedata.normalize("NFC", text.strip()).casefold()


@lru_cache(256)
def _compiled(expression: str) -> ParsedResult:
    return jmespath.compile(expression)


def _is_true(expression: str, raw: str) -> bool:
    try:
        return bool(_compiled(expression).search(json.loads(raw)))
    except (JMESPathError, ValueError):
        return False
