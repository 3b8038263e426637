"""Count what became of a stack's recordings, in the ledger, the queues, the inbox and the lake."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from call_lake.ledger.entry import State, state_of
from call_lake.ledger.jobs import STATE as JOB_STATE
from call_lake.ledger.jobs import JobState
from call_lake.model.layout import INBOX, Partition
from call_lake.model.times import parse_iso
from call_lake_cli.stack.athena import run_query
from call_lake_cli.stack.handle import Stack


@dataclass(slots=True)
class SourceCensus:
    """The counts of one source. ``listed``: the ledger's recordings without the erased ones. ``stored``: those whose
    audio was stored; ``expired``: those of them whose audio has expired since. ``rows``: what Athena sees."""

    source: str
    listed: int = 0
    stored: int = 0
    expired: int = 0
    waiting: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    erased: int = 0
    rows: int = 0
    recordings_in_rows: int = 0
    newest_row: str | None = None
    queue: int = 0
    inbox: int = 0
    checkpoint: str | None = None
    checkpoint_age_s: float | None = None
    trouble: str | None = None
    audio_hosts: list[str] = field(default_factory=list)
    polls: str | None = None
    jobs_unfinished: int = 0

    @property
    def settled(self) -> bool:
        """Every listed recording is stored and one row, or has failed permanently."""
        return (
            self.waiting == self.inbox == self.jobs_unfinished == 0
            and self.stored + sum(self.failed.values()) == self.listed
            and self.stored == self.rows == self.recordings_in_rows
        )

    @property
    def unused(self) -> bool:
        """Nobody has set this source up yet: its secret is empty."""
        return (self.trouble or "").startswith("secret_empty")

    def to_json(self) -> dict[str, Any]:
        names = self.__slots__
        return {name: dict(v) if isinstance(v := getattr(self, name), Counter) else v for name in names}


def take_census(stack: Stack) -> list[SourceCensus]:
    """Count every source's recordings. Reads the whole ledger, so it suits up to some million recordings
    (docs/limits.md)."""
    counts = {name: SourceCensus(name) for name in sorted(stack.sources)}
    _from_ledger(stack, counts)
    _from_queues(stack, counts)
    for info in stack.store.list(INBOX):
        partition = Partition.of_key(info.key, INBOX)
        if partition and partition.source in counts:
            counts[partition.source].inbox += 1
    _from_lake(stack, counts)
    return list(counts.values())


def _from_ledger(stack: Stack, counts: dict[str, SourceCensus]) -> None:
    now = datetime.now(UTC)
    for item in stack.table.scan():
        kind, _, rest = item["id"].partition("#")
        one = counts.get(rest if kind == "source" else item.get("source", ""))
        if one is None:
            continue
        if kind == "source":
            one.checkpoint, one.trouble, one.polls = (
                item.get("checkpoint"),
                item.get("trouble"),
                item.get("last_poll_at"),
            )
            one.audio_hosts = list(item.get("audio_hosts", ()))
            if one.checkpoint:
                one.checkpoint_age_s = round((now - parse_iso(one.checkpoint)).total_seconds(), 1)
        elif kind == "job":
            one.jobs_unfinished += item[JOB_STATE] == JobState.UNFINISHED
        else:
            _count_recording(one, item)


def _count_recording(one: SourceCensus, item: dict[str, Any]) -> None:
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


def _from_queues(stack: Stack, counts: dict[str, SourceCensus]) -> None:
    sqs = stack.client("sqs")
    names = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    ]
    for name, settings in stack.sources.items():
        found = sqs.get_queue_attributes(QueueUrl=settings.queue_url, AttributeNames=names)["Attributes"]
        counts[name].queue = sum(int(found.get(key, 0)) for key in names)


def _from_lake(stack: Stack, counts: dict[str, SourceCensus]) -> None:
    sql = """SELECT source, count(*) AS n, count(DISTINCT recording_id) AS ids, max(stored_at) AS newest
             FROM calls GROUP BY source"""
    for row in run_query(stack, sql).as_dicts():
        if row["source"] in counts:
            one = counts[row["source"]]
            one.rows, one.recordings_in_rows, one.newest_row = row["n"], row["ids"], row["newest"]


def total(census: Iterable[SourceCensus], name: str) -> int:
    """The sum of one count over all sources."""
    return sum(getattr(one, name) for one in census)
