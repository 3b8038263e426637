"""Clips whose truth is known: invented conversations spoken by espeak-ng, and sounds in which nobody speaks."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from call_lake_local.simulators import speech
from call_lake_local.simulators.audio import AudioSpec, SpeechAudio, wav_header

RATE = 8000


@dataclass(frozen=True, slots=True)
class Clip:
    """One file. ``lines``: what is said in it, by whom and when; empty where nobody speaks."""

    name: str
    format: str
    data: bytes
    seconds: float
    lines: tuple[speech.Said, ...]


def spoken(script: str, format: str, codec: str, channels: int, rate: int) -> Clip:
    """A whole conversation in this form."""
    lines = tuple(speech.said(script))
    seconds = float(np.ceil(lines[-1].end_s))
    audio = SpeechAudio(AudioSpec(format, codec, channels, rate, seconds, script=script), script)
    return Clip(f"{script}-{codec}-{channels}-{rate}", format, audio.data(), seconds, lines)


def speechless(seconds: float = 60.0) -> Iterator[Clip]:
    """Silence, the noise of a line, and the tone of a telephone that rings: https://www.itu.int/rec/T-REC-E.182"""
    at = np.arange(int(seconds * RATE)) / RATE
    ringing = 0.2 * np.sin(2 * np.pi * 425 * at) * (at % 5 < 1)
    noise = np.random.default_rng(7).normal(0, 0.02, len(at))
    for name, wave in (("silence", 0 * at), ("noise", noise), ("ringing", ringing)):
        samples = (wave * 32767).astype("<i2").tobytes()
        yield Clip(name, "wav", wav_header(len(samples), 1, RATE) + samples, seconds, ())
