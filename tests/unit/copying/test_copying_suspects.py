"""One file that ends its function takes no other with it, and is set aside after three deaths alone; nothing else
that makes a message come again does that (rules 9, 11)."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from call_lake.copying import copier as copier_module
from call_lake.copying.copier import BUSY_WAIT_S, LINGER_S
from call_lake.copying.suspects import ALONE_S, LONGEST_RUN, MARKS_MAX
from call_lake.errors import ConfigError, NotReady, Reason, SecretEmpty, Terminal, Transient
from call_lake.ledger.entry import Entry, State
from call_lake.model.messages import message_of
from call_lake.model.recording import Recording, StoredAudio
from call_lake.operations.redrive import Redriver
from tests.support.fakes import Call, Died, World
from tests.support.fakes.dead_letters import MemoryDeadLetters
from tests.support.fakes.provider import FakeProvider, make_recording, raising
from tests.support.pipeline import COPIER, FUNCTION_TIME_S, Pipeline

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
VISIBILITY = timedelta(minutes=30)
STRAGGLER_S = 10.0  # a defect of the code under test: nothing here waits so long

type Publish = Callable[..., Recording]


@dataclass
class Deadly(FakeProvider):
    """A download of one of ``kills`` ends the process, as often as it says. ``tried``: who was asked for, in order."""

    kills: Counter[str] = field(default_factory=Counter)
    tried: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.on_audio = self.kill

    def kill(self, recording: Recording) -> None:
        self.tried.append(recording.recording_id)
        if self.kills[recording.recording_id]:
            self.kills[recording.recording_id] -= 1
            raise Died(recording.recording_id)


@pytest.fixture
def provider(world: World) -> Deadly:
    return Deadly(world.calls)


def entry_of(pipeline: Pipeline, recording: Recording) -> Entry:
    entry = pipeline.ledger.entry(recording.recording_id)
    assert entry is not None
    return entry


def states(pipeline: Pipeline, *recordings: Recording) -> set[State]:
    return {entry_of(pipeline, recording).state for recording in recordings}


def reasons(entry: Entry) -> list[str]:
    return [note["reason"] for note in entry.history]


def marks(world: World) -> dict[str, int]:
    return {id: item["marks"] for id, item in world.table.items().items() if "marks" in item}


def invoke(pipeline: Pipeline, batch: int = 10) -> int:
    """One invocation, which may die."""
    try:
        return pipeline.copy_once("thulium", batch)
    except Died:
        pipeline.restart()
        return 1


def run_for(pipeline: Pipeline, span: timedelta, step: timedelta = 15 * MINUTE, *, batch: int = 10) -> None:
    """Polls and copies, until ``span`` has passed; who dies starts again."""
    clock = pipeline.world.clock
    end = clock.now() + span
    while clock.now() < end:
        pipeline.poll("thulium")
        while invoke(pipeline, batch):
            pass
        clock.advance(step)


def ready(pipeline: Pipeline, *, deliveries: int = 1) -> None:
    """So many deliveries ended without a verdict; the next one is at hand."""
    for _ in range(deliveries):
        pipeline.world.queues["thulium"].receive()
        pipeline.world.clock.advance(VISIBILITY)


def calls_of(world: World, act: Callable[[], object]) -> list[str]:
    before = len(world.calls.log)
    act()
    return [f"{call.port}.{call.method}" for call in world.calls.log[before:]]


# What kills


def test_a_killer_among_nine_is_set_aside_and_the_nine_are_stored(pipeline, world, provider, publish):
    recordings = [publish(number) for number in range(10)]
    killer, innocents = recordings[4], recordings[:4] + recordings[5:]
    provider.kills[killer.recording_id] = 99
    run_for(pipeline, 75 * MINUTE)
    assert states(pipeline, *innocents) == {State.STORED}

    run_for(pipeline, 3 * HOUR)

    entry = entry_of(pipeline, killer)
    assert (entry.state, entry.reason, entry.marks) == (State.FAILED, Reason.POISON, 0)
    assert reasons(entry) == [Reason.KILLED] * MARKS_MAX + [Reason.POISON]
    assert "call-lake redrive --reason poison" in entry.history[-1]["detail"]
    assert len(entry.history[-1]["detail"]) < 300, "longer ones are cut"
    assert provider.tried.count(killer.recording_id) == 1 + MARKS_MAX
    (dead,) = world.dlq.receive()
    assert (dead.attributes["reason"], dead.attributes["recording_id"]) == (Reason.POISON, killer.recording_id)
    assert len(world.queues["thulium"]) == 0
    assert marks(world) == {}
    assert Counter(event.detail["recording_id"] for event in world.bus.events) == Counter(
        recording.recording_id for recording in innocents
    )


def test_a_dead_attempt_is_counted_with_its_reason_before_anybody_comes_back(pipeline, provider, publish):
    recording = publish(1)
    provider.kills[recording.recording_id] = 99
    ready(pipeline)

    invoke(pipeline)

    entry = entry_of(pipeline, recording)
    assert (entry.state, entry.reason, entry.attempts, entry.marks) == (State.RETRYING, Reason.KILLED, 1, 1)
    assert reasons(entry) == [Reason.KILLED]


def test_poison_takes_two_hours(pipeline, world, provider, publish):
    recording = publish(1)
    provider.kills[recording.recording_id] = 99
    began = world.clock.now()

    while entry_of(pipeline, recording).state is not State.FAILED:
        if not invoke(pipeline):
            visible_at = world.queues["thulium"].next_visible_at()
            assert visible_at is not None
            world.clock.advance_to(visible_at)

    assert world.clock.now() - began == 4 * VISIBILITY


@pytest.mark.parametrize("killers", [1, 3, 10])
@pytest.mark.parametrize("batch", [1, 4, 10])
def test_of_ten_suspects_the_innocents_get_their_verdict_first(
    pipeline: Pipeline, world: World, provider: Deadly, publish: Publish, killers: int, batch: int
) -> None:
    recordings = [publish(number) for number in range(10)]
    provider.kills.update({one.recording_id: 99 for one in recordings[:killers]})
    ready(pipeline)

    run_for(pipeline, DAY, batch=batch)

    assert states(pipeline, *recordings[:killers]) == {State.FAILED}
    assert all(entry_of(pipeline, one).state is State.STORED for one in recordings[killers:])
    assert [provider.tried.count(one.recording_id) for one in recordings] == [3] * killers + [1] * (10 - killers)
    assert marks(world) == {}


@pytest.mark.parametrize("times", range(1, MARKS_MAX + 1))
def test_a_fault_that_passes_leaves_a_stored_recording_and_its_history(
    pipeline: Pipeline, world: World, provider: Deadly, publish: Publish, times: int
) -> None:
    recording = publish(1)
    provider.kills[recording.recording_id] = times  # the first one was not alone, and accuses nobody

    run_for(pipeline, 4 * HOUR)

    entry = entry_of(pipeline, recording)
    assert (entry.state, entry.reason, entry.attempts) == (State.STORED, None, times - 1)
    assert reasons(entry) == [Reason.KILLED] * (times - 1)
    assert marks(world) == {}
    assert len(world.dlq) == 0


def test_marks_outlive_their_message(pipeline, world, provider, publish):
    recording, other = publish(1), publish(2)
    provider.kills[recording.recording_id] = 99
    ready(pipeline)
    invoke(pipeline)
    for received in world.queues["thulium"].receive():
        world.queues["thulium"].delete(received.receipt_handle)
    world.clock.advance(VISIBILITY)
    world.queues["thulium"].send([message_of(recording), message_of(other)])
    provider.tried.clear()

    invoke(pipeline)

    assert provider.tried[-1] == recording.recording_id
    assert marks(world) == {recording.recording_id: 2}
    assert states(pipeline, other) == {State.STORED}


def test_what_died_after_its_put_is_stored_and_not_downloaded_again(pipeline, world, provider, publish):
    recording = publish(1)
    ready(pipeline, deliveries=2)

    def die(call: Call, proceed: Callable[[], Any]) -> Any:
        answer = proceed()
        if (call.port, call.method) == ("store", "put"):
            raise Died(str(call))
        return answer

    remove = world.calls.on_call(die)
    invoke(pipeline)
    remove()
    assert marks(world) == {recording.recording_id: 1}
    run_for(pipeline, HOUR)

    assert provider.downloads == 1
    assert states(pipeline, recording) == {State.STORED}
    assert marks(world) == {}


@pytest.mark.parametrize("step", ["row_of", "recording_stored"])
def test_what_kills_after_its_put_is_set_aside_too_and_the_others_are_stored(
    pipeline: Pipeline, world: World, publish: Publish, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    killer, *innocents = [publish(number) for number in range(10)]
    proceed = getattr(copier_module, step)

    def die(recording: Recording, audio: StoredAudio) -> Any:
        if recording.recording_id == killer.recording_id:
            raise Died(step)
        return proceed(recording, audio)

    monkeypatch.setattr(copier_module, step, die)
    run_for(pipeline, 75 * MINUTE)
    assert states(pipeline, *innocents) == {State.STORED}
    run_for(pipeline, 2 * HOUR)

    assert entry_of(pipeline, killer).reason == Reason.POISON
    assert Counter(event.detail["recording_id"] for event in world.bus.events) == Counter(
        one.recording_id for one in innocents
    )
    assert marks(world) == {}

    monkeypatch.undo()
    Redriver(pipeline.ledger, world.queues, MemoryDeadLetters(world.dlq, world.calls)).redrive()
    run_for(pipeline, HOUR)
    assert states(pipeline, killer) == {State.STORED}


def test_days_without_a_bus_mark_nothing(pipeline, world, publish):
    recordings = [publish(number) for number in range(3)]

    def refuse(call: Call, proceed: Callable[[], Any]) -> Any:
        if call.port == "bus":
            raise Transient(Reason.AWS, "no bus")
        return proceed()

    mend = world.calls.on_call(refuse)
    run_for(pipeline, 3 * DAY)
    assert (marks(world), len(world.dlq)) == ({}, 0)
    mend()
    pipeline.book("thulium").pause()  # what is copied needs no download
    run_for(pipeline, 2 * DAY)

    assert {(entry_of(pipeline, one).state, entry_of(pipeline, one).history) for one in recordings} == {
        (State.STORED, ())
    }


def test_a_poison_that_was_sent_again_is_tried_alone_and_has_three_attempts(pipeline, world, provider, publish):
    killer = publish(1)
    provider.kills[killer.recording_id] = 99
    run_for(pipeline, 3 * HOUR)
    assert states(pipeline, killer) == {State.FAILED}
    dead = MemoryDeadLetters(world.dlq, world.calls)
    others = [publish(number) for number in range(2, 6)]

    assert Redriver(pipeline.ledger, world.queues, dead).redrive().sent == 1
    provider.tried.clear()
    assert (entry_of(pipeline, killer).marks, entry_of(pipeline, killer).attempts) == (0, 0)
    invoke(pipeline)
    assert states(pipeline, *others) == {State.STORED}, "the killer waited for them"
    run_for(pipeline, 3 * HOUR)

    assert provider.tried.count(killer.recording_id) == MARKS_MAX
    assert entry_of(pipeline, killer).reason == Reason.POISON


def test_a_poison_that_is_mended_is_stored_after_a_redrive(pipeline, world, provider, publish):
    killer = publish(1)
    provider.kills[killer.recording_id] = 4
    run_for(pipeline, 3 * HOUR)

    Redriver(pipeline.ledger, world.queues, MemoryDeadLetters(world.dlq, world.calls), reason="poison").redrive()
    run_for(pipeline, HOUR)

    assert states(pipeline, killer) == {State.STORED}
    assert (marks(world), len(world.dlq)) == ({}, 0)


# What only looks like it


@pytest.mark.parametrize("pause", [20 * HOUR, 2 * DAY])
def test_a_pause_marks_nothing(
    pipeline: Pipeline, world: World, provider: Deadly, publish: Publish, pause: timedelta
) -> None:
    recordings = [publish(number) for number in range(12)]
    pipeline.book("thulium").pause()

    run_for(pipeline, pause)
    assert "table.update" not in calls_of(world, lambda: invoke(pipeline))
    assert provider.tried == []

    pipeline.book("thulium").resume()
    run_for(pipeline, DAY)
    assert states(pipeline, *recordings) == {State.STORED}
    assert {(entry_of(pipeline, one).attempts, entry_of(pipeline, one).history) for one in recordings} == {(0, ())}
    assert marks(world) == {}


def test_a_secret_that_is_empty_for_days_marks_nothing(pipeline, world, provider, publish):
    recordings = [publish(number) for number in range(3)]
    provider.on_audio = raising(SecretEmpty("fill it"))

    run_for(pipeline, 3 * DAY)
    entries = [entry_of(pipeline, one) for one in recordings]
    assert {(one.state, one.attempts, one.reason, one.history) for one in entries} == {(State.PUBLISHED, 0, None, ())}
    assert marks(world) == {}

    provider.on_audio = provider.kill
    run_for(pipeline, DAY)
    assert states(pipeline, *recordings) == {State.STORED}


@pytest.mark.parametrize("retry_after_s", [None, 30.0, 600.0, 7200.0])
def test_hours_of_429_mark_nothing(
    pipeline: Pipeline, world: World, provider: Deadly, publish: Publish, retry_after_s: float | None
) -> None:
    recordings = [publish(number) for number in range(12)]
    limited = Transient(Reason.RATE_LIMITED, "429", retry_after_s=retry_after_s)
    provider.on_audio = raising(limited)

    run_for(pipeline, 12 * HOUR, 5 * MINUTE)
    assert marks(world) == {}
    assert states(pipeline, *recordings) <= {State.PUBLISHED, State.RETRYING}

    provider.on_audio = provider.kill
    run_for(pipeline, 2 * DAY)
    assert states(pipeline, *recordings) == {State.STORED}
    assert Reason.KILLED not in {reason for one in recordings for reason in reasons(entry_of(pipeline, one))}


@pytest.mark.parametrize(
    "error",
    [
        SecretEmpty("fill it"),
        ConfigError("a setting is wrong"),
        Transient(Reason.BUSY, "no room"),
        Transient(Reason.HTTP_ERROR, "503"),
        Transient(Reason.RATE_LIMITED, "429", retry_after_s=7200),
        NotReady(Reason.NOT_FOUND, "404"),
        Terminal(Reason.FORBIDDEN, "403"),
        ZeroDivisionError(),
        MemoryError(),
    ],
    ids=lambda error: getattr(error, "reason", type(error).__name__),
)
def test_any_verdict_takes_the_mark_away(
    pipeline: Pipeline, world: World, provider: Deadly, publish: Publish, error: Exception
) -> None:
    recording = publish(1)
    ready(pipeline)
    seen: list[dict[str, int]] = []

    def fail(recording: Recording) -> None:
        seen.append(marks(world))
        raise error

    provider.on_audio = fail
    invoke(pipeline)

    assert seen == [{recording.recording_id: 1}], "it was tried, after its mark"
    assert marks(world) == {}
    assert Reason.KILLED not in reasons(entry_of(pipeline, recording))


@pytest.mark.parametrize(
    ("error", "left"),
    [(SecretEmpty(""), 2), (ConfigError(""), 2), (Transient(Reason.BUSY, ""), 2), (NotReady(Reason.EMPTY, ""), 0)],
    ids=lambda value: type(value).__name__,
)
def test_a_verdict_that_says_nothing_of_the_file_leaves_what_earlier_deaths_said(
    pipeline: Pipeline, world: World, provider: Deadly, publish: Publish, error: Exception, left: int
) -> None:
    recording = publish(1)
    provider.kills[recording.recording_id] = 3
    run_for(pipeline, 75 * MINUTE)
    before = entry_of(pipeline, recording)
    assert before.marks == 2
    provider.on_audio = raising(error)

    run_for(pipeline, 30 * MINUTE)

    after = entry_of(pipeline, recording)
    assert after.marks == left
    assert left == 0 or after == before


@pytest.mark.parametrize("error", [Transient(Reason.HTTP_ERROR, "503"), NotReady(Reason.NOT_FOUND, "404")])
def test_who_comes_again_after_a_counted_failure_is_no_suspect(
    pipeline: Pipeline, world: World, provider: Deadly, publish: Publish, error: Exception
) -> None:
    recordings = [publish(number) for number in range(10)]
    provider.on_audio = raising(error)
    run_for(pipeline, 5 * MINUTE, MINUTE)
    assert all(entry_of(pipeline, one).attempts >= 3 for one in recordings)
    world.clock.advance(15 * MINUTE)
    provider.on_audio = provider.kill

    calls = calls_of(world, lambda: invoke(pipeline))

    assert calls.count("bus.publish") == 1, "they shared their requests"
    assert calls.count("table.update") == 10, "none was marked"


def test_a_first_delivery_writes_no_mark_and_a_suspect_one_write_more(pipeline, world, publish):
    publish(1)
    assert calls_of(world, lambda: invoke(pipeline)).count("table.update") == 1

    publish(2)
    ready(pipeline)
    assert calls_of(world, lambda: invoke(pipeline)).count("table.update") == 2


# In which order, and when not


def test_suspects_come_after_all_others_are_written_and_the_least_marked_first(pipeline, world, provider, publish):
    marked, suspect = publish(1), publish(2)
    provider.kills[marked.recording_id] = 1
    ready(pipeline)
    invoke(pipeline, 1)
    assert marks(world) == {marked.recording_id: 1}
    world.clock.advance(VISIBILITY)
    fresh = [publish(number) for number in (3, 4)]
    stored: list[int] = []
    provider.tried.clear()

    def look(recording: Recording) -> None:
        provider.tried.append(recording.recording_id)
        stored.append(sum(item.get("state") == State.STORED for item in world.table.items("thulium-").values()))

    provider.on_audio = look
    invoke(pipeline)

    assert provider.tried == [one.recording_id for one in (*fresh, suspect, marked)]
    assert stored == [0, 0, 2, 3]


def test_a_suspect_without_time_comes_back_unmarked(pipeline, world, provider, publish):
    slow, suspect = publish(1), publish(2)
    ready(pipeline)
    provider.on_audio = lambda recording: world.clock.advance(timedelta(seconds=FUNCTION_TIME_S - ALONE_S + 1))

    invoke(pipeline)

    assert states(pipeline, slow) == {State.STORED}
    entry = entry_of(pipeline, suspect)
    assert (entry.state, entry.attempts, entry.marks) == (State.PUBLISHED, 0, 0)
    assert provider.downloads == 1
    visible_at = world.queues["thulium"].next_visible_at()
    assert visible_at is not None
    assert visible_at - world.clock.now() == timedelta(seconds=BUSY_WAIT_S)


def test_a_source_that_asks_for_a_rest_while_suspects_wait_gets_it(pipeline, world, provider, publish):
    recordings = [publish(number) for number in range(3)]
    ready(pipeline)
    limited = Transient(Reason.RATE_LIMITED, "429", retry_after_s=3600)
    provider.on_audio = raising(limited)

    invoke(pipeline)

    assert [entry_of(pipeline, one).attempts for one in recordings] == [1, 0, 0]
    assert marks(world) == {}


def test_a_marked_recording_is_left_alone_while_its_attempt_may_still_run(pipeline, world, provider, publish):
    recording = publish(1)
    ready(pipeline)
    world.queues["thulium"].send([message_of(recording)])  # SQS delivers it once more

    def again(tried: Recording) -> None:
        provider.on_audio = provider.kill
        pipeline.restart()
        assert invoke(pipeline) == 1

    provider.on_audio = again
    pipeline.copy_once("thulium", 1)

    assert provider.downloads == 1
    assert provider.tried == []
    assert states(pipeline, recording) == {State.STORED}
    assert marks(world) == {}


def test_three_marks_are_no_poison_while_the_third_attempt_may_still_run(pipeline, world, provider, publish):
    recording = publish(1)
    provider.kills[recording.recording_id] = 2
    run_for(pipeline, 45 * MINUTE)
    assert marks(world) == {recording.recording_id: 1}
    entry = entry_of(pipeline, recording)
    assert pipeline.ledger.marked(entry)
    assert pipeline.ledger.marked(entry_of(pipeline, recording))
    assert marks(world) == {recording.recording_id: MARKS_MAX}

    world.queues["thulium"].send([message_of(recording)])
    invoke(pipeline)
    assert states(pipeline, recording) == {State.RETRYING}

    world.clock.advance(LONGEST_RUN)
    invoke(pipeline)
    assert states(pipeline, recording) == {State.FAILED}


def test_of_two_copiers_that_claimed_a_suspect_one_tries_it(pipeline, world, provider, publish):
    recording = publish(1)
    ready(pipeline)
    others = [pipeline.ledger.marked]

    def race(call: Call, proceed: Callable[[], Any]) -> Any:
        if (call.port, call.method) == ("table", "update") and others:
            others.pop()(entry_of(pipeline, recording))  # just now
        return proceed()

    raced_once = world.calls.on_call(race)
    invoke(pipeline)
    raced_once()

    assert provider.downloads == 0
    assert marks(world) == {recording.recording_id: 1}, "the other's mark stays the other's"


def test_a_failed_last_write_of_a_suspect_leaves_no_mark(pipeline, world, provider, publish):
    publish(1)
    ready(pipeline)
    world.bus.refuse_events(0, times=2)

    invoke(pipeline)

    assert len(world.queues["thulium"]) == 1
    assert marks(world) == {}


# What is finished is written before the batch is


def test_what_is_finished_is_written_while_others_still_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copier_module, "LINGER_S", 0.01)
    provider = FakeProvider(world.calls)
    pipeline = Pipeline(world, {"thulium": provider}, copier_settings=replace(COPIER, copy_threads=4))

    straggler, *others = (make_recording(number) for number in range(4))
    provider.add(straggler, *others)
    written = threading.Event()
    done_in_time: list[bool] = []

    def wait(recording: Recording) -> None:
        if recording.recording_id == straggler.recording_id:
            done_in_time.append(written.wait(STRAGGLER_S))

    def watch(call: Call, proceed: Callable[[], Any]) -> Any:
        answer = proceed()
        if (call.port, call.method) == ("table", "update") and states(pipeline, *others) == {State.STORED}:
            written.set()
        return answer

    provider.on_audio = wait
    for one in (straggler, *others):
        pipeline.ledger.discovered(one)
    world.calls.on_call(watch)
    world.queues["thulium"].send([message_of(one) for one in (straggler, *others)])

    pipeline.copy_once("thulium")

    assert done_in_time == [True]
    assert len(world.store.bodies("inbox/")) == 2
    assert states(pipeline, straggler) == {State.STORED}


def test_a_sound_batch_in_threads_shares_its_requests(world: World) -> None:
    provider = FakeProvider(world.calls)
    pipeline = Pipeline(world, {"thulium": provider}, copier_settings=replace(COPIER, copy_threads=8))

    recordings = [make_recording(number) for number in range(10)]
    provider.add(*recordings)
    for one in recordings:
        pipeline.ledger.discovered(one)
    world.queues["thulium"].send([message_of(one) for one in recordings])

    calls = Counter(calls_of(world, lambda: pipeline.copy_once("thulium")))

    assert calls["bus.publish"] == 1
    assert calls["store.put"] == 10 + 1
    assert calls["table.update"] == 10
    assert LINGER_S > 1
