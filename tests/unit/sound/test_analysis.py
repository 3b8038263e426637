"""Levels, clipping, dead channels, and who talks when."""

import numpy as np
import pytest

from call_lake.model.sound import Sound, SoundNote
from call_lake.sound.analysis import Meter
from call_lake.sound.turns import turns_of
from call_lake.sound.voice import SLOTS_PER_S
from tests.support.made_calls import Samples, Stretch, made_call


def measured(samples: Samples, rate: int = 8000, block: int = 80_000) -> Sound:
    meter = Meter(rate, samples.shape[1])
    for at in range(0, len(samples), block):
        meter.add(samples[at : at + block].astype(np.float32))
    found = meter.sound()
    assert isinstance(found, Sound)
    return found


def test_the_level_is_that_of_the_talk_and_not_of_the_silence_around_it() -> None:
    found = measured(made_call([Stretch(0, 5, 8, -20.0), Stretch(1, 10, 13, -30.0)], 60))
    assert found.sides is not None
    assert [side.level_dbfs for side in found.sides] == pytest.approx([-20, -30], abs=0.3)
    assert found.level_dbfs == pytest.approx(-22.6, abs=0.3)  # the mean of both powers


def test_without_talk_there_is_no_level_and_without_a_sample_no_peak() -> None:
    found = measured(np.zeros((80_000, 1)))
    assert (found.level_dbfs, found.peak_dbfs, found.silence_share, found.longest_silence_s) == (None, None, 1, 10)


def test_samples_at_full_scale_in_a_row_are_clipped_and_a_single_one_is_a_peak() -> None:
    samples = made_call([], 10, channels=1)
    samples[1000:1101] = samples[40_000] = 1.0
    found = measured(samples)
    assert found.clipped_share == pytest.approx(100 / 80_000, rel=1e-3)
    assert found.peak_dbfs == 0


def test_clipping_is_counted_across_blocks() -> None:
    samples = made_call([], 10, channels=1)
    samples[39_990:40_010] = -1.0
    assert measured(samples, block=40_000).clipped_share == measured(samples).clipped_share


def test_blocks_of_any_size_give_the_same_facts() -> None:
    samples = made_call([Stretch(0, 1, 4), Stretch(1, 5, 9)], 12)
    assert measured(samples, block=800) == measured(samples)


@pytest.mark.parametrize(("heard_s", "dead"), [(0.0, 0), (0.3, 0), (0.8, None)])
def test_a_channel_on_which_nobody_is_heard_while_the_other_one_talks_is_dead(heard_s: float, dead: int | None) -> None:
    answer = [Stretch(0, 20, 20 + heard_s)] if heard_s else []
    found = measured(made_call([Stretch(1, 2, 5), Stretch(1, 8, 12), *answer], 30))
    assert found.dead_channel == dead


def test_no_channel_is_dead_where_nobody_talks() -> None:
    assert measured(made_call([], 30)).dead_channel is None


def test_a_mono_call_in_a_stereo_file_has_no_sides() -> None:
    """Else both would talk at once, all the time."""
    one = made_call([Stretch(0, 1, 4)], 10, channels=1)
    found = measured(np.hstack([one, one + np.random.default_rng(1).normal(0, 1e-4, one.shape)]))
    assert (found.channels, found.sides, found.note) == (2, None, SoundNote.SAME_CHANNELS)
    assert found.silence_share == pytest.approx(0.7, abs=0.01)


def test_floats_that_are_no_numbers_do_no_harm() -> None:
    samples = made_call([Stretch(0, 1, 4)], 10, channels=1)
    samples[100], samples[200], samples[300] = np.nan, np.inf, -1e30
    assert measured(samples).silence_share == pytest.approx(0.7, abs=0.02)


def test_less_than_a_tenth_of_a_second_says_nothing() -> None:
    meter = Meter(8000, 2)
    meter.add(np.zeros((799, 2), np.float32))
    assert meter.sound() is SoundNote.NO_SAMPLES


# -- turns


def sides(left: str, right: str) -> tuple[list[int], list[int]]:
    """A character is a tenth of a second; talk is not a space."""
    slots = [np.repeat([one != " " for one in text], SLOTS_PER_S // 10) for text in (left, right)]
    return turns_of((slots[0], slots[1]))


@pytest.mark.parametrize(
    ("left", "right", "turns", "interruptions"),
    [
        ("aaaaaaa   aaaa", "       bb     ", [2, 1], [0, 0]),
        ("aaaa aaaa aaaa", "              ", [1, 0], [0, 0]),  # a pause ends no turn
        ("aaaaaaaaaaaaaa", "   bbb        ", [1, 0], [0, 0]),  # "mhm"
        ("aaaaaaaaa     ", "     bbbbbbbbb", [1, 1], [0, 1]),
        ("aaaaaaaaa     ", "       bbbbbbb", [1, 1], [0, 0]),  # 0.2 s: nobody is interrupted
        ("aaaaaaaaa     ", "         bbbbb", [1, 1], [0, 0]),
        ("aaaaaa  aaaaaa", "   bbbbbbbb   ", [2, 1], [1, 1]),
        ("              ", "              ", [0, 0], [0, 0]),
    ],
)
def test_turns_and_interruptions(left: str, right: str, turns: list[int], interruptions: list[int]) -> None:
    assert sides(left, right) == (turns, interruptions)
    assert sides(right, left) == (turns[::-1], interruptions[::-1])
