"""What else would move a million recordings, by its public price, and what it leaves to do."""

from dataclasses import dataclass

from bench.cost.bill import (
    COPIER_GB,
    GIGABYTE,
    HOURS,
    MEGABYTES_A_GIGABYTE,
    VOLUMES,
    added,
    fixed,
    marginal,
    total,
)
from bench.cost.metered import Unit
from bench.cost.prices import Prices
from bench.cost.runs import Counted

FIREHOSE_STEP_BYTES = 5 * 1024
TASK_VCPU, TASK_GB = 0.5, 1.0


@dataclass(frozen=True, slots=True)
class Other:
    """``each_usd``: for a million recordings; ``month_usd``: whatever comes. Storage apart."""

    name: str
    each_usd: float
    month_usd: float
    undone: str


def others(counted: Counted, prices: Prices) -> list[Other]:
    """Ours at the largest volume, then the others. Their audio, too, is one PUT for each recording."""
    large = VOLUMES[-1]
    puts_usd = prices.usd("s3_write", 1e6)
    seconds = added(counted, prices, large).copier_s * 1e6 / large.recordings(counted)
    runs = added(counted, prices, large).counts[Unit.COPIER_RUN] * 1e6 / large.recordings(counted)
    function_usd = prices.usd("lambda_gb_second", seconds * COPIER_GB) + prices.usd("lambda_request", runs)
    steps = -(-counted.sizes.row_bytes // FIREHOSE_STEP_BYTES)
    firehose_gb = 1e6 * steps * FIREHOSE_STEP_BYTES / GIGABYTE
    firehose_usd = prices.usd("firehose_gb", firehose_gb) + prices.usd("firehose_conversion_gb", firehose_gb)
    task_usd = HOURS * (prices.usd("fargate_vcpu_hour", TASK_VCPU) + prices.usd("fargate_gb_hour", TASK_GB))
    audio_gb = 1e6 * prices.assumed("recording_mb") / MEGABYTES_A_GIGABYTE
    return [
        Other("Call Lake", total(marginal(counted, prices, large)), total(fixed(counted, prices)), ""),
        Other(
            "Firehose and a Lambda function",
            puts_usd + function_usd + firehose_usd,
            0,
            "no ledger: nobody knows what was moved, so late and failed recordings are lost, repeats are rows twice, "
            "and no row can be erased",
        ),
        Other(
            "A Fargate task that runs all the time",
            puts_usd,
            task_usd,
            f"all the code, on {TASK_VCPU} vCPU and {TASK_GB:g} GB; its state, retries, alarms and public address or "
            "NAT come on top",
        ),
        Other(
            "Airbyte Cloud, rows alone",
            prices.usd("airbyte_row", 1e6),
            prices.usd("airbyte_month", 1),
            "no audio; a connector to be written; late rows only by a look-back, which is billed again",
        ),
        Other(
            "Airbyte Cloud, rows and audio as files",
            prices.usd("airbyte_row", 1e6) + prices.usd("airbyte_gb", audio_gb),
            prices.usd("airbyte_month", 1),
            "file sources are buckets and servers of files, no API; nothing checks the bytes",
        ),
    ]
