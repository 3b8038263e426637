"""What is measured: each operation of a stack with a long history, in a process forked for it."""

import gc
import multiprocessing
import resource
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bench.cloud.cloud import Times
from bench.cost.metered import Unit
from bench.scale.history import ERASED_NUMBER, SOURCES, History
from call_lake.bucket import inbox
from call_lake.model.lake_tables import CALLS
from call_lake.model.recording import AudioFacts, StoredAudio
from call_lake.model.table import row_of
from call_lake.operations.days import Days
from call_lake.operations.erase.targets import ErasureRequest
from call_lake.operations.rebuild import Rebuilder
from call_lake.operations.verify.verifier import StackData, Verifier
from call_lake.settings import SourceSettings
from call_lake_cli.commands import show
from call_lake_cli.stack import census
from tests.support.erasing import eraser_of
from tests.support.fakes.calls import Call, Proceed
from tests.support.fakes.ids import IDS
from tests.support.fakes.provider import FakeProvider, make_recording
from tests.support.memory_stack import stack_of
from tests.support.pipeline import COMPACTOR, URLS, Pipeline

ROWS, ROWS_AN_OBJECT, PARTITIONS = 2_000, 10, 22
NEW = 30
PAGE_BYTES = resource.getpagesize()

type Work = Callable[[], None]
type Operation = Callable[[History], Work]
"""Prepares, and returns what is measured."""


@dataclass(frozen=True, slots=True)
class Used:
    """``requests``: by port and method. ``waited_s``: what they take in AWS, where the threads
    of a pool share them evenly. ``peak_mb``: above what the process had before."""

    wall_s: float
    cpu_s: float
    waited_s: float
    peak_mb: float
    read_units: float
    requests: Counter[str]


def measure(history: History, operation: Operation, times: Times) -> Used:
    """In a process of the same memory, so that no operation sees what another has done."""
    here, there = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=_measure, args=(there, history, operation, times))
    child.start()
    there.close()
    try:
        found: Used = here.recv()
    except EOFError:
        raise SystemExit(f"{operation.__name__} failed") from None
    finally:
        child.join()
    return found


def _measure(to: Connection, history: History, operation: Operation, times: Times) -> None:
    noted = _Noted(times)
    work = operation(history)
    history.world.calls.on_call(noted)
    history.meter.take()
    gc.collect()
    gc.freeze()
    with _Peak() as peak:
        begun_s, cpu_s = time.perf_counter(), time.process_time()
        work()
        wall_s, cpu_s = time.perf_counter() - begun_s, time.process_time() - cpu_s
    units = history.meter.take().get(Unit.DYNAMODB_READ, 0)
    to.send(Used(wall_s, cpu_s, noted.in_a_row_s(), peak.mb, units, noted.requests))


class _Peak:
    """The most memory that the process has above what it had at first, looked at every few milliseconds."""

    def __enter__(self) -> "_Peak":
        self._first = self._most = _resident()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(0.005):
            self._most = max(self._most, _resident())

    @property
    def mb(self) -> float:
        return (self._most - self._first) / 1e6


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


class _Noted:
    """Notes every request, and what it takes in AWS."""

    def __init__(self, times: Times) -> None:
        self.requests: Counter[str] = Counter()
        self._times = times
        self._taken: dict[str, float] = {}
        self._lock = threading.Lock()

    def __call__(self, call: Call, proceed: Proceed) -> Any:
        with self._lock:
            self.requests[f"{call.port.partition(':')[0]}.{call.method}"] += 1
            name = threading.current_thread().name
            self._taken[name] = self._taken.get(name, 0.0) + self._times.of(call)
        return proceed()

    def in_a_row_s(self) -> float:
        pools: dict[str, list[float]] = {}
        for name, seconds in self._taken.items():
            pools.setdefault(name.rpartition("_")[0] or name, []).append(seconds)
        return sum(sum(taken) / len(taken) for taken in pools.values())


# -- the operations


def idle_compactor(history: History) -> Work:
    compactor = history.compactor()
    history.world.clock.advance(timedelta(minutes=5))
    return lambda: history.run(compactor)


def hourly_compactor(history: History) -> Work:
    compactor = history.compactor()
    history.world.clock.advance(timedelta(minutes=61))
    return lambda: history.run(compactor)


def cold_compactor(history: History) -> Work:
    return lambda: history.compactor() and None


