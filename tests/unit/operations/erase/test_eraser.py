"""An erasure leaves nothing of a recording but its tombstone, and touches nothing else."""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from call_lake.bucket.inbox import put_rows
from call_lake.ledger.entry import TOMBSTONE, State
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import Partition
from call_lake.model.messages import message_of
from call_lake.operations.erase.targets import ErasureRequest, Near, UnknownRecording
from tests.support.erasing import DEAD_LABELS, by_number, erase, eraser_of, own_traces, recording_ids, texts_of
from tests.support.fakes import Call
from tests.support.fakes.ids import IDS
from tests.support.fakes.provider import make_recording
from tests.support.lake_samples import ids_in, lake_of, row_of, table_from
from tests.support.operator_bench import DAY, Bench, settled


@pytest.fixture
def bench() -> Bench:
    return settled()


def test_nothing_of_an_erased_recording_is_left_but_a_tombstone(bench: Bench) -> None:
    victim = bench.recordings[1]
    assert own_traces(bench, victim)

    report = erase(bench, by_number(victim))

    assert [target.recording_id for target in report.targets.all] == [victim.recording_id]
    assert report.hits == 0
    assert own_traces(bench, victim) == {}
    assert bench.item(victim).keys() <= TOMBSTONE - {"erasing"}
    assert bench.item(victim)["state"] == State.ERASED
    assert not [text for text in texts_of(victim) if text in str(bench.item(victim))]


def test_what_is_not_asked_for_stays_as_it_was(bench: Bench) -> None:
    victim, *others = bench.recordings
    before = [bench.item(one) for one in others]

    erase(bench, recording_ids(victim.recording_id))

    assert [bench.item(one) for one in others] == before
    assert ids_in(bench.world) == sorted(one.recording_id for one in others)
    assert sorted(bench.world.store.bodies("audio/")) == sorted(map(bench.audio_key, others))


def test_an_agent_is_erased_with_all_calls(bench: Bench) -> None:
    report = erase(bench, ErasureRequest(agents=frozenset({"Agent 0"})))

    assert [target.recording_id for target in report.targets.all] == [bench.recordings[0].recording_id]


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_a_number_is_found_on_either_side_of_a_call(bench: Bench, side: str) -> None:
    report = eraser_of(bench.world).dry_run(ErasureRequest(numbers=frozenset({getattr(bench.recordings[0], side)})))

    expected = bench.recordings[:1] if side == "caller" else bench.recordings
    assert {target.recording_id for target in report.targets.all} == {one.recording_id for one in expected}


@pytest.mark.parametrize("typed", ["48800000001", "800 000 001", "0048800000001", "sip:+48800000001@pbx.example"])
def test_a_number_is_found_however_it_is_typed(bench: Bench, typed: str) -> None:
    report = eraser_of(bench.world).dry_run(ErasureRequest(numbers=frozenset({typed})))

    assert [target.recording_id for target in report.targets.all] == [bench.recordings[1].recording_id]
    assert report.targets.near == Near()


def test_what_has_no_row_yet_is_found_in_the_ledger_and_its_message_stores_nothing() -> None:
    bench = Bench(1)
    (victim,) = bench.recordings
    bench.pipeline.poll("thulium")
    assert len(bench.world.queues["thulium"]) == 1

    report = erase(bench, by_number(victim))
    bench.settle()

    assert [target.state for target in report.targets.all] == [State.PUBLISHED]
    assert own_traces(bench, victim) == {}


def test_what_the_provider_still_lists_is_not_published_again(bench: Bench) -> None:
    victim = bench.recordings[0]
    erase(bench, by_number(victim))

    bench.restart()
    bench.pipeline.poll("thulium", sweep=True)
    bench.settle()

    assert own_traces(bench, victim) == {}
    assert bench.world.table.query_due("thulium", "9999", 10) == []


def test_a_row_whose_item_was_lost_is_found_in_the_table_and_gets_a_tombstone(bench: Bench) -> None:
    victim = bench.recordings[0]
    bench.lose_item(victim)

    report = erase(bench, by_number(victim))

    assert [target.state for target in report.targets.all] == [None]
    assert own_traces(bench, victim) == {}
    assert bench.item(victim)["state"] == State.ERASED


