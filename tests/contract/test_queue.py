import pytest
from botocore.exceptions import ParamValidationError

from call_lake.errors import Reason, Transient
from call_lake.ports import PartialFailure
from tests.contract.kits import Cloud, QueueKit
from tests.support.fakes import Received

TOO_LARGE = "x" * 1_200_000


def receive_all(cloud: Cloud, kit: QueueKit, count: int) -> list[Received]:
    """Receive until ``count`` messages came, finishing each."""
    came: list[Received] = []

    def enough() -> bool:
        for message in kit.receive():
            kit.delete(message.receipt_handle)
            came.append(message)
        return len(came) >= count

    cloud.eventually(enough)
    return came


def receive_one(cloud: Cloud, kit: QueueKit) -> Received:
    (message,) = cloud.eventually(kit.receive)
    return message


def test_every_message_of_many_arrives_as_it_was_sent(cloud, queue_kit):
    bodies = [f'{{"n": {number}, "text": "zażółć 🎧 <&> \\"\t\n"}}' for number in range(25)]

    queue_kit.queue.send(bodies)

    assert sorted(message.body for message in receive_all(cloud, queue_kit, 25)) == sorted(bodies)


def test_ten_messages_that_are_too_much_for_one_batch_all_arrive(cloud, queue_kit):
    bodies = [f"{number}{'ż' * 50_000}" for number in range(10)]

    queue_kit.queue.send(bodies)

    assert sorted(message.body for message in receive_all(cloud, queue_kit, 10)) == sorted(bodies)


def test_sending_nothing_is_fine(queue_kit):
    queue_kit.queue.send([])

    assert not queue_kit.receive()


def test_attributes_travel_with_every_message(cloud, queue_kit):
    queue_kit.queue.send(["a", "b"], attributes={"reason": "forbidden", "recording_id": "thulium-0"})

    came = receive_all(cloud, queue_kit, 2)

    assert [message.attributes for message in came] == [{"reason": "forbidden", "recording_id": "thulium-0"}] * 2


def test_a_refused_message_is_sent_once_more(cloud, queue_kit):
    bodies = [f"message {number}" for number in range(12)]
    queue_kit.refuse({3: bodies[3], 11: bodies[11]}, 1)

    queue_kit.queue.send(bodies)

    assert sorted(message.body for message in receive_all(cloud, queue_kit, 12)) == sorted(bodies)


def test_messages_refused_twice_are_named_and_the_others_sent(cloud, queue_kit):
    bodies = [f"message {number}" for number in range(12)]
    queue_kit.refuse({3: bodies[3], 11: bodies[11]}, 2)

    with pytest.raises(PartialFailure) as failure:
        queue_kit.queue.send(bodies)

    assert failure.value.failed == (3, 11)
    arrived = receive_all(cloud, queue_kit, 10)
    assert sorted(message.body for message in arrived) == sorted(set(bodies) - {bodies[3], bodies[11]})


@pytest.mark.parametrize("bad", [TOO_LARGE, "not a character: \ufffe", "not a character: \x00", "half: \ud83c"])
def test_a_message_that_no_queue_takes_is_refused_alone(cloud, queue_kit, bad):
    with pytest.raises(PartialFailure) as failure:
        queue_kit.queue.send(["before", bad, "after"])

    assert failure.value.failed == (1,)
    assert {message.body for message in receive_all(cloud, queue_kit, 2)} == {"before", "after"}


def test_a_received_message_is_hidden_and_comes_back_counted(cloud, queue_kit):
    queue_kit.queue.send(["body"])

    first = receive_one(cloud, queue_kit)
    hidden = queue_kit.receive()
    second = receive_one(cloud, queue_kit)

    assert not hidden
    assert (first.receive_count, second.receive_count) == (1, 2)
    assert (second.body, second.message_id, second.sent_at) == ("body", first.message_id, first.sent_at)


def test_a_finished_message_does_not_come_back(cloud, queue_kit):
    queue_kit.queue.send(["finished", "not finished"])
    for message in receive_two(cloud, queue_kit):
        if message.body == "finished":
            queue_kit.delete(message.receipt_handle)

    assert receive_one(cloud, queue_kit).body == "not finished"


def receive_two(cloud: Cloud, kit: QueueKit) -> list[Received]:
    came: list[Received] = []

    def both() -> bool:
        came.extend(kit.receive())
        return len(came) >= 2

    cloud.eventually(both)
    return came


def test_a_delay_of_nothing_brings_a_message_back_at_once(cloud, queue_kit):
    queue_kit.queue.send(["body"])
    message = receive_one(cloud, queue_kit)

    queue_kit.queue.delay(message.receipt_handle, 0)

    assert [again.receive_count for again in queue_kit.receive()] == [2]


def test_a_delay_hides_a_message_beyond_its_visibility(cloud, queue_kit):
    queue_kit.queue.send(["delayed", "not delayed"])
    for message in receive_two(cloud, queue_kit):
        if message.body == "delayed":
            queue_kit.queue.delay(message.receipt_handle, 900)

    assert receive_one(cloud, queue_kit).body == "not delayed"


def test_a_receipt_that_nobody_gave_is_an_aws_error(queue_kit):
    with pytest.raises(Transient) as error:
        queue_kit.queue.delay("invented", 10)

    assert error.value.reason is Reason.AWS


def test_a_delay_of_more_than_twelve_hours_is_refused(cloud, queue_kit):
    """By AWS, and in tests before it is sent (rule 24)."""
    queue_kit.queue.send(["body"])
    message = receive_one(cloud, queue_kit)

    with pytest.raises((Transient, ParamValidationError)):
        queue_kit.queue.delay(message.receipt_handle, 43_201)


def test_a_message_received_too_often_moves_to_the_dead_letters_with_all_it_has(cloud, queue_kit):
    queue_kit.queue.send(["body"], attributes={"reason": "forbidden"})

    def dead() -> list[Received]:
        queue_kit.receive()
        return list(queue_kit.receive_dead())

    (message,) = cloud.eventually(dead)

    assert (message.body, message.attributes) == ("body", {"reason": "forbidden"})
