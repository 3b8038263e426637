"""Weeks in seconds: the real clients, poller, copier and compactor against the simulated providers, on a fake clock.

Each source has its lane, as it has its own invocations in Lambda: what one source's functions wait for takes
no time from the other's.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter

from call_lake.bucket.inbox import list_inbox
from call_lake.bucket.quarantine import list_quarantine
from call_lake.lake.compactor import Compactor
from call_lake.lake.search import read_partition
from call_lake.ledger.entry import Entry, entry_of
from call_lake.model.messages import recording_from_message
from call_lake.model.table import Row
from call_lake.model.times import parse_iso
from call_lake.polling.poller import PollResult
from call_lake.providers import make_provider
from call_lake.settings import SourceSettings
from call_lake_local.simulators import transport
from call_lake_local.simulators.clock import SimClock
from call_lake_local.simulators.simulation import FAKE_KEY, FAKE_PASSWORD, Simulation
from call_lake_local.simulators.thulium import USER
from call_lake_local.simulators.world import World as CallWorld
from tests.support.fakes import FakeClock, MemoryQueue, Received, World
from tests.support.lake_samples import partitions_of
from tests.support.pipeline import COMPACTOR, FUNCTION_TIME_S, Pipeline

SOURCES = ("thulium", "conpeek")
URLS = {"thulium": transport.THULIUM_URL, "conpeek": transport.CONPEEK_URL}
SWEEP_AT = time(2, 17)
EVERY_5_MINUTES, EVERY_15_MINUTES = timedelta(minutes=5), timedelta(minutes=15)
SETTLED = timedelta(minutes=5)

type Span = tuple[timedelta, timedelta]


class LaneClock(FakeClock):
    """A clock that can be turned to where another lane is."""

    def turn_to(self, moment: datetime) -> None:
        with self._lock:
            self._passed = moment - self._start


class ProviderClock(SimClock):
    """The providers live in the same time."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now()


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to a provider, and what it answered."""

    at: datetime
    source: str
    path: str
    status: int

    @property
    def is_listing(self) -> bool:
        return self.path.endswith(("/recordings", "/cdr_dialog_recording"))


class Watched(BaseAdapter):
    """Notes every request on its way to the simulated providers."""

    def __init__(self, adapter: BaseAdapter, clock: FakeClock) -> None:
        super().__init__()
        self.asked: list[Asked] = []
        self._adapter = adapter
        self._clock = clock

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        at, url = self._clock.now(), urlsplit(request.url or "")
        response = self._adapter.send(request, *args, **kwargs)
        self.asked.append(Asked(at, (url.hostname or "").partition(".")[0], url.path, response.status_code))
        return response

    def close(self) -> None:
        self._adapter.close()


class CountedQueue(MemoryQueue):
    """``published``: messages by recording. ``peak``: the most messages that it held. ``deliveries``: of one message,
    the most."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.published: Counter[str] = Counter()
        self.peak = self.deliveries = 0

    def receive(self, max_messages: int = 10) -> list[Received]:
        received = super().receive(max_messages)
        self.deliveries = max([self.deliveries, *(one.receive_count for one in received)])
        return received

    def send(self, bodies: Sequence[str], *, attributes: Mapping[str, str] | None = None) -> None:
        super().send(bodies, attributes=attributes)
        self.published.update(recording_from_message(body).recording_id for body in bodies)
        self.peak = max(self.peak, len(self))


