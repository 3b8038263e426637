"""Find a phrase in what was said: its words in their order, without capitals and accents."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Self

from call_lake.model.names import combining, decomposed, plain_letters
from call_lake.model.transcripts import Segment

PAUSE_S = 5.0
"""A phrase goes on in the next segment of its side, unless a longer silence is between them."""
WORDS_AROUND = 6
SHOWN_MAX = 200
"""So many characters before a hit, and after it, are shown at most. A language without blanks has long words."""
PLACES_MAX = 1000
"""No further places of one call are looked for: somebody may say one word all the time."""
_NO_BLANKS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
"""Thai, Lao, Burmese, Khmer, Japanese and Chinese write no blanks between words: each character counts as one."""
_AND_BLANKS, _BLANKS_AND = re.compile(r"\S+\s*"), re.compile(r"\s*\S+")


@dataclass(frozen=True, slots=True)
class Hit:
    """A place where the phrase was said. ``at_s``: where its segment begins, in seconds from the start of the audio.
    ``segment``: which one that is, from 0; ``offset``: where in its text. ``before`` and ``after``: what is around
    ``words`` in their segments, with its blanks.
    """

    at_s: float
    segment: int
    offset: int
    channel: int | None
    speaker: str | None
    before: str
    words: str
    after: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """What is looked for. ``words``: folded, at least one."""

    words: tuple[str, ...]

    @classmethod
    def of_text(cls, text: str) -> Self | None:
        """None for a text without words."""
        words = tuple(word for _, _, word in _words(text))
        return cls(words) if words else None

    def may_be_in(self, text: str) -> bool:
        """Whether a text has all the words somewhere, also as parts of others: a quick question before ``hits``."""
        if not self.is_ascii:
            plain = plain_letters(text)
            return all(word in plain for word in self.words)
        # Ten times as fast: what is left out is accents, and letters that none of the words has.
        letters = decomposed(text).encode("ascii", "ignore").decode("ascii")
        return all(word in letters for word in self.words)

    @property
    def is_ascii(self) -> bool:
        return all(word.isascii() for word in self.words)

    def hits(self, segments: Sequence[Segment]) -> list[Hit]:
        """Each place, by time, ``PLACES_MAX`` of them at most. Words of one side of the call count as neighbours,
        whatever the other side says meanwhile."""
        found: dict[tuple[int, int], Hit] = {}
        runs = (run for side in _sides(segments) for run in _without_pauses(segments, side))
        places = (hit for run in runs for hit in self._in_run(segments, run))
        while len(found) < PLACES_MAX and (hit := next(places, None)):
            found.setdefault((hit.segment, hit.offset), hit)
        return sorted(found.values(), key=lambda hit: (hit.at_s, hit.segment, hit.offset))

    def _in_run(self, segments: Sequence[Segment], run: Sequence[int]) -> Iterator[Hit]:
        spoken = [(number, start, end, word) for number in run for start, end, word in _words(segments[number].text)]
        words = [word for *_, word in spoken]
        length = len(self.words)
        for position in range(len(words) - length + 1):
            if words[position] == self.words[0] and tuple(words[position : position + length]) == self.words:
                yield _hit(segments, spoken[position], spoken[position + length - 1])


def _hit(segments: Sequence[Segment], first: tuple[int, int, int, str], last: tuple[int, int, int, str]) -> Hit:
    number, start, end = first[0], first[1], last[2]
    one, other = segments[number], segments[last[0]]
    if number == last[0]:
        words = one.text[start:end]
    else:
        words = f"{one.text[start : start + SHOWN_MAX].rstrip()} … {other.text[max(0, end - SHOWN_MAX) : end].lstrip()}"
    before = _AND_BLANKS.findall(one.text[max(0, start - SHOWN_MAX) : start])[-WORDS_AROUND:]
    after = _BLANKS_AND.findall(other.text[end : end + SHOWN_MAX])[:WORDS_AROUND]
    return Hit(
        at_s=one.start_s,
        segment=number,
        offset=start,
        channel=one.channel,
        speaker=one.speaker,
        before="".join(before),
        words=words[: 3 * SHOWN_MAX],
        after="".join(after),
    )


def _sides(segments: Sequence[Segment]) -> list[list[int]]:
    """The segments of each channel, by time; then those of each voice, as an engine may tell voices apart wrongly, and
    as two voices may alternate."""
    by_time = sorted(range(len(segments)), key=lambda number: segments[number].start_s)
    sides: dict[object, list[int]] = {}
    for number in by_time:
        sides.setdefault(segments[number].channel, []).append(number)
    for number in by_time:
        if segments[number].speaker is not None:
            sides.setdefault((segments[number].channel, segments[number].speaker), []).append(number)
    return list(sides.values())


def _without_pauses(segments: Sequence[Segment], side: Sequence[int]) -> Iterator[list[int]]:
    run: list[int] = []
    for number in side:
        if run and segments[number].start_s - segments[run[-1]].end_s > PAUSE_S:
            yield run
            run = []
        run.append(number)
    if run:
        yield run


def _words(text: str) -> Iterator[tuple[int, int, str]]:
    """Each word with its place in the text. A character may fold into several words, or into none."""
    for found in _tokens().finditer(text):
        for word in _tokens().findall(plain_letters(found[0])):
            yield found.start(), found.end(), word


@cache
def _tokens() -> re.Pattern[str]:
    marks = combining().pattern[1:-2]
    return re.compile(f"[{_NO_BLANKS}][{marks}]*|[^\\W{_NO_BLANKS}_](?:[^\\W{_NO_BLANKS}_]|[{marks}])*")