def test_a_namesake_that_is_listed_after_the_erasure_is_stored(bench: Bench) -> None:
    """The tombstone holds no connection id in clear, and still tells one connection from another (rule 6)."""
    victim = bench.recordings[0]
    erase(bench, by_number(victim))
    other = make_recording(0, connection_id="1792490000.77", listed_at=bench.world.clock.now())
    bench.thulium.add(other)
    bench.restart()

    bench.settle()

    assert other.as_collision().recording_id in ids_in(bench.world)
    assert victim.recording_id not in ids_in(bench.world)


def test_a_tombstone_keeps_a_keyed_digest_of_the_connection_and_nothing_that_can_be_guessed(bench: Bench) -> None:
    victim = bench.recordings[0]
    erase(bench, by_number(victim))
    tombstone, connection = bench.item(victim), str(victim.connection_id)
    assert tombstone["connection_id"] == IDS.of_connection("thulium", connection)
    for algorithm in hashlib.algorithms_guaranteed - {"shake_128", "shake_256"}:
        digest = hashlib.new(algorithm, connection.encode(), usedforsecurity=False).hexdigest()
        assert digest[:16] not in json.dumps(tombstone)


def test_what_stays_of_a_shared_inbox_object_gets_a_name_that_says_nothing_of_its_text() -> None:
    names = []
    for number in ("+48500600700", "+48500600701"):
        bench = settled()
        victim = bench.recordings[0]
        place = f"inbox/source=thulium/call_date={DAY}/many.json"
        lines = [{"recording_id": victim.recording_id}, {"recording_id": "other", "caller": number}]
        bench.world.store.put(place, "".join(json.dumps(line) + "\n" for line in lines).encode())
        erase(bench, by_number(victim))
        names.append(sorted(bench.world.store.bodies("inbox/")))
    assert names[0] == names[1] != []


def test_who_erases_needs_no_key(bench: Bench) -> None:
    bench.world.secrets.values.clear()
    erase(bench, by_number(bench.recordings[0]))
    assert bench.item(bench.recordings[0])["state"] == State.ERASED


@pytest.mark.parametrize("unknown", ["thulium-0000", "source#thulium", "key#recording-ids"])
def test_an_unknown_recording_id_is_an_error_and_nothing_is_erased(bench: Bench, unknown: str) -> None:
    known = bench.recordings[0].recording_id

    with pytest.raises(UnknownRecording, match=unknown):
        erase(bench, recording_ids(known, unknown))

    assert bench.states() == [State.STORED] * 3


@pytest.mark.parametrize("item", ["stands", "was lost"])
def test_a_row_and_the_audio_of_a_recording_under_another_day_than_the_ledgers_go_too(bench: Bench, item: str) -> None:
    victim, world = bench.recordings[0], bench.world
    other = Partition("thulium", DAY - timedelta(days=1))
    row = row_of(1, day=other.call_date, recording_id=victim.recording_id, caller=victim.caller)
    lake_of(world).commit(CALLS.at(other), table_from([row], CALLS.at(other)))
    world.store.put(f"audio/{other.path}{victim.recording_id}.wav", b"voice")
    if item == "was lost":
        bench.lose_item(victim)

    report = erase(bench, recording_ids(victim.recording_id))

    assert [target.partition for target in report.targets.all] == [other, Partition("thulium", DAY)]
    assert report.hits == 0
    assert own_traces(bench, victim) == {}


def test_nothing_found_is_proven_too(bench: Bench) -> None:
    report = erase(bench, ErasureRequest(agents=frozenset({"Nobody"})))

    assert report.targets.all == ()
    assert report.hits == 0
    assert report.places["found_again"].searched >= 3
    assert bench.states() == [State.STORED] * 3


# -- a dry run


WRITES = {"put", "delete", "delete_versions", "update", "send", "publish"}


def refuse_writes(call: Call, proceed: Callable[[], Any]) -> Any:
    if call.method in WRITES:
        raise AssertionError(f"a dry run wrote: {call}")
    return proceed()


def test_a_dry_run_tells_what_lies_where_and_writes_nothing(bench: Bench) -> None:
    victim = bench.recordings[0]
    bench.world.dlq.send([message_of(victim)], attributes=DEAD_LABELS | {"recording_id": victim.recording_id})
    bench.world.store.put("athena-results/1.csv", victim.recording_id.encode())
    before = bench.world.store.bodies(), bench.world.table.items(), bench.world.dlq.waiting()
    bench.world.calls.on_call(refuse_writes)

    report = eraser_of(bench.world).dry_run(by_number(victim))

    assert (bench.world.store.bodies(), bench.world.table.items(), bench.world.dlq.waiting()) == before
    assert report.to_json()["recordings"] == [
        {"recording_id": victim.recording_id, "source": "thulium", "call_date": "2026-10-20", "state_before": "STORED"}
    ]
    hits = {name: place.hits for name, place in report.places.items() if place.hits}
    assert hits == {"ledger": 1, "rows": 1, "audio": 1, "dead_letters": 1, "query_results": 1}
    assert len(bench.world.dlq.receive()) == 1, "what a dry run received, it shows again"


