"""Which calls a command is asked for, and how they are found and told (``call-lake find`` and ``export``)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from call_lake.model.table import Row, length_of
from call_lake.model.times import iso, parse_iso
from call_lake.operations.days import Days
from call_lake.wiring.operator import CLOCK
from call_lake_cli.console.errors import UsageError
from call_lake_cli.console.options import parse_days
from call_lake_cli.stack.handle import Stack, find_source

if TYPE_CHECKING:  # pyarrow takes longer to load than most commands to run
    from call_lake.lake.calls import CallFilter
    from call_lake.lake.spoken import Said
    from call_lake.model.phone_numbers import WantedNumber
    from call_lake.model.phrases import Hit, Phrase

LAST_DAYS = 31
LENGTH = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asked:
    """The options that choose calls, as they were typed."""

    numbers: Sequence[str] = ()
    agents: Sequence[str] = ()
    day: str | None = None
    from_: str | None = None
    to: str | None = None
    source: str | None = None
    direction: str | None = None
    longer_than: str | None = None

    @property
    def anything(self) -> bool:
        """Whether an option was given at all."""
        return self != Asked()

    @property
    def words(self) -> str:
        """What was typed, as options: for a person who reads an export's cover sheet."""
        given = {"day": self.day, "from": self.from_, "to": self.to, "source": self.source}
        given |= {"direction": self.direction, "longer-than": self.longer_than}
        texts = [("number", text) for text in self.numbers] + [("agent", text) for text in self.agents]
        return " ".join(f"--{name} {text}" for name, text in (*texts, *given.items()) if text)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The calls that a command is asked for. ``default_days``: nobody named days, so it is the last 31."""

    filter: "CallFilter"
    default_days: bool

    @property
    def days(self) -> str:
        """``2026-10-01 to 2026-10-31``, or one day."""
        first, last = self.filter.first, self.filter.last
        if first == last:
            return f"{first}"
        return f"until {last}" if first == date.min else f"{first} to {last}"

    def may_be_another(self, row: Row, country: str) -> bool:
        """Whether neither end of the call is certainly a number that was asked for."""
        return may_be_another(row, self.filter.numbers, country)


def wanted_of(stack: Stack, asked: Asked, *, all_days: bool = False) -> Wanted:
    """``all_days``: where no day is named, every day, not the last 31.

    Raises UsageError, and UserError for a source that the stack does not have.
    """
    from call_lake.lake.calls import CallFilter

    is_default = not (asked.day or asked.from_ or asked.to)
    today = today_in(stack)
    days = Days(date.min, today) if all_days and is_default else days_of(asked, today)
    sources = frozenset({asked.source}) if asked.source else frozenset[str]()
    if asked.source:
        find_source(stack, asked.source)
    for option, texts in (("--number", asked.numbers), ("--agent", asked.agents)):
        if not all(text.strip() for text in texts):
            raise UsageError(f"{option} is blank, which names nobody: give a text, like {option} 800000003")
    found = CallFilter(
        first=days.first,
        last=days.last,
        sources=sources,
        numbers=numbers_of(asked.numbers, sorted(set(countries_of(stack).values()))),
        agents=frozenset(asked.agents),
        directions=frozenset({asked.direction}) if asked.direction else frozenset(),
        longer_than_s=parse_length(asked.longer_than) if asked.longer_than else None,
    )
    return Wanted(found, default_days=is_default)


def days_of(asked: Asked, today: date) -> Days:
    """The days that were named; else the last 31. Raises UsageError."""
    if asked.day and (asked.from_ or asked.to):
        raise UsageError("--day is one day, --from and --to are several: give one or the other")
    if asked.day:
        return parse_days(asked.day, asked.day)
    if asked.from_ or asked.to:
        days = parse_days(asked.from_, asked.to)
        return Days(days.first, min(days.last, max(today, days.first)))
    return Days(today - timedelta(days=LAST_DAYS - 1), today)


def today_in(stack: Stack) -> date:
    """The latest day that it is now in a source's time zone."""
    now = CLOCK.now()
    return max((now.astimezone(source.zone).date() for source in stack.sources.values()), default=now.date())


def countries_of(stack: Stack) -> dict[str, str]:
    """The country of each source's phone numbers."""
    return {name: source.country for name, source in stack.sources.items()}


