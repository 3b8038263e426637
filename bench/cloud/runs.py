"""What is measured: the copier and its ideal, a poll, and a run of the compactor, each over AWS that takes time."""

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta

from bench.cloud.cloud import Cloud, CloudProvider, Times, in_a_row
from bench.cost.bill import COMPACTOR_GB, COPIER_DISK_GB, COPIER_GB, POLLER_GB
from bench.cost.metered import Unit
from bench.cost.prices import Prices
from bench.cost.runs import Deployment
from call_lake.bucket import inbox
from call_lake.lake.compactor import Compactor
from call_lake.model.lake_tables import CALLS
from call_lake.model.recording import AudioFacts, StoredAudio
from call_lake.model.table import row_of
from call_lake.polling.poller import PolledSource, Poller, PollResult
from call_lake.ports import Table
from call_lake.settings import SourceSettings
from tests.support.fakes.provider import FakeProvider, make_recording, make_wav
from tests.support.pipeline import COMPACTOR, COPIER, FUNCTION_TIME_S, POLLER, URLS

SOURCE = "thulium"
BATCH = 10
WAV_BYTES_A_S = 16_000
PARTITIONS, ROWS, ROWS_AN_OBJECT = 22, 2_000, 10
AUDIO = ("provider.audio", "store.put")


@dataclass(frozen=True, slots=True)
class Setup:
    """``threads``: of the copier; ``recordings``: how many are copied."""

    times: Times
    threads: int
    recordings: int
    recording_mb: float
    poll: int
    seed: int


@dataclass(frozen=True, slots=True)
class Measured:
    """``requests``: of each kind, all of them; ``row``: the longest chain of them, if it is of one batch."""

    wall_s: float
    requests: Counter[str]
    row: Counter[str]
    counts: Mapping[Unit, float]


class Warm(Deployment):
    """Functions that have run before. Their roles are not checked: that would be counted as their work."""

    def table_of(self, function: str) -> Table:
        return self.world.table

    def poll_all(self) -> PollResult:
        """As the poller's function does, with its threads."""
        settings = SourceSettings(SOURCE, SOURCE, URLS[SOURCE])
        known = self.known.setdefault(SOURCE, {})
        polled = PolledSource(settings, self.providers[SOURCE], self.world.queues[SOURCE], self.id_key, known)
        until_s = self.world.clock.monotonic() + FUNCTION_TIME_S
        return Poller(polled, self.ledger, self.world.clock, POLLER, until_s).poll()


def ideal(setup: Setup) -> Measured:
    """The downloads and the PUTs alone, in as many threads, which never wait for each other."""
    cloud = Cloud(setup.times, round(COPIER_GB * 1024), setup.seed)
    provider = CloudProvider(cloud, _body(setup))

    def copy(number: int) -> None:
        with provider.open_audio(made[number], deadline_s=60) as stream:
            cloud.world.store.put(f"audio/{number}.wav", b"".join(stream))

    made = [make_recording(number) for number in range(setup.recordings)]
    begun_s = cloud.begin()
    with ThreadPoolExecutor(setup.threads) as pool:
        list(pool.map(copy, range(setup.recordings)))
    return _measured(cloud, begun_s)


def copier(setup: Setup, batch: int = BATCH, recordings: int | None = None) -> Measured:
    """One warm instance with a full queue: one invocation after the other."""
    cloud, warm = _warm(setup, recordings or setup.recordings)
    with cloud.at_once():
        warm.poll_all()
    warm.copy_once(SOURCE, batch)
    begun_s = cloud.begin()
    while warm.copy_once(SOURCE, batch):
        pass
    return _measured(cloud, begun_s)


def one_batch(setup: Setup, size: int) -> Measured:
    """The second batch of a warm instance, alone, with a thread for each recording."""
    return copier(replace(setup, threads=size), size, 2 * size)


