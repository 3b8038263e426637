"""The calls that the listening page shows: found in the lake, without Athena."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Self
from zoneinfo import ZoneInfo

from call_lake.errors import CallLakeError
from call_lake.lake.calls import CallFilter
from call_lake.lake.spoken import Said
from call_lake.ledger.entry import Entry
from call_lake.model.layout import AUDIO, Partition
from call_lake.model.phrases import Phrase
from call_lake.model.table import COLUMNS, LENGTHS, Row, length_of
from call_lake.model.times import parse_iso
from call_lake.model.transcripts import Transcript
from call_lake.ports import ObjectStore
from call_lake.settings import SourceSettings
from call_lake_cli.listening.overview import DAYS_MAX, Overview
from call_lake_cli.listening.story import local, story_of
from call_lake_cli.listening.words import Words
from call_lake_cli.stack.calls import may_be_another, numbers_of, told_hit
from call_lake_cli.stack.sound_facts import sentences_of

SHOWN = 200
SHOWN_MAX = 5000
TEXT_MAX = 200
FORMAT = "[a-z0-9]{1,8}"
DIRECTIONS = ("inbound", "outbound")
TYPED = ("source", "number", "agent", "says")
TOLD = ("recording_id", "source", "call_date", "direction", "caller", "callee", "agent")
READ = (*("direction", "caller", "callee", "agent", "audio_uri"), *LENGTHS)
"""Columns of a list of calls; of one call, all are read."""
type Find = Callable[[CallFilter, Sequence[str]], Iterator[Row]]
"""The calls that fit, newest first, with these columns (``call_lake.lake.calls.CallReader``)."""
type FindSaid = Callable[[CallFilter, Phrase, Sequence[str]], Iterator[tuple[Row, Said]]]
"""The calls that fit and in which the phrase was said (``call_lake.lake.spoken.SpokenReader``)."""
type SoundOf = Callable[[Partition, str], Row | None]
"""The row of a recording in table ``sound``."""
type Note = Callable[[Sequence[str]], None]
"""Writes down that words of these recordings were shown."""


class BadQuestion(CallLakeError):
    """The page, or the person in front of it, asked for what there is not. The message is for that person."""


@dataclass(frozen=True, slots=True)
class Question:
    """What the page's form asks for. ``shown``: how many calls to list; all are counted."""

    first: date
    last: date
    source: str = ""
    number: str = ""
    agent: str = ""
    direction: str = ""
    longer_than_s: float | None = None
    says: str = ""
    shown: int = SHOWN

    @classmethod
    def of_json(cls, data: Mapping[str, Any]) -> Self:
        """Raises BadQuestion."""
        try:
            longer = data.get("longer_than_s")
            texts = {name: str(data.get(name) or "").strip()[:TEXT_MAX] for name in TYPED}
            asked = cls(
                first=date.fromisoformat(str(data["first"])),
                last=date.fromisoformat(str(data["last"])),
                direction=str(data.get("direction") or ""),
                longer_than_s=None if longer in (None, "") else float(longer),
                shown=min(int(data.get("shown") or SHOWN), SHOWN_MAX),
                **texts,
            )
        except (KeyError, TypeError, ValueError, OverflowError):
            raise BadQuestion("give the first and the last day like 2026-10-25, and a length in seconds") from None
        if not 0 <= (asked.last - asked.first).days < DAYS_MAX:
            raise BadQuestion(f"give a last day that is not before the first, and at most {DAYS_MAX} days")
        if asked.direction not in ("", *DIRECTIONS):
            raise BadQuestion(f"there is no such direction; there are: {', '.join(DIRECTIONS)}")
        if asked.says and asked.phrase is None:
            raise BadQuestion(f"{asked.says!r} has no words to look for")
        return asked

    @property
    def phrase(self) -> Phrase | None:
        """What has to be said in the calls; None for all calls."""
        return phrase_of(self.says)


def phrase_of(text: object) -> Phrase | None:
    """What was typed as a phrase; None for nothing."""
    return Phrase.of_text(str(text or "")[:TEXT_MAX])


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where the library reads. ``entry_of``: a recording's entry in the ledger."""

    find: Find
    find_said: FindSaid
    entry_of: Callable[[str], Entry | None]
    words: Words
    sound_of: SoundOf


