"""A telephone conversation spoken by espeak-ng, once per process, as samples."""

import ctypes
from functools import lru_cache
from threading import Lock
from typing import Any

import espeakng_loader
import numpy as np
from numpy.typing import NDArray

type Samples = NDArray[np.int16]

# Who speaks (0 the agent, 1 the customer), the espeak-ng voice, the words. Everything is invented.
_LINES = (
    (0, "pl", "Dzień dobry, infolinia przykładowej firmy, w czym mogę pomóc?"),
    (1, "pl", "Dzień dobry. Chciałabym zapytać o fakturę za październik."),
    (0, "pl", "Oczywiście. Proszę podać numer zamówienia."),
    (1, "en-gb", "I am sorry, could we speak English? The order is seven, zero, four, two."),
    (0, "en-gb", "Of course. Thank you, I can see it. One moment, please."),
    (1, "en-gb", "Take your time."),
    (0, "en-gb", "The invoice was sent again. Is there anything else?"),
    (1, "en-gb", "No, that is all. Thank you, good bye."),
)
_PAUSE_S = 0.35
_SYNCHRONOUS = 2  # espeak_AUDIO_OUTPUT: AUDIO_OUTPUT_SYNCHRONOUS of speak_lib.h
_UTF8 = 1
_DONT_EXIT = 0x8000
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
_lock = Lock()


def conversation(sample_rate: int, channels: int) -> Samples:
    """Some 30 s of talk, shape (frames, channels): stereo has the agent left and the customer right."""
    with _lock:  # espeak-ng has one global state, and two threads would render twice
        return _conversations(sample_rate, channels)


@lru_cache(maxsize=8)
def _conversations(sample_rate: int, channels: int) -> Samples:
    utterances, native_rate = _spoken()
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


@lru_cache(maxsize=1)
def _spoken() -> tuple[list[tuple[int, Samples]], int]:
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
    for speaker, voice, words in _LINES:
        heard.clear()
        library.espeak_SetVoiceByName(voice.encode())
        text = words.encode()
        library.espeak_Synth(text, len(text) + 1, 0, 0, 0, _UTF8, None, None)
        lines.append((speaker, np.concatenate(heard)))
    library.espeak_Terminate()
    return lines, rate
