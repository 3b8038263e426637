"""What a recording costs at AWS, for the estimate before a backfill. docs/cost.md has these two figures and the rest.

List prices of us-east-1 in USD without free tiers (docs/prices.json names their pages); other regions differ by some
tenths.
"""

from dataclasses import dataclass

AS_OF = "2026-11-22"
GIGABYTE = 1024**3  # as S3 bills it

PER_RECORDING_USD = 23 / 1e6
"""To list, copy, announce and commit one of many: "What a recording adds" in docs/cost.md, where batches are full."""
GIGABYTE_MONTH_USD = 0.023  # S3 Standard, first 50 TB


@dataclass(frozen=True, slots=True)
class Bill:
    """``once_usd``: to list, copy and announce; ``monthly_usd``: to keep the audio in S3 Standard."""

    gigabytes: float
    once_usd: float
    monthly_usd: float


def bill_of(recordings: int, audio_bytes: int) -> Bill:
    """What so many recordings, with so many bytes of audio altogether, cost."""
    gigabytes = audio_bytes / GIGABYTE
    return Bill(gigabytes, recordings * PER_RECORDING_USD, gigabytes * GIGABYTE_MONTH_USD)
