"""What Amazon Transcribe takes: https://docs.aws.amazon.com/transcribe/latest/dg/limits-guidelines.html."""

from call_lake.model.transcribing import Wanted

FORMATS = frozenset({"amr", "flac", "m4a", "mp3", "mp4", "ogg", "wav", "webm"})
"""https://docs.aws.amazon.com/transcribe/latest/dg/how-input.html"""
MOST_S = 4 * 3600.0
MOST_BYTES = 2_000_000_000
"""AWS says 2 GB and not which; the smaller reading."""
BYTES_PER_S = 1000
"""What a recording has at least for each second, where its header tells no length: 8 kbit/s, the least that telephony
uses. So the ceiling counts too much of such a recording, never too little."""
LEAST_S = 15.0
"""Amazon Transcribe bills each recording as so many seconds at least: https://aws.amazon.com/transcribe/pricing/"""


def refusal_of(wanted: Wanted) -> str:
    """Why Amazon Transcribe never takes this recording; empty where it does."""
    if wanted.format not in FORMATS:
        return f"Amazon Transcribe does not read {wanted.format}"
    if wanted.seconds is not None and wanted.seconds > MOST_S:
        return "longer than the 4 hours that Amazon Transcribe takes"
    if wanted.bytes > MOST_BYTES:
        return "larger than the 2 GB that Amazon Transcribe takes"
    return ""


def counted_s(wanted: Wanted) -> float:
    """How many seconds the ceiling counts for a recording that Amazon Transcribe takes: no fewer than it bills."""
    seconds = wanted.seconds if wanted.seconds is not None else min(MOST_S, wanted.bytes / BYTES_PER_S)
    return max(LEAST_S, seconds)
