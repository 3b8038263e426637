"""A redrive sends again what failed permanently, each once, and loses none wherever it ends."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from call_lake.errors import Reason, Terminal, Transient
from call_lake.ledger.entry import State, sha256_of, state_of
from call_lake.model.messages import message_of, recording_from_message
from call_lake.model.recording import Recording
from call_lake.operations.redrive import RedriveCounts, Redriver
from tests.support.fakes import Call, Died, Fault, FaultAt
from tests.support.fakes.calls import Proceed
from tests.support.fakes.dead_letters import MemoryDeadLetters
from tests.support.fakes.provider import make_recording
from tests.support.operator_bench import Bench


@dataclass
class Broken:
    """Thulium's first two recordings are forbidden, its third is encrypted, and so is Conpeek's."""

    bench: Bench = field(default_factory=lambda: Bench(3))

    def __post_init__(self) -> None:
        bench = self.bench
        self.other = make_recording(9, "conpeek")
        bench.conpeek.add(self.other)
        bench.thulium.on_audio = bench.conpeek.on_audio = self._refuse
        bench.pipeline.poll("thulium")
        bench.pipeline.poll("conpeek")
        bench.pipeline.copy_all()
        assert len(bench.world.dlq) == 4

    def _refuse(self, recording: Recording) -> None:
        forbidden = recording in self.bench.recordings[:2]
        raise Terminal(Reason.FORBIDDEN if forbidden else Reason.ENCRYPTED, "as the test has it")

    def mend(self) -> None:
        for provider in (self.bench.thulium, self.bench.conpeek):
            provider.on_audio = lambda recording: None

    def redrive(self, *, reason: str | None = None, source: str | None = None) -> RedriveCounts:
        dead = MemoryDeadLetters(self.bench.world.dlq, self.bench.world.calls)
        return Redriver(self.bench.ledger, self.bench.world.queues, dead, reason=reason, source=source).redrive()

    def sent(self, source: str = "thulium") -> list[Recording]:
        bodies = self.bench.world.queues[source].waiting()
        return sorted((recording_from_message(body) for body in bodies), key=lambda one: one.started_at)

    def states(self) -> list[str]:
        return [state_of(self.bench.item(one)) for one in (*self.bench.recordings, self.other)]

    def failed(self) -> set[str]:
        all_four = (*self.bench.recordings, self.other)
        return {one.recording_id for one, state in zip(all_four, self.states(), strict=True) if state == State.FAILED}


@pytest.fixture
def broken() -> Broken:
    return Broken()


def test_all_that_failed_is_stored_after_a_redrive(broken: Broken) -> None:
    broken.mend()

    counts = broken.redrive()
    broken.bench.settle()

    assert counts == RedriveCounts(sent=4)
    assert broken.states() == [State.STORED] * 4
    assert len(broken.bench.world.dlq) == 0


def test_what_was_sent_again_is_not_sent_once_more_by_the_next_poll(broken: Broken) -> None:
    broken.redrive()
    broken.bench.pipeline.poll("thulium")

    assert broken.sent() == broken.bench.recordings


@pytest.mark.parametrize(
    ("reason", "source", "numbers"),
    [
        (Reason.FORBIDDEN, None, [0, 1]),
        (Reason.ENCRYPTED, None, [2, 3]),
        (None, "conpeek", [3]),
        (Reason.ENCRYPTED, "thulium", [2]),
        (Reason.TOO_LARGE, None, []),
    ],
)
def test_the_filter_leaves_the_others_failed_and_visible_at_once(
    broken: Broken, reason: Reason | None, source: str | None, numbers: list[int]
) -> None:
    counts = broken.redrive(reason=reason, source=source)

    expected = [State.PUBLISHED if number in numbers else State.FAILED for number in range(4)]
    assert broken.states() == expected
    assert counts == RedriveCounts(sent=len(numbers), kept=4 - len(numbers))
    assert len(broken.bench.world.dlq.receive()) == 4 - len(numbers)


def test_a_recording_with_two_dead_letters_is_sent_once(broken: Broken) -> None:
    broken.bench.world.dlq.send([message_of(broken.bench.recordings[0])])

    counts = broken.redrive()

    assert counts == RedriveCounts(sent=4, dropped=1)
    assert broken.sent() == broken.bench.recordings


@pytest.mark.parametrize("state", [State.STORED, State.EXPIRED, State.ERASED])
def test_a_dead_letter_of_what_is_settled_is_dropped(broken: Broken, state: State) -> None:
    first = broken.bench.recordings[0]
    settled = {"state": state, "due_list": None, "reason": None, "record_sha256": sha256_of(first)}
    broken.bench.world.table.update(first.recording_id, settled)

    counts = broken.redrive()

    assert counts == RedriveCounts(sent=3, dropped=1)
    assert broken.sent() == broken.bench.recordings[1:]
    assert broken.states()[0] == state


def test_what_failed_is_redriven_without_its_dead_letter_too(broken: Broken) -> None:
    broken.bench.world.clock.advance(timedelta(days=15))
    assert len(broken.bench.world.dlq) == 0
    broken.mend()

    counts = broken.redrive(source="thulium")
    broken.bench.settle()

    assert counts == RedriveCounts(sent=3, from_ledger=3)
    assert broken.states() == [State.STORED] * 3 + [State.FAILED]


def test_the_deadlines_of_what_is_sent_again_count_anew(broken: Broken) -> None:
    broken.bench.world.clock.advance(timedelta(days=5))

    broken.redrive()

    entry = broken.bench.ledger.entry(broken.bench.recordings[0].recording_id)
    assert entry is not None
    assert (entry.first_published_at, entry.attempts) == (broken.bench.world.clock.now(), 0)


def test_a_dead_letter_that_the_queue_gave_up_is_sent_as_the_ledger_has_it(broken: Broken) -> None:
    unlabelled = make_recording(11)
    broken.bench.ledger.discovered(unlabelled)
    broken.bench.world.dlq.send([message_of(unlabelled)])

    assert broken.redrive(reason=Reason.FORBIDDEN).sent == 2
    assert broken.redrive().sent == 3
    assert unlabelled in broken.sent()


def test_a_dead_letter_that_the_ledger_does_not_know_is_sent_as_it_is(broken: Broken) -> None:
    unknown = make_recording(12)
    broken.bench.world.dlq.send([message_of(unknown)])

    broken.redrive()

    assert unknown in broken.sent()


@pytest.mark.parametrize("body", ["no recording at all", message_of(make_recording(1, "a-source-that-left"))])
def test_what_has_nowhere_to_go_stays_dead(broken: Broken, body: str) -> None:
    broken.bench.world.dlq.send([body])

    counts = broken.redrive()

    assert counts == RedriveCounts(sent=4, kept=1)
    assert broken.bench.world.dlq.waiting() == [body]


def test_what_fails_again_at_once_keeps_its_new_dead_letter(broken: Broken) -> None:
    def meanwhile(call: Call, proceed: Proceed) -> Any:
        if call.method == "receive":
            broken.bench.pipeline.copy_all()
        return proceed()

    broken.bench.world.calls.on_call(meanwhile)

    counts = broken.redrive()

    assert counts == RedriveCounts(sent=4, kept=4)
    assert broken.states() == [State.FAILED] * 4
    assert len(broken.bench.world.dlq.receive()) == 4


def test_a_refusing_queue_loses_nothing_and_lets_go_of_what_it_holds(broken: Broken) -> None:
    broken.bench.world.queues["thulium"].refuse_sends(0)

    with pytest.raises(Transient):
        broken.redrive()
    broken.mend()
    broken.bench.settle()  # the poll publishes what is due
    broken.redrive()
    broken.bench.world.clock.advance(timedelta(hours=1))
    broken.redrive()
    broken.bench.settle()

    assert broken.states() == [State.STORED] * 4
    assert len(broken.bench.world.dlq) == 0


@pytest.mark.parametrize("fault", Fault, ids=str)
def test_a_redrive_that_ends_anywhere_loses_none(fault: Fault) -> None:
    for number in count(1):
        broken = Broken()
        broken.mend()
        strike = FaultAt(number, fault)
        stop = broken.bench.world.calls.on_call(strike)
        with suppress(Died, Transient):
            broken.redrive(reason=Reason.FORBIDDEN)
        stop()
        if strike.struck is None:
            break

        dead = {recording_from_message(body).recording_id for body in broken.bench.world.dlq.waiting()}
        assert broken.failed() <= dead, f"{strike}: what is FAILED keeps its dead letter"
        broken.bench.settle()  # polls alone bring in what the ledger was told to send
        assert set(broken.states()) <= {State.STORED, State.FAILED}, str(strike)

        broken.bench.world.clock.advance(timedelta(hours=1))  # what was received before the end is visible again
        broken.redrive()
        broken.bench.settle()
        assert broken.states() == [State.STORED] * 4, str(strike)
        assert len(broken.bench.world.dlq) == 0, str(strike)
    assert number > 10
