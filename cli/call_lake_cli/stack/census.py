"""Count what became of a stack's recordings (ADR 0032).

``take_status`` costs the same however many there are: what is unfinished comes from the ledger's index, what is done
from the table's last days. ``take_census`` reads the whole ledger.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from call_lake.ledger.counts import count_erased, count_failed, count_waiting
from call_lake.ledger.entry import State, day_of, state_of
from call_lake.ledger.jobs import JobState
from call_lake.ledger.source_state import SourceState
from call_lake.model.lake_tables import TABLES
from call_lake.model.recording import RECORDING_ID
from call_lake.model.times import parse_iso
from call_lake.wiring.operator import CLOCK
from call_lake_cli.stack.athena import run_query
from call_lake_cli.stack.handle import Stack

DAYS = 31
"""``take_status`` counts rows and tombstones of today and of the days before, so many in all."""
MOST = 10_000
"""``take_status`` counts nothing further: a first fill or an outage leaves millions of some things."""
COUNTED = ("id", "call_date", "state", "reason")
"""What ``take_census`` needs of an item."""
IN_QUEUE = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


@dataclass(slots=True)
class SourceStatus:
    """One source now. Of any day: ``waiting``, ``failed`` by reason, ``queue``, ``inbox``, ``quarantine`` and
    ``jobs_unfinished``. Of the calls of ``since`` and later: ``rows`` (what Athena sees), ``expired`` (those of them
    whose audio has expired), ``newest_row`` and ``erased``. ``at_least``: names of counts that stopped at ``MOST``."""

    source: str
    checkpoint: str | None = None
    checkpoint_age_s: float | None = None
    polls: str | None = None
    trouble: str | None = None
    audio_hosts: list[str] = field(default_factory=list)
    waiting: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    queue: int = 0
    inbox: int = 0
    quarantine: int = 0
    jobs_unfinished: int = 0
    since: date | None = None
    rows: int = 0
    expired: int = 0
    erased: int = 0
    newest_row: str | None = None
    at_least: list[str] = field(default_factory=list)

    @property
    def unused(self) -> bool:
        """This source is not set up yet: its secret is empty."""
        return (self.trouble or "").startswith("secret_empty")

    def to_json(self) -> dict[str, Any]:
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        return found | {"failed": dict(self.failed), "since": self.since.isoformat() if self.since else None}


@dataclass(slots=True)
class SourceCensus(SourceStatus):
    """One source with all its recordings: ``since`` is None. ``listed``: the ledger's without the erased ones.
    ``stored``: those whose audio was stored. ``expired``: those of them whose audio has expired since."""

    listed: int = 0
    stored: int = 0
    recordings_in_rows: int = 0

    @property
    def settled(self) -> bool:
        """Every listed recording is stored and one row, or has failed permanently."""
        return (
            self.waiting == self.inbox == self.jobs_unfinished == 0
            and self.stored + sum(self.failed.values()) == self.listed
            and self.stored == self.rows == self.recordings_in_rows
        )


def take_status(stack: Stack) -> list[SourceStatus]:
    """What is unfinished now, and what the last days brought. Scans nothing."""
    days = {name: _first_day(stack.sources[name].zone) for name in sorted(stack.sources)}
    found = {name: SourceStatus(name, since=day) for name, day in days.items()}
    _read_sources(stack, found)
    _count_waiting_elsewhere(stack, found, MOST)
    for name, one in found.items():
        one.waiting = count_waiting(stack.table, name, MOST)
        one.failed = count_failed(stack.table, name, MOST)
        one.erased = count_erased(stack.table, name, days[name], MOST)
        counts = {**one.to_json(), "failed": sum(one.failed.values())}
        one.at_least = [key for key in ("waiting", "failed", "inbox", "quarantine", "erased") if counts[key] >= MOST]
    if days:
        _count_rows(stack, found, days)
    return list(found.values())


def take_census(stack: Stack) -> list[SourceCensus]:
    """Count every recording of every source. Reads the whole ledger, and every day of the table since its first one."""
    found = {name: SourceCensus(name) for name in sorted(stack.sources)}
    _read_sources(stack, found)
    _count_waiting_elsewhere(stack, found, None)
    if first := _scan(stack, found):
        _count_all_rows(stack, found, first)
    return list(found.values())


def ledger_size(stack: Stack) -> tuple[int, int]:
    """Items and bytes, as DynamoDB counts them about every six hours:
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html"""
    found = stack.client("dynamodb").describe_table(TableName=stack.ledger_table)["Table"]
    return found["ItemCount"], found["TableSizeBytes"]


def total(census: Iterable[SourceCensus], name: str) -> int:
    """The sum of one count over all sources."""
    return sum(getattr(one, name) for one in census)


def _first_day(zone: ZoneInfo) -> date:
    return CLOCK.now().astimezone(zone).date() - timedelta(days=DAYS - 1)


def _read_sources(stack: Stack, found: Mapping[str, SourceStatus]) -> None:
    for name, one in found.items():
        state = SourceState(stack.table, CLOCK, name)
        facts = state.facts()
        one.checkpoint, one.trouble = facts.get("checkpoint"), facts.get("trouble")
        one.polls = facts.get("last_poll_at")
        one.audio_hosts = list(facts.get("audio_hosts", ()))
        if one.checkpoint:
            one.checkpoint_age_s = round((CLOCK.now() - parse_iso(one.checkpoint)).total_seconds(), 1)
        one.jobs_unfinished = sum(job.state is JobState.UNFINISHED for job in state.jobs.unfinished())


def _count_waiting_elsewhere(stack: Stack, found: Mapping[str, SourceStatus], most: int | None) -> None:
    """What waits outside the ledger: messages, inbox objects, rows that were set aside."""
    sqs = stack.client("sqs")
    for name, one in found.items():
        url = stack.sources[name].queue_url
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(IN_QUEUE))["Attributes"]
        one.queue = sum(int(answer.get(key, 0)) for key in IN_QUEUE)
        one.inbox, one.quarantine = (
            sum(1 for prefix in prefixes for _ in islice(stack.store.list(f"{prefix}source={name}/"), most))
            for prefixes in ([table.inbox for table in TABLES], [table.quarantine for table in TABLES])
        )


def _count_rows(stack: Stack, found: Mapping[str, SourceStatus], days: Mapping[str, date]) -> None:
    """Rows of each source's last days. Today is another day in another time zone, so each source sums its own days."""
    sql = f"""SELECT source, call_date, count(*) AS n, count(audio_uri) AS with_audio, max(stored_at) AS newest
              FROM calls WHERE call_date >= DATE '{min(days.values())}' GROUP BY source, call_date"""  # noqa: S608 - a day
    for row in run_query(stack, sql).as_dicts():
        one = found.get(row["source"])
        if one and row["call_date"] >= days[one.source].isoformat():
            one.rows += row["n"]
            one.expired += row["n"] - row["with_audio"]
            one.newest_row = max(one.newest_row or "", row["newest"])


