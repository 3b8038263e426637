"""A rebuild dies at every call, and meets a compactor at every call: the rows are those of a world that was never
harmed, and nothing of it is left behind (design rules 16 to 18)."""

from collections.abc import Callable
from contextlib import suppress
from datetime import date
from functools import partial
from typing import Any

import pytest

from call_lake.ledger.ledger import Ledger
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import INBOX
from call_lake.operations.rebuild import Rebuilder
from tests.crash import outcome
from tests.crash.duos import Duo, Works, meetings
from tests.crash.harness import settle
from tests.crash.points import Points, Scene, undisturbed
from tests.crash.scenes import Days, Pair
from tests.crash.small_world import STEP, SmallWorld
from tests.support.fakes import Died, Fault, FaultAt
from tests.support.pipeline import COMPACTOR, POLLER

JUNK = b"this is no Parquet file, and longer than eight bytes"


def rebuild(run: SmallWorld) -> list[str]:
    """What went wrong; an operator types the command again until that is nothing."""
    world = run.world
    ledger = Ledger(world.table, world.clock, POLLER.republish_after_s)
    rebuilder = Rebuilder(ledger, world.store, world.catalog, world.clock, COMPACTOR.grace_s, threads=1)
    found = rebuilder.find(run.sources, date.min, date.max)
    return [done.error for done in rebuilder.rebuild(found, lambda so_far, of: None) if done.error]


def lose_the_lake(run: SmallWorld) -> None:
    run.world.store.delete([*run.world.store.bodies(CALLS.data), *run.world.store.bodies(CALLS.manifests)])


def lose_the_manifests(run: SmallWorld) -> None:
    run.world.store.delete(list(run.world.store.bodies(CALLS.manifests)))


def damage_the_files(run: SmallWorld) -> None:
    for key in run.world.store.bodies(CALLS.data):
        run.world.store.put(key, JUNK)


def settled_and_harmed(harm: Callable[[SmallWorld], None]) -> tuple[Pair, list[dict[str, Any]]]:
    """A world at rest whose lake was harmed, and the rows that it had."""
    run = Pair()
    settle(run)
    rows = outcome.rows(run.world)
    harm(run)
    return run, rows


@pytest.mark.parametrize("harm", [lose_the_lake, lose_the_manifests, damage_the_files])
def test_a_rebuild_that_is_broken_at_any_call_and_typed_again_gives_the_same_rows(
    points: Points, harm: Callable[[SmallWorld], None]
) -> None:
    expected, _ = undisturbed(Pair)
    run, _ = settled_and_harmed(harm)
    before = len(run.calls.log)
    assert rebuild(run) == []
    calls = len(run.calls.log) - before
    assert calls > 7  # else this would prove little

    for number in range(1, calls + 1):
        for fault in Fault:
            run, rows = settled_and_harmed(harm)
            broken = FaultAt(number, fault)
            stop = run.calls.on_call(broken)
            with suppress(Died, Exception):
                rebuild(run)
            stop()
            assert broken.struck, f"call {number} never came"
            assert rebuild(run) == []
            points.judge(f"rows, {broken}", outcome.rows(run.world), rows)
            settle(run)
            points.judge(f"in the end, {broken}", run.outcome(), expected)

    points.check()


def compactor_and_rebuild(run: SmallWorld) -> Works:
    """Rows wait; the lake is empty."""
    run.poll("thulium")
    run.copy("thulium", run.receive("thulium"))
    assert run.world.store.bodies(INBOX)
    return run.compact, partial(rebuild, run)


def compactor_and_rebuild_of_damage(run: SmallWorld) -> Works:
    """One row waits; the other's file cannot be read any more, which the compactor stumbles over."""
    run.poll("thulium")
    run.copy("thulium", run.receive("thulium"))
    run.compact()
    damage_the_files(run)
    run.world.clock.advance(STEP)
    return compactor_and_rebuild(run)


def compactor_and_rebuild_of_nothing(run: SmallWorld) -> Works:
    """One row waits; manifests are gone, so that the compactor begins the partition again."""
    run.poll("thulium")
    run.copy("thulium", run.receive("thulium"))
    run.compact()
    lose_the_manifests(run)
    run.world.clock.advance(STEP)
    return compactor_and_rebuild(run)


def two_rebuilds(run: SmallWorld) -> Works:
    compactor_and_rebuild(run)
    return partial(rebuild, run), partial(rebuild, run)


@pytest.mark.parametrize(
    ("scene", "duo"),
    [
        (Pair, compactor_and_rebuild),
        (Days, compactor_and_rebuild_of_damage),
        (Days, compactor_and_rebuild_of_nothing),
        (Pair, two_rebuilds),
    ],
    ids=lambda value: value.__name__,
)
def test_a_rebuild_and_another_process_that_stop_for_each_other_at_any_call_end_as_one(
    points: Points, scene: Scene, duo: Duo[SmallWorld]
) -> None:
    expected, _ = undisturbed(scene)

    for stop, found in meetings(scene, duo, SmallWorld.outcome):
        points.judge(f"{duo.__name__} {stop}", found, expected)

    points.check()


def test_a_reader_that_plans_from_the_manifests_at_any_call_of_a_rebuild_has_every_row_once(points: Points) -> None:
    run, rows = settled_and_harmed(lambda run: None)
    run.world.table.update(run.victim.recording_id, {"state": "ERASED"})
    expected = sorted(row["recording_id"] for row in rows)
    without = [id for id in expected if id != run.victim.recording_id]

    def read(call: object, proceed: Callable[[], Any]) -> Any:
        answer = proceed()
        ids = sorted(row["recording_id"] for row in outcome.rows(run.world))
        points.judge(call, ids in (expected, without), True)
        return answer

    stop = run.calls.on_call(read)
    assert rebuild(run) == []
    stop()

    assert sorted(row["recording_id"] for row in outcome.rows(run.world)) == without
    points.check()
