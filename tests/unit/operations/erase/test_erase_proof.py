"""An erasure is proven, or it says why not and what to type; the same command then goes on."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from call_lake.errors import Reason, Terminal
from call_lake.lake.errors import LakeDamaged
from call_lake.ledger.entry import State
from call_lake.model.lake_tables import CALLS
from call_lake.model.messages import message_of
from call_lake.model.recording import Recording
from call_lake.operations.erase.eraser import ErasureReport
from call_lake.operations.erase.targets import ErasureRequest
from tests.support.erasing import DEAD_LABELS, by_number, erase, eraser_of, own_traces, recording_ids
from tests.support.fakes import Call
from tests.support.fakes.provider import make_recording
from tests.support.lake_samples import ids_in
from tests.support.operator_bench import Bench, rebuilt, settled


@pytest.fixture
def bench() -> Bench:
    return settled()


# -- dead letters


def test_a_dead_letter_that_somebody_else_reads_keeps_an_erasure_from_being_proven(bench: Bench) -> None:
    victim = bench.recordings[0]
    bench.world.dlq.send([message_of(victim)], attributes=DEAD_LABELS | {"recording_id": victim.recording_id})
    bench.world.dlq.receive()  # `call-lake failed` was killed: its letters are hidden for a while

    unproven = eraser_of(bench.world).erase(by_number(victim), None)
    bench.world.clock.advance(timedelta(hours=1))
    proven = eraser_of(bench.world).erase(by_number(victim), None)

    assert (unproven.hits, unproven.hidden, unproven.is_clean) == (0, 1, False)
    assert [target.recording_id for target in proven.targets.all] == [victim.recording_id], "it is found again"
    assert proven.is_clean
    assert own_traces(bench, victim) == {}


def test_a_dead_letter_that_a_copier_sends_while_nobody_waits_goes_with_the_next_erasure() -> None:
    """It looked for the tombstone before that stood (docs/limits.md)."""
    bench = Bench(1)
    (victim,) = bench.recordings

    def refuse(recording: Recording) -> None:
        raise Terminal(Reason.FORBIDDEN, "403")

    def erased(call: Call, proceed: Callable[[], Any]) -> Any:
        if (call.port, call.method) == ("queue:dlq", "send"):
            stop()
            eraser_of(bench.world).erase(recording_ids(victim.recording_id), None)
        return proceed()

    bench.thulium.on_audio = refuse
    bench.pipeline.poll("thulium")
    stop = bench.world.calls.on_call(erased)
    bench.pipeline.copy_all()
    assert bench.item(victim)["state"] == State.ERASED
    assert bench.world.dlq.waiting() == [message_of(victim)]

    assert eraser_of(bench.world).erase(recording_ids(victim.recording_id), None).is_clean

    assert own_traces(bench, victim) == {}


def test_dead_letters_that_the_search_itself_received_are_not_hidden(bench: Bench) -> None:
    bench.world.dlq.send([message_of(one) for one in bench.recordings])

    report = eraser_of(bench.world).dry_run(by_number(bench.recordings[0]))

    assert (report.places["dead_letters"].searched, report.hidden) == (3, 0)


# -- a day that cannot be read


def deleted(bench: Bench) -> None:
    bench.world.store.delete(list(bench.world.store.bodies(CALLS.data)))


def unreadable(bench: Bench) -> None:
    for key in bench.world.store.bodies(CALLS.data):
        bench.world.store.put(key, b"no Parquet")


@pytest.mark.parametrize("damage", [deleted, unreadable])
@pytest.mark.parametrize("named_by", [by_number, lambda one: recording_ids(one.recording_id)], ids=["number", "id"])
def test_a_damaged_day_keeps_no_voice_and_once_it_is_rebuilt_the_same_erasure_ends(
    bench: Bench, damage: Callable[[Bench], None], named_by: Callable[[Recording], ErasureRequest]
) -> None:
    victim = bench.recordings[0]
    damage(bench)

    with pytest.raises(LakeDamaged, match="call-lake rebuild"):
        erase(bench, named_by(victim))
    assert bench.states() == [State.ERASED, State.STORED, State.STORED]
    assert not [key for key in bench.world.store.bodies("audio/") if victim.recording_id in key]

    rebuilt(bench)
    report = erase(bench, named_by(victim))

    assert report.is_clean
    assert own_traces(bench, victim) == {}
    assert ids_in(bench.world) == sorted(one.recording_id for one in bench.recordings[1:])


def test_a_dry_run_says_that_a_day_is_damaged(bench: Bench) -> None:
    deleted(bench)

    with pytest.raises(LakeDamaged, match="call-lake rebuild"):
        eraser_of(bench.world).dry_run(recording_ids(bench.recordings[0].recording_id))


# -- what comes meanwhile


def test_the_proof_sees_what_came_back_while_the_erasure_waited_and_the_next_one_deletes_it(bench: Bench) -> None:
    victim, world = bench.recordings[0], bench.world
    key = bench.audio_key(victim)
    seen = list[ErasureReport]()

    def restored(call: Call, proceed: Callable[[], Any]) -> Any:
        """Somebody restores a backup when all is deleted, right before the proof begins."""
        if call.method == "get_many" and world.clock.now() >= moment:
            world.store.put(key, b"audio")
            remove()
        return proceed()

    moment = world.clock.now() + timedelta(seconds=1800)
    remove = world.calls.on_call(restored)
    seen.append(erase(bench, by_number(victim)))
    seen.append(erase(bench, by_number(victim)))

    assert [report.hits for report in seen] == [1, 0]
    assert seen[0].places["audio"].hits == 1
    assert own_traces(bench, victim) == {}


def test_the_proof_sees_a_new_call_of_the_same_person(bench: Bench) -> None:
    victim, late = bench.recordings[0], make_recording(60, listed_at=bench.world.clock.now() + timedelta(minutes=20))
    assert late.caller != victim.caller
    request = by_number(victim, late)

    def meanwhile(until: datetime) -> None:
        bench.thulium.add(late)
        bench.pipeline.run_for(until - bench.world.clock.now() + timedelta(minutes=5))

    first = eraser_of(bench.world).erase(request, meanwhile)
    second = erase(bench, request)

    assert first.places["found_again"].hits == 1
    assert [target.recording_id for target in second.targets.all] == sorted([victim.recording_id, late.recording_id])
    assert second.hits == 0
