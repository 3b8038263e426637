"""AWS in memory whose every request takes time, and a processor that is a share of one.

Threads really sleep. ``slow`` stretches all sleeps, and the clock counts the stretched time as if it were short. So the
noise of the machine that measures weighs less.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from bench.cost.metered import Meter, metered_world
from tests.support.fakes import FakeClock, World
from tests.support.fakes.calls import STATEMENT, Call, Proceed
from tests.support.fakes.provider import FakeProvider

WHOLE_PROCESSOR_MB = 1769
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""
CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Times:
    """Assumptions, none of them measured in AWS. ``jitter``: each request takes up to this part more or less.
    ``cpu_ms``: processor time of one request in boto3 or the HTTP client, TLS included, on a whole processor."""

    put_ms: float = 25
    get_ms: float = 15
    list_ms: float = 30
    dynamodb_ms: float = 5
    sqs_ms: float = 8
    events_ms: float = 10
    glue_ms: float = 30
    secrets_ms: float = 20
    first_byte_ms: float = 150
    mb_per_s: float = 5
    jitter: float = 0.2
    cpu_ms: float = 1.5
    slow: float = 2

    def without_latency(self) -> "Times":
        names = [name for name in self.__slots__ if name.endswith("_ms") and name != "cpu_ms"]
        return replace(self, **dict.fromkeys(names, 0.0))

    def of(self, call: Call) -> float:
        """Seconds of one request."""
        port, _, _ = call.port.partition(":")
        match port, call.method:
            case "store", "put":
                ms = self.put_ms
            case "store", "list" | "folders" | "version_folders" | "list_versions":
                ms = self.list_ms
            case "store", _:
                ms = self.get_ms
            case "table", _:
                ms = self.dynamodb_ms
            case "queue", _:
                ms = self.sqs_ms
            case "bus", _:
                ms = self.events_ms
            case "provider", _:
                ms = self.first_byte_ms
            case "secrets", _:
                ms = self.secrets_ms
            case _:
                ms = self.glue_ms
        return ms / 1000


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it was made. ``seconds`` are those of AWS, not of this machine."""

    thread: str
    what: str
    seconds: float


class SlowClock(FakeClock):
    """Time that passes by itself, ``slow`` times slower than the machine's."""

    def __init__(self, slow: float) -> None:
        super().__init__()
        self.slow = slow
        self._begun = time.perf_counter()

    def monotonic(self) -> float:
        return (time.perf_counter() - self._begun) / self.slow

    def pause(self, seconds: float) -> None:
        if seconds > 0:
            time.sleep(seconds * self.slow)


class Processor:
    """What a function of so much memory has of one processor. Whatever a thread has computed since its last request on
    this machine's whole processor takes longer there; all threads share it."""

    def __init__(self, clock: SlowClock, memory_mb: int) -> None:
        self.share = min(1.0, memory_mb / WHOLE_PROCESSOR_MB)
        self._clock = clock
        self._free_at = 0.0
        self._lock = threading.Lock()
        self._seen = threading.local()

    def begin(self) -> None:
        """Forget what this thread has computed."""
        self._seen.cpu_s = time.thread_time()

    def pay(self, more_s: float = 0.0) -> None:
        """Wait as long as the slower processor would have taken longer. ``more_s``: what was not computed here."""
        used_s = time.thread_time() - getattr(self._seen, "cpu_s", 0.0)
        owed_s = (used_s + more_s) / self.share - used_s / self._clock.slow
        with self._lock:
            now_s = self._clock.monotonic()
            self._free_at = max(self._free_at, now_s) + max(owed_s, 0.0)
            wait_s = self._free_at - now_s
        self._clock.pause(wait_s)
        self.begin()


class Cloud:
    """One account of AWS, one function with its memory, and the requests that it has made."""

    def __init__(self, times: Times, memory_mb: int, seed: int, sources: Iterable[str] = ("thulium",)) -> None:
        self.times = times
        self.clock = SlowClock(times.slow)
        self.meter = Meter()
        self.world: World = metered_world([*sources], self.meter, self.clock)
        self.processor = Processor(self.clock, memory_mb)
        self.requests: list[Request] = []
        self._jitter = random.Random(seed)
        self._at_once = False
        self.world.calls.on_call(self._take_time)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """No request takes time: for what is prepared."""
        self._at_once = True
        yield
        self._at_once = False

    def _take_time(self, call: Call, proceed: Proceed) -> object:
        if self._at_once or call.method == STATEMENT:
            return proceed()
        self.processor.pay(self.times.cpu_ms / 1000)
        begun_s = self.clock.monotonic()
        takes_s = self.times.of(call) * (1 + self.times.jitter * self._jitter.uniform(-1, 1))
        try:
            return proceed()
        finally:
            self.clock.pause(takes_s - (self.clock.monotonic() - begun_s))
            self.note(f"{call.port}.{call.method}", takes_s)
            self.processor.begin()

    def note(self, what: str, seconds: float) -> None:
        self.requests.append(Request(threading.current_thread().name, what, seconds))

    def begin(self) -> float:
        """Measure from now on."""
        self.meter.take()
        self.requests.clear()
        self.processor.begin()
        return self.clock.monotonic()

    def taken(self, begun_s: float) -> float:
        """Seconds since then."""
        self.processor.pay()
        return self.clock.monotonic() - begun_s


class CloudProvider(FakeProvider):
    """Every body is the same, and comes at the provider's pace."""

    def __init__(self, cloud: Cloud, body: bytes) -> None:
        super().__init__(cloud.world.calls)
        self._cloud = cloud
        self._body = body

    def _open(self, recording: object) -> "Paced":
        self.downloads += 1
        return Paced(self._cloud, self._body, len(self._body))


@dataclass
class Paced:
    """A body of so many MB a second."""

    cloud: Cloud
    body: bytes
    declared_length: int | None
    content_type: str | None = "audio/x-wav"
    other_host: str | None = None

    def __iter__(self) -> Iterator[bytes]:
        begun_s, clock = self.cloud.clock.monotonic(), self.cloud.clock
        for start in range(0, len(self.body), CHUNK_BYTES):
            chunk = self.body[start : start + CHUNK_BYTES]
            due_s = begun_s + (start + len(chunk)) / (self.cloud.times.mb_per_s * 1e6)
            clock.pause(due_s - clock.monotonic())
            yield chunk


def in_a_row(requests: Iterable[Request]) -> Counter[str]:
    """The longest chain of requests of which each waits for the one before: all of the first thread, and of each pool
    of threads those of the thread that has most. Pools come one after the other."""
    threads: dict[str, list[str]] = {}
    for one in requests:
        threads.setdefault(one.thread, []).append(one.what)
    longest: dict[str, list[str]] = {}
    for name, made in threads.items():
        pool = name.rpartition("_")[0] or name
        longest[pool] = max(longest.get(pool, []), made, key=len)
    return Counter(what for made in longest.values() for what in made)
