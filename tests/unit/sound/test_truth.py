"""Calls whose talk is known to the sample. Each stretch of it is found to 0.015 s, so a minute of up to thirteen
stretches to 0.2 s."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from call_lake.model.sound import Sound
from call_lake.sound.analysis import Meter
from call_lake.sound.decoder import sound_of
from call_lake_local.simulators import speech
from tests.support.made_calls import Samples, Stretch, file_of, made_call, talk_s

SECONDS = 20.0
WITHIN_S = 0.2 / 3  # of what is measured in 20 s
STRETCH_S = 0.015


def measured(samples: Samples, rate: int = 8000) -> Sound:
    meter = Meter(rate, samples.shape[1])
    for at in range(0, len(samples), meter.block_frames):
        meter.add(samples[at : at + meter.block_frames].astype(np.float32))
    found = meter.sound()
    assert isinstance(found, Sound)
    return found


@st.composite
def conversations(draw: st.DrawFn) -> list[Stretch]:
    """Each side talks for 0.4 to 4 s, then pauses for 1.5 s or longer. Voices differ by 10 dB at most."""
    found = []
    for side in (0, 1):
        at = draw(st.floats(0.3, 6))
        while (end := at + draw(st.floats(0.4, 4))) < SECONDS - 0.3:
            found.append(Stretch(side, at, end, draw(st.floats(-25, -15))))
            at = end + draw(st.floats(1.5, 8))
    return found


@settings(max_examples=15, deadline=None)
@given(
    conversations(),
    st.sampled_from((8000, 11025, 16000, 44100, 48000)),
    st.floats(-75, -52),
    st.floats(-100, -35),
    st.integers(0, 1000),
)
def test_talk_silence_and_overlap_of_a_made_call_are_found(
    talk: list[Stretch], rate: int, noise_dbfs: float, hum_dbfs: float, seed: int
) -> None:
    """At every sample rate, over noise, hum and an offset of the line."""
    samples = made_call(talk, SECONDS, rate, noise_dbfs=noise_dbfs, hum_dbfs=hum_dbfs, offset=0.01, seed=seed)
    found = measured(samples, rate)
    anybody, both = talk_s(talk, SECONDS)
    assert found.sides is not None
    for side in (0, 1):
        own = sum(one.side == side for one in talk)
        assert found.sides[side].talk_s == pytest.approx(talk_s(talk, SECONDS, side)[0], abs=own * STRETCH_S + 0.001)
    assert found.overlap_s == pytest.approx(both, abs=len(talk) * STRETCH_S)
    assert found.silence_share * SECONDS == pytest.approx(SECONDS - anybody, abs=len(talk) * STRETCH_S + 0.001)


def test_a_voice_that_is_15_db_weaker_loses_some_hundredths_of_a_second() -> None:
    talk = [Stretch(0, 1.0, 9.0, -15.0), Stretch(1, 1.0, 2.0, -15.0), Stretch(1, 6.0, 8.4, -30.0)]
    found = measured(made_call(talk, SECONDS, noise_dbfs=-52, hum_dbfs=-35))
    assert found.sides is not None
    assert found.sides[1].talk_s == pytest.approx(3.4, abs=2 * 0.04)


def loud_s(samples: Samples, rate: int) -> float:
    """How long the samples of a clean recording are audible, with the pauses that are within talk."""
    at = np.flatnonzero(np.abs(samples) > 10 ** (-45 / 20))
    gaps = np.diff(at)
    return float(1 + np.sum(np.where(gaps < 0.3 * rate, gaps, 1))) / rate


@pytest.mark.parametrize(
    ("container", "coding"), [("WAV", "ULAW"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")]
)
def test_both_sides_of_a_spoken_call_are_told_apart_in_every_coding(container: str, coding: str) -> None:
    rate = 16000
    clean = speech.conversation("mixed", rate, 2) / 32768
    noise = np.random.default_rng(1).normal(0, 10 ** (-65 / 20), clean.shape)
    found = sound_of(file_of(clean + noise, rate, container, coding))
    assert isinstance(found, Sound)
    assert found.sides is not None
    for side in (0, 1):
        assert found.sides[side].talk_s == pytest.approx(loud_s(clean[:, side], rate), abs=WITHIN_S)
    assert [side.turns for side in found.sides] == [4, 4]
    assert [side.interruptions for side in found.sides] == [0, 0]
    assert found.overlap_s == 0


def test_a_mono_call_has_silence_and_no_sides() -> None:
    found = measured(made_call([Stretch(0, 1, 4), Stretch(0, 10, 12)], 20, channels=1))
    assert found.silence_share * 20 == pytest.approx(15, abs=WITHIN_S)
    assert (found.longest_silence_at_s, found.longest_silence_s) == pytest.approx((12, 8), abs=0.05)
    assert (found.channels, found.sides, found.overlap_s, found.dead_channel) == (1, None, None, None)


# -- what is no talk


def all_talk_s(samples: Samples) -> Sequence[float]:
    found = measured(samples)
    assert found.sides is not None
    return [side.talk_s for side in found.sides]


TALK = [Stretch(1, at, at + 3) for at in range(2, 38, 6)]


def test_a_noise_that_goes_on_is_no_talk_even_where_it_begins() -> None:
    samples = made_call(TALK, 40)
    samples[16 * 8000 :, 0] += np.random.default_rng(2).normal(0, 0.05, 24 * 8000)
    assert all_talk_s(samples)[0] < 0.1


def test_a_tone_that_goes_on_is_no_talk() -> None:
    samples = made_call(TALK, 40)
    samples[:, 0] += 0.2 * np.sin(2 * np.pi * 425 * np.arange(40 * 8000) / 8000)
    assert all_talk_s(samples)[0] < 0.1


def test_the_echo_of_the_other_side_is_no_talk() -> None:
    samples = made_call(TALK, 40)
    samples[800:, 0] += samples[:-800, 1] * 10 ** (-27 / 20)
    assert all_talk_s(samples)[0] < 0.1


def test_a_click_is_no_talk_and_a_whisper_of_the_line_is_none() -> None:
    samples = made_call([*TALK, Stretch(0, 20, 25, -58)], 40, noise_dbfs=-75)
    samples[80_000:80_240, 0] += 0.3
    assert all_talk_s(samples)[0] == 0