def test_a_report_holds_nothing_of_whom_it_is_about(bench: Bench) -> None:
    victim = bench.recordings[0]
    request = ErasureRequest(numbers=frozenset({victim.caller or ""}), agents=frozenset({"Agent 0"}))

    told = str(erase(bench, request).to_json())

    assert not [text for text in (*texts_of(victim), "Agent 0") if text in told]


# -- the old files


def old_files(bench: Bench) -> list[str]:
    manifests = b"".join(bench.world.store.bodies("lake/calls/manifest/").values()).decode()
    return [key for key in bench.world.store.bodies(CALLS.data) if key not in manifests]


def test_the_old_files_stay_for_queries_that_run_until_half_an_hour_after_they_were_replaced(bench: Bench) -> None:
    world, waits = bench.world, list[float]()
    before = set(world.store.bodies(CALLS.data))

    def wait(until: datetime) -> None:
        assert before <= set(world.store.bodies(CALLS.data)), "a query that runs can still read them"
        waits.append((until - world.clock.now()).total_seconds())
        world.clock.advance_to(until)

    eraser_of(world).erase(by_number(bench.recordings[0]), wait)

    assert waits == [1800.0]
    assert old_files(bench) == []


def test_without_waiting_the_old_files_go_at_once(bench: Bench) -> None:
    now = bench.world.clock.now()

    report = eraser_of(bench.world).erase(by_number(bench.recordings[0]), None)

    assert (report.hits, old_files(bench), bench.world.clock.now()) == (0, [], now)


def test_an_old_file_without_the_erased_rows_is_left_to_the_collection(bench: Bench) -> None:
    bench.thulium.add(make_recording(7, started_at=bench.recordings[0].started_at + timedelta(days=0, minutes=30)))
    bystanders = set(bench.world.store.bodies(CALLS.data))
    bench.settle()
    victim = make_recording(7)
    assert victim.recording_id in ids_in(bench.world)

    erase(bench, recording_ids(victim.recording_id))

    assert bystanders <= set(bench.world.store.bodies(CALLS.data))


def test_an_erasure_that_was_broken_off_while_it_waited_is_found_again_and_waits_for_the_rest(bench: Bench) -> None:
    victim, world = bench.recordings[0], bench.world

    def broken_off(until: datetime) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        eraser_of(world).erase(by_number(victim), broken_off)
    world.clock.advance(timedelta(minutes=20))
    waits: list[float] = []

    def wait(until: datetime) -> None:
        waits.append((until - world.clock.now()).total_seconds())
        world.clock.advance_to(until)

    report = eraser_of(world).erase(by_number(victim), wait)

    assert [target.state for target in report.targets.all] == [State.ERASED]
    assert waits == [600.0]
    assert report.hits == 0
    assert own_traces(bench, victim) == {}


def test_a_second_erasure_has_nothing_to_do_and_does_not_wait(bench: Bench) -> None:
    victim = recording_ids(bench.recordings[0].recording_id)
    erase(bench, victim)
    before = bench.world.clock.now()
    tombstone = bench.item(bench.recordings[0])

    report = erase(bench, victim)

    assert report.hits == 0
    assert bench.world.clock.now() == before
    assert bench.item(bench.recordings[0]) == tombstone


def test_what_comes_while_it_waits_goes_with_the_second_look(bench: Bench) -> None:
    """A copier that looked before the tombstone stood, and a query that was running."""
    victim, world = bench.recordings[0], bench.world

    def meanwhile(until: datetime) -> None:
        world.dlq.send([message_of(victim)], attributes=DEAD_LABELS | {"recording_id": victim.recording_id})
        put_rows(world.store, [row_of(1, day=victim.call_date, recording_id=victim.recording_id)], CALLS)
        world.store.put("athena-results/1.csv", victim.recording_id.encode())
        world.clock.advance_to(until)

    report = eraser_of(world).erase(by_number(victim), meanwhile)

    assert report.hits == 0
    assert own_traces(bench, victim) == {}
