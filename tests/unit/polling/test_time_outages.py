"""Providers that are down for hours or weeks, a copier that is broken for days: all is stored in the end, no message is
buried, nothing storms, and the other source does not notice."""

from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from math import ceil

import pytest

from call_lake.copying.copier import BUSY_WAIT_S, SECRET_WAIT_S
from call_lake.errors import Reason, Transient
from call_lake.ledger.entry import State
from call_lake.model.messages import message_of
from call_lake.model.times import parse_iso
from call_lake.polling.poller import DUE_WHILE_DOWN
from call_lake_local.simulators.faults import FaultPlan
from call_lake_local.simulators.world import World as CallWorld
from tests.support.fakes import World
from tests.support.fakes.provider import FakeProvider, make_recording, raising
from tests.support.fakes.queue import MAX_RECEIVE_COUNT
from tests.support.pipeline import COPIER, POLLER, Pipeline
from tests.support.simulated_time import EVERY_5_MINUTES, EVERY_15_MINUTES, SimulatedTime
from tests.support.template import default, properties

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PROMPT = timedelta(seconds=POLLER.settle_s) + EVERY_15_MINUTES + timedelta(minutes=1)
REPUBLISH_AFTER = timedelta(seconds=POLLER.republish_after_s)


def calls(count: int, days: int) -> CallWorld:
    return CallWorld.generate(seed=5, count=count, start=date(2026, 10, 20), days=days, tiny_audio=True)


def appeared(run: SimulatedTime, source: str, start: timedelta, end: timedelta) -> int:
    """How many recordings listings began to show meanwhile, counted from the beginning."""
    moments = [parse_iso(truth["available_at"]) - run.start for truth in run.truth(source)]
    return sum(start <= moment <= end for moment in moments)


def publications_at_most(trouble: timedelta) -> int:
    """Of one recording that fails all that time: at first, whenever its wait is longer than the queue's, and daily."""
    passed_s, attempts, published = 0.0, 0, 1
    while passed_s < trouble.total_seconds():
        longest_s = min(COPIER.retry_ceiling_s, COPIER.retry_base_s * 2.0**attempts)
        passed_s += longest_s * 0.75
        attempts += 1
        published += longest_s > COPIER.queue_delay_max_s
    return published + ceil(trouble / REPUBLISH_AFTER)


@pytest.mark.parametrize(
    ("down", "other", "outage", "step"),
    [
        ("thulium", "conpeek", 6 * HOUR, EVERY_5_MINUTES),
        ("conpeek", "thulium", 6 * HOUR, EVERY_5_MINUTES),
        ("thulium", "conpeek", 20 * DAY, EVERY_15_MINUTES),
    ],
)
def test_an_outage_of_one_provider(down: str, other: str, outage: timedelta, step: timedelta) -> None:
    days = ceil(outage / DAY) + 1
    start, end = DAY, DAY + outage
    run = SimulatedTime(calls(10 * days, days), compact_every=6 * HOUR)
    run.outage(down, start, end)
    run.run_for(start, step)
    before = run.requests(down)
    run.run_for(outage, step)
    meanwhile = run.requests(down) - before
    assert len(run.pipeline.book(down).jobs.unfinished()) == (outage > DAY), "one sweep, however many were missed"
    run.run_for(2 * DAY, step)

    assert run.differences() == []
    waiting = appeared(run, down, start - HOUR, end)
    assert waiting >= 3
    assert run.queue(down).peak <= waiting
    assert max(run.queue(down).published.values()) <= publications_at_most(outage)
    assert meanwhile / (outage / step) <= 3 + DUE_WHILE_DOWN, "requests per poll to a provider that is down"
    assert max(run.waits(other).values()) <= PROMPT, "the other source does not notice"
    assert set(run.queue(other).published.values()) == {1}


