"""What ``call-lake status`` counts, and how many requests it needs for that."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from call_lake.ledger.entry import NEVER, State
from call_lake.model.lake_tables import CALLS, SOUND, TRANSCRIPTS, inbox_key, quarantine_key
from call_lake.model.layout import Partition
from call_lake.ports import FIRST_DUE, Item, ObjectInfo
from call_lake.settings import SourceSettings
from call_lake_cli.stack import census
from call_lake_cli.stack.census import MOST, SourceStatus, take_census, take_status
from tests.support.fakes import World

URL = "https://example.thulium.com/api"
TODAY = date(2026, 10, 20)
FIRST = date(2026, 9, 20)
"""30 days earlier: 31 days in all."""


class Requests(Counter[str]):
    """What AWS would be asked: pages, where the fakes count calls."""


class PagedTable:
    """Counts a page for 5,000 index entries, fewer than the 1 MB of a page hold, and forbids a scan
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html)."""

    def __init__(self, world: World, requests: Requests) -> None:
        self._table, self._requests = world.table, requests

    def get(self, id: str) -> Item | None:
        self._requests["GetItem"] += 1
        return self._table.get(id)

    def get_many(self, ids: Sequence[str]) -> dict[str, Item]:
        self._requests["BatchGetItem"] += -(-len(ids) // 100)
        return self._table.get_many(ids)

    def query_due(self, due_list: str, due_before: str, limit: int, *, due_from: str = FIRST_DUE) -> list[Item]:
        found = self._table.query_due(due_list, due_before, limit, due_from=due_from)
        self._requests["Query"] += 1 + len(found) // 5000
        return found

    def scan(self, attributes: Sequence[str], *, may_be_late: bool = False) -> Iterator[Item]:
        raise AssertionError("status scans the ledger")


class PagedStore:
    """Counts a page for 1,000 keys, and only those that somebody reads
    (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html)."""

    def __init__(self, world: World, requests: Requests) -> None:
        self._store, self._requests = world.store, requests

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        self._requests["ListObjectsV2"] += 1
        for number, info in enumerate(self._store.list(prefix)):
            self._requests["ListObjectsV2"] += number > 0 and number % 1000 == 0
            yield info


class Here:
    """A stack in memory. Athena answers ``rows``, and ``asked`` has what it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **zones: str) -> None:
        self.world = World.make()
        self.world.clock.advance_to(datetime(2026, 10, 20, 12, tzinfo=UTC))
        self.requests = Requests()
        self.table: Any = PagedTable(self.world, self.requests)
        self.store = PagedStore(self.world, self.requests)
        named = zones or {"thulium": "Europe/Warsaw"}
        self.sources = {name: SourceSettings(name, "thulium", URL, time_zone=zone) for name, zone in named.items()}
        self.rows: list[dict[str, Any]] = []
        self.asked: list[str] = []
        monkeypatch.setattr(census, "CLOCK", self.world.clock)
        monkeypatch.setattr(census, "run_query", self._answer)

    def client(self, service: str) -> Any:
        return SimpleNamespace(get_queue_attributes=self._attributes)

    def _attributes(self, **_: Any) -> dict[str, Any]:
        self.requests["GetQueueAttributes"] += 1
        return {"Attributes": {"ApproximateNumberOfMessages": "2", "ApproximateNumberOfMessagesDelayed": "1"}}

    def _answer(self, stack: Any, sql: str) -> Any:
        self.requests["StartQueryExecution"] += 1
        self.asked.append(sql)
        return SimpleNamespace(as_dicts=lambda: self.rows)

    def add(self, count: int, day: date = TODAY, source: str = "thulium", **attributes: Any) -> None:
        known = len(self.world.table.items())
        for number in range(known, known + count):
            item = {"version": 1, "source": source, "call_date": day.isoformat(), **attributes}
            self.world.table.update(f"{source}-{number:032x}", item)

    def erase(self, day: date, count: int = 1) -> None:
        list_, at = "erased#thulium", day.isoformat()
        self.add(count, day, state=State.ERASED, due_list=list_, due_at=at)

    def status(self) -> SourceStatus:
        (one,) = take_status(self)  # type: ignore[arg-type]
        return one


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Here:
    return Here(monkeypatch)


