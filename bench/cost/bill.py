"""From counts to dollars: a month at a volume, what it costs whatever comes, and what each recording adds.

Twenty-one working days of ten hours have all the calls; the schedules run day and night.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.cost.metered import BATCH, Unit
from bench.cost.prices import Prices
from bench.cost.runs import FULL, MORE, SOURCES, STEP, STEPS_A_DAY, SWEEP_DAYS, Counted, Counts, plus
from tests.support.pipeline import POLLER

TEMPLATE = Path(__file__).resolve().parents[2] / "template.yaml"
WORKING_DAYS = 21
HOURS = 730.5  # of a month
STEPS = HOURS * 12
SWEEPS = HOURS / 24
GIGABYTE = 1024**3
MEGABYTES_A_GIGABYTE = 1024
COPIERS = 4  # of each source at once: ThuliumConcurrency, ConpeekConcurrency
POLLER_GB, COPIER_GB, COMPACTOR_GB = 0.25, 0.5, 1.0  # MemorySize
COPIER_DISK_GB = 1.5  # CopierStorageMiB, except the 512 MB that are free
ROWS_A_REQUEST = 100
ITEM_OVERHEAD_BYTES = 100  # that DynamoDB stores with each item
SOURCE_METRICS = ("PollSucceeded", "CheckpointLag", "RecordingsStored")
COMPACTOR_METRICS = ("RowsCommitted", "PartitionsFailed")
"""Without those that have a value in trouble alone: CloudWatch bills a metric for the hours in which it has values."""
LISTED_AGAIN = POLLER.lookback_s / STEP.total_seconds() + SWEEP_DAYS
"""How often a row is listed: by each poll while the look-back holds it, by each sweep."""

OFF_BY_DEFAULT = ("Transcri", "Sound", "Engine")
"""How the conditions of what transcribes and measures begin: docs/cost.md has it apart."""

type Lines = dict[str, float]
"""Dollars by component."""


@dataclass(frozen=True, slots=True)
class Volume:
    """``each``: recordings of each source in a step; below one, the day with a recording now and then."""

    name: str
    each: float

    def recordings(self, counted: Counted) -> int:
        """In a month."""
        a_day = counted.rare.recordings if self.each < 1 else self.each * len(SOURCES) * STEPS_A_DAY
        return round(a_day * WORKING_DAYS)


VOLUMES = (Volume("1 k", 0.2), Volume("100 k", FULL), Volume("10 M", 1984))


@dataclass(frozen=True, slots=True)
class Usage:
    """Units of a month, and the seconds that the functions run."""

    counts: Counts
    poller_s: float
    copier_s: float
    compactor_s: float


def added(counted: Counted, prices: Prices, volume: Volume) -> Usage:
    """What the recordings of a month at this volume add to a month without any."""
    recordings = volume.recordings(counted)
    day = counted.rare if volume.each < 1 else counted.one
    a_day = [(1.0, day.steps), (1.0, day.after)]
    if volume.each >= 1:
        tens = (volume.each - FULL) / (MORE - FULL)
        a_day += [(STEPS_A_DAY, counted.full), (-STEPS_A_DAY, counted.single)]
        a_day += [(STEPS_A_DAY * tens, counted.more), (-STEPS_A_DAY * tens, counted.full)]
        emptier = (BATCH / prices.assumed("batch_fill") - 1) * STEPS_A_DAY * volume.each / FULL
        a_day += [(emptier, counted.halves), (-emptier, counted.full)]
    sweeps = recordings * SWEEP_DAYS / counted.one.recordings
    beside = {
        Unit.DYNAMODB_READ: recordings * prices.assumed("poller_cold_reads"),
        Unit.DYNAMODB_WRITE: recordings * SWEEP_DAYS / prices.assumed("sweep_window_rows"),
    }
    counts = plus(*((WORKING_DAYS * times, part) for times, part in a_day), (sweeps, counted.one.sweep), (1, beside))
    download_s = prices.assumed("recording_mb") / prices.assumed("provider_mb_per_s")
    each_s = max(download_s, 1 / prices.assumed("copier_recordings_per_s"))
    requests = recordings * LISTED_AGAIN / ROWS_A_REQUEST * prices.assumed("listing_overhead")
    return Usage(
        counts,
        poller_s=requests * prices.assumed("poller_request_s"),
        copier_s=counts[Unit.COPIER_RUN] * prices.assumed("copier_batch_s") + recordings * each_s,
        compactor_s=recordings / 1000 * prices.assumed("compactor_thousand_rows_s"),
    )


def idle(counted: Counted, prices: Prices) -> Usage:
    """A month without a recording."""
    counts = plus((STEPS, counted.idle_step), (SWEEPS, counted.idle_sweep))
    return Usage(
        counts,
        poller_s=counts[Unit.POLLER_RUN] * prices.assumed("poller_run_s"),
        copier_s=0,
        compactor_s=counts[Unit.COMPACTOR_RUN] * prices.assumed("compactor_run_s"),
    )


def marginal(counted: Counted, prices: Prices, volume: Volume) -> Lines:
    """Dollars for each million recordings, storage apart."""
    usage = added(counted, prices, volume)
    at_most = WORKING_DAYS * STEPS_A_DAY * len(SOURCES) * COPIERS  # a copier reads a secret every five minutes
    lines = _used(usage, prices)
    lines["Secrets Manager"] = prices.usd("secret_call", min(usage.counts[Unit.COPIER_RUN], at_most))
    return {name: usd * 1e6 / volume.recordings(counted) for name, usd in lines.items()}


def fixed(counted: Counted, prices: Prices) -> Lines:
    """Dollars for each month, without a recording."""
    usage = idle(counted, prices)
    text = TEMPLATE.read_text(encoding="utf-8")
    alarms = alarms_in(text)
    metrics = len(SOURCES) * len(SOURCE_METRICS) + len(COMPACTOR_METRICS)
    schedules = usage.counts[Unit.POLLER_RUN] + usage.counts[Unit.COMPACTOR_RUN]
    receives = len(SOURCES) * prices.assumed("idle_pollers") * HOURS * 3600 / prices.assumed("idle_poll_s")
    reads = usage.counts[Unit.POLLER_RUN]  # a poll comes when the last one's secret is five minutes old
    return _used(usage, prices) | {
        "SQS": prices.usd("sqs_request", receives),
        "EventBridge": prices.usd("schedule", schedules),
        # One for each source, and the key of recording ids, which is read at a cold start alone.
        "Secrets Manager": prices.usd("secret_month", len(SOURCES) + 1) + prices.usd("secret_call", reads),
        f"CloudWatch alarms ({alarms})": prices.usd("alarm_month", alarms),
        f"CloudWatch metrics ({metrics})": prices.usd("metric_month", metrics),
    }


def alarms_in(template: str) -> int:
    """Those of a stack without what is off by default."""
    conditions = re.findall(r"Type: AWS::CloudWatch::Alarm\n(?:    Condition: (\w+)\n)?", template)
    return sum(not condition.startswith(OFF_BY_DEFAULT) for condition in conditions)


def stored(counted: Counted, prices: Prices) -> Lines:
    """Dollars for each month that a million recordings are kept."""
    sizes = counted.sizes
    ledger_gb = 1e6 * (sizes.ledger_bytes + ITEM_OVERHEAD_BYTES) / GIGABYTE
    return {
        "audio in S3 Standard": prices.usd("s3_gb_month", 1e6 * prices.assumed("recording_mb") / MEGABYTES_A_GIGABYTE),
        "ledger in DynamoDB": prices.usd("dynamodb_gb_month", ledger_gb),
        "ledger's point-in-time recovery": prices.usd("dynamodb_pitr_gb_month", ledger_gb),
        "lake in S3 Standard": prices.usd("s3_gb_month", 1e6 * sizes.lake_bytes / GIGABYTE),
    }


def total(lines: Mapping[str, float]) -> float:
    return sum(lines.values())


def _used(usage: Usage, prices: Prices) -> Lines:
    counts = usage.counts

    def usd(unit: Unit) -> float:
        return prices.usd(unit, counts.get(unit, 0))

    runs = {name: counts.get(f"{name}_run", 0.0) for name in ("poller", "copier", "compactor")}
    gb_s = usage.poller_s * POLLER_GB + usage.copier_s * COPIER_GB + usage.compactor_s * COMPACTOR_GB
    log_bytes = sum(number * prices.assumed(f"{name}_log_bytes") for name, number in runs.items())
    return {
        "S3 requests": usd(Unit.S3_WRITE) + usd(Unit.S3_READ),
        "DynamoDB writes": usd(Unit.DYNAMODB_WRITE),
        "DynamoDB reads": usd(Unit.DYNAMODB_READ),
        "Lambda": prices.usd("lambda_gb_second", gb_s)
        + prices.usd("lambda_request", sum(runs.values()))
        + prices.usd("lambda_disk_gb_second", usage.copier_s * COPIER_DISK_GB),
        "EventBridge": usd(Unit.EVENT),
        "SQS": usd(Unit.SQS_REQUEST),
        "CloudWatch logs": prices.usd("log_gb", log_bytes / GIGABYTE),
    }