def increment(history: History) -> Work:
    compactor = history.compactor()
    days = history.days[-PARTITIONS // len(SOURCES) :]
    facts, now = AudioFacts("wav", 1_000_000, "0" * 64, 1, 8000, 62.5), history.world.clock.now()
    for number, start in enumerate(range(0, ROWS, ROWS_AN_OBJECT)):
        source, day = SOURCES[number % 2], days[number // 2 % len(days)]
        started_at = now.replace(year=day.year, month=day.month, day=day.day, hour=9)
        made = [
            make_recording(10**6 + start + one, source, started_at=started_at, key=f"late/{start + one}")
            for one in range(ROWS_AN_OBJECT)
        ]
        rows = [row_of(one, StoredAudio("bucket", f"audio/{one.recording_id}.wav", facts, now)) for one in made]
        inbox.put_rows(history.world.store, rows, CALLS)
    history.world.clock.advance(timedelta(minutes=5))
    return lambda: history.run(compactor)


def poll(history: History) -> Work:
    world, source = history.world, SOURCES[0]
    provider = FakeProvider(world.calls)
    pipeline = Pipeline(world, {source: provider})
    pipeline.poll(source)
    world.clock.advance(timedelta(minutes=20))
    listed_at = world.clock.now() - timedelta(minutes=10)
    provider.rows += [
        make_recording(10**6 + number, source, started_at=listed_at, listed_at=listed_at) for number in range(NEW)
    ]

    def work() -> None:
        assert pipeline.poll(source).published == NEW

    return work


def status(history: History) -> Work:
    stack = _stack(history)
    return lambda: census.take_status(stack) and None


def show_one(history: History) -> Work:
    stack, id = _stack(history), history.id()

    def work() -> None:
        (entry,) = show.find_entries(history.ledger, [*SOURCES], id, lambda: IDS)
        show._facts_now(stack, entry)

    return work


def verify_day(history: History) -> Work:
    """What comes after the scan of the ledger."""
    day, world = history.whole_days[-1], history.world
    provider = FakeProvider(world.calls, page_size=100)
    provider.rows += history.recordings[day]
    data = StackData(history.ledger, world.store, world.catalog, lambda source, days: history.rows[day])
    settings = SourceSettings(SOURCES[0], SOURCES[0], URLS[SOURCES[0]])
    verifier = Verifier(settings, provider, data, world.clock, IDS)
    in_ledger = {one.recording_id: day for one in history.recordings[day]}

    def work() -> None:
        report = verifier.verify(Days(day, day), in_ledger, lambda step, done, total: None)
        assert report.right == history.calls, report.findings[:3]

    return work


def erase_number(history: History) -> Work:
    """With the scan of the ledger left out: it gives nothing."""
    history.table.scanned = []
    eraser = eraser_of(history.world)
    request = ErasureRequest(numbers=frozenset([ERASED_NUMBER]))

    def work() -> None:
        report = eraser.erase(request, history.world.clock.advance_to)
        assert report.is_clean, report
        assert report.targets.matched, report

    return work


def rebuild_month(history: History) -> Work:
    """With the scan of the ledger left out: it gives the ids of the month at once."""
    history.table.scanned = history.ids()
    world, days = history.world, history.whole_days
    rebuilder = Rebuilder(history.ledger, world.store, world.catalog, world.clock, COMPACTOR.grace_s)

    def work() -> None:
        found = rebuilder.find(SOURCES[:1], days[0], days[-1])
        done = rebuilder.rebuild(found, lambda so_far, of: None)
        assert sum(len(one.rebuilt.held) for one in done if one.rebuilt) == history.calls * len(days), done[0]

    return work


OPERATIONS: Mapping[str, Operation] = {
    "compactor, idle": idle_compactor,
    "compactor, idle, once an hour": hourly_compactor,
    "compactor, idle, first run of a process": cold_compactor,
    f"compactor, {ROWS:,} rows of {PARTITIONS} partitions": increment,
    f"poll, {NEW} new": poll,
    "`status`": status,
    "`show`": show_one,
    "`verify` of a day ¹": verify_day,
    "`rebuild` of a month ¹": rebuild_month,
    "`erase` of a number ¹": erase_number,
}


class _Sqs:
    def get_queue_attributes(self, **_: Any) -> dict[str, Any]:
        return {"Attributes": {}}


def _stack(history: History) -> Any:
    """A stack whose Athena answers nothing: what its queries read depends on their days."""
    nothing = SimpleNamespace(as_dicts=list)
    for module in (census, show):
        module.run_query = lambda stack, sql: nothing  # type: ignore[attr-defined]
    census.CLOCK = history.world.clock  # type: ignore[assignment]
    found = replace(stack_of(history.world))
    object.__setattr__(found, "client", lambda service: _Sqs())
    return found
