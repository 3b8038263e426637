import json
from base64 import b64encode
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from call_lake.errors import ConfigError, Reason, Transient
from call_lake.model.phone_numbers import Likeness
from call_lake.model.recording import ListedRecording
from call_lake.operations.erase.people import People
from tests.support.fakes.ids import IDS
from tests.support.stub_thulium import BASE, HOUR, NOON, SECRET, Tenant, make, one, row
from tests.support.stub_web import Reply, Seen, StubWeb, json_reply, keys


def test_a_row_becomes_a_recording() -> None:
    raw = row()
    assert one({}) == IDS.identified(
        ListedRecording(
            source="thulium",
            provider="thulium",
            provider_key="sprzedaż/2026-06-01/0.wav",
            started_at=datetime(2026, 6, 1, 10, 8, tzinfo=UTC),
            call_date=date(2026, 6, 1),
            raw=json.dumps(raw, ensure_ascii=False, separators=(",", ":")),
            connection_id=raw["connection_id"],
            listed_at=datetime(2026, 6, 1, 12, 28, tzinfo=UTC),
            direction="inbound",
            caller="48500000001",
            callee=None,
            agent="Wymyślona Agentka",
            disposition="ANSWERED",
            duration_s=129.0,
            talk_s=120.5,
            queue="sprzedaż",
        )
    )


@pytest.mark.parametrize(
    ("filename", "queue"),
    [
        ("sales/2026-06-01/0.wav", "sales"),
        (" sales team /0.wav", "sales team"),
        ("48800000001/0.wav", "48800000001"),
        ("0.wav", None),
        ("/0.wav", None),
        ("2026-06-01/0.wav", None),
        ("2026/06/0.wav", None),
        ("2026_06/0.wav", None),
    ],
)
def test_the_queue_is_the_first_folder_of_the_file_name_unless_that_is_a_date(filename, queue):
    recording = one({"filename": filename})
    assert (recording.queue, recording.queue_name, recording.team) == (queue, None, None)


def test_a_queue_has_the_name_that_the_settings_give_it():
    server = Tenant([row(filename="sales/0.wav"), row(filename="help/1.wav")])
    (page,) = server.provider(queues={"sales": "Sales PL"}).list_window(HOUR)
    assert [(one.queue, one.queue_name) for one in page.recordings] == [("sales", "Sales PL"), ("help", None)]


@pytest.mark.parametrize("empty", ["", "null", None, [], {}, "  "])
def test_empty_values_are_none(empty):
    recording = one({"src": empty, "duration": empty, "type": empty, "created_at": empty, "user": empty})
    assert (recording.caller, recording.duration_s, recording.direction, recording.listed_at) == (None,) * 4


def test_missing_optional_fields_are_none_and_unknown_ones_stay_in_raw():
    server = Tenant([{"filename": "a.wav", "date": "2026-06-01 12:08", "mood": {"deep": [1]}}])
    (page,) = server.provider().list_window(HOUR)
    assert page.recordings[0].agent is None
    assert json.loads(page.recordings[0].raw)["mood"] == {"deep": [1]}


@pytest.mark.parametrize(
    "broken",
    [
        row(filename=None),
        row(filename=""),
        row(filename=1.5),
        row(filename=1.5e300),
        row(filename="\ud800"),
        row(date=None, created_at=None),
        row(date="0000-00-00 00:00", created_at="soon"),
        row(date="0001-01-01 00:00", created_at="0001-01-01 00:00"),
        None,
        "text",
        [],
    ],
)
def test_a_row_without_key_or_start_is_reported_and_never_stops_its_page(broken):
    (page,) = Tenant([row(1), broken, row(2)]).provider().list_window(HOUR)
    assert len(page.recordings) == 2
    assert json.loads(page.bad[0].raw) == broken


NO_DATES: list[Any] = [
    *(None, "", "0000-00-00 00:00", "0000-00-00 00:00:00", "0001-01-01 00:00", 7, 0, "0", {}, []),
    *("1970-01-01 00:00", "1970-01-01 01:00", "1970-01-01T00:00:00Z", "1899-12-30 00:00", "1980-01-01 00:00"),
]


@pytest.mark.parametrize("unreadable", NO_DATES)
def test_a_row_whose_date_cannot_be_read_begins_with_its_connection(unreadable):
    recording = one({"date": unreadable})
    assert recording.started_at == NOON + timedelta(seconds=500)
    assert recording.listed_at == datetime(2026, 6, 1, 12, 28, tzinfo=UTC)
    assert json.loads(recording.raw)["date"] == unreadable