def poll(setup: Setup) -> Measured:
    """A warm poller that finds so many new recordings."""
    cloud, warm = _warm(setup, 0, round(POLLER_GB * 1024))
    warm.poll_all()
    warm.world.clock.advance(timedelta(minutes=20))
    _add(warm, setup.poll)
    begun_s = cloud.begin()
    found = warm.poll_all()
    assert found.published == setup.poll, found
    return _measured(cloud, begun_s)


def compactor(setup: Setup) -> Measured:
    """A warm compactor and 2,000 rows of 22 partitions that exist."""
    cloud = Cloud(setup.times, round(COMPACTOR_GB * 1024), setup.seed)
    world = cloud.world
    compactor = Compactor(world.store, world.table, world.catalog, world.clock, COMPACTOR)
    for number in range(2):
        with cloud.at_once():
            _fill_inbox(cloud, number * ROWS)
        begun_s = cloud.begin()
        result = compactor.run(world.clock.monotonic() + FUNCTION_TIME_S)
        assert not result.failed, result
    return _measured(cloud, begun_s)


def beyond_audio(one: Counter[str], recordings: int) -> int:
    """Requests besides downloads and PUTs of audio."""
    return one.total() - sum(min(one[name], recordings) for name in AUDIO)


def usd(measured: Measured, recordings: int, gigabytes: float, prices: Prices) -> float:
    """Dollars for a million recordings: what was counted, and the function's time and disk."""
    units = (Unit.S3_WRITE, Unit.S3_READ, Unit.DYNAMODB_WRITE, Unit.DYNAMODB_READ, Unit.SQS_REQUEST, Unit.EVENT)
    spent = sum(prices.usd(unit, measured.counts.get(unit, 0)) for unit in units)
    spent += prices.usd("lambda_gb_second", measured.wall_s * gigabytes)
    if gigabytes == COPIER_GB:
        spent += prices.usd("lambda_disk_gb_second", measured.wall_s * COPIER_DISK_GB)
    return spent / recordings * 1e6


def _measured(cloud: Cloud, begun_s: float) -> Measured:
    wall_s = cloud.taken(begun_s)
    kinds = Counter(one.what for one in cloud.requests)
    return Measured(wall_s, kinds, in_a_row(cloud.requests), cloud.meter.take())


def _warm(setup: Setup, recordings: int, memory_mb: int = round(COPIER_GB * 1024)) -> tuple[Cloud, Warm]:
    cloud = Cloud(setup.times, memory_mb, setup.seed)
    settings = replace(COPIER, copy_threads=setup.threads, bytes_in_flight=1_000_000_000)
    providers: dict[str, FakeProvider] = {SOURCE: CloudProvider(cloud, _body(setup))}
    warm = Warm(cloud.world, providers, meter=cloud.meter, copier_settings=settings)
    _add(warm, recordings)
    return cloud, warm


def _add(warm: Warm, recordings: int) -> None:
    """Recordings that the next poll lists, all of today."""
    provider, now = warm.providers[SOURCE], warm.world.clock.now()
    assert isinstance(provider, FakeProvider)
    listed_at = now - timedelta(minutes=10)
    made = (
        make_recording(number, listed_at=listed_at + timedelta(seconds=number % 300)) for number in range(recordings)
    )
    provider.rows += made


def _fill_inbox(cloud: Cloud, first: int) -> None:
    """Objects of ten rows each, over the partitions."""
    now = cloud.clock.now()
    facts = AudioFacts("wav", 1_000_000, "0" * 64, 1, 8000, 62.5)
    for start in range(first, first + ROWS, ROWS_AN_OBJECT):
        started_at = now - timedelta(days=start // ROWS_AN_OBJECT % PARTITIONS)
        made = [make_recording(number, started_at=started_at) for number in range(start, start + ROWS_AN_OBJECT)]
        rows = [row_of(one, StoredAudio("bucket", f"audio/{one.recording_id}.wav", facts, now)) for one in made]
        inbox.put_rows(cloud.world.store, rows, CALLS)


def _body(setup: Setup) -> bytes:
    return make_wav(1, setup.recording_mb * 1e6 / WAV_BYTES_A_S)