def row(day: date, n: int, source: str = "thulium", **more: Any) -> dict[str, Any]:
    newest = f"{day}T12:00:00.000Z"
    return {"source": source, "call_date": day.isoformat(), "n": n, "with_audio": n, "newest": newest} | more


def healthy(monkeypatch: pytest.MonkeyPatch, recordings: int) -> Requests:
    here = Here(monkeypatch)
    here.add(recordings, state=State.STORED)
    for number in range(recordings):
        here.world.store.put(f"{Partition('thulium', TODAY).audio}{number}.wav", b"")
    here.status()
    return here.requests


def ailing(monkeypatch: pytest.MonkeyPatch, recordings: int) -> Requests:
    """So many of each thing that status counts."""
    here = Here(monkeypatch)
    here.add(recordings, due_list="thulium", due_at="2026-10-20T12:00:00.000Z")
    here.add(recordings, due_list="thulium", due_at=NEVER, state=State.FAILED, reason="forbidden")
    here.erase(TODAY, recordings)
    for number in range(recordings):
        here.world.store.put(inbox_key(CALLS, Partition("thulium", TODAY), str(number)), b"")
        here.world.store.put(quarantine_key(CALLS, Partition("thulium", TODAY), str(number)), b"")
    here.status()
    return here.requests


def test_status_asks_as_much_of_ten_recordings_as_of_ten_thousand(monkeypatch: pytest.MonkeyPatch) -> None:
    assert healthy(monkeypatch, 10) == healthy(monkeypatch, 10_000)


def test_status_asks_little_more_where_ten_thousand_of_everything_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = ailing(monkeypatch, 10), ailing(monkeypatch, MOST + 2500)

    assert few.total() == 13
    assert many.total() - few.total() == 24  # 9 pages more of each listing, 2 of each Query


def test_a_count_that_stops_says_so(here: Here) -> None:
    here.add(MOST + 1, due_list="thulium", due_at="2026-10-20T12:00:00.000Z")
    here.add(1, due_list="thulium", due_at=NEVER, state=State.FAILED, reason="forbidden")

    one = here.status()

    assert (one.waiting, one.at_least) == (MOST, ["waiting"])
    assert one.failed == {"forbidden": 1}, "failures come last in the index, behind all that waits"


def test_every_count_may_stop(monkeypatch: pytest.MonkeyPatch, here: Here) -> None:
    monkeypatch.setattr(census, "MOST", 2)
    here.add(3, due_list="thulium", due_at="2026-10-20T12:00:00.000Z")
    for reason in ("forbidden", "not_found"):
        here.add(1, due_list="thulium", due_at=NEVER, state=State.FAILED, reason=reason)
    here.erase(TODAY, 3)
    for number in range(3):
        here.world.store.put(inbox_key(CALLS, Partition("thulium", TODAY), str(number)), b"")
        here.world.store.put(quarantine_key(CALLS, Partition("thulium", TODAY), str(number)), b"")

    assert here.status().at_least == ["waiting", "failed", "inbox", "quarantine", "erased"]


