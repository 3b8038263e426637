import json
from datetime import UTC, date, datetime
from urllib.parse import unquote

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from call_lake.errors import ConfigError, Reason, Terminal
from call_lake.ledger.identity import possible_ids, same_recording
from call_lake.model.recording import ListedRecording
from call_lake.providers.conpeek.mapping import CONPEEK, compile_mapping
from tests.support.fakes.ids import IDS
from tests.support.stub_conpeek import BASE, HOUR, Tenant, make, one, row
from tests.support.stub_web import Reply, StubWeb


def test_a_dialog_becomes_a_recording() -> None:
    raw = row(recording_url="/files/1")
    assert one(raw) == IDS.identified(
        ListedRecording(
            source="conpeek",
            provider="conpeek",
            provider_key="dialog-0",
            started_at=datetime(2026, 6, 1, 22, 30, tzinfo=UTC),
            call_date=date(2026, 6, 2),
            raw=json.dumps(raw, ensure_ascii=False, separators=(",", ":")),
            connection_id="dialog-0",
            ended_at=datetime(2026, 6, 1, 22, 31, 5, tzinfo=UTC),
            listed_at=datetime(2026, 6, 1, 22, 31, 5, tzinfo=UTC),
            direction="outbound",
            caller="+48500000001",
            callee="+48500000002",
            agent="Zmyślony Agent",
            disposition="ANSWERED",
            duration_s=65.0,
            talk_s=60.5,
            audio_url="/files/1",
        )
    )


def test_the_team_is_the_project_and_the_queue_what_is_mapped() -> None:
    rows = [row(0, project_id=2, line={"name": "hot"}), row(1, project_id=3), row(2)]
    named = {"teams": {"2": "Complaints"}, "queues": {"hot": "Hotline"}, "mapping": {"queue": "line.name"}}
    (page,) = Tenant(rows).provider(**named).list_window(HOUR)
    assert [(one.queue, one.queue_name, one.team, one.team_name) for one in page.recordings] == [
        ("hot", "Hotline", "2", "Complaints"),
        (None, None, "3", None),
        (None, None, None, None),
    ]


@pytest.mark.parametrize("name", ["recording_uuid", "recording_id", "id"])
def test_the_recordings_own_id_goes_before_the_dialogs(name):
    recording = one({name: "own"})
    assert (recording.provider_key, recording.connection_id) == ("own", "dialog-0")


@pytest.mark.parametrize("name", ["connection_id", "call_uuid"])
def test_a_field_that_is_filled_in_later_makes_no_other_call_of_a_recording(name):
    first, later = one({"id": 17, name: None}), one({"id": 17, name: "c-1"})
    assert possible_ids(later) == possible_ids(first)
    assert same_recording(first.connection_id, later)


def test_a_key_of_one_name_stays_when_another_is_filled_in_later():
    fixed = {"provider_key": "id"}
    first, later = one({"id": 17, "recording_uuid": None}, fixed), one({"id": 17, "recording_uuid": "r"}, fixed)
    assert first.recording_id == later.recording_id


@pytest.mark.parametrize("empty", ["", None, "null", []])
def test_empty_values_are_none(empty):
    recording = one({"from_display_target": empty, "talking_time": empty, "hangup_time": empty, "recording_url": empty})
    assert (recording.caller, recording.talk_s, recording.ended_at, recording.duration_s) == (None,) * 4
    assert recording.audio_url is None


@pytest.mark.parametrize(
    "broken",
    [
        row(dialog_uuid=None),
        row(dialog_uuid=True),
        row(dialog_uuid=1.5),
        row(start_time="1970-01-01 00:00:00", hangup_time=0),
        row(start_time=None, hangup_time=None),
        row(start_time="soon", hangup_time="later"),
        None,
        3,
        [],
    ],
)
def test_a_row_without_key_or_start_is_reported_and_never_stops_its_page(broken):
    (page,) = Tenant([row(1), broken, row(2)]).provider().list_window(HOUR)
    assert len(page.recordings) == 2
    assert json.loads(page.bad[0].raw) == broken


@pytest.mark.parametrize("unreadable", [None, "", "soon", {}, 0, "1970-01-01 00:00:00", "0000-00-00 00:00:00"])
def test_a_row_whose_start_cannot_be_read_begins_with_its_end(unreadable):
    recording = one({"start_time": unreadable})
    assert recording.started_at == datetime(2026, 6, 1, 22, 31, 5, tzinfo=UTC)


def test_an_end_before_its_start_is_null_and_the_record_says_so():
    changes = {"start_time": "2026-06-01 22:30:00", "hangup_time": "2026-06-01 22:29:59", "talking_time": -1}
    recording = one(changes)
    assert (recording.ended_at, recording.duration_s, recording.talk_s) == (None, None, None)
    assert recording.listed_at == datetime(2026, 6, 1, 22, 29, 59, tzinfo=UTC)
    raw = json.loads(recording.raw)
    assert raw.pop("call_lake_implausible") == ["talk_s", "ended_at"]
    assert raw == row() | changes