def find_calls(stack: Stack, wanted: Wanted, columns: Sequence[str]) -> Iterator[Row]:
    """The calls, newest first, with these columns of table ``calls``."""
    from call_lake.lake.calls import CallReader

    return CallReader(stack.store, countries_of(stack), columns).calls(wanted.filter)


def find_said(stack: Stack, wanted: Wanted, phrase: "Phrase", columns: Sequence[str]) -> "Iterator[tuple[Row, Said]]":
    """The calls in which the phrase was said, newest first, and where it was said in each."""
    from call_lake.lake.calls import CallReader
    from call_lake.lake.spoken import SpokenReader

    return SpokenReader(stack.store, CallReader(stack.store, countries_of(stack), columns)).calls(wanted.filter, phrase)


def parse_phrase(text: str) -> "Phrase":
    """What ``--says`` looks for. Raises UsageError."""
    from call_lake.model.phrases import Phrase

    if phrase := Phrase.of_text(text):
        return phrase
    raise UsageError(f"--says {text!r} has no words: give some, like --says 'cancel my contract'")


def may_be_another(row: Row, numbers: "Sequence[WantedNumber]", country: str) -> bool:
    """Whether numbers were asked for, and neither end of the call is certainly one of them."""
    from call_lake.model.phone_numbers import Likeness

    ends = (row["caller"], row["callee"])
    return bool(numbers) and not any(n.compare(end, country) is Likeness.SAME for n in numbers for end in ends)


def numbers_of(texts: Sequence[str], countries: Sequence[str]) -> "tuple[WantedNumber, ...]":
    """A number that is typed without a country's code is looked for as one of each country of the stack's sources."""
    from call_lake.model.phone_numbers import WantedNumber

    return tuple(WantedNumber(text, country) for text in texts for country in countries)


def parse_length(text: str) -> float:
    """Seconds of ``90``, ``90s``, ``5m``, ``1h30m``. Raises UsageError."""
    found = LENGTH.fullmatch(text.strip().lower())
    if not found or not any(found.groups()):
        raise UsageError(f"{text!r} is no length: write seconds, like 90, or 5m, or 1h30m")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return hours * 3600.0 + minutes * 60 + seconds


# -- how a call is told


def zone_of_source(stack: Stack, source: str) -> ZoneInfo:
    """The source's time zone; UTC for a source that the stack does not have any more."""
    settings = stack.sources.get(source)
    return settings.zone if settings else ZoneInfo("UTC")


def local_start(stack: Stack, row: Row) -> datetime:
    """When the call began, on its source's clock."""
    return parse_iso(row["started_at"]).astimezone(zone_of_source(stack, row["source"]))


def clock_text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def length_text(seconds: float | None) -> str | None:
    """``3:20``, or ``1:03:20`` with hours."""
    if seconds is None:
        return None
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def as_json(stack: Stack, row: Row) -> dict[str, Any]:
    """One call for a program: texts, numbers and null."""
    local = local_start(stack, row)
    return {
        "recording_id": row["recording_id"],
        "source": row["source"],
        "call_date": row["call_date"],
        "started_at": iso(local.astimezone(UTC)),
        "local_start": local.isoformat(timespec="seconds"),
        "time_zone": str(local.tzinfo),
        "length_s": length_of(row),
        **{name: row[name] for name in ("direction", "caller", "callee", "agent", "disposition")},
        "audio_format": row["audio_format"],
        "has_audio": row["audio_uri"] is not None,
    }


# -- how a place is told at which words were said

SIDES = ("Left side", "Right side")


def told_hit(hit: "Hit") -> dict[str, Any]:
    """For a program, and for the listening page."""
    return {
        "at_s": hit.at_s,
        "segment": hit.segment,
        "side": side_of(hit.channel, hit.speaker),
        "before": hit.before,
        "words": hit.words,
        "after": hit.after,
    }


def side_of(channel: int | None, speaker: str | None) -> str | None:
    """Who speaks, as far as the engine tells: a side of a stereo call, or the label of a voice."""
    if channel is None:
        return speaker
    side = SIDES[channel] if channel < len(SIDES) else f"Channel {channel + 1}"
    return f"{side}, {speaker}" if speaker else side
