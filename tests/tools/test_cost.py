"""docs/cost.md says what the prices and the counted calls give."""

import re
from dataclasses import replace
from datetime import date

import pytest

from bench.cost.bill import (
    COMPACTOR_METRICS,
    SOURCE_METRICS,
    TEMPLATE,
    VOLUMES,
    alarms_in,
    fixed,
    marginal,
    stored,
    total,
)
from bench.cost.metered import Meter, Unit, item_bytes, metered_world
from bench.cost.others import others
from bench.cost.prices import Prices
from bench.cost.runs import FULL, Counted, busy, idle, plus
from bench.cost.sound import sound, sound_usd
from bench.cost.tables import PAGE, tables
from bench.cost.words import words, words_usd
from bench.harness.tables import fill
from call_lake.observability import UNITS
from call_lake.ports import OneOf, PreconditionFailed
from call_lake_cli.stack import prices as estimates
from tests.support.items import put

PRICES = Prices.load()
COUNTED = Counted.load()
RUN_IT = "run `make cost`"
NAMED_IN_PROSE = {"kms_key_month", "athena_tb", "dashboard_month"}


def bills(prices):
    """All of them together, in dollars."""
    parts = [marginal(COUNTED, prices, VOLUMES[-1]), fixed(COUNTED, prices), stored(COUNTED, prices)]
    parts += [words_usd(COUNTED.words, prices), sound_usd(COUNTED.sound, prices)]
    return sum(map(total, parts)) + sum(other.each_usd + other.month_usd for other in others(COUNTED, prices))


@pytest.fixture
def meter():
    return Meter()


@pytest.fixture
def world(meter):
    return metered_world(("thulium",), meter)


def test_the_page_has_the_tables_that_prices_and_counts_give():
    page, made = PAGE.read_text(encoding="utf-8"), tables(COUNTED, PRICES)
    assert sorted(re.findall(r"<!-- >>> (\w+) -->", page)) == sorted(made)
    assert page == fill(page, made), RUN_IT


def test_the_kept_counts_are_what_the_code_does_today():
    assert idle() == (COUNTED.idle_step, COUNTED.idle_compaction, COUNTED.idle_sweep), RUN_IT
    assert busy(1) == COUNTED.single, RUN_IT
    assert busy(FULL) == COUNTED.full, RUN_IT
    assert busy(FULL, batch=5) == COUNTED.halves, RUN_IT
    assert words() == COUNTED.words, RUN_IT
    assert sound() == COUNTED.sound, RUN_IT


def test_ten_more_in_a_full_batch_cost_what_the_last_ten_did():
    ten = plus((1, COUNTED.more), (-1, COUNTED.full))
    assert plus((1, busy(FULL + 20))) == plus((1, COUNTED.full), (2, ten))


@pytest.mark.parametrize("name", PRICES.prices)
def test_every_price_has_its_source_and_date(name):
    price = PRICES.prices[name]
    assert price.usd > 0
    assert price.per
    assert price.source.startswith("https://")
    assert price.read_at == "" or price.read_at.startswith("https://")
    assert date(2024, 1, 1) <= price.seen <= date.today()  # noqa: DTZ011 - a day of the calendar


@pytest.mark.parametrize("name", PRICES.assumptions)
def test_every_assumption_says_its_unit_and_what_it_is(name):
    given = PRICES.assumptions[name]
    assert given.value > 0
    assert given.unit
    assert given.why


@pytest.mark.parametrize("volume", VOLUMES[1:], ids=lambda volume: volume.name)
def test_a_million_recordings_cost_less_than_25_dollars_beyond_storage(volume):
    assert total(marginal(COUNTED, PRICES, volume)) < 25


@pytest.mark.parametrize("name", sorted(set(PRICES.prices) - NAMED_IN_PROSE))
def test_every_price_is_part_of_some_bill(name):
    dearer = replace(PRICES.prices[name], usd=PRICES.prices[name].usd * 2)
    raised = replace(PRICES, prices={**PRICES.prices, name: dearer})
    assert bills(raised) > bills(PRICES)


@pytest.mark.parametrize(("name", "value"), [("recording_mb", 2.0), ("provider_mb_per_s", 2.5), ("batch_fill", 5.0)])
def test_twice_an_assumption_is_half_a_rate(name, value):
    assert PRICES.with_twice(name).assumed(name) == value
    assert total(marginal(COUNTED, PRICES.with_twice(name), VOLUMES[1])) > total(marginal(COUNTED, PRICES, VOLUMES[1]))


def test_the_estimate_before_a_backfill_is_near_what_was_counted_and_a_listing_of_each():
    """Most calls of a backfill are older than the ledger. Then the copier lists before its first attempt (ADR 0048)."""
    usd = total(marginal(COUNTED, PRICES, VOLUMES[1])) + PRICES.usd("s3_write", 1e6)
    assert pytest.approx(usd, rel=0.2) == estimates.PER_RECORDING_USD * 1e6