def _scan(stack: Stack, found: Mapping[str, SourceCensus]) -> date | None:
    """Count the ledger's recordings; return the first day of them."""
    first: date | None = None
    for item in stack.table.scan(COUNTED):
        named = RECORDING_ID.fullmatch(item["id"])
        if named and (one := found.get(named[1])):
            _count_recording(one, item)
            first = min(filter(None, (first, day_of(item))), default=None)
    return first


def _count_recording(one: SourceCensus, item: Mapping[str, Any]) -> None:
    state = state_of(item)
    one.listed += state != State.ERASED
    if state in (State.STORED, State.EXPIRED):
        one.stored += 1
        one.expired += state == State.EXPIRED
    elif state == State.FAILED:
        one.failed[item.get("reason", "unknown")] += 1
    elif state == State.ERASED:
        one.erased += 1
    else:
        one.waiting += 1


def _count_all_rows(stack: Stack, found: Mapping[str, SourceCensus], first: date) -> None:
    sql = f"""SELECT source, count(*) AS n, count(DISTINCT recording_id) AS ids, max(stored_at) AS newest
              FROM calls WHERE call_date >= DATE '{first}' GROUP BY source"""  # noqa: S608 - a day
    for row in run_query(stack, sql).as_dicts():
        if one := found.get(row["source"]):
            one.rows, one.recordings_in_rows, one.newest_row = row["n"], row["ids"], row["newest"]
