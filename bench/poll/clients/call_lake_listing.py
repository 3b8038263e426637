"""Call Lake's listing: windows, pages, canonical recordings, dedupe by recording id. AWS aside: what would be published
is counted, and the ids that the ledger would know are kept in a file."""

import math
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.harness.job import Watch
from bench.poll.job import Poll
from call_lake.model.recording_ids import RecordingIds
from call_lake.model.times import parse_iso
from call_lake.model.windows import Window
from call_lake.polling.window_reader import Hole, read_forward
from call_lake.ports import Page
from call_lake.providers import make_provider
from call_lake.settings import PollerSettings, SourceSettings

UNLIMITED = 1e6  # requests per second: the provider's patience is not what is measured


class RealClock:
    """The one of call_lake.aws brings boto3 with it, which a listing does not need."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


poll, clock = Poll.given(), RealClock()
settings = SourceSettings(name=poll.provider, provider=poll.provider, base_url=poll.url, requests_per_second=UNLIMITED)
rules = PollerSettings(ledger_table="", sources_path="", recording_id_key="")
ids = RecordingIds("an invented key of recording ids")


def windows(checkpoint: datetime | None) -> list[Window]:
    """The first poll is told where to begin; a later one looks back, and the daily sweep further."""
    horizon = parse_iso(poll.now) - timedelta(seconds=rules.settle_s)
    if checkpoint is None:
        return [Window(poll.begin(), horizon)]
    regular = Window(checkpoint - timedelta(seconds=rules.lookback_s), horizon)
    return [regular, Window(horizon - timedelta(days=rules.sweep_days), horizon)]


with Watch().running() as watch:
    remembered: dict[str, Any] = poll.remembered({"known": [], "checkpoint": None})
    known = set(remembered["known"])
    keys: list[str] = []

    def take(page: Page) -> None:
        for recording in page.recordings:
            id = ids.of_key(recording.source, recording.provider_key)
            if id not in known:
                known.add(id)
                keys.append(recording.provider_key)

    provider = make_provider(settings, lambda fresh: poll.secret, clock)
    asked = windows(parse_iso(remembered["checkpoint"]) if remembered["checkpoint"] else None)
    for window in asked:
        target = provider.rows_per_window
        for outcome in read_forward(provider, window, take, rows_per_window=target, clock=clock, until_s=math.inf):
            if isinstance(outcome, Hole):
                raise SystemExit(f"{outcome.window} cannot be read: {outcome.error}")
poll.remember({"known": sorted(known), "checkpoint": asked[0].end.isoformat()})
watch.answer(keys=keys)
