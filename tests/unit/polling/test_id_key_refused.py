"""No poll publishes under a key that is not its ledger's; everybody sees why; nothing is lost by it."""

from datetime import timedelta

import pytest

from call_lake.ledger.entry import State
from call_lake.ledger.id_key import ITEM
from call_lake.model.messages import recording_from_message
from call_lake.model.windows import Window
from tests.support.fakes.ids import ID_KEY, ID_KEY_SECRET, IDS
from tests.support.fakes.provider import make_recording
from tests.support.operator_bench import Bench

OTHER = "another invented key, of another stack"


@pytest.fixture
def bench() -> Bench:
    """Polled and stored once; then one more recording is listed."""
    bench = Bench(3)
    bench.settle()
    late = make_recording(8, listed_at=bench.world.clock.now() - timedelta(minutes=30))
    bench.thulium.add(late)
    bench.recordings.append(late)
    return bench


def change_key(bench: Bench, key: str) -> None:
    bench.world.secrets.set(ID_KEY_SECRET, key=key)
    bench.pipeline.restart()


def lose_fingerprint(bench: Bench) -> None:
    """As in a ledger whose ids were plain hashes."""
    bench.world.table._items.pop(ITEM)
    bench.pipeline.restart()


def test_nothing_is_listed_or_published_under_another_key(bench: Bench) -> None:
    change_key(bench, OTHER)
    asked, items = bench.thulium.requests, set(bench.world.table._items)

    result = bench.pipeline.poll("thulium", sweep=True)

    assert (result.published, result.republished, result.is_well) == (0, 0, False)
    assert len(bench.world.queues["thulium"]) == 0
    assert bench.thulium.requests == asked
    assert {id for id in bench.world.table._items if not id.startswith("job#")} == items


def test_what_is_due_waits_too(bench: Bench) -> None:
    bench.pipeline.poll("thulium")
    queue = bench.world.queues["thulium"]
    for message in queue.receive(10):
        queue.delete(message.receipt_handle)
    bench.world.clock.advance(timedelta(days=2))
    change_key(bench, OTHER)
    assert bench.pipeline.poll("thulium").republished == 0
    change_key(bench, ID_KEY)
    assert bench.pipeline.poll("thulium").republished == 1


def test_status_shows_the_refusal_in_one_line(bench: Bench) -> None:
    change_key(bench, OTHER)
    bench.pipeline.poll("thulium")
    trouble = str(bench.pipeline.book("thulium").facts()["trouble"])
    assert trouble.startswith("key_refused: the ledger's recording ids were made under another key")
    assert "\n" not in trouble


@pytest.mark.parametrize("source", ["thulium", "conpeek"])
def test_ids_of_the_old_kind_stop_every_source(bench: Bench, source: str) -> None:
    lose_fingerprint(bench)
    result = bench.pipeline.poll(source)
    assert "ids of the old kind" in str(result.trouble)
    assert bench.world.table.get(ITEM) is None


def test_once_the_right_key_is_back_everything_is_stored_once(bench: Bench) -> None:
    change_key(bench, OTHER)
    bench.pipeline.run_for(timedelta(days=3), step=timedelta(hours=6))
    assert bench.thulium.downloads == 3

    bench.world.secrets.set(ID_KEY_SECRET, key=ID_KEY)  # the functions are warm all the while
    bench.settle()

    assert bench.states() == [State.STORED] * 4
    assert bench.thulium.downloads == 4
    assert bench.pipeline.book("thulium").facts().get("trouble") is None


def test_a_secret_that_is_gone_is_trouble_and_no_crash(bench: Bench) -> None:
    del bench.world.secrets.values[ID_KEY_SECRET]
    bench.pipeline.restart()
    assert "does not exist" in str(bench.pipeline.poll("thulium").trouble)


def test_a_warm_poller_does_not_ask_for_the_key_again(bench: Bench) -> None:
    bench.pipeline.poll("thulium")
    before = len(bench.world.calls.log)
    bench.pipeline.poll("thulium")
    asked = [call for call in bench.world.calls.log[before:] if call.port == "secrets"]
    assert asked == []


def test_a_cold_poller_asks_once(bench: Bench) -> None:
    bench.pipeline.restart()
    before = len(bench.world.calls.log)
    for source in ("thulium", "conpeek", "thulium"):
        bench.pipeline.poll(source)
    assert len([call for call in bench.world.calls.log[before:] if call.port == "secrets"]) == 1


def test_what_is_published_has_the_ids_of_the_key(bench: Bench) -> None:
    late = bench.recordings[-1]
    bench.pipeline.poll("thulium")
    (message,) = bench.world.queues["thulium"].receive(10)
    assert recording_from_message(message.body) == IDS.identified(late)
    assert bench.world.table.get(IDS.of_key("thulium", late.provider_key)) is not None


@pytest.mark.parametrize(("key", "objects"), [(ID_KEY, 4), (OTHER, 8)])
def test_a_new_ledger_over_an_old_bucket_finds_everything_under_the_old_key_alone(
    bench: Bench, key: str, objects: int
) -> None:
    """What the loss of the key means, as docs/runbook.md says: what is still listed is stored twice."""
    bench.settle()
    assert len(bench.world.store.bodies("audio/")) == 4
    bench.world.table._items.clear()
    bench.world.table._index.clear()
    change_key(bench, key)
    bench.pipeline.poll(
        "thulium", backfill=Window(bench.world.clock.now() - timedelta(days=7), bench.world.clock.now())
    )
    bench.settle()
    assert len(bench.world.store.bodies("audio/")) == objects
