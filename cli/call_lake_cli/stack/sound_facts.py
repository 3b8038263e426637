"""What the samples of a call say (table ``sound``), in sentences for a person."""

from collections.abc import Iterator

from call_lake.model.table import Row
from call_lake_cli.stack.calls import length_text

CLIPPED_SHARE = 0.001
"""A larger part of the samples at full scale is heard as distortion."""
LONG_SILENCE_S = 10.0
SIDES = ("left", "right")
SAME_CHANNELS = "same_channels"
"""A value of ``sound_note``: a mono call in a stereo file."""


def sentences_of(row: Row | None) -> list[str]:
    """Empty where nothing was measured."""
    if row is None:
        return []
    if row["audio_s"] is None:
        return [f"Its sound was not measured: {row['sound_note']}."]
    return [*_talk(row), *_silence(row), *_trouble(row)]


def _talk(row: Row) -> Iterator[str]:
    if row["ch0_talk_s"] is None or row["ch1_talk_s"] is None:
        return
    parts = [
        f"the {side} side talks {length_text(row[f'{channel}_talk_s'])}{_share(row[f'{channel}_talk_share'])}"
        f"{_times(row[f'{channel}_turns'], ', in {} turn', ', in {} turns')}"
        for side, channel in zip(SIDES, ("ch0", "ch1"), strict=True)
    ]
    yield f"{'; '.join(parts).capitalize()}."
    if row["overlap_s"]:
        yield f"Both talk at once for {length_text(row['overlap_s'])}."
    for side, other, channel in (("left", "right", "ch0"), ("right", "left", "ch1")):
        if times := _times(row[f"{channel}_interruptions"], "once", "{} times"):
            yield f"The {side} side interrupts the {other} one {times}."


def _silence(row: Row) -> Iterator[str]:
    if row["silence_share"] is not None:
        yield f"Nobody talks for {row['silence_share']:.0%} of the time."
    longest = row["longest_silence_s"]
    if longest is not None and longest >= LONG_SILENCE_S:
        yield f"The longest silence takes {length_text(longest)}, from {length_text(row['longest_silence_at_s'])}."


def _trouble(row: Row) -> Iterator[str]:
    if row["dead_channel"] is not None and row["dead_channel"] < len(SIDES):
        yield f"The {SIDES[row['dead_channel']]} side cannot be heard."
    if row["sound_note"] == SAME_CHANNELS:
        yield "Both channels hold the same sound, so its sides cannot be told apart."
    if (row["clipped_share"] or 0) > CLIPPED_SHARE:
        yield "It is distorted: parts of it are at full scale."


def _share(share: float | None) -> str:
    return "" if share is None else f" ({share:.0%} of the talk)"


def _times(number: int | None, once: str, several: str) -> str:
    return "" if not number else (once if number == 1 else several).format(number)