def test_the_estimates_of_words_and_sound_are_near_what_was_counted():
    recordings, minutes = 1000, PRICES.assumed("recording_minutes")
    counted = total(sound_usd(COUNTED.sound, PRICES)) / 1e6 * recordings
    assert pytest.approx(counted, rel=0.2) == estimates.sound_usd(recordings, recordings * minutes / 60)
    assert estimates.TRANSCRIBE_TIERS[0][1] == PRICES.prices["transcribe_minute"].usd


def test_the_fixed_part_counts_the_alarms_of_the_template_that_are_always_there():
    alarms = alarms_in(TEMPLATE.read_text(encoding="utf-8"))
    assert fixed(COUNTED, PRICES)[f"CloudWatch alarms ({alarms})"] == pytest.approx(0.1 * alarms)

    alarm = "  Some:\n    Type: AWS::CloudWatch::Alarm\n"
    optional = "".join(
        f"{alarm}    Condition: {name}\n" for name in ("Transcription", "Transcripts", "Sound", "Engine1")
    )
    assert alarms_in(f"{alarm}    Condition: Thulium\n{optional}{alarm}") == 2


def test_the_metrics_that_are_billed_all_the_time_are_metrics_of_ours():
    assert {*SOURCE_METRICS, *COMPACTOR_METRICS} <= set(UNITS)


# -- what AWS bills


@pytest.mark.parametrize(
    ("item", "size"),
    [({"id": "abc"}, 5), ({"id": "ż"}, 4), ({"a": True}, 2), ({"a": ["b"]}, 6), ({"a": {"b": "c"}}, 7)],
)
def test_an_item_is_as_long_as_its_names_and_values(item, size):
    assert item_bytes(item) == size


@pytest.mark.parametrize(("length", "units"), [(10, 1), (1022 - 1, 1), (1023, 2), (3000, 3)])
def test_a_write_is_billed_by_the_kilobyte(world, meter, length, units):
    put(world.table, {"id": "x" * length})
    assert meter.take() == {Unit.DYNAMODB_WRITE: units}


def test_the_index_is_written_apart_and_twice_where_its_key_changes(world, meter):
    put(world.table, {"id": "a", "due_list": "thulium", "due_at": "1"})
    world.table.update("a", {"due_at": "2"})
    world.table.update("a", {"note": "not in the index"})
    world.table.update("a", {"state": "in it"})
    world.table.update("a", {"due_list": None, "due_at": None})
    assert meter.take() == {Unit.DYNAMODB_WRITE: (1 + 1) + (1 + 2) + 1 + (1 + 1) + (1 + 1)}


def test_a_refused_write_is_billed(world, meter):
    put(world.table, {"id": "a"})
    meter.take()
    with pytest.raises(PreconditionFailed):
        put(world.table, {"id": "a"})
    with pytest.raises(PreconditionFailed):
        world.table.update("a", {"b": 1}, {"state": OneOf(("OPEN",))})
    assert meter.take() == {Unit.DYNAMODB_WRITE: 2}


def test_reads_are_billed_by_four_kilobytes_and_for_what_is_not_there(world, meter):
    put(world.table, {"id": "a", "text": "x" * 5000})
    meter.take()
    world.table.get("a")
    world.table.get_many(["a", "b", "b"])
    assert meter.take() == {Unit.DYNAMODB_READ: 2 + 2 + 1}


def test_ten_messages_are_one_request_until_they_are_longer_than_64_kilobytes(world, meter):
    queue = world.queues["thulium"]
    queue.send(["short"] * 10)
    queue.send(["x" * 10_000] * 10)
    assert meter.take() == {Unit.SQS_REQUEST: 1 + 2}
    queue.receive()
    queue.receive()
    queue.receive()
    assert meter.take() == {Unit.SQS_REQUEST: (1 + 1) + (2 + 1)}, "receive and delete; the empty one is not a batch's"


def test_a_listing_is_billed_by_the_thousand_keys_and_a_deletion_not_at_all(world, meter):
    for number in range(1001):
        world.store.put(f"k/{number}", b"")
    assert meter.take() == {Unit.S3_WRITE: 1001}
    list(world.store.list("k/"))
    list(world.store.list("nothing/"))
    world.store.delete(["k/1"])
    assert meter.take() == {Unit.S3_WRITE: 2 + 1}


def test_reads_of_objects_are_the_cheap_kind(world, meter):
    world.store.put("k", b"abc")
    meter.take()
    world.store.get("k")
    world.store.head("k")
    world.store.get_range("k", 0, 1)
    assert meter.take() == {Unit.S3_READ: 3}


def test_each_event_is_billed_by_64_kilobytes(world, meter):
    world.bus.publish("Recording Stored", [{"a": 1}, {"a": "x" * 70_000}])
    assert meter.take() == {Unit.EVENT: 1 + 2}
