import json

import pytest

from call_lake.ports import PartialFailure

DETAILS = [{"version": 1, "recording_id": f"thulium-{number}", "seconds": 1.5, "text": "ż🎧"} for number in range(12)]


def numbers(events):
    return sorted(int(event["detail"]["recording_id"].removeprefix("thulium-")) for event in events)


def as_sent(positions):
    return {position: json.dumps(DETAILS[position], ensure_ascii=False) for position in positions}


def arrived(cloud, kit, count):
    cloud.eventually(lambda: len(kit.events()) >= count)
    return kit.events()


def test_every_event_arrives_with_its_source_its_type_and_its_detail(cloud, bus_kit):
    bus_kit.bus.publish("Recording Stored", DETAILS)

    events = arrived(cloud, bus_kit, 12)

    assert numbers(events) == list(range(12))
    assert {(event["source"], event["detail-type"]) for event in events} == {("call-lake", "Recording Stored")}
    assert all(event["detail"] in DETAILS for event in events)


def test_publishing_nothing_is_fine(bus_kit):
    bus_kit.bus.publish("Recording Stored", [])

    assert bus_kit.events() == []


def test_a_refused_event_is_sent_once_more(cloud, bus_kit):
    bus_kit.refuse(as_sent([0, 10]), 1)

    bus_kit.bus.publish("Recording Stored", DETAILS)

    assert numbers(arrived(cloud, bus_kit, 12)) == list(range(12))


def test_events_refused_twice_are_named_and_the_others_published(cloud, bus_kit):
    bus_kit.refuse(as_sent([0, 5, 11]), 2)

    with pytest.raises(PartialFailure) as failure:
        bus_kit.bus.publish("Recording Stored", DETAILS)

    assert failure.value.failed == (0, 5, 11)
    assert numbers(arrived(cloud, bus_kit, 9)) == [1, 2, 3, 4, 6, 7, 8, 9, 10]
