"""Calls whose talk is known to the sample: stretches of something like speech over a line's noise."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import soundfile
from numpy.typing import NDArray

type Samples = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stretch:
    """``side`` talks from ``begin_s`` to ``end_s``, at ``dbfs``."""

    side: int
    begin_s: float
    end_s: float
    dbfs: float = -22.0


def made_call(
    stretches: Sequence[Stretch],
    seconds: float,
    rate: int = 8000,
    *,
    channels: int = 2,
    noise_dbfs: float = -65.0,
    hum_dbfs: float = -120.0,
    offset: float = 0.0,
    seed: int = 1,
) -> Samples:
    """Shape (frames, channels). Speech is noise in the band of voices whose loudness moves with four syllables a
    second. Hum is that of the mains, on both sides."""
    random = np.random.default_rng(seed)
    frames = round(seconds * rate)
    time = np.arange(frames) / rate
    hum = 10 ** (hum_dbfs / 20) * np.sqrt(2) * np.sin(2 * np.pi * 50 * time)
    samples = random.normal(0, 10 ** (noise_dbfs / 20), (frames, 2)) + hum[:, None] + offset
    for one in stretches:
        begin, end = round(one.begin_s * rate), round(one.end_s * rate)
        syllables = 0.6 + 0.4 * np.cos(2 * np.pi * 4 * (time[begin:end] - one.begin_s))
        voice = _voice(random.normal(0, 1, end - begin), rate) * syllables
        samples[begin:end, one.side] += voice * 10 ** (one.dbfs / 20) / np.sqrt(np.mean(voice**2))
    return samples if channels == 2 else samples.sum(axis=1, keepdims=True)


def _voice(noise: Samples, rate: int) -> Samples:
    spectrum = np.fft.rfft(noise)
    hertz = np.fft.rfftfreq(len(noise), 1 / rate)
    voice: Samples = np.fft.irfft(spectrum * ((hertz > 150) & (hertz < 3000)), len(noise))
    return voice


def talk_s(stretches: Sequence[Stretch], seconds: float, side: int | None = None) -> tuple[float, float]:
    """How long one side talks, or any; and how long both do."""
    flags = np.zeros((round(seconds * 1000), 2), bool)
    for one in stretches:
        flags[round(one.begin_s * 1000) : round(one.end_s * 1000), one.side] = True
    talks = flags.any(axis=1) if side is None else flags[:, side]
    return float(talks.sum()) / 1000, float(flags.all(axis=1).sum()) / 1000


def file_of(samples: Samples, rate: int = 8000, container: str = "WAV", coding: str = "PCM_16") -> io.BytesIO:
    made = io.BytesIO()
    with soundfile.SoundFile(made, "w", rate, samples.shape[1], format=container, subtype=coding) as file:
        for at in range(0, len(samples), rate):  # libsndfile's Vorbis encoder crashes on one huge write
            file.write(samples[at : at + rate])
    made.seek(0)
    return made