@pytest.mark.parametrize("ended", ["1970-01-01 00:00:00", 0, "0001-01-01 00:00:00", None])
def test_a_date_that_means_none_is_no_end_before_the_start(ended):
    recording = one({"hangup_time": ended})
    assert (recording.ended_at, recording.duration_s) == (None, None)
    assert "call_lake_implausible" not in recording.raw


@pytest.mark.parametrize("number", [48500600700.0, "48500600700.0", "4.85006007E+10"])
def test_a_number_is_the_same_text_however_it_is_sent(number):
    assert one({"from_display_target": number}).caller == "48500600700"
    assert one({"to_display_target": number}).callee == "48500600700"


@pytest.mark.parametrize(("given", "seconds"), [(-5, None), ("12,5", 12.5), ("-1", None)])
def test_lengths_of_a_tenant_that_gives_seconds(given, seconds):
    mapping = {"duration_s": "seconds", "talk_s": "seconds"}
    recording = one({"seconds": given}, mapping)
    assert (recording.duration_s, recording.talk_s) == (seconds, seconds)
    assert ("call_lake_implausible" in recording.raw) == (seconds is None)


@pytest.mark.parametrize("url", [7, True, {}, ["https://example.com/a.wav"]])
def test_an_audio_url_that_is_no_text_is_none(url):
    assert one({"recording_url": url}).audio_url is None


def test_a_mapping_replaces_a_default_and_may_look_deeper():
    recording = one({"who": {"name": "X"}, "t": 7}, {"agent": "who.name", "talk_s": "t", "duration_ms": "t"})
    assert (recording.agent, recording.talk_s, recording.duration_s) == ("X", 7.0, 0.007)


def test_a_mapping_that_does_not_fit_a_record_gives_nothing():
    assert one({"talking_time": None}, {"agent": "length(talking_time)"}).agent is None


def test_a_mapping_of_an_unknown_field_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"speaker.*known: provider_key"):
        make(StubWeb(lambda seen: Reply()), mapping={"speaker": "x"})


values = st.sampled_from([None, "", "x", 0, 1, 0.0, False, True, [], {}, [0], {"a": 1}])


@given(st.dictionaries(st.sampled_from("abc"), values), st.sampled_from(["a", "a || b", "a||b || c"]))
def test_a_chain_of_names_means_what_jmespath_means(record, expression):
    found = compile_mapping("conpeek", {"agent": expression})["agent"](record)
    expected = jmespath.search(expression, record)
    assert found == expected
    assert type(found) is type(expected)


def test_every_default_is_jmespath():
    for expression in filter(None, CONPEEK.values()):
        jmespath.compile(expression)


# Audio


@pytest.mark.parametrize(
    ("given_url", "asked"),
    [
        ("https://conpeek.test/files/1?sig=a%2Fb", "https://conpeek.test/files/1?sig=a%2Fb"),
        ("/files/1", "https://conpeek.test/files/1"),
        ("files/1", f"{BASE}/files/1"),
        ("//conpeek.test/files/a b", "https://conpeek.test/files/a%20b"),
    ],
)
def test_the_url_in_a_record_is_used_relative_ones_too(given_url, asked):
    web = StubWeb(lambda seen: Reply(body=b"x"))
    with make(web).open_audio(one({"recording_url": given_url}), deadline_s=5) as stream:
        assert b"".join(stream) == b"x"
    assert web.seen[0].url == asked
    assert web.seen[0].headers["Authorization"] == "raw-key"


@pytest.mark.parametrize("uuid", ["a-1", "../x", "a/b c", "ż'\"🎧"])
def test_without_a_url_the_template_is_filled_with_the_dialog(uuid):
    web = StubWeb(lambda seen: Reply(body=b"x"))
    with make(web).open_audio(one({"dialog_uuid": uuid, "recording_uuid": "r"}), deadline_s=5) as stream:
        list(stream)
    middle = web.seen[0].url.removeprefix(f"{BASE}/cdr_dialog/").removesuffix("/recording")
    assert "/" not in middle
    assert unquote(middle) == uuid


def test_the_download_template_is_a_setting():
    web = StubWeb(lambda seen: Reply(body=b"x"))
    provider = make(web, download_url="{base_url}/v2/{dialog_uuid}.ogg")
    with provider.open_audio(one({}), deadline_s=5) as stream:
        list(stream)
    assert web.seen[0].url == f"{BASE}/v2/dialog-0.ogg"


def test_a_record_with_neither_url_nor_dialog_has_no_audio():
    recording = one({"dialog_uuid": None, "id": 5})
    with (
        pytest.raises(Terminal) as caught,
        make(StubWeb(lambda seen: Reply())).open_audio(recording, deadline_s=5),
    ):
        pass
    assert caught.value.reason is Reason.NO_AUDIO_URL


@pytest.mark.parametrize("key", ["", "  ", "żółć", "a\nb"])
def test_a_key_that_cannot_be_one_is_a_settings_error_that_does_not_repeat_it(key):
    with pytest.raises(ConfigError, match="'key'") as caught:
        list(make(StubWeb(lambda seen: Reply()), key).list_window(HOUR))
    assert not key.strip() or key not in str(caught.value)