@pytest.mark.parametrize("connection_id", [None, "no number", "1.5", "1480300000.1"])
def test_without_a_connection_that_fits_it_begins_when_it_was_made(connection_id):
    recording = one({"date": None, "connection_id": connection_id})
    assert recording.started_at == datetime(2026, 6, 1, 12, 28, tzinfo=UTC)
    assert recording.call_date == date(2026, 6, 1)


@pytest.mark.parametrize("number", [48500600700, 48500600700.0, "48500600700.0", " 48500600700 "])
def test_a_number_is_the_same_text_however_it_is_sent_and_erase_finds_it(number):
    recording = one({"src": number, "dst": number})
    assert (recording.caller, recording.callee) == ("48500600700", "48500600700")
    assert People(["48500600700"], [], {}).number(recording.caller, "thulium") is Likeness.SAME
    assert one({"filename": 48500600700.0}).recording_id == one({"filename": 48500600700}).recording_id


@pytest.mark.parametrize(
    ("changes", "lengths", "odd"),
    [
        ({"duration": -1, "billsec": "-0.5"}, (None, None), ["duration_s", "talk_s"]),
        ({"duration": "12,5", "billsec": -3600.0}, (12.5, None), ["talk_s"]),
        ({"duration": "1_000", "billsec": 0}, (None, 0.0), None),
    ],
)
def test_a_negative_length_is_null_and_the_record_says_so(changes, lengths, odd):
    recording = one(changes)
    assert (recording.duration_s, recording.talk_s) == lengths
    raw = json.loads(recording.raw)
    assert raw.get("call_lake_implausible") == odd
    assert changes.items() <= raw.items()


def test_a_bad_byte_costs_one_value_and_not_the_page():
    bodies = [json.dumps(row(number), ensure_ascii=False).encode() for number in range(3)]
    bodies[1] = bodies[1].replace("Wymyślona".encode(), b"Wymy\xb6lona")
    answer = b'{"count": 3, "result": [' + b",".join(bodies) + b"]}"
    (page,) = make(StubWeb(lambda seen: Reply(body=answer))).list_window(HOUR)
    assert [recording.agent for recording in page.recordings] == [
        "Wymyślona Agentka", "Wymy\N{REPLACEMENT CHARACTER}lona Agentka", "Wymyślona Agentka",
    ]  # fmt: skip
    assert ["call_lake_repaired" in recording.raw for recording in page.recordings] == [False, True, False]
    assert page.bad == ()


def test_a_bad_byte_in_a_key_makes_an_unusable_record_for_two_keys_must_not_become_one():
    body = json.dumps({"result": [row(1), row(2, filename="?.wav")]}).encode().replace(b"?.wav", b"\xb6.wav")
    pages = list(make(StubWeb(lambda seen: Reply(body=body))).list_window(HOUR))
    assert keys(pages) == [row(1)["filename"]]
    assert [bad.why for page in pages for bad in page.bad] == ["its key is no Unicode text"]


def test_a_key_is_kept_exactly_and_a_number_is_taken_as_text():
    assert one({"filename": " a \n"}).provider_key == " a \n"
    assert one({"filename": 7}).provider_key == "7"


def test_text_that_is_no_unicode_is_repaired_but_raw_stays_complete():
    recording = one({"user": "A\ud800B"})
    assert recording.agent == "A\N{REPLACEMENT CHARACTER}B"
    assert json.loads(recording.raw)["user"] == "A\ud800B"
    recording.raw.encode()


# The repeated hour


@pytest.mark.parametrize(("utc_hour", "fold"), [(0, "first"), (1, "second")])
def test_in_the_repeated_hour_the_connection_decides(utc_hour, fold):
    start = datetime(2026, 10, 25, utc_hour, 30, 40, tzinfo=UTC)
    recording = one({"date": "2026-10-25 02:30", "connection_id": f"{int(start.timestamp())}.5"})
    assert recording.started_at == start.replace(second=0), fold


@pytest.mark.parametrize("connection_id", [None, "", "no number", "1.5", "99999999999999999999.1", "-"])
def test_in_the_repeated_hour_a_connection_that_agrees_with_neither_means_the_first(connection_id):
    recording = one({"date": "2026-10-25 02:30", "connection_id": connection_id})
    assert recording.started_at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_a_recording_of_the_repeated_hour_is_not_created_before_its_call():
    start = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    changes = {"date": "2026-10-25 02:30", "created_at": "2026-10-25 02:40"}
    recording = one(changes | {"connection_id": f"{int(start.timestamp())}.5"})
    assert recording.listed_at == start + timedelta(minutes=10)


