"""What a source's rules leave out is counted by the poll and stored nowhere; verify does not miss it."""

from datetime import UTC, datetime

import pytest

from call_lake.ledger.entry import State
from call_lake.model.rules import Rule
from call_lake.operations.verify.listing import SourceListing
from call_lake.settings import SourceSettings
from tests.support.fakes.ids import IDS
from tests.support.fakes.provider import make_recording
from tests.support.operator_bench import DAYS, Bench
from tests.support.pipeline import URLS

OPTED_OUT = make_recording(50, listed_at=datetime(2026, 10, 20, 11, 30, tzinfo=UTC))
EXCLUDE = (Rule(agent=str(OPTED_OUT.agent)),)


@pytest.fixture
def bench() -> Bench:
    """Of three agents one has opted out."""
    bench = Bench(3)
    bench.pipeline.more = {"exclude": EXCLUDE}
    bench.thulium.add(OPTED_OUT)
    return bench


def test_what_is_left_out_is_counted_and_stands_nowhere_and_the_others_are_stored(bench: Bench) -> None:
    result = bench.pipeline.poll("thulium")
    bench.settle()

    gone = [row for row in bench.thulium.rows if row.agent == OPTED_OUT.agent]
    kept = [row for row in bench.thulium.rows if row not in gone]
    assert (result.listed, result.published, result.excluded) == (4, 4 - len(gone), len(gone))
    assert gone
    assert [bench.item(row)["state"] for row in kept] == [State.STORED] * len(kept)
    for row in gone:
        assert bench.ledger.entry(row.recording_id) is None
        assert not [key for key in bench.world.store.bodies("") if row.recording_id in key]
    assert all(event.detail["recording_id"] != OPTED_OUT.recording_id for event in bench.world.bus.events)


def test_verify_does_not_miss_what_is_left_out_and_repair_would_not_bring_it(bench: Bench) -> None:
    bench.settle()
    settings = SourceSettings("thulium", "thulium", URLS["thulium"], exclude=EXCLUDE)
    relisting = SourceListing(settings, bench.thulium, bench.ledger, bench.world.clock, DAYS, IDS)

    relisting.read(lambda step, done, of: None)

    assert relisting.unknown == {}


def test_what_was_stored_before_the_rule_stays_known(bench: Bench) -> None:
    bench.pipeline.more = {}
    bench.settle()
    settings = SourceSettings("thulium", "thulium", URLS["thulium"], exclude=EXCLUDE)
    relisting = SourceListing(settings, bench.thulium, bench.ledger, bench.world.clock, DAYS, IDS)

    relisting.read(lambda step, done, of: None)

    assert OPTED_OUT.recording_id in relisting.known


def test_a_backfill_brings_what_a_rule_that_is_gone_left_out(bench: Bench) -> None:
    bench.settle()
    bench.pipeline.more = {}

    bench.pipeline.poll("thulium", backfill=DAYS.window(SourceSettings("thulium", "thulium", URLS["thulium"]).zone))
    bench.settle()

    assert bench.item(OPTED_OUT)["state"] == State.STORED
