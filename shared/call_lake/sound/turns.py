"""Who talks when both sides of a call are apart: turns, overlap, interruptions."""

from call_lake.sound.voice import SLOTS_PER_S, Slots, stretches

INTERRUPTION_S = 0.3
"""Both have to talk for so long: people begin up to 0.2 s before the other one has ended, and interrupt nobody
(Heldner and Edlund 2010, doi:10.1016/j.wocn.2010.08.002)."""


def turns_of(sides: tuple[Slots, Slots]) -> tuple[list[int], list[int]]:
    """How often each side took the word, and how often it interrupted the other.

    A side takes the word when it talks and the other one was the last to have it. What is said wholly within the
    other's talk ("mhm") takes no word. An interruption begins while the other one talks, and goes on after the other
    one has stopped.
    """
    turns, interruptions = [0, 0], [0, 0]
    holder, held_to = -1, 0
    runs = [(int(begin), int(end), number) for number in (0, 1) for begin, end in stretches(sides[number])]
    for begin, end, side in sorted(runs):
        if end <= held_to and side != holder:
            continue
        if side != holder:
            turns[side] += 1
            if held_to - begin >= INTERRUPTION_S * SLOTS_PER_S:
                interruptions[side] += 1
            holder = side
        held_to = max(held_to, end)
    return turns, interruptions