def test_what_is_unfinished_is_counted_of_any_day(here: Here) -> None:
    long_ago = date(2020, 1, 1)
    here.add(3, long_ago, due_list="thulium", due_at="2020-01-02T00:00:00.000Z")
    here.add(2, long_ago, due_list="thulium", due_at=NEVER, state=State.FAILED, reason="not_found")
    here.add(4, long_ago, "conpeek", due_list="conpeek", due_at="2020-01-02T00:00:00.000Z")
    here.add(5, long_ago, due_list="stored#thulium", due_at="2020-01-02T00:00:00.000Z", state=State.STORED)
    here.world.store.put(inbox_key(SOUND, Partition("thulium", long_ago), "one"), b"")
    here.world.store.put(inbox_key(CALLS, Partition("thulium2", long_ago), "another's"), b"")
    here.world.store.put(quarantine_key(TRANSCRIPTS, Partition("thulium", long_ago), "one"), b"")

    one = here.status()

    assert (one.waiting, one.failed, one.queue, one.inbox, one.quarantine) == (3, {"not_found": 2}, 3, 1, 1)


def test_erased_recordings_are_counted_by_the_day_of_their_call(here: Here) -> None:
    for day in (FIRST - timedelta(days=1), FIRST, TODAY):
        here.erase(day)

    assert here.status().erased == 2


def test_rows_are_those_of_the_last_31_days(here: Here) -> None:
    here.rows = [row(FIRST, 2), row(TODAY, 3, with_audio=1)]

    one = here.status()

    assert f"WHERE call_date >= DATE '{FIRST}'" in here.asked[0]
    assert (one.since, one.rows, one.expired) == (FIRST, 5, 2)
    assert one.newest_row == "2026-10-20T12:00:00.000Z"


def test_the_days_are_those_of_the_sources_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    here = Here(monkeypatch, east="Asia/Tokyo", west="America/New_York")
    here.world.clock.advance_to(datetime(2026, 10, 20, 22, tzinfo=UTC))  # the 21st in Tokyo
    here.rows = [row(FIRST, 1, "west"), row(FIRST, 1, "east"), row(FIRST + timedelta(days=1), 1, "east")]

    east, west = take_status(here)  # type: ignore[arg-type]

    assert (west.since, west.rows) == (FIRST, 1)
    assert (east.since, east.rows) == (FIRST + timedelta(days=1), 1)
    assert f"call_date >= DATE '{FIRST}'" in here.asked[0]


def test_a_stack_without_sources_asks_nothing(here: Here) -> None:
    here.sources = {}

    assert take_status(here) == []  # type: ignore[arg-type]
    assert here.requests == {}


def test_the_census_counts_every_recording_and_asks_from_the_ledgers_first_day_on(here: Here) -> None:
    here.table = here.world.table
    here.add(1, date(2021, 3, 1), state=State.EXPIRED)
    here.add(2, state=State.STORED)
    here.add(1, state=State.FAILED, reason="forbidden")
    here.add(1)
    here.add(1, state=State.ERASED)
    here.add(1, source="nobodys")
    here.rows = [{"source": "thulium", "n": 3, "ids": 3, "newest": "2026-10-20T12:00:00.000Z"}]

    (one,) = take_census(here)  # type: ignore[arg-type]

    assert (one.listed, one.stored, one.expired, one.waiting, one.failed, one.erased) == (
        5,
        3,
        1,
        1,
        {"forbidden": 1},
        1,
    )
    assert (one.rows, one.recordings_in_rows, one.since, one.at_least) == (3, 3, None, [])
    assert "WHERE call_date >= DATE '2021-03-01'" in here.asked[0]


def test_the_census_of_an_empty_ledger_asks_athena_nothing(here: Here) -> None:
    here.table = here.world.table

    (one,) = take_census(here)  # type: ignore[arg-type]

    assert (one.listed, one.rows, here.asked) == (0, 0, [])


def test_an_item_whose_day_cannot_be_read_is_counted_and_bounds_nothing(here: Here) -> None:
    here.table = here.world.table
    here.add(1, state=State.STORED)
    here.world.table.update(f"thulium-{0:032x}", {"call_date": "1", "source": ["x"]})
    here.add(1, state=State.STORED)

    (one,) = take_census(here)  # type: ignore[arg-type]

    assert (one.stored, f"call_date >= DATE '{TODAY}'" in here.asked[0]) == (2, True)