class SimulatedTime:
    """One deployment and its two providers. ``faults``: of both, see ``local.simulators.faults``. ``broken``: spans in
    which every invocation of the copier fails before it does anything."""

    def __init__(
        self,
        calls: CallWorld,
        faults: str = "",
        *,
        broken: Sequence[Span] = (),
        compact_every: timedelta = timedelta(hours=1),
        requests_per_second: float = 5.0,
    ) -> None:
        self.clock = LaneClock()
        self.start = self.moment = self.clock.now()
        self.world = World.make(SOURCES, clock=self.clock, queue=CountedQueue)
        self.simulation = Simulation.of(calls, faults, clock=ProviderClock(self.clock))
        self.results: dict[str, list[PollResult]] = {source: [] for source in SOURCES}
        session = transport.session(self.simulation, self.clock.sleep)
        self._watched = Watched(session.get_adapter(URLS["thulium"]), self.clock)
        session.mount("http://", self._watched)
        providers = {}
        for source in SOURCES:
            settings = SourceSettings(source, source, URLS[source], requests_per_second=requests_per_second)
            providers[source] = make_provider(settings, self._secret(source), self.clock, session)
        self.pipeline = Pipeline(self.world, providers)
        self.fill_secret(FAKE_PASSWORD)
        self._broken = broken
        self._compact_every = compact_every
        self._compacted_at = self.start
        self._compactor = Compactor(
            self.world.store, self.world.table, self.world.catalog, self.clock, COMPACTOR, threads=1
        )
        self._lanes = dict.fromkeys(SOURCES, self.start)
        self._swept = dict.fromkeys(SOURCES, self.start.date())
        self._plans: list[tuple[datetime, Callable[[], None]]] = []

    # -- what happens to it

    @property
    def asked(self) -> list[Asked]:
        """Every request so far that was answered."""
        return self._watched.asked

    def requests(self, source: str) -> int:
        """How many the provider saw so far."""
        return int(self.simulation.providers[source].stats.snapshot()["requests"])

    def queue(self, source: str) -> CountedQueue:
        queue = self.world.queues[source]
        assert isinstance(queue, CountedQueue)
        return queue

    def fill_secret(self, password: str) -> None:
        """What Secrets Manager holds for both sources."""
        self.world.secrets.set("thulium", username=USER, password=password)
        self.world.secrets.set("conpeek", key=password if password != FAKE_PASSWORD else FAKE_KEY)

    def outage(self, source: str, start: timedelta, end: timedelta) -> None:
        """Every request to this provider fails from ``start`` to ``end`` after the beginning."""
        provider = self.simulation.providers[source]
        provider.plan = provider.plan.with_outage(self.start + start, self.start + end)

    def at(self, after: timedelta, act: Callable[[], None]) -> None:
        """Do this so long after the beginning."""
        self._plans.append((self.start + after, act))

    # -- how it goes

    def run_for(self, span: timedelta, step: timedelta | None = None) -> None:
        """Let the schedules fire every ``step`` until ``span`` has passed; by default every five minutes while people
        telephone, and every fifteen else."""
        end = self.moment + span
        while self.moment < end:
            until = self.moment + (step or _usual_step(self.moment))
            self._step(until)
            self.moment = until

    def _step(self, until: datetime) -> None:
        for plan in [plan for plan in self._plans if plan[0] <= self.moment]:
            self._plans.remove(plan)
            plan[1]()
        for source in SOURCES:
            self.clock.turn_to(max(self.moment, self._lanes[source]))
            self._poll(source)
            self._copy(source, until)
            self._lanes[source] = self.clock.now()
        self.clock.turn_to(until)
        if until - self._compacted_at >= self._compact_every:
            self.compact()

    def _poll(self, source: str) -> None:
        sweep = self.moment.date() > self._swept[source] and self.moment.time() >= SWEEP_AT
        if sweep:
            self._swept[source] = self.moment.date()
        self.results[source].append(self.pipeline.poll(source, sweep=sweep))

    def _copy(self, source: str, until: datetime) -> None:
        is_broken = any(start <= self.moment - self.start < end for start, end in self._broken)
        copy = self._fail if is_broken else self.pipeline.copy_once
        while self.clock.now() < until and copy(source):
            pass

    def _fail(self, source: str) -> int:
        """Lambda leaves the messages of an invocation that failed as they are: hidden until their time is up."""
        return len(self.queue(source).receive(10))

    def compact(self) -> None:
        self._compacted_at = self.clock.now()
        until_s = self.clock.monotonic() + FUNCTION_TIME_S
        self._compactor.run(until_s)

    # -- what it came to

    def entries(self, source: str) -> list[Entry]:
        return [entry_of(item) for item in self.world.table.items(f"{source}-").values()]

    def truth(self, source: str) -> list[dict[str, Any]]:
        return self.simulation.providers[source].truth()

    def waits(self, source: str) -> dict[str, timedelta]:
        """By recording, how long after listings began to show it it was stored. Only what appeared after the start."""
        stored = {entry.recording.provider_key: entry for entry in self.entries(source) if entry.recording}
        return {
            truth["provider_key"]: audio.stored_at - parse_iso(truth["available_at"])
            for truth in self.truth(source)
            if parse_iso(truth["available_at"]) >= self.start
            and truth["provider_key"] in stored
            and (audio := stored[truth["provider_key"]].audio)
        }

    def differences(self) -> list[str]:
        """Everything that is not as it should be: stored is what the providers have, once, and nothing waits."""
        rows = [row for p in partitions_of(self.world) for row in read_partition(self.world.store, p)]
        return [*self._wrong_rows(rows), *self._leftovers(), *self._stale()]

    def _wrong_rows(self, rows: Sequence[Row]) -> Iterator[str]:
        audio = {info.key for info in self.world.store.list("audio/")}
        found = Counter((row["source"], row["provider_key"]) for row in rows)
        by_key = {(row["source"], row["provider_key"]): row for row in rows}
        expected = {(source, truth["provider_key"]): truth for source in SOURCES for truth in self.truth(source)}
        announced = {event.detail["recording_id"] for event in self.world.bus.events}
        if len(audio) != len(expected):
            yield f"{len(audio)} audio objects for {len(expected)} recordings"
        yield from (f"{name} is in the lake and was never listed" for name in found.keys() - expected.keys())
        for name, truth in expected.items():
            if found[name] != 1:
                yield f"{name} has {found[name]} rows; it appeared at {truth['available_at']}"
                continue
            row, minute = by_key[name], "started_minute" if name[0] == "thulium" else "started_at"
            wanted = {"started_at": truth[minute], "call_date": truth["call_date"], "audio_sha256": truth["sha256"]}
            yield from (f"{name}: {c} is {row[c]}, not {value}" for c, value in wanted.items() if row[c] != value)
            if row["audio_uri"].removeprefix(f"s3://{self.world.store.bucket}/") not in audio:
                yield f"{name}: its audio does not stand"
            if row["recording_id"] not in announced:
                yield f"{name} was never announced"

    def _leftovers(self) -> Iterator[str]:
        yield from (f"{source}: {len(self.queue(source))} messages" for source in SOURCES if len(self.queue(source)))
        yield from (f"in the DLQ: {body[:200]}" for body in self.world.dlq.waiting())
        yield from (f"in the inbox: {waiting.key}" for waiting in list_inbox(self.world.store))
        yield from (f"in quarantine: {one.rejected.reason}" for one in list_quarantine(self.world.store))
        for source in SOURCES:
            open_jobs = self.pipeline.book(source).jobs.unfinished()
            yield from (f"{source}: {job.kind} of {job.window} is not done" for job in open_jobs)
            yield from (f"{e.recording_id} is {e.state}" for e in self.entries(source) if e.state != "STORED")

    def _stale(self) -> Iterator[str]:
        for source in SOURCES:
            checkpoint = self.pipeline.book(source).checkpoint()
            if checkpoint is None or self.moment - checkpoint > SETTLED + EVERY_15_MINUTES:
                yield f"{source}: the checkpoint is at {checkpoint}"

    def _secret(self, source: str) -> Callable[[bool], dict[str, str]]:
        return lambda fresh: self.world.secrets.get(source, fresh=fresh)


def _usual_step(moment: datetime) -> timedelta:
    return EVERY_5_MINUTES if moment.weekday() < 5 and 5 <= moment.hour < 19 else EVERY_15_MINUTES
