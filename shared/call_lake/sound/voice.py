"""Where somebody talks on one channel, told by energy alone: no model, no recognition of speech.

Each channel is a list of energies, in dB below full scale, one for each slot of ``SLOT_S``. docs/sound.md says what
counts as talk.
"""

import numpy as np
from numpy.typing import NDArray

type Energies = NDArray[np.float32]
type Slots = NDArray[np.bool_]
"""One flag for each slot."""

SLOTS_PER_S = 100
"""The window of a slot reaches beyond it, so a stretch begins and ends a little outside of its talk: together by one
slot, which is taken off."""
FLOOR_S = 5.0
"""What goes on for so long without a dip is noise. People pause for breath every 2 to 4 s of speech."""
STEP_SLOTS = 50
"""The floor is found for each half second."""
DIP_SLOTS = 12
"""A half second is as quiet as its quietest eighth of a second: a codec makes holes in a noise that are shorter."""
ON_DB = 9.0
"""Talk begins so far above the floor. The energy of steady noise moves by 1 dB, that of a codec's noise by more."""
OFF_DB = 6.0
"""Talk goes on while it is so far above the floor: the end of a word is weaker than its beginning."""
LEAST_DBFS = -50.0
"""Nothing weaker is talk. Telephone networks aim at -26 dB (ITU-T G.169), and 24 dB less cannot be understood."""
BELOW_TALK_DB = 30.0
"""Nothing is talk that is so far below the loud parts of the same channel: it is breath, echo or another desk."""
CROSSTALK_DB = 25.0
"""Nothing is talk that is so far below the other channel: it is the other one's echo."""
ECHO_S = 0.2
"""How late an echo is at most, through a mobile network and back."""
BRIDGE_S = 0.3
"""A shorter pause is within the talk: between two words, or before a plosive."""
SHORTEST_S = 0.1
"""Anything shorter is a click."""


def talk_of(energies: Energies, other: Energies | None = None) -> Slots:
    """Where somebody talks. ``other``: the other side of the call, whose echo is no talk."""
    floor = _floor(energies)
    on = np.maximum(floor + ON_DB, LEAST_DBFS)
    if (energies > on).any():
        on = np.maximum(on, np.percentile(energies[energies > on], 95) - BELOW_TALK_DB)
    loud, audible = energies > on, energies > on - (ON_DB - OFF_DB)
    if other is not None:
        reach = round(ECHO_S * SLOTS_PER_S)
        held = np.lib.stride_tricks.sliding_window_view(np.pad(other, (reach, 0), mode="edge"), reach + 1).max(axis=1)
        own = energies > held - CROSSTALK_DB
        loud, audible = loud & own, audible & own
    runs = stretches(audible)
    heard = np.concatenate([[0], np.cumsum(loud)])
    talk = flagged(runs[heard[runs[:, 1]] > heard[runs[:, 0]]], len(energies))
    pauses = stretches(~talk)
    between = pauses[(pauses[:, 0] > 0) & (pauses[:, 1] < len(talk))]
    talk |= flagged(_shorter(between, BRIDGE_S), len(talk))
    talk &= ~flagged(_shorter(stretches(talk), SHORTEST_S), len(talk))
    return talk & np.append(talk[1:], talk[-1:])  # without the last slot of each stretch


def _floor(energies: Energies) -> Energies:
    """The noise at each slot: the weakest moment of the last FLOOR_S, or of the next, whichever is louder. So a noise
    that begins or ends is noise at once, and a word is none for it is quiet before and after it."""
    steps = np.pad(energies, (0, -len(energies) % STEP_SLOTS), mode="edge").reshape(-1, STEP_SLOTS)
    quiet = np.partition(steps, DIP_SLOTS, axis=1)[:, DIP_SLOTS]
    reach = round(FLOOR_S * SLOTS_PER_S / STEP_SLOTS)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(quiet, reach, constant_values=np.inf), reach + 1).min(1)
    floor = np.maximum(around[: len(quiet)], around[reach:])  # of itself and those before; of itself and those behind
    return np.repeat(floor, STEP_SLOTS)[: len(energies)].astype(np.float32)


def stretches(slots: Slots) -> NDArray[np.int64]:
    """First and last slot (not included) of each run of flags, shape (runs, 2)."""
    edges = np.diff(np.concatenate([[0], slots.astype(np.int8), [0]]))
    return np.stack([np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)], axis=1)


def flagged(runs: NDArray[np.int64], count: int) -> Slots:
    """The reverse of ``stretches``, for ``count`` slots."""
    edges = np.zeros(count + 1, np.int8)
    edges[runs[:, 0]] = 1
    edges[runs[:, 1]] = -1
    flags: Slots = np.cumsum(edges[:-1], dtype=np.int8).astype(np.bool_)
    return flags


def _shorter(runs: NDArray[np.int64], seconds: float) -> NDArray[np.int64]:
    return runs[runs[:, 1] - runs[:, 0] < seconds * SLOTS_PER_S]