class Library:
    """Rows of the lake, the recordings' stories, and what was said. ``sources``: those that may be shown."""

    def __init__(self, shelf: Shelf, store: ObjectStore, sources: Mapping[str, SourceSettings], note: Note) -> None:
        self._shelf = shelf
        self._store = store
        self._note = note
        self._countries = {name: source.country for name, source in sources.items()}
        self._zones = {name: source.zone for name, source in sources.items()}

    def search(self, question: Question) -> dict[str, Any]:
        """The newest calls that fit, how many there are, and their overview. Where a phrase is looked for, each call
        has its ``hits``, and the access log a line. Raises BadQuestion, LakeDamaged and Transient."""
        wanted = self._filter(question)
        overview = Overview(question.first, question.last, self._zones)
        shown: list[dict[str, Any]] = []
        total = 0
        for row, said in self._found(wanted, question.phrase):
            overview.add(row)
            total += 1
            if len(shown) < question.shown:
                perhaps = may_be_another(row, wanted.numbers, self._countries[row["source"]])
                shown.append(self._told(row) | {"perhaps": perhaps} | _told_said(said))
        if question.phrase and shown:
            self._note([call["recording_id"] for call in shown])
        return {"calls": shown, "total": total, "overview": overview.to_json()}

    def _found(self, wanted: CallFilter, phrase: Phrase | None) -> Iterator[tuple[Row, Said | None]]:
        if phrase is None:
            return ((row, None) for row in self._shelf.find(wanted, READ))
        return iter(self._shelf.find_said(wanted, phrase, READ))

    def row(self, source: str, call_date: str, recording_id: str) -> Row:
        """One call as the page names it. Raises BadQuestion, LakeDamaged and Transient."""
        partition = Partition.of_values(source, call_date)
        if partition is not None and source in self._zones:
            day = partition.call_date
            wanted = CallFilter(day, day, sources=frozenset({source}), ids=frozenset({recording_id}))
            if row := next(self._shelf.find(wanted, tuple(COLUMNS)), None):
                return row
        raise BadQuestion("there is no such call: it was erased, or it never was")

    def audio_key(self, row: Row) -> str:
        """The object that the row names, if it is where this recording's audio has to be. Raises BadQuestion."""
        partition = Partition.of_values(row["source"], str(row["call_date"]))
        key = (row["audio_uri"] or "").removeprefix(f"s3://{self._store.bucket}/")
        if not key:
            raise BadQuestion("its audio has expired: it was older than AudioRetentionDays")
        if partition is None or not re.fullmatch(re.escape(partition.audio_of(row["recording_id"])) + FORMAT, key):
            raise BadQuestion("its row names other audio, so nothing is played; call-lake verify says more")
        return key

    def story(self, row: Row) -> dict[str, Any]:
        """What happened to the recording, all facts of its row, and what its sound says."""
        told = story_of(row, self._shelf.entry_of, self._heard(row), self._zones[row["source"]])
        return told | {"sound": self._sound(row)}

    def transcript(self, audio_key: str, engine: str, phrase: Phrase | None) -> dict[str, Any]:
        """What was said in the recording of an audio object (``Words.of``). Raises BadQuestion."""
        partition = Partition.of_key(audio_key, AUDIO)
        if partition is None:
            raise BadQuestion("there is no such call")
        return self._shelf.words.of(partition, audio_key.rpartition("/")[2].partition(".")[0], engine, phrase)

    def _heard(self, row: Row) -> Sequence[Transcript]:
        partition = Partition.of_values(row["source"], str(row["call_date"]))
        return self._shelf.words.heard(partition, row["recording_id"]) if partition else []

    def _sound(self, row: Row) -> list[str]:
        partition = Partition.of_values(row["source"], str(row["call_date"]))
        try:
            return sentences_of(self._shelf.sound_of(partition, row["recording_id"]) if partition else None)
        except CallLakeError:  # the call can be heard without them
            return []

    def _filter(self, question: Question) -> CallFilter:
        if question.source and question.source not in self._zones:
            raise BadQuestion(f"there is no source {question.source!r}; there are: {', '.join(self._zones)}")
        names = frozenset({question.source} if question.source else self._zones)
        countries = sorted({self._countries[name] for name in names})
        return CallFilter(
            question.first,
            question.last,
            sources=names,
            numbers=numbers_of([question.number] if question.number else [], countries),
            agents=frozenset({question.agent} if question.agent else ()),
            directions=frozenset({question.direction} if question.direction else ()),
            longer_than_s=question.longer_than_s,
        )

    def _told(self, row: Row) -> dict[str, Any]:
        zone: ZoneInfo = self._zones[row["source"]]
        return {name: row[name] for name in TOLD} | {
            "call_date": str(row["call_date"]),
            "started": local(parse_iso(row["started_at"]), zone),
            "zone": zone.key,
            "length_s": length_of(row),
            "has_audio": row["audio_uri"] is not None,
        }


def _told_said(said: Said | None) -> dict[str, Any]:
    if said is None:
        return {"hits": [], "more_hits": 0}
    return {"hits": [told_hit(hit) for hit in said.hits], "more_hits": said.total - len(said.hits)}
