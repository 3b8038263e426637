"""Recordings that end the process which downloads them: each is set aside, and all others are stored (rules 9, 11)."""

import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from call_lake.copying.suspects import MARKS_MAX
from call_lake.errors import Reason
from call_lake.ledger.entry import State
from tests.crash.harness import settle
from tests.crash.scenes import Killers
from tests.support.fakes import Fault, FaultAt

ALWAYS = 99
HARMLESS = 0


def check(run: Killers, kills: list[int]) -> None:
    """Nothing is lost, stored twice or set aside wrongly, and no mark is left."""
    found = run.outcome()
    killers = {one.recording_id for one, times in zip(run.recordings, kills, strict=True) if times == ALWAYS}
    others = {one.recording_id for one in run.recordings} - killers
    assert {id for id, (state, _) in found.ledger.items() if state == State.FAILED} == found.dead == killers
    assert {id for id, (state, _) in found.ledger.items() if state == State.STORED} == found.announced == others
    assert len(found.audio) == len(found.rows) == len(others)
    assert not found.oddities
    reasons = {id: run.world.table.items()[id]["reason"] for id in killers}
    assert set(reasons.values()) <= {Reason.POISON}


def deaths(troubles: list[str]) -> Counter[str]:
    return Counter(trouble.rpartition(" by ")[2] for trouble in troubles if " by " in trouble)


kills_of_a_batch = st.lists(st.sampled_from([HARMLESS, HARMLESS, HARMLESS, 1, MARKS_MAX - 1, ALWAYS]), max_size=12)


@settings(max_examples=40)
@given(kills=kills_of_a_batch, batch=st.integers(1, 10), seed=st.integers(0, 99), twice=st.integers(0, 9))
def test_whatever_a_batch_is_made_of_only_killers_are_set_aside(
    kills: list[int], batch: int, seed: int, twice: int
) -> None:
    run = Killers(kills, batch, random.Random(seed))
    run.world.queues["thulium"].duplicates = twice

    troubles = settle(run)

    check(run, kills)
    by_killers = [deaths(troubles)[one.recording_id] for one, times in zip(run.recordings, kills, strict=True) if times]
    assert all(times <= 1 + MARKS_MAX for times in by_killers)


@settings(max_examples=40)
@given(
    kills=st.lists(st.sampled_from([HARMLESS, HARMLESS, HARMLESS, 1, ALWAYS]), min_size=1, max_size=5),
    batch=st.integers(1, 10),
    seed=st.integers(0, 99),
    number=st.integers(1, 200),
    fault=st.sampled_from(Fault),
)
def test_a_fault_at_any_call_beside_killers_changes_nothing_in_the_end(
    kills: list[int], batch: int, seed: int, number: int, fault: Fault
) -> None:
    run = Killers(kills, batch, random.Random(seed))

    settle(run, [FaultAt(number, fault)])

    check(run, kills)