def test_a_provider_that_lists_but_gives_no_audio_for_twenty_days() -> None:
    down, other, start, end = "thulium", "conpeek", DAY, 21 * DAY
    run = SimulatedTime(calls(60, 21), compact_every=DAY)
    provider = run.simulation.providers[down]
    run.at(start, partial(setattr, provider, "plan", FaultPlan.parse("truncated:1!")))
    run.at(end, partial(setattr, provider, "plan", FaultPlan()))
    run.run_for(23 * DAY, HOUR)
    run.run_for(HOUR)

    assert run.differences() == []
    assert provider.stats.snapshot()["faults"]["truncated"] > 0
    waiting = appeared(run, down, start - HOUR, end)
    assert waiting >= 20
    assert run.queue(down).peak <= waiting
    assert max(run.queue(down).published.values()) <= publications_at_most(end - start)
    assert all(result.trouble is None for result in run.results[down]), "the listing goes on"
    assert max(run.waits(other).values()) <= PROMPT + HOUR, "the other source does not notice"
    assert set(run.queue(other).published.values()) == {1}


def test_a_copier_that_is_broken_for_fifteen_days() -> None:
    start, end = DAY, 16 * DAY
    run = SimulatedTime(calls(120, 17), broken=[(start, end)], compact_every=6 * HOUR)
    run.run_for(18 * DAY, EVERY_15_MINUTES)

    assert run.differences() == []
    for source in ("thulium", "conpeek"):
        queue, first = run.queue(source), {}
        for truth in run.truth(source):
            first[truth["provider_key"]] = parse_iso(truth["available_at"]) - run.start
        assert queue.deliveries <= ceil(REPUBLISH_AFTER.total_seconds() / 1800) + 1
        # A message lives as long as the ledger waits for it: two of one recording can meet for a moment only.
        at_once = max(result.republished for result in run.results[source])
        assert queue.peak <= appeared(run, source, start - HOUR, end) + at_once
        for entry in run.entries(source):
            assert entry.recording
            open_for = end - max(first[entry.recording.provider_key], start)
            assert queue.published[entry.recording_id] <= 1 + max(ceil(open_for / REPUBLISH_AFTER), 0)


def test_a_copier_that_is_busy_all_day_buries_no_message(world: World) -> None:
    provider = FakeProvider(world.calls)
    pipeline = Pipeline(world, {"thulium": provider})
    recording = make_recording(1)
    provider.add(recording)
    pipeline.ledger.discovered(recording)
    world.queues["thulium"].send([message_of(recording)])
    end = world.clock.now() + timedelta(hours=23)

    provider.on_audio = raising(Transient(Reason.BUSY, "no room"))
    while (moment := world.queues["thulium"].next_visible_at()) is not None and moment < end:
        world.clock.advance_to(moment)
        pipeline.copy_once("thulium")
    provider.on_audio = lambda _: None
    world.clock.advance_to(end + HOUR / 2)
    pipeline.copy_all()

    entry = pipeline.ledger.entry(recording.recording_id)
    assert entry is not None
    assert entry.state is State.STORED
    assert world.dlq.waiting() == []


def test_short_delays_stay_in_the_queue_for_so_long_only() -> None:
    """Where the longest delay is a short one, as on the laptop, an outage of a day would else be a thousand deliveries
    of one message."""
    settings = replace(COPIER, retry_base_s=1, retry_ceiling_s=5, queue_delay_max_s=20)
    world = World.make()
    provider = FakeProvider(world.calls)
    pipeline = Pipeline(world, {"thulium": provider}, copier_settings=settings)
    recording = make_recording(1)
    provider.add(recording)
    pipeline.ledger.discovered(recording)
    world.queues["thulium"].send([message_of(recording)])

    provider.on_audio = raising(Transient(Reason.HTTP_ERROR, "503"))
    deliveries = 0
    while (moment := world.queues["thulium"].next_visible_at()) is not None:
        world.clock.advance_to(moment)
        deliveries += pipeline.copy_once("thulium")

    assert deliveries <= 25
    entry = pipeline.ledger.entry(recording.recording_id)
    assert entry is not None
    assert entry.due_at is not None
    assert parse_iso(entry.due_at) - world.clock.now() <= timedelta(seconds=5)


def test_no_message_can_be_delivered_so_often_in_its_life_that_sqs_buries_it() -> None:
    lives_s = int(default("RepublishAfterSeconds"))
    for source in ("Thulium", "Conpeek"):
        queue = properties(f"{source}Queue")
        allowed = queue["RedrivePolicy"]["maxReceiveCount"]
        assert allowed == MAX_RECEIVE_COUNT
        for again_after_s in (BUSY_WAIT_S, SECRET_WAIT_S, COPIER.queue_delay_max_s, queue["VisibilityTimeout"]):
            assert lives_s / again_after_s < allowed