def test_the_calls_day_is_the_one_on_the_offices_wall():
    recording = one({"date": "2026-06-01 00:10"})
    assert (recording.started_at.day, recording.call_date) == (31, date(2026, 6, 1))


def test_a_time_that_names_its_offset_is_believed():
    assert one({"date": "2026-06-01T12:08:00+00:00"}).started_at.hour == 12


# Requests


def test_a_window_is_asked_for_in_local_minutes_one_wider_at_each_side():
    server = Tenant([])
    assert keys(server.provider().list_window(HOUR)) == []
    assert server.web.seen[0].url == (
        f"{BASE}/recordings?limit=100&offset=0&date_from=2026-06-01%2011%3A59&date_to=2026-06-01%2013%3A01"
    )


def test_the_page_size_is_a_setting():
    server = Tenant([row(1), row(2)])
    list(server.provider(page_size=10).list_window(HOUR))
    assert server.web.seen[0].query["limit"] == "10"


@pytest.mark.parametrize(
    "key",
    ["../../etc/passwd", "a b/'\"<&>?#%25.wav", "ż/" + "ó" * 1000, "emoji 🎧.ogg", "a\\b\nc", "..", "{base_url}"],
)
@pytest.mark.parametrize("encode_slashes", [True, False])
@pytest.mark.parametrize("template", ["", "{base_url}/recordings/download/{filename}"])
def test_any_key_reaches_the_server_exactly(key, encode_slashes, template):
    web = StubWeb(lambda seen: Reply(body=b"x"))
    provider = make(web, download_url=template, encode_slashes=encode_slashes)
    with provider.open_audio(one({"filename": key}), deadline_s=5) as stream:
        assert b"".join(stream) == b"x"
    prefix = f"{BASE}/recordings/download" + ("/" if template else "?filename=")
    rest = web.seen[0].url.removeprefix(prefix)
    assert unquote(rest) == key
    assert ("/" in rest) == ("/" in key and not encode_slashes)


# Credentials and refusals


def test_credentials_are_basic_and_in_utf_8():
    server = Tenant([])
    list(server.provider().list_window(HOUR))
    assert server.web.seen[0].headers["Authorization"] == "Basic YXBpLXVzZXI6emHFvMOzxYLEhw=="


@pytest.mark.parametrize("field", ["username", "password"])
def test_a_secret_without_a_field_names_it(field):
    provider = make(StubWeb(lambda seen: Reply()), lambda fresh: SECRET | {field: ""})
    with pytest.raises(ConfigError, match=field):
        list(provider.list_window(HOUR))


def test_after_a_401_the_secret_is_read_again_once():
    new = f"Basic {b64encode(b'api:new').decode()}"

    def answer(seen: Seen) -> Reply:
        return json_reply({"count": 0, "result": []}, 200 if seen.headers["Authorization"] == new else 401)

    asked = []

    def secret(fresh: bool) -> dict[str, str]:
        asked.append(fresh)
        return {"username": "api", "password": "new" if fresh else "old"}

    assert list(make(StubWeb(answer), secret).list_window(HOUR)) == []
    assert asked == [False, True]


def test_a_second_401_is_unauthorized():
    web = StubWeb(lambda seen: json_reply({"request_id": "53678450401cf", "errors": [{"message": "x"}]}, 401))
    with pytest.raises(Transient, match="request_id 53678450401cf") as caught:
        list(make(web).list_window(HOUR))
    assert caught.value.reason is Reason.UNAUTHORIZED
    assert len(web.seen) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"<html>login</html>",
        b'{"count": 1, "result": [{"da',
        b"",
        b"[]",
        b'"x"',
        b'{"count": 1}',
        b'{"count": 1, "result": {}}',
        b'{"count": 3, "result": ["a 48500000001", null, 7]}',
        b'{"request_id": "abc", "errors": [{"message": "call 48500000001", "code": 1}], "result": []}',
        b'{"request_id": "abc", "errors": [{"message": "call 48500000001", "code": 1}], "result": null}',
        b'{"request_id": "abc", "errors": [{"message": "call 48500000001", "code": 1}], "count": 0}',
        b'{"count": 1, "result": null}',
        b"[" * 100_000,
        b"\xff\xfe\x00",
    ],
)
def test_a_listing_that_is_none_is_transient_and_repeats_nothing_of_it(body):
    with pytest.raises(Transient) as caught:
        list(make(StubWeb(lambda seen: Reply(body=body))).list_window(HOUR))
    assert caught.value.reason is Reason.BAD_LISTING
    assert "48500000001" not in caught.value.detail
