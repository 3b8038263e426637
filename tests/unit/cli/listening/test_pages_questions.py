"""What the page asks, and what it is told: calls, stories, plays, audio in parts."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from call_lake.errors import ItemChanged, Reason, Transient
from call_lake.ledger.entry import Entry, State
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import Partition, transcript_key
from call_lake.model.table import Row
from call_lake_cli.listening import documents
from call_lake_cli.listening.plays import TICKET_TIME
from call_lake_cli.listening.ranges import PIECE_BYTES
from tests.support.fakes.calls import Call, Proceed
from tests.support.heard import commit_heard, commit_sound, sides, transcript
from tests.support.lake_samples import TODAY
from tests.support.listening import TOKEN, Listening, id_of, request

ALL = {"first": "2026-10-01", "last": "2026-10-31"}
SOUND = b"RIFF\0\0\0\0WAVE" + bytes(range(256)) * 10


@pytest.fixture
def here() -> Listening:
    return Listening()


def callers(here: Listening, **question: Any) -> list[str]:
    status, answer = here.ask("calls", ALL | question)
    assert status == 200, answer
    return [call["caller"] for call in answer["calls"]]


def test_calls_are_found_by_each_filter(here: Listening) -> None:
    yesterday = TODAY - timedelta(days=1)
    here.add(1, caller="+48800000003", duration_s=200.0)
    here.add(2, caller="+48800000004", day=yesterday, source="conpeek", direction="outbound", agent="Żaneta Udawana")

    assert callers(here) == ["+48800000003", "+48800000004"]
    assert callers(here, last=yesterday.isoformat()) == ["+48800000004"]
    assert callers(here, source="conpeek") == ["+48800000004"]
    assert callers(here, number="800 000 003") == ["+48800000003"]
    assert callers(here, agent="zaneta") == ["+48800000004"]
    assert callers(here, direction="outbound") == ["+48800000004"]
    assert callers(here, longer_than_s="100") == ["+48800000003"]


def test_a_number_that_may_be_another_is_marked(here: Listening) -> None:
    here.add(1, caller="+48800000003")
    here.add(2, caller="+49800000003")
    _, answer = here.ask("calls", ALL | {"number": "800000003"})
    assert {call["caller"]: call["perhaps"] for call in answer["calls"]} == {
        "+48800000003": False,
        "+49800000003": True,
    }


def test_all_calls_are_counted_on_the_sources_clock_and_some_are_listed(here: Listening) -> None:
    for number in range(5):
        here.add(number, started_at=f"{TODAY}T22:0{number}:00.000Z", duration_s=60.0)
    _, answer = here.ask("calls", ALL | {"shown": 2})
    assert [call["started"] for call in answer["calls"]] == ["2026-10-21 00:04:00", "2026-10-21 00:03:00"]
    assert answer["calls"][0]["zone"] == "Europe/Warsaw"
    assert answer["total"] == 5
    assert len(answer["overview"]["days"]) == 31
    assert answer["overview"]["days"][19] == {"day": TODAY.isoformat(), "calls": 5, "talk_s": 300.0}
    assert answer["overview"]["hours"][0] == {"hour": 0, "calls": 5, "talk_s": 300.0}


@pytest.mark.parametrize(
    "question",
    [
        {},
        {"first": "1.10.2026", "last": "2026-10-31"},
        {"first": "2026-10-31", "last": "2026-10-01"},
        {"first": "2020-10-31", "last": "2026-10-01"},
        ALL | {"source": "another"},
        ALL | {"direction": "sideways"},
        ALL | {"longer_than_s": "long"},
        ALL | {"shown": "1e999"},
    ],
)
def test_a_question_that_makes_no_sense_is_explained(here: Listening, question: Any) -> None:
    status, answer = here.ask("calls", question)
    assert (status, list(answer)) == (400, ["error"])


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"[" * 10_000, b'{"first": "' + b"0" * 20_000 + b'"}'])
def test_a_body_that_is_no_question_is_refused(here: Listening, body: bytes) -> None:
    answer = request(here.door, "POST", "/api/calls", {"authorization": f"Bearer {TOKEN}"}, body)
    assert answer.status == 400


# -- plays


def test_a_play_is_noted_before_any_audio_leaves(here: Listening) -> None:
    row = here.add(1, SOUND)
    assert here.notes() == []
    path = here.play(row)
    (note,) = here.notes()
    assert (note["who"], note["action"], note["recording_ids"]) == ("anna", "play", [row["recording_id"]])
    assert here.get(path).body == SOUND
    assert len(here.notes()) == 1


def test_nothing_is_heard_that_cannot_be_noted(here: Listening) -> None:
    row = here.add(1, SOUND)

    def refuse(call: Call, proceed: Proceed) -> Any:
        if call.method == "put":
            raise Transient(Reason.AWS, "PutObject access-log/: AccessDenied")
        return proceed()

    here.world.calls.on_call(refuse)
    status, answer = here.ask("play", id_of(row))
    assert (status, list(answer)) == (502, ["error"])


def test_a_file_that_is_saved_is_noted_as_such(here: Listening) -> None:
    row = here.add(1, b"#!AMR\n" + bytes(100), "amr")
    answer = here.get(here.play(row, "get"))
    assert [note["action"] for note in here.notes()] == ["get"]
    assert answer.headers["content-disposition"] == f'attachment; filename="{row["recording_id"]}.amr"'
    assert answer.headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("format", "audio", "name"),
    [
        ("amr", b"#!AMR\n" + bytes(100), "AMR"),
        ("gsm", b"\xd0" * 330, "GSM 06.10"),
        ("ogg", b"OggS" + bytes(24) + b"Speex   1.2", "Speex"),
        ("wav", b"RIFF\0\0\0\0WAVEfmt \x14\0\0\0" + b"\x31\0" + bytes(60), "GSM 06.10"),
        ("wav", b"RF64" + bytes(60), "RF64"),
    ],
)
def test_what_no_browser_plays_is_named_and_not_noted(here: Listening, format: str, audio: bytes, name: str) -> None:
    row = here.add(1, audio, format)
    status, answer = here.ask("play", id_of(row))
    assert status == 200
    assert name in answer["why"]
    assert "ticket" not in answer
    assert here.notes() == []


@pytest.mark.parametrize("tag", [b"\x01\0", b"\x03\0", b"\x06\0", b"\x07\0", b"\xfe\xff" + bytes(22) + b"\x01\0"])
def test_wav_that_browsers_play_is_played(here: Listening, tag: bytes) -> None:
    here.get(here.play(here.add(1, b"RIFF\0\0\0\0WAVEfmt \x28\0\0\0" + tag + bytes(80))))


def test_a_ticket_is_for_one_recording_and_ends(here: Listening) -> None:
    path = here.play(here.add(1, SOUND))
    assert here.get("/audio/guessed").status == 404
    assert here.get("/audio/").status == 404
    here.world.clock.advance(TICKET_TIME - timedelta(seconds=1))
    assert here.get(path).status == 200
    here.world.clock.advance(timedelta(seconds=1))
    assert here.get(path).status == 404


@pytest.mark.parametrize(
    "uri",
    [
        "s3://call-lake-test/{audio}thulium-00000000000000000000000000000002.wav",
        "s3://call-lake-test/lake/calls/data/a.parquet",
        "s3://another/{own}wav",
        "s3://call-lake-test/{own}",
        "s3://call-lake-test/{own}../../a.wav",
        's3://call-lake-test/{own}wav"; filename="a.exe',
        "s3://call-lake-test/{own}wav\r\nX: y",
        None,
    ],
)
def test_no_other_object_is_played_whatever_a_row_names(here: Listening, uri: str | None) -> None:
    here.add(2, SOUND)
    partition = CALLS.at(Partition("thulium", TODAY))
    own = partition.partition.audio_of(f"thulium-{1:032x}")
    row = here.add(1, audio_uri=uri and uri.format(audio=partition.partition.audio, own=own))
    for action in ("play", "get"):
        assert here.ask("play", id_of(row) | {"action": action})[0] == 400
    assert here.notes() == []


def test_audio_that_is_gone_is_said_so(here: Listening) -> None:
    row = here.add(1, SOUND)
    path = here.play(row)
    here.world.store.delete([row["audio_uri"].removeprefix("s3://call-lake-test/")])
    assert here.get(path).status == 404
    assert here.ask("play", id_of(row))[0] == 400
    assert here.ask("peaks", {"ticket": path.rpartition("/")[2]})[0] == 404


@pytest.mark.parametrize(
    ("wanted", "status", "start", "end"),
    [
        ("bytes=0-", 206, 0, None),
        ("bytes=5-9", 206, 5, 10),
        ("bytes=100-99999999", 206, 100, None),
        ("bytes=-7", 206, -7, None),
        ("bytes=2571-", 206, 2571, None),
        ("bytes=5-2", 200, 0, None),
        ("bytes=0-1,5-6", 200, 0, None),
        ("lines=0-1", 200, 0, None),
        ("bytes=-", 200, 0, None),
    ],
)
def test_a_part_is_what_was_asked_for(here: Listening, wanted: str, status: int, start: int, end: int | None) -> None:
    answer = here.get(here.play(here.add(1, SOUND)), range=wanted)
    assert answer.status == status
    assert answer.body == SOUND[start:end]
    assert int(answer.headers["content-length"]) == len(answer.body)
    if status == 206:
        first = start % len(SOUND)
        assert answer.headers["content-range"] == f"bytes {first}-{first + len(answer.body) - 1}/{len(SOUND)}"


@pytest.mark.parametrize("wanted", ["bytes=2572-", "bytes=99999999999999999-", "bytes=-0"])
def test_a_part_behind_the_end_is_refused(here: Listening, wanted: str) -> None:
    answer = here.get(here.play(here.add(1, SOUND)), range=wanted)
    assert (answer.status, answer.headers["content-range"]) == (416, "bytes */2572")


def test_audio_is_read_in_pieces(here: Listening) -> None:
    sound = SOUND + bytes(3 * PIECE_BYTES)
    path = here.play(here.add(1, sound))
    asked: list[int] = []

    def note(call: Call, proceed: Proceed) -> Any:
        body = proceed()
        if call.method == "get_range":
            asked.append(len(body))
        return body

    here.world.calls.on_call(note)
    assert here.get(path).body == sound
    assert max(asked) == PIECE_BYTES


# -- stories and transcripts


def test_a_story_tells_what_happened_on_the_sources_clock(here: Listening) -> None:
    row = here.add(1, SOUND, started_at=f"{TODAY}T08:00:00.000Z")
    id = row["recording_id"]
    history = ({"at": f"{TODAY}T08:30:00.000Z", "reason": "not_found"},)
    found = here.world.clock.now().replace(hour=8, minute=10)
    here.entries[id] = Entry(id, State.STORED, "thulium", TODAY, None, found, history=history)
    _, story = here.ask("story", id_of(row))
    assert [event["what"].partition(":")[0] for event in story["events"]] == [
        "the call began",
        "Call Lake found it in the provider's list",
        "an attempt failed",
        "the audio was stored",
    ]
    assert story["events"][0]["at"] == "2026-10-20 10:00:00"
    names = {fact["name"] for fact in story["facts"]}
    assert {"recording_id", "caller", "audio_sha256"} - names == {"audio_sha256"}  # which this row does not have
    assert "raw" not in names


def test_a_story_says_when_an_engine_transcribed_the_call(here: Listening) -> None:
    row = here.add(1, SOUND, started_at=f"{TODAY}T08:00:00.000Z")
    commit_heard(here.world, transcript(1, "words"))
    _, story = here.ask("story", id_of(row))
    assert "it was transcribed by aws" in [event["what"] for event in story["events"]]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Transient(Reason.AWS, "GetItem: AccessDenied"), "your rights"),
        (ItemChanged("thulium-1", "another day"), "somebody changed its ledger item"),
    ],
)
def test_a_story_without_the_ledger_says_so(here: Listening, error: Exception, said: str) -> None:
    row = here.add(1, SOUND)

    def refuse(_: str) -> None:
        raise error

    here.desk.library._shelf = replace(here.desk.library._shelf, entry_of=refuse)
    status, story = here.ask("story", id_of(row))
    assert status == 200
    assert said in story["note"]
    assert story["events"]


@pytest.mark.parametrize("day", ["2026-10-20", "2026-02-30", "../../audio", ""])
def test_a_call_that_is_not_there_is_said_so(here: Listening, day: str) -> None:
    here.add(1, SOUND)
    for source in ("thulium", "another"):
        gone = {"source": source, "call_date": day, "recording_id": "thulium-" + "f" * 32}
        assert here.ask("story", gone)[0] == 400


@pytest.mark.parametrize(
    ("facts", "sentences"),
    [
        ({"sound_note": "format_not_read"}, ["Its sound was not measured: format_not_read."]),
        (
            {"audio_s": 60.0, "silence_share": 0.25, "longest_silence_s": 12.0, "longest_silence_at_s": 31.0}
            | {"clipped_share": 0.01, "sound_note": "same_channels"},
            [
                "Nobody talks for 25% of the time.",
                "The longest silence takes 0:12, from 0:31.",
                "Both channels hold the same sound, so its sides cannot be told apart.",
                "It is distorted: parts of it are at full scale.",
            ],
        ),
        (
            {"audio_s": 60.0, "silence_share": 0.0, "longest_silence_s": 1.0, "ch0_talk_s": 50.0, "ch1_talk_s": 0.0}
            | {"ch0_talk_share": 1.0, "ch1_talk_share": 0.0, "ch0_turns": 1, "ch1_turns": 0, "overlap_s": 3.0}
            | {"ch0_interruptions": 2, "ch1_interruptions": 1, "dead_channel": 1},
            [
                "The left side talks 0:50 (100% of the talk), in 1 turn; the right side talks 0:00 (0% of the talk).",
                "Both talk at once for 0:03.",
                "The left side interrupts the right one 2 times.",
                "The right side interrupts the left one once.",
                "Nobody talks for 0% of the time.",
                "The right side cannot be heard.",
            ],
        ),
    ],
)
def test_what_the_sound_says_is_told_in_words(here: Listening, facts: dict[str, Any], sentences: list[str]) -> None:
    row = here.add(1, SOUND)
    assert here.ask("story", id_of(row))[1]["sound"] == []
    commit_sound(here.world, 1, **facts)
    assert here.ask("story", id_of(row))[1]["sound"] == sentences


# -- what was said


CANCEL = sides((0.0, 2.0, 0, "Good morning."), (2.5, 6.0, 1, "Please, cancel my contract."))


def said_in(here: Listening, row: Row, **question: Any) -> Any:
    ticket = here.play(row).rpartition("/")[2]
    status, answer = here.ask("transcript", {"ticket": ticket} | question)
    assert status == 200, answer
    return answer


def test_a_phrase_is_found_over_the_days_and_the_search_is_noted(here: Listening) -> None:
    here.add(1, SOUND)
    here.add(2, SOUND, caller="+48800000003")
    commit_heard(here.world, transcript(1, "cancel nothing"), transcript(2, *CANCEL))

    status, found = here.ask("calls", ALL | {"says": "Cancel MY contract"})

    assert (status, found["total"], found["overview"]["hours"][10]["calls"]) == (200, 1, 1)
    (call,) = found["calls"]
    assert call["caller"] == "+48800000003"
    hit = {"at_s": 2.5, "segment": 1, "side": "Right side", "before": "Please, ", "words": "cancel my contract"}
    assert (call["hits"], call["more_hits"]) == ([hit | {"after": "."}], 0)
    (note,) = here.notes()
    assert (note["action"], note["recording_ids"]) == ("search", [f"thulium-{2:032x}"])


def test_where_a_search_cannot_be_noted_no_word_is_shown(here: Listening) -> None:
    here.add(1, SOUND)
    commit_heard(here.world, transcript(1, "yes"))

    def refuse(call: Call, proceed: Proceed) -> Any:
        if call.method == "put":
            raise Transient(Reason.AWS, "PutObject: AccessDenied")
        return proceed()

    here.world.calls.on_call(refuse)
    status, answer = here.ask("calls", ALL | {"says": "yes"})
    assert status == 502
    assert "calls" not in answer


def test_a_search_without_words_or_without_a_hit(here: Listening) -> None:
    here.add(1, SOUND)
    assert here.ask("calls", ALL | {"says": "?!"})[0] == 400
    assert here.ask("calls", ALL | {"says": "nothing"})[1]["total"] == 0
    assert here.notes() == [], "nothing was shown"


def test_words_are_shown_to_who_plays(here: Listening) -> None:
    row = here.add(1, SOUND)
    assert said_in(here, row)["note"] == "There is no transcript of this call yet."
    commit_heard(here.world, transcript(1, *CANCEL))

    said = said_in(here, row, says="my contract")

    assert (said["engines"], said["engine"], said["language"], said["note"]) == (["aws"], "aws", "en-GB", None)
    assert [one["side"] for one in said["segments"]] == ["Left side", "Right side"]
    assert said["segments"][1] == {
        "start_s": 2.5,
        "end_s": 6.0,
        "channel": 1,
        "side": "Right side",
        "text": "Please, cancel my contract.",
        "words": [],
    }
    assert [(hit["at_s"], hit["segment"]) for hit in said["hits"]] == [(2.5, 1)]
    assert here.ask("transcript", {"ticket": "guessed"})[0] == 400


WORDS = [
    {"start_s": 2.5, "end_s": 2.9, "text": "Please,"},
    {"start_s": 3.0, "end_s": 3.4, "text": "cancel"},
    {"start_s": 3.5, "end_s": 3.6, "text": "my"},
    {"start_s": 3.7, "end_s": 4.5, "text": "contract."},
]
SEGMENT = {"start_s": 2.5, "end_s": 6.0, "text": "Please, cancel my contract.", "words": WORDS}


def test_a_document_gives_each_word_its_time(here: Listening) -> None:
    row = here.add(1, SOUND)
    commit_heard(here.world, transcript(1, *CANCEL, engine="local"))
    key = transcript_key(Partition("thulium", TODAY), "local", row["recording_id"])
    here.world.store.put(key, json.dumps({"version": 1, "segments": [SEGMENT]}).encode())

    said = said_in(here, row, says="MY contract")

    (segment,) = said["segments"]
    assert segment["words"] == [[one["start_s"], one["end_s"], one["text"]] for one in WORDS]
    assert [hit["at_s"] for hit in said["hits"]] == [3.5], "where the words begin, not the segment"


@pytest.mark.parametrize("body", [b"", b"{}", b"[" * 100_000, b"\xff", b'{"version": 1, "error": "no"}'])
def test_an_odd_document_leaves_the_row(here: Listening, body: bytes) -> None:
    row = here.add(1, SOUND)
    commit_heard(here.world, transcript(1, "Hello."))
    here.world.store.put(transcript_key(Partition("thulium", TODAY), "aws", row["recording_id"]), body)
    assert [one["text"] for one in said_in(here, row)["segments"]] == ["Hello."]


def test_a_document_that_is_too_large_leaves_the_row(here: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    row = here.add(1, SOUND)
    commit_heard(here.world, transcript(1, "Hello.", engine="local"))
    body = json.dumps({"version": 1, "segments": [SEGMENT]}).encode()
    here.world.store.put(transcript_key(Partition("thulium", TODAY), "local", row["recording_id"]), body)
    for most, text in ((len(body), SEGMENT["text"]), (len(body) - 1, "Hello.")):
        monkeypatch.setattr(documents, "BYTES_MAX", most)
        assert [one["text"] for one in said_in(here, row)["segments"]] == [text]


def test_silence_is_told(here: Listening) -> None:
    row = here.add(1, SOUND)
    commit_heard(here.world, transcript(1))
    assert said_in(here, row)["note"] == "Nobody is heard to speak in this call."


def test_each_engine_can_be_chosen(here: Listening) -> None:
    row = here.add(1, SOUND)
    commit_heard(here.world, *(transcript(1, f"by {name}", engine=name) for name in ("whisper", "aws", "local")))

    for asked, chosen in (("whisper", "whisper"), ("", "aws"), ("nobody", "aws"), (None, "aws")):
        said = said_in(here, row, engine=asked)
        assert (said["engines"], said["engine"]) == (["aws", "local", "whisper"], chosen)
        assert said["segments"][0]["text"] == f"by {chosen}"


def test_rights_that_do_not_reach_transcripts_hide_no_call(here: Listening) -> None:
    row = here.add(1, SOUND)

    def refuse(call: Call, proceed: Proceed) -> Any:
        if call.method == "get":
            raise Transient(Reason.AWS, "GetObject: AccessDenied")
        return proceed()

    ticket = here.play(row).rpartition("/")[2]
    here.world.calls.on_call(refuse)
    status, said = here.ask("transcript", {"ticket": ticket})
    assert (status, said["segments"]) == (200, [])
    assert "The transcripts cannot be read" in said["note"]
