"""``call-lake verify --repair`` brings back what is missing, once, wherever it is interrupted."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest

from call_lake.bucket.inbox import put_rows
from call_lake.errors import NotReady, Reason, Terminal, Transient
from call_lake.ledger.entry import State
from call_lake.ledger.ledger import REPAIRED
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import INBOX
from call_lake.model.messages import recording_from_message
from call_lake.model.recording import StoredAudio
from call_lake.model.table import row_of
from call_lake.operations.verify.findings import Kind
from tests.support.fakes import Died, Fault, FaultAt
from tests.support.fakes.calls import STATEMENT
from tests.support.fakes.provider import make_recording, raising
from tests.support.operator_bench import Bench, kinds, settled


@pytest.fixture
def bench() -> Bench:
    return settled()


def repaired(bench: Bench) -> dict[str, str]:
    done = bench.repair(bench.verify())
    bench.settle()
    return done


def test_what_the_ledger_does_not_know_is_published_before_it_is_written_down(bench: Bench) -> None:
    late = make_recording(7, listed_at=bench.world.clock.now() - timedelta(hours=3))
    bench.thulium.add(late)
    before = len(bench.world.calls.log)

    done = bench.repair(bench.verify())

    writes = [
        f"{c.port}.{c.method}"
        for c in bench.world.calls.log[before:]
        if c.method in ("send", "put", "update", STATEMENT)
    ]
    assert writes == ["queue:recordings-thulium.send", f"table.{STATEMENT}"]
    assert done == {late.recording_id: "published"}
    bench.settle()
    assert bench.verify().findings == []


def test_a_lost_ledger_item_comes_back_with_the_audio_that_is_stored(bench: Bench) -> None:
    lost = bench.recordings[0]
    key = bench.audio_key(lost)
    stored = bench.world.store.head(key)
    bench.lose_item(lost)

    repaired(bench)

    assert bench.verify().findings == []
    assert bench.world.store.head(key) == stored


def test_a_lost_object_is_fetched_again_and_its_history_tells_it(bench: Bench) -> None:
    lost = bench.recordings[1]
    key, body = bench.audio_key(lost), bench.world.store.bodies()[bench.audio_key(lost)]
    bench.world.store.delete([key])

    assert repaired(bench) == {lost.recording_id: "published, to be fetched again"}

    assert bench.verify().findings == []
    assert bench.world.store.bodies()[key] == body
    note = bench.item(lost)["history"][-1]
    assert note["reason"] == REPAIRED
    assert key in note["detail"]


def test_a_lost_object_is_published_at_once_and_not_once_more_by_the_next_poll(bench: Bench) -> None:
    lost = bench.recordings[1]
    bench.world.store.delete([bench.audio_key(lost)])

    bench.repair(bench.verify())
    bench.pipeline.poll("thulium")

    waiting = [recording_from_message(body) for body in bench.world.queues["thulium"].waiting()]
    assert waiting == [lost]


def test_an_object_that_the_provider_has_no_more_fails_for_good_in_the_end(bench: Bench) -> None:
    lost = bench.recordings[1]
    bench.world.store.delete([bench.audio_key(lost)])
    bench.thulium.on_audio = raising(NotReady(Reason.NOT_FOUND, "404"))
    repaired(bench)
    assert bench.item(lost)["state"] == State.RETRYING

    bench.pipeline.run_for(timedelta(days=3), step=timedelta(hours=1))

    assert bench.item(lost)["state"] == State.FAILED
    assert bench.item(lost)["reason"] == Reason.NEVER_READY


def test_nothing_else_leaves_stored(bench: Bench) -> None:
    entry = bench.ledger.entry(bench.recordings[0].recording_id)
    assert entry is not None
    assert entry.audio is not None

    bench.ledger.restamped(entry, replace(entry.audio, stored_at=bench.world.clock.now()))
    assert bench.ledger.repaired(entry) is False, "it is not the object that was seen to be lost"

    bench.world.table.update(entry.recording_id, {"state": State.ERASED})
    now = bench.ledger.entry(entry.recording_id)
    assert now is not None
    assert bench.ledger.repaired(now) is False
    assert bench.item(bench.recordings[0])["state"] == State.ERASED


def test_a_lost_row_is_written_to_the_inbox_again(bench: Bench) -> None:
    bench.lose_row(bench.recordings[2])

    done = bench.repair(bench.verify())

    assert list(done.values()) == ["its row is in the inbox again"]
    assert kinds(bench.verify().findings) == [Kind.ON_ITS_WAY]
    bench.settle()
    assert bench.verify().findings == []


def test_a_wrong_row_is_outranked_by_the_ledgers(bench: Bench) -> None:
    one = bench.recordings[0]
    audio = StoredAudio.from_json(bench.item(one)["audio"])
    wrong = row_of(one, replace(audio, stored_at=bench.world.clock.now())) | {"audio_sha256": "00" * 32}
    put_rows(bench.world.store, [wrong], CALLS)
    bench.settle()

    repaired(bench)

    assert bench.verify().findings == []
    assert bench.item(one)["stored_at"] > wrong["stored_at"], "the ledger knows which row it wrote"


def test_no_row_is_written_for_audio_that_is_not_what_the_ledger_says(bench: Bench) -> None:
    one = bench.recordings[0]
    bench.lose_row(one)
    bench.world.store.put(bench.audio_key(one), b"something else")

    assert repaired(bench) == {}
    assert kinds(bench.verify().differences) == [Kind.OBJECT_DIFFERS, Kind.NO_ROW]


def test_audio_and_row_that_are_both_lost_are_fetched_once(bench: Bench) -> None:
    one = bench.recordings[0]
    bench.lose_row(one)
    bench.world.store.delete([bench.audio_key(one)])

    bench.repair(bench.verify())

    assert not bench.world.store.bodies(INBOX)
    bench.settle()
    assert bench.verify().findings == []


def test_what_failed_for_good_is_left_to_redrive() -> None:
    bench = Bench(1)
    bench.thulium.on_audio = raising(Terminal(Reason.FORBIDDEN, "403"))
    bench.settle()

    assert repaired(bench) == {}
    assert bench.states() == [State.FAILED]


def test_a_record_too_long_for_a_message_is_named() -> None:
    bench = Bench(0)
    long = replace(make_recording(1), agent="x" * 300_000)
    bench.thulium.add(long)

    assert bench.repair(bench.verify()) == {long.recording_id: "not published: longer than a message may be"}


BREAKS: list[Callable[[Bench], None]] = [
    lambda bench: bench.lose_item(bench.recordings[0]),
    lambda bench: bench.world.store.delete([bench.audio_key(bench.recordings[1])]),
    lambda bench: bench.lose_row(bench.recordings[2]),
]


def broken() -> Bench:
    bench = settled()
    for break_ in BREAKS:
        break_(bench)
    return bench


@pytest.mark.parametrize("fault", [Fault.DIE_BEFORE, Fault.DIE_AFTER, Fault.ANSWER_LOST, Fault.REFUSED])
def test_a_repair_that_ends_anywhere_is_finished_by_the_next(fault: Fault) -> None:
    for number in count(1):
        bench = broken()
        report, strike = bench.verify(), FaultAt(number, fault)
        stop = bench.world.calls.on_call(strike)
        with suppress(Died, Transient):
            bench.repair(report)
        stop()
        if strike.struck is None:
            break
        bench.restart()

        repaired(bench)

        assert bench.verify().findings == [], str(strike)
        assert bench.states() == [State.STORED] * 3, str(strike)
        assert len(bench.world.dlq) == 0
    assert number > 10


def test_a_repair_that_ends_before_its_message_is_finished_by_a_poll(bench: Bench) -> None:
    lost = bench.recordings[1]
    bench.world.store.delete([bench.audio_key(lost)])
    report = bench.verify()
    entry = bench.ledger.entry(lost.recording_id)
    assert entry is not None
    assert bench.ledger.repaired(entry)

    bench.settle()

    assert kinds(report.differences) == [Kind.NO_OBJECT]
    assert bench.verify().findings == []
