"""Facts from the samples of one recording, block by block. numpy alone, and no I/O.

Of each hundredth of a second and channel it keeps two numbers, so an hour of stereo is some megabytes.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from call_lake.model.sound import ChannelSound, Sound, SoundNote
from call_lake.sound.turns import turns_of
from call_lake.sound.voice import SLOTS_PER_S, Energies, Slots, stretches, talk_of

type Samples = NDArray[np.float32]
"""Shape (frames, channels); full scale is 1."""

BAND_HZ = (300, 3400)
"""The band of the telephone (ITU-T G.712). Hum of the mains, wind and the hiss of wideband noise are outside of it."""
ENOUGH_HZ = 8000
"""Faster audio is averaged to about this rate: the band needs no more."""
WINDOW_S = 0.02
"""Twice a slot, with the weights of Hann: the hum of the mains hardly leaks into the band."""
MOST = 4.0
"""A file of floats can hold what no sound card plays. It is cut at 12 dB above full scale."""
CLIPPED = 0.98
"""The largest sample that G.711's mu-law can hold is 32124 of 32768, A-law's 32256."""
SAME_DB = -50.0
"""Two channels whose difference is so far below them are one: a mono call that somebody converted."""
DEAD_S, OTHER_S = 0.5, 5.0
"""A channel is dead where less than the first is heard, and the other one talks for longer than the second."""
QUIETEST = 1e-12


@dataclass(frozen=True, slots=True)
class _Kept:
    """Of one channel, for each slot: the energy in the band, and the power of all that was heard."""

    energies: list[Energies] = field(default_factory=list)
    powers: list[Energies] = field(default_factory=list)


class Meter:
    """Takes the samples of one recording, then tells ``sound``. ``rate``: samples a second, 4,000 or more."""

    def __init__(self, rate: int, channels: int) -> None:
        self._rate, self._channels = rate, channels
        self._factor = max(1, rate // ENOUGH_HZ)
        self._slow = rate / self._factor
        # As a product of matrices this mean takes a thirtieth of the time of numpy's own over so short an axis.
        self._average = np.tile(np.eye(channels, dtype=np.float32) / np.float32(self._factor), (self._factor, 1))
        self._frames = 0
        self._peak = 0.0
        self._clipped = 0
        self._was_clipped = np.zeros((1, channels), np.bool_)
        self._difference = self._sum = 0.0
        width = round(WINDOW_S * self._slow)
        self._window = np.hanning(width + 1)[:-1].astype(np.float32)
        bins = np.fft.rfftfreq(width, 1 / self._slow)
        self._band = slice(*np.searchsorted(bins, BAND_HZ))
        self._scale = np.float32(2 / (width * float(np.sum(self._window**2))))
        self._waiting = np.zeros((width // 4, channels), np.float32)  # a window reaches a quarter beyond its slot
        self._at = -(width // 4)  # where the waiting samples begin
        self._slots = 0
        self._kept = [_Kept() for _ in range(channels)]

    @property
    def seconds(self) -> float:
        """So far."""
        return self._frames / self._rate

    def add(self, block: Samples) -> None:
        """The next samples. Each block but the last has a multiple of ``block_frames``."""
        peak = _peak(block)
        if not peak <= MOST:
            block = np.clip(np.nan_to_num(block, nan=0.0), -MOST, MOST)
            peak = _peak(block)
        self._frames += len(block)
        self._peak = max(self._peak, peak)
        self._count_clipped(block, peak)
        whole = len(block) - len(block) % self._factor
        slow = block[:whole].reshape(-1, self._average.shape[0]) @ self._average
        if self._channels == 2:
            self._difference += float(np.sum((slow[:, 0] - slow[:, 1]) ** 2, dtype=np.float64))
            self._sum += float(np.sum(slow**2, dtype=np.float64))
        self._take(np.concatenate([self._waiting, slow]))

    def _count_clipped(self, block: Samples, peak: float) -> None:
        """A sample is clipped that is at full scale, as the one before is."""
        if peak < CLIPPED:
            self._was_clipped[:] = False
            return
        clipped = np.concatenate([self._was_clipped, np.abs(block) >= CLIPPED])
        self._clipped += int(np.count_nonzero(clipped[1:] & clipped[:-1]))
        self._was_clipped = clipped[-1:]

    @property
    def block_frames(self) -> int:
        """Of ten seconds."""
        return 10 * self._rate // self._factor * self._factor

    def _take(self, samples: Samples) -> None:
        """Measure the slots whose windows are whole."""
        first, width = self._slots, len(self._window)
        last = int((self._at + len(samples) - width) * SLOTS_PER_S / self._slow)
        if last > first:
            starts = np.rint(np.arange(first, last + 1) * self._slow / SLOTS_PER_S).astype(int) - self._at
            within = starts[:-1, None] - width // 4 + np.arange(width)
            for channel, kept in zip(samples.T, self._kept, strict=True):
                own = np.ascontiguousarray(channel)
                spectrum = np.fft.rfft(own[within] * self._window)[:, self._band]
                kept.energies.append(np.sum(np.abs(spectrum) ** 2, axis=1, dtype=np.float32) * self._scale)
                sums = np.add.reduceat(own[starts[0] : starts[-1]] ** 2, starts[:-1] - starts[0])
                kept.powers.append((sums / np.diff(starts)).astype(np.float32))
            self._slots = last
            begin = int(starts[-1]) - width // 4
            samples, self._at = samples[begin:], self._at + begin
        self._waiting = samples

    def sound(self) -> Sound | SoundNote:
        """What all blocks say. A recording of less than a tenth of a second has no samples to speak of."""
        self._take(np.pad(self._waiting, ((0, 2 * len(self._window)), (0, 0))))
        count = int(self.seconds * SLOTS_PER_S)
        if count < SLOTS_PER_S // 10:
            return SoundNote.NO_SAMPLES
        powers = [np.concatenate(kept.powers)[:count] for kept in self._kept]
        energies = [_in_db(np.concatenate(kept.energies)[:count]) for kept in self._kept]
        if self._channels == 2 and not self._is_one_call_twice:
            return self._stereo(powers, energies)
        talk = talk_of(energies[0])
        return Sound(
            **self._common(talk),
            level_dbfs=_level(powers[0][talk]),
            note=SoundNote.SAME_CHANNELS if self._channels == 2 else None,
        )

    def _stereo(self, powers: list[Energies], energies: list[Energies]) -> Sound:
        left, right = energies
        talks = talk_of(left, right), talk_of(right, left)
        seconds = [float(np.count_nonzero(talk)) / SLOTS_PER_S for talk in talks]
        turns, interruptions = turns_of(talks)
        both = sum(seconds)
        sides = [
            ChannelSound(
                _level(powers[side][talks[side]]),
                round(seconds[side], 2),
                round(seconds[side] / both, 4) if both else None,
                turns[side],
                interruptions[side],
            )
            for side in (0, 1)
        ]
        dead = [side for side in (0, 1) if seconds[side] < DEAD_S and seconds[1 - side] > OTHER_S]
        return Sound(
            **self._common(talks[0] | talks[1]),
            level_dbfs=_level(np.concatenate([powers[0][talks[0]], powers[1][talks[1]]])),
            sides=(sides[0], sides[1]),
            overlap_s=round(float(np.count_nonzero(talks[0] & talks[1])) / SLOTS_PER_S, 2),
            dead_channel=dead[0] if dead else None,
        )

    @property
    def _is_one_call_twice(self) -> bool:
        return self._difference <= self._sum * 10 ** (SAME_DB / 10)

    def _common(self, talk: Slots) -> dict[str, Any]:
        silences = stretches(~talk)
        lengths = silences[:, 1] - silences[:, 0]
        begin, end = silences[lengths.argmax()] if len(silences) else (0, 0)
        return {
            "audio_s": round(self.seconds, 3),
            "channels": self._channels,
            "peak_dbfs": round(20 * float(np.log10(self._peak)), 1) if self._peak > QUIETEST else None,
            "clipped_share": round(self._clipped / (self._frames * self._channels), 6),
            "silence_share": round(float(np.mean(~talk)), 4),
            "longest_silence_s": round(float(end - begin) / SLOTS_PER_S, 2),
            "longest_silence_at_s": round(float(begin) / SLOTS_PER_S, 2),
        }


def _peak(block: Samples) -> float:
    """The largest sample, or NaN where one is no number."""
    return float(np.maximum(block.max(initial=0.0), -block.min(initial=0.0)))


def _in_db(energies: Energies) -> Energies:
    return 10 * np.log10(np.maximum(energies, np.float32(QUIETEST)))


def _level(powers: Samples) -> float | None:
    """The mean power of these slots in dB; 0 is a square wave at full scale."""
    return round(10 * float(np.log10(max(float(np.mean(powers)), QUIETEST))), 1) if len(powers) else None
