"""What a recording costs at AWS, for the estimates before a backfill, a transcription and a measurement of sound.
docs/cost.md has these figures and the rest.

List prices of us-east-1 in USD without free tiers (docs/prices.json names their pages); other regions differ by some
tenths.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

from call_lake.transcribing.limits import LEAST_S

AS_OF = "2026-11-22"
GIGABYTE = 1024**3  # as S3 bills it

PER_RECORDING_USD = 23 / 1e6
"""To list, copy, announce and commit one of many: "What a recording adds" in docs/cost.md, where batches are full, and
5 USD a million for the S3 listing before a call that is older than the ledger (ADR 0048)."""
GIGABYTE_MONTH_USD = 0.023  # S3 Standard, first 50 TB
TRANSCRIBE_AS_OF = "2026-11-30"
TRANSCRIBE_TIERS = ((250_000, 0.024), (750_000, 0.015), (4_000_000, 0.0102), (None, 0.0078))
"""Minutes of a month, and USD for each of them: the first 250,000, the next 750,000, the next 4,000,000, the rest.
Commonly known prices, which we read on no page."""
SOUND_HOUR_USD, SOUND_RECORDING_USD = 0.00006, 0.0000025
"""Of Lambda, for an hour of audio at 8 kHz that is not Opus; and of Lambda, SQS and S3 for each recording."""


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


def transcription_usd(lengths_s: Iterable[float]) -> float:
    """What Amazon Transcribe takes for recordings of these lengths, if they are all of a month. It bills whole seconds,
    LEAST_S of each recording at least, and a stereo one once: https://aws.amazon.com/transcribe/pricing/"""
    minutes = sum(max(ceil(length), LEAST_S) for length in lengths_s) / 60
    usd = 0.0
    for size, price in TRANSCRIBE_TIERS:
        some = minutes if size is None else min(minutes, size)
        usd += some * price
        minutes -= some
    return usd


def sound_usd(recordings: int, hours: float) -> float:
    """What it takes to measure the sound of so many recordings with so many hours of audio altogether."""
    return hours * SOUND_HOUR_USD + recordings * SOUND_RECORDING_USD
