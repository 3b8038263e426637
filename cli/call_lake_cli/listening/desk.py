"""The listening page's parts for a stack."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial

from call_lake.bucket.access_log import AccessLog
from call_lake.lake.calls import CallFilter, CallReader
from call_lake.lake.manifest import partitions_between
from call_lake.lake.spoken import Said, SpokenReader, sound_of, transcripts_of
from call_lake.ledger.entry import Entry
from call_lake.ledger.ledger import Ledger
from call_lake.model.lake_tables import CALLS
from call_lake.model.phrases import Phrase
from call_lake.model.table import Row
from call_lake.ports import ObjectStore
from call_lake.settings import SourceSettings
from call_lake.wiring.operator import CLOCK
from call_lake_cli.listening.app import Desk
from call_lake_cli.listening.documents import document_of
from call_lake_cli.listening.library import DIRECTIONS, Library, Shelf
from call_lake_cli.listening.plays import Plays
from call_lake_cli.listening.waveform import Waveforms
from call_lake_cli.listening.words import Words
from call_lake_cli.stack.audio import access_log_of
from call_lake_cli.stack.handle import Stack

DAYS = 31


def desk_of(stack: Stack, sources: Mapping[str, SourceSettings]) -> Desk:
    """Raises Transient where AWS does not let these credentials read the table."""
    access_log = access_log_of(stack)
    first, last = days_of(stack.store, sources, CLOCK.now())
    return Desk(
        about={
            "stack": stack.name,
            "who": access_log.who,
            "sources": list(sources),
            "directions": list(DIRECTIONS),
            "first": first.isoformat(),
            "last": last.isoformat(),
        },
        library=Library(shelf_of(stack.store, sources, _entries_of(stack)), stack.store, sources, note_of(access_log)),
        plays=Plays(access_log, CLOCK.now),
        waveforms=Waveforms(stack.store),
        store=stack.store,
    )


def days_of(store: ObjectStore, sources: Mapping[str, SourceSettings], now: datetime) -> tuple[date, date]:
    """The days that the page shows first: the 31 that end today, or at the newest call if that is longer ago."""
    today = max(now.astimezone(source.zone).date() for source in sources.values())
    newest = next(iter(partitions_between(store, CALLS, date.min, today, frozenset(sources))), None)
    last = newest.call_date if newest and newest.call_date < today - timedelta(days=DAYS) else today
    return last - timedelta(days=DAYS - 1), last


def finder_of(
    store: ObjectStore, sources: Mapping[str, SourceSettings]
) -> Callable[[CallFilter, Sequence[str]], Iterator[Row]]:
    countries = {name: source.country for name, source in sources.items()}
    return lambda wanted, columns: CallReader(store, countries, columns).calls(wanted)


def shelf_of(
    store: ObjectStore, sources: Mapping[str, SourceSettings], entry_of: Callable[[str], Entry | None]
) -> Shelf:
    """What the page reads of these sources."""
    countries = {name: source.country for name, source in sources.items()}

    def find_said(wanted: CallFilter, phrase: Phrase, columns: Sequence[str]) -> Iterator[tuple[Row, Said]]:
        return SpokenReader(store, CallReader(store, countries, columns)).calls(wanted, phrase)

    words = Words(partial(transcripts_of, store), partial(document_of, store))
    return Shelf(finder_of(store, sources), find_said, entry_of, words, partial(sound_of, store))


def note_of(access_log: AccessLog) -> Callable[[Sequence[str]], None]:
    """How a search for words is noted."""
    return partial(access_log.note, "search")


def _entries_of(stack: Stack) -> Callable[[str], Entry | None]:
    ledger = Ledger(stack.table, CLOCK, 0.0)  # it only reads, so it needs no age at which to publish again
    return ledger.entry
