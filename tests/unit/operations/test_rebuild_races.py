"""A rebuild beside erasures, copiers, compactors and readers: nothing is lost, twice, or back from the dead."""

from contextlib import suppress
from datetime import timedelta
from functools import partial

import pytest

from call_lake.bucket.inbox import put_rows
from call_lake.lake import partition_rebuild
from call_lake.lake.garbage import Garbage
from call_lake.ledger.entry import State
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import Partition
from tests.support.fakes.calls import Died, Fault, FaultAt
from tests.support.lake_samples import Before, files_of, lake_of, row_of
from tests.support.operator_bench import DAY, Bench, five_rows, lose_all, rebuilt, rows
from tests.support.pipeline import COMPACTOR

PARTITION = CALLS.at(Partition("thulium", DAY))


@pytest.fixture
def bench() -> Bench:
    return five_rows()


def test_an_erasure_at_any_call_of_a_rebuild_leaves_no_row_even_where_that_dies() -> None:
    for number in range(1, 200):
        bench = Bench(3)
        bench.settle()
        victim, other, *_ = (recording.recording_id for recording in bench.recordings)
        bench.lose_row(bench.recordings[1])
        erasure = Before(bench.world, number, partial(erase_and_kill_the_rebuild_after_its_swap, bench, victim))
        with suppress(Died):
            rebuilt(bench, ["thulium"])
        if not erasure.happened:
            break
        assert victim not in {row["recording_id"] for row in rows(bench)}, f"erased before call {number}"
    assert number > 5
    assert other in {row["recording_id"] for row in rows(bench)}


def erase_and_kill_the_rebuild_after_its_swap(bench: Bench, victim: str) -> None:
    bench.ledger.erase(victim, "thulium", DAY)
    lake_of(bench.world).remove(PARTITION, {victim})
    die_after_a_swap(bench)


def die_after_a_swap(bench: Bench) -> None:
    def die(call, proceed):
        before = bench.world.store.bodies(CALLS.manifests)
        answer = proceed()
        if bench.world.store.bodies(CALLS.manifests) != before:
            raise Died
        return answer

    bench.world.calls.on_call(die)


def test_a_row_of_an_erased_recording_leaves_with_the_swap_itself(bench: Bench) -> None:
    bench.world.table.update(bench.recordings[0].recording_id, {"state": State.ERASED})
    die_after_a_swap(bench)
    with suppress(Died):
        rebuilt(bench)

    assert bench.recordings[0].recording_id not in {row["recording_id"] for row in rows(bench)}


def test_a_tombstone_written_during_the_swap_is_honoured_right_after_it(bench: Bench) -> None:
    lose_all(bench)
    victim = bench.recordings[0].recording_id

    def erase_during_the_swap(call, proceed):
        answer = proceed()
        if bench.world.store.bodies(PARTITION.manifest):
            stop()
            bench.world.table.update(victim, {"state": State.ERASED})
        return answer

    stop = bench.world.calls.on_call(erase_during_the_swap)
    rebuilt(bench)

    assert victim not in {row["recording_id"] for row in rows(bench)}


def test_a_large_partition_is_decided_again_where_the_ledger_tells_something_else_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A row that was to be kept gets one from the ledger: it must not be there twice."""
    monkeypatch.setattr(partition_rebuild, "ROWS_A_FILE", 1)
    for number in range(1, 60):
        bench = Bench(3)
        bench.settle()
        first, second, last = sorted(bench.recordings, key=lambda recording: recording.recording_id)
        entry = bench.ledger.entry(last.recording_id)
        assert entry is not None
        assert entry.audio is not None
        bench.ledger.repaired(entry)
        bench.world.store.delete([entry.audio.key])
        bench.lose_row(first)
        event = Before(bench.world, number, partial(bench.ledger.stored, last, entry.audio))
        rebuilt(bench, ["thulium"])
        ids = [row["recording_id"] for row in rows(bench)]
        assert ids == [first.recording_id, second.recording_id, last.recording_id], f"stored before call {number}"
        if not event.happened:
            break
    assert number > 10


@pytest.mark.parametrize("marked_long_ago", [False, True])
def test_the_files_that_it_replaces_stay_for_readers_that_planned_before(bench: Bench, marked_long_ago: bool) -> None:
    bench.lose_row(bench.recordings[0])
    planned = files_of(bench.world, PARTITION)
    if marked_long_ago:  # by somebody who then lost the race to replace it
        Garbage(bench.world.store, bench.world.clock, 0).mark(PARTITION, planned)
        bench.world.clock.advance(timedelta(days=2))
    rebuilt(bench)

    bench.pipeline.compact()

    assert set(planned) <= bench.world.store.bodies(CALLS.data).keys()
    assert planned != files_of(bench.world, PARTITION)


def test_a_compactor_that_commits_meanwhile_wins_and_the_partition_is_decided_again(bench: Bench) -> None:
    bench.lose_row(bench.recordings[0])
    extra = row_of(77, day=DAY)
    put_rows(bench.world.store, [extra], CALLS)

    def compact_before_the_swap(call, proceed):
        if call.method == "put":
            stop()
            bench.pipeline.compact()
        return proceed()

    stop = bench.world.calls.on_call(compact_before_the_swap)
    done = rebuilt(bench)[PARTITION.partition].rebuilt

    assert done is not None
    assert done.kept == 1
    assert extra["recording_id"] in {row["recording_id"] for row in rows(bench)}
    assert len(rows(bench)) == 6


def test_a_swap_that_the_sdk_sent_twice_is_counted_once(bench: Bench) -> None:
    def calls_of_a_rebuild() -> int:
        rebuilt(bench)
        before = len(bench.world.calls.log)
        lose_all(bench)
        rebuilt(bench)
        return len(bench.world.calls.log) - before

    for number in range(1, calls_of_a_rebuild() + 1):
        lose_all(bench)
        stop = bench.world.calls.on_call(FaultAt(number, Fault.REPEATED))
        found = rebuilt(bench)
        stop()
        assert sum(done.rebuilt.mended for done in found.values() if done.rebuilt) == 5, f"call {number}"
        assert len(rows(bench)) == 5


def test_races_that_are_never_won_end(bench: Bench) -> None:
    lose_all(bench)
    bench.world.store.conflicts = 10**6

    found = rebuilt(bench)

    assert {"try again" in done.error for done in found.values()} == {True}


def test_a_rebuild_that_took_too_long_names_no_file_that_may_be_collected(bench: Bench) -> None:
    before = rows(bench)
    lose_all(bench)
    slow = iter([True])

    def sleep_after_a_file(call, proceed):
        answer = proceed()
        if call.method == "put" and next(slow, False):
            bench.world.clock.advance(timedelta(seconds=COMPACTOR.grace_s / 2 + 1))
        return answer

    bench.world.calls.on_call(sleep_after_a_file)
    rebuilt(bench)

    assert rows(bench) == before
    assert len(bench.world.store.bodies(CALLS.data)) == 4
