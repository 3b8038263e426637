"""A telephone conversation spoken by espeak-ng, once per process, as samples."""

import ctypes
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any

import espeakng_loader
import numpy as np
from numpy.typing import NDArray

type Samples = NDArray[np.int16]

type Line = tuple[int, str, str]
"""Who speaks (0 the agent, 1 the customer), the espeak-ng voice, the words. Everything is invented."""
SCRIPTS: dict[str, tuple[Line, ...]] = {
    "mixed": (
        (0, "pl", "Dzień dobry, infolinia przykładowej firmy, w czym mogę pomóc?"),
        (1, "pl", "Dzień dobry. Chciałabym zapytać o fakturę za październik."),
        (0, "pl", "Oczywiście. Proszę podać numer zamówienia."),
        (1, "en-gb", "I am sorry, could we speak English? The order is seven, zero, four, two."),
        (0, "en-gb", "Of course. Thank you, I can see it. One moment, please."),
        (1, "en-gb", "Take your time."),
        (0, "en-gb", "The invoice was sent again. Is there anything else?"),
        (1, "en-gb", "No, that is all. Thank you, good bye."),
    ),
    "invoice": (
        (0, "en-gb", "Good morning, this is the example company, how can I help you?"),
        (1, "en-us", "Hello. I have a question about the invoice for October."),
        (0, "en-gb", "Of course. What is the number of your order, please?"),
        (1, "en-us", "The order is seven, zero, four, two."),
        (0, "en-gb", "Thank you, I can see it. One moment, please."),
        (1, "en-us", "Take your time."),
        (0, "en-gb", "The invoice was sent again this morning. Is there anything else?"),
        (1, "en-us", "No, that is all. Thank you, good bye."),
    ),
    "delivery": (
        (0, "en-gb", "Welcome to the example company. What can I do for you?"),
        (1, "en-us", "I want to cancel my contract, because the delivery was late again."),
        (0, "en-gb", "I am sorry to hear that. Could you tell me your address, please?"),
        (1, "en-us", "Ten Green Street. The driver never called me."),
        (0, "en-gb", "I will send your complaint to the manager, and she will call you tomorrow."),
        (1, "en-us", "All right. I will wait until tomorrow afternoon."),
        (0, "en-gb", "Thank you for your patience. Good bye."),
    ),
}
ENGLISH = ("invoice", "delivery")
"""The scripts that are English throughout. A small English model understands them."""
_PAUSE_S = 0.35
_SYNCHRONOUS = 2  # espeak_AUDIO_OUTPUT: AUDIO_OUTPUT_SYNCHRONOUS of speak_lib.h
_UTF8 = 1
_DONT_EXIT = 0x8000
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
_lock = Lock()


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody says in a conversation, in seconds from its start; ``speaker`` as in SCRIPTS."""

    start_s: float
    end_s: float
    speaker: int
    text: str


def conversation(script: str, sample_rate: int, channels: int) -> Samples:
    """Some 30 s of talk, shape (frames, channels): stereo has the agent left and the customer right."""
    with _lock:  # espeak-ng has one global state, and two threads would render twice
        return _conversations(script, sample_rate, channels)


def said(script: str) -> list[Said]:
    """The truth about a conversation: who says what, and when."""
    with _lock:
        utterances, rate = _spoken(script)
    found, at = [], 0.0
    for (speaker, samples), (_, _, text) in zip(utterances, SCRIPTS[script], strict=True):
        seconds = len(samples) / rate
        found.append(Said(at, at + seconds, speaker, text))
        at += seconds + _PAUSE_S
    return found


@lru_cache(maxsize=32)
def _conversations(script: str, sample_rate: int, channels: int) -> Samples:
    utterances, native_rate = _spoken(script)
    tracks: list[list[Samples]] = [[], []]
    for speaker, utterance in utterances:
        samples = _resampled(utterance, native_rate, sample_rate)
        padded = np.concatenate([samples, np.zeros(int(_PAUSE_S * sample_rate), np.int16)])
        tracks[speaker].append(padded)
        tracks[1 - speaker].append(np.zeros_like(padded))
    agent, customer = (np.concatenate(track) for track in tracks)
    both: Samples = np.stack([agent, customer], axis=1)
    return both if channels == 2 else both.sum(axis=1, keepdims=True, dtype=np.int16)


def _resampled(samples: Samples, old_rate: int, new_rate: int) -> Samples:
    width = max(1, old_rate // new_rate)  # a plain average keeps most of what would alias out
    smooth = np.convolve(samples, np.full(width, 1 / width), mode="same")
    at = np.arange(0, len(samples), old_rate / new_rate)
    resampled: Samples = (np.interp(at, np.arange(len(samples)), smooth) * 0.8).astype(np.int16)
    return resampled


@lru_cache(maxsize=len(SCRIPTS))
def _spoken(script: str) -> tuple[list[tuple[int, Samples]], int]:
    """Every line's samples, and espeak-ng's sample rate. Raises RuntimeError where espeak-ng does not start."""
    library: Any = ctypes.CDLL(str(espeakng_loader.get_library_path()))
    rate: int = library.espeak_Initialize(_SYNCHRONOUS, 0, str(espeakng_loader.get_data_path()).encode(), _DONT_EXIT)
    if rate <= 0:
        raise RuntimeError("espeak-ng did not start: its data of the package espeakng-loader is missing")
    heard: list[Samples] = []

    def collect(samples: Any, count: int, _events: Any) -> int:
        if count > 0:
            heard.append(np.ctypeslib.as_array(samples, shape=(count,)).copy())
        return 0

    callback = _CALLBACK(collect)
    library.espeak_SetSynthCallback(callback)
    lines: list[tuple[int, Samples]] = []
    for speaker, voice, words in SCRIPTS[script]:
        heard.clear()
        library.espeak_SetVoiceByName(voice.encode())
        text = words.encode()
        library.espeak_Synth(text, len(text) + 1, 0, 0, 0, _UTF8, None, None)
        lines.append((speaker, np.concatenate(heard)))
    library.espeak_Terminate()
    return lines, rate
