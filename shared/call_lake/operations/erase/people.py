"""Tell which calls are of the people that an erasure names: their numbers and names, however they are written."""

import re
from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher
from functools import cached_property
from typing import Any

from call_lake.model.names import folded
from call_lake.model.phone_numbers import Likeness, WantedNumber

DEFAULT_COUNTRY = "PL"
"""Of a source that the stack does not have any more, where its sources are of several countries."""
NEAR_RATIO = 0.85
"""Two names are near where so much of their letters is the same (Python's ``difflib``)."""
BETWEEN = r"(?:[ ().\-/]|%20){0,3}"
"""What may separate the digits of a number in a text."""
RECORD_TEXTS = ("provider_key", "connection_id", "raw", "audio_url")
"""Fields of a record that may hold a number though neither side of the call is it."""


class People:
    """The people of one erasure. ``countries``: of the sources, by name. ``also``: stored numbers that are theirs too.
    ``exact``: names have to be equal letter by letter, and what is only perhaps theirs is not theirs."""

    def __init__(
        self,
        numbers: Iterable[str],
        agents: Iterable[str],
        countries: Mapping[str, str],
        also: Iterable[str] = (),
        *,
        exact: bool = False,
    ) -> None:
        self._countries = countries
        self._homes = sorted(set(countries.values())) or [DEFAULT_COUNTRY]
        self._typed = {number.strip() for number in (*numbers, *also)}
        self._wanted = [WantedNumber(text, home) for text in numbers for home in self._homes]
        self._also = [WantedNumber(text, home) for text in also for home in self._homes]
        self._agents = {agent.strip(): folded(agent) for agent in agents}
        self._exact = exact
        self._known_agents: dict[str, Likeness] = {}

    def number(self, stored: str | None, source: str) -> Likeness:
        """How like theirs a stored number of a source is. If the sources are of several countries, a number that was
        typed without a country's code is surely theirs only where it is stored as it was typed."""
        if stored is None:
            return Likeness.DIFFERENT
        if stored.strip() in self._typed:
            return Likeness.SAME
        country = self._country(source)
        likeness = Likeness.DIFFERENT
        for wanted in self._wanted:
            found = wanted.compare(stored, country)
            unsure = len(self._homes) > 1 and wanted.needs_country
            likeness = max(likeness, min(found, Likeness.PERHAPS) if unsure else found)
        return Likeness.DIFFERENT if self._exact and likeness is Likeness.PERHAPS else likeness

    def agent(self, stored: str | None) -> Likeness:
        """How like theirs a stored name is: without regard to case and accents, unless names have to be exact."""
        if stored is None or not self._agents:
            return Likeness.DIFFERENT
        if stored not in self._known_agents:
            self._known_agents[stored] = self._compare_agent(stored)
        return self._known_agents[stored]

    def _compare_agent(self, stored: str) -> Likeness:
        if stored.strip() in self._agents:
            return Likeness.SAME
        if self._exact:
            return Likeness.DIFFERENT
        name = folded(stored)
        if name in self._agents.values():
            return Likeness.SAME
        return Likeness.PERHAPS if any(_near(name, wanted) for wanted in self._agents.values()) else Likeness.DIFFERENT

    @cached_property
    def mention(self) -> str | None:
        """A regular expression, for Python and for RE2, of their numbers' last digits in any text. None where they have
        no long number."""
        long = {wanted.core for wanted in (*self._wanted, *self._also)} - {""}
        return "|".join(BETWEEN.join(digits) for digits in sorted(long)) or None

    @cached_property
    def _mentioned(self) -> re.Pattern[str] | None:
        return re.compile(self.mention) if self.mention else None

    def is_mentioned(self, record: Mapping[str, Any]) -> bool:
        """Whether a provider's record holds the digits of one of their numbers anywhere."""
        pattern = self._mentioned
        return pattern is not None and any(
            pattern.search(text) for name in RECORD_TEXTS if isinstance(text := record.get(name), str)
        )

    @property
    def normalised(self) -> list[tuple[str, str]]:
        """Each of them as a kind (``number``, ``agent``) and one text for all spellings."""
        numbers = {("number", wanted.normalised) for wanted in (*self._wanted, *self._also)}
        return sorted(numbers | {("agent", name) for name in self._agents.values()})

    def _country(self, source: str) -> str:
        return self._countries.get(source) or (self._homes[0] if len(self._homes) == 1 else DEFAULT_COUNTRY)


def _near(one: str, other: str) -> bool:
    words = set(one.split()), set(other.split())
    if not all(words):
        return False
    return words[0] <= words[1] or words[1] <= words[0] or SequenceMatcher(None, one, other).ratio() >= NEAR_RATIO
