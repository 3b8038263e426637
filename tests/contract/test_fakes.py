"""What only the fakes have: knobs, hooks, and time that a test moves."""

from datetime import timedelta

import pytest

from call_lake.errors import Reason, Transient
from call_lake.ports import PreconditionFailed
from tests.support.fakes import Died, Fault, FaultAt, World
from tests.support.items import put


@pytest.fixture
def world() -> World:
    return World.make()


def test_all_ports_of_a_world_share_one_call_log(world: World):
    world.store.put("key", b"")
    world.table.get("id")
    world.queues["thulium"].send(["a", "b"])
    world.bus.publish("type", [{}])
    world.secrets.get("thulium")

    assert [(call.number, call.port, call.method) for call in world.calls.log] == [
        (1, "store", "put"),
        (2, "table", "get"),
        (3, "queue:recordings-thulium", "send"),
        (4, "bus", "publish"),
        (5, "secrets", "get"),
    ]


def test_what_lambda_and_the_test_itself_do_is_no_call(world: World):
    world.queues["thulium"].send(["a"])
    (message,) = world.queues["thulium"].receive()
    world.queues["thulium"].delete(message.receipt_handle)
    world.store.bodies()
    world.table.items()

    assert len(world.calls.log) == 1


def test_a_batch_call_counts_as_many_calls_as_aws_gets(world: World):
    world.queues["thulium"].send([str(number) for number in range(25)])
    world.table.get_many([str(number) for number in range(250)])

    assert [call.method for call in world.calls.log] == ["send"] * 3 + ["get_many"] * 3


@pytest.mark.parametrize(
    ("fault", "raised", "stands"),
    [
        (Fault.DIE_BEFORE, Died, False),
        (Fault.DIE_AFTER, Died, True),
        (Fault.ANSWER_LOST, Transient, True),
        (Fault.REFUSED, Transient, False),
    ],
)
def test_a_fault_strikes_before_or_after_its_call(world: World, fault, raised, stands):
    world.calls.on_call(FaultAt(2, fault))
    world.store.put("first", b"")

    with pytest.raises(raised):
        world.store.put("second", b"")
    assert ("second" in world.store.bodies()) is stands


def test_a_repeated_call_meets_its_own_success(world: World):
    world.calls.on_call(FaultAt(1, Fault.REPEATED))

    with pytest.raises(PreconditionFailed):
        world.store.put("key", b"", if_none_match=True)
    assert "key" in world.store.bodies()


def test_the_dead_do_nothing_more_until_they_start_again(world: World):
    fault = FaultAt(1, Fault.DIE_BEFORE)
    world.calls.on_call(fault)
    with pytest.raises(Died):
        world.store.put("key", b"")

    with pytest.raises(Died):
        world.store.put("key", b"")
    assert not world.store.bodies()
    fault.start_again()
    world.store.put("key", b"")


def test_a_message_is_gone_after_its_retention(world: World):
    queue = world.queues["thulium"]
    queue.send(["old"])
    world.clock.advance(timedelta(hours=23))
    queue.send(["young"])
    world.clock.advance(timedelta(hours=2))

    assert [message.body for message in queue.receive()] == ["young"]
    assert len(queue) == 1


def test_dead_letters_keep_the_time_they_were_first_sent(world: World):
    queue = world.queues["thulium"]
    queue.max_receive_count = 1
    queue.send(["body"])
    sent_at = queue.receive()[0].sent_at
    world.clock.advance(timedelta(hours=1))

    assert not queue.receive()
    assert [message.sent_at for message in world.dlq.receive()] == [sent_at]


def test_a_duplicate_delivery_leaves_the_message_for_another_consumer(world: World):
    queue = world.queues["thulium"]
    queue.send(["body"])
    queue.duplicates = 1

    first, second = queue.receive(), queue.receive()

    assert [message.body for message in first + second] == ["body", "body"]
    assert not queue.receive()


def test_a_receipt_of_an_earlier_delivery_neither_deletes_nor_delays(world: World):
    queue = world.queues["thulium"]
    queue.send(["body"])
    (first,) = queue.receive()
    world.clock.advance(timedelta(hours=1))
    queue.receive()

    queue.delete(first.receipt_handle)
    with pytest.raises(Transient) as error:
        queue.delay(first.receipt_handle, 0)

    assert len(queue) == 1
    assert error.value.reason is Reason.AWS


def test_the_index_shows_a_write_after_its_delay_and_the_last_one_last(world: World):
    table = world.table
    table.index_delay_s = 5
    put(table, {"id": "a", "due_list": "thulium", "due_at": "1", "state": "PUBLISHED"})
    at_once = table.query_due("thulium", "9", 10)
    world.clock.sleep(5)
    later = table.query_due("thulium", "9", 10)
    table.update("a", {"due_list": None})

    assert (at_once, [item["id"] for item in later]) == ([], ["a"])
    assert [item["id"] for item in table.query_due("thulium", "9", 10)] == ["a"]
    world.clock.sleep(5)
    assert table.query_due("thulium", "9", 10) == []


def test_a_secret_is_cached_for_five_minutes(world: World):
    world.secrets.set("thulium", password="old")
    world.secrets.get("thulium")
    world.secrets.set("thulium", password="new")

    assert world.secrets.get("thulium") == {"password": "old"}
    world.clock.sleep(300)
    assert world.secrets.get("thulium") == {"password": "new"}
