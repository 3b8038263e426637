"""Documents of engines: what is read, and what of hostile ones is refused."""

import io
import json
import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from call_lake.model.transcripts import AWS_ENGINE
from call_lake.transcripts import document as document_bounds
from call_lake.transcripts import json_stream
from call_lake.transcripts.document import BadDocument, Document, Word
from call_lake.transcripts.formats import read_document
from tests.support.transcripts import amazon_document

EVENTS = Path(__file__).parents[3] / "events"
SCHEMA = Draft202012Validator(json.loads((EVENTS / "transcript.schema.json").read_text()))
STEREO = json.loads((EVENTS / "transcript-stereo.json").read_text())
SAID = {"start_s": 0, "end_s": 1, "text": "dzień dobry"}
MONO = {"version": 1, "segments": [SAID]}


def read(document: object, engine: str = "example", *, keep_words: bool = False) -> Document:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read_document(engine, io.BytesIO(body), "pl-PL", keep_words=keep_words)


def refused(document: object, engine: str = "example") -> str:
    with pytest.raises(BadDocument) as refusal:
        read(document, engine)
    return str(refusal.value)


def texts(document: Document) -> list[str]:
    return [one.segment.text for one in document.segments]


# -- our format


def test_a_document_is_read_with_its_sides_its_words_and_the_mean_of_their_confidence():
    read_ = read(STEREO, keep_words=True)

    assert (read_.language, read_.channels, read_.words) == ("en-GB", 2, 12)
    first, second = read_.segments
    assert (first.segment.channel, first.segment.confidence, len(first.words)) == (0, 0.93, 6)
    assert first.words[1] == Word(0.62, 1.0, "morning,", 0.97)
    assert second.segment.text == "I want to cancel my contract."
    of_words = [word["confidence"] for word in STEREO["segments"][0]["words"]]
    assert read_.confidence == round((sum(of_words) + 6 * 0.81) / 12, 4)


def test_words_are_counted_but_not_kept_for_a_row():
    assert read(STEREO).words == 12
    assert not any(one.words for one in read(STEREO).segments)


def test_segments_are_in_the_order_in_which_they_were_said_each_in_one_line():
    late = {"start_s": 5, "end_s": 6, "text": " second\n\u0000 line\t"}
    assert texts(read({"version": 1, "segments": [late, SAID]})) == ["dzień dobry", "second line"]


def test_no_segments_means_that_nobody_spoke():
    assert read({"version": 1, "segments": [SAID | {"text": "  "}]}).segments == ()
    assert read({"version": 1, "segments": []}) == Document()


def test_an_error_is_kept_as_one_bounded_line():
    assert read({"version": 1, "error": "codec\nunknown " + "x" * 9000}).error == ("codec unknown " + "x" * 9000)[:200]


def test_unknown_members_of_the_top_level_are_skipped_whatever_they_hold():
    assert texts(read({"mine": [{"deep": [1, {}]}, []], **MONO, "more": {"a": None}})) == ["dzień dobry"]


BAD: dict[str, Any] = {
    "a list": [],
    "no version": {"segments": []},
    "another version": MONO | {"version": 2},
    "true for one": MONO | {"version": True},
    "neither segments nor error": {"version": 1},
    "both": MONO | {"error": "x"},
    "segments are a map": {"version": 1, "segments": {}},
    "no tag of a language": MONO | {"language": "Polish, I think"},
    "three channels": MONO | {"channels": 3},
    "true channels": MONO | {"channels": True},
    "a channel of mono": {"version": 1, "segments": [SAID | {"channel": 1}]},
    "no channel of stereo": MONO | {"channels": 2},
    "no text": {"version": 1, "segments": [{"start_s": 0, "end_s": 1}]},
    "text is a number": {"version": 1, "segments": [SAID | {"text": 1}]},
    "a negative time": {"version": 1, "segments": [SAID | {"start_s": -0.1}]},
    "a time of another century": {"version": 1, "segments": [SAID | {"end_s": 3.2e9}]},
    "it ends before it starts": {"version": 1, "segments": [SAID | {"start_s": 2}]},
    "a time as text": {"version": 1, "segments": [SAID | {"start_s": "0"}]},
    "a true time": {"version": 1, "segments": [SAID | {"end_s": True}]},
    "a confidence in percent": {"version": 1, "segments": [SAID | {"confidence": 93}]},
    "a slip in a segment": {"version": 1, "segments": [SAID | {"confidnce": 0.9}]},
    "a slip in a word": {"version": 1, "segments": [SAID | {"words": [SAID | {"speaker": "a"}]}]},
    "a word without a time": {"version": 1, "segments": [SAID | {"words": [{"text": "a"}]}]},
    "a speaker as an object": {"version": 1, "segments": [SAID | {"speaker": {}}]},
    "not a number": b'{"version": 1, "segments": [{"start_s": NaN, "end_s": 1, "text": ""}]}',
    "infinite": b'{"version": 1, "segments": [{"start_s": 0, "end_s": 1e999, "text": ""}]}',
    "a member twice": b'{"version": 1, "segments": [], "segments": []}',
    "cut off": json.dumps(MONO).encode()[:-1],
    "it goes on": json.dumps(MONO).encode() + b"{}",
    "no UTF-8": b'{"version": 1, "error": "\xff"}',
    "zipped": b"\x1f\x8b\x08\x00",
    "nothing": b"",
    "deep": b'{"version": 1, "x": ' + b"[" * 1_000_000,
    "an endless text": b'{"version": 1, "error": "' + b"\\u0061" * 1_000_000,
}


@pytest.mark.parametrize("document", BAD.values(), ids=BAD.keys())
def test_what_is_no_document_is_refused(document):
    assert len(refused(document)) < 120


def test_a_refusal_quotes_nothing_of_the_document():
    secret = "moja karta to 4111"
    for bad in ({secret: 1}, {"version": 1, "segments": [{secret: secret}]}, MONO | {"language": secret}):
        assert secret not in refused(bad)
    assert secret not in refused(f'{{"version": {secret}}}'.encode())


NOTHING = b'{"start_s":0,"end_s":0,"text":""}'
WORDY = b'{"start_s":0,"end_s":0,"text":"", "words":[%s]}' % b",".join([NOTHING] * 50)
LONG = b'{"start_s":0,"end_s":0,"text":"%s"}' % (b"x" * 100)


@pytest.mark.parametrize(
    ("part", "bound", "why"),
    [
        (NOTHING.replace(b'""', b'"x"'), ("MAX_SEGMENTS", 10), "more than 10 segments"),
        (LONG, ("MAX_TEXT", 1000), "more than 1,000 characters"),
        (WORDY, ("MAX_WORDS", 500), "more than 500 words"),
    ],
    ids=["segments", "text", "words"],
)
def test_a_document_is_read_up_to_a_bound_and_refused_beyond_it(monkeypatch, part, bound, why):
    monkeypatch.setattr(document_bounds, *bound)
    body = b'{"version":1,"segments":[%s]}'
    read(body % b",".join([part] * 10))
    assert why in refused(body % b",".join([part] * 11))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"version":1,"segments":[{"words":[%s,%s]}]}' % (b",".join([NOTHING] * 5000), NOTHING), "5,000 words"),
        (b'{"x":[%s1]}' % (b"1," * 50_000), "more than 50,000 parts"),
        (json.dumps(dict.fromkeys(map(str, range(1001)))).encode(), "more than 1,000 members"),
    ],
    ids=["words of a segment", "parts", "members"],
)
def test_what_has_too_many_parts_is_refused(monkeypatch, body, why):
    monkeypatch.setattr(json_stream, "MAX_EVENTS", 50_000)
    assert why in refused(body)


seconds = st.one_of(st.integers(-1, 20), st.floats(-1, 20))
odd = st.one_of(st.none(), st.booleans(), st.integers(-2, 3), st.text(max_size=4), st.lists(st.none(), max_size=1))
confidences = st.one_of(st.none(), st.floats(0, 1), odd)
words = st.fixed_dictionaries(
    {"start_s": seconds, "end_s": seconds, "text": st.text(max_size=9)}, optional={"confidence": confidences}
)
segments = st.fixed_dictionaries(
    {"start_s": seconds, "end_s": seconds, "text": st.text(max_size=30)},
    optional={
        "channel": st.sampled_from([0, 1, None, 2]),
        "speaker": odd,
        "confidence": confidences,
        "words": st.lists(words, max_size=2),
    },
)
documents = st.fixed_dictionaries(
    {"version": st.sampled_from([1, 1, 1, 2])},
    optional={
        "language": st.sampled_from(["pl-PL", "en", None, "?"]),
        "channels": st.sampled_from([1, 2, 3]),
        "segments": st.lists(segments, max_size=3),
        "error": st.text(max_size=9),
        "mine": odd,
    },
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents)
def test_what_fits_the_schema_is_read_and_what_is_read_fits_the_schema(document):
    """Except what a schema cannot say: that a segment ends after it starts."""
    said = document.get("segments", [])
    ends = all(one["start_s"] <= one["end_s"] for one in said)
    fits = SCHEMA.is_valid(document) and ends
    try:
        found = read(document)
    except BadDocument:
        assert not fits
        return
    assert fits
    starts = [one.segment.start_s for one in found.segments]
    assert starts == sorted(starts)
    assert found.confidence is None or 0 <= found.confidence <= 1
    assert all(one.segment.text == " ".join(one.segment.text.split()) for one in found.segments)


@settings(max_examples=60, deadline=None)
@given(st.recursive(odd | st.floats(), lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner)))
def test_any_json_is_read_or_refused_and_nothing_else_happens(document):
    for engine in ("example", AWS_ENGINE):
        for body in (document, {"version": 1, "segments": [document]}, {"results": {"items": [document]}}):
            with suppress(BadDocument):
                read(body, engine)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 300))
def test_a_document_with_broken_bytes_is_read_or_refused(noise, at):
    for engine, whole in (("example", json.dumps(STEREO).encode()), (AWS_ENGINE, amazon_document(0.1))):
        with suppress(BadDocument):
            read(whole[:at] + noise + whole[at + len(noise) :], engine)


# -- Amazon Transcribe's format


def item(text: str, start: float | None, confidence: str | None = "0.9", **more: Any) -> dict[str, Any]:
    sure: dict[str, Any] = {"confidence": confidence} if confidence else {"redactions": [{"x": []}]}
    alternative = {"content": text} | sure
    times = {} if start is None else {"start_time": f"{start:.2f}", "end_time": f"{start + 0.3:.2f}"}
    kind = "punctuation" if start is None else "pronunciation"
    return {"type": kind, "alternatives": [alternative, {"content": "another"}], **times, **more}


def amazon(items: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"jobName": "j", "status": "COMPLETED", "results": {"transcripts": [], **more, "items": items}}


def aws(document: object, *, keep_words: bool = False) -> Document:
    return read(document, AWS_ENGINE, keep_words=keep_words)


def test_items_become_sentences_with_their_second_speaker_and_confidence():
    said = [
        item("Dzień", 0.5, "0.8", speaker_label="spk_0"),
        item("dobry", 0.9, "1.0", speaker_label="spk_0"),
        item(".", None, "0.0", speaker_label="spk_0"),
        item("Słucham", 1.3, speaker_label="spk_0"),
        item("Chcę", 1.7, speaker_label="spk_1"),
        item("zwrot", 4.0, speaker_label="spk_1"),
    ]
    found = aws(amazon(said), keep_words=True)

    assert texts(found) == ["Dzień dobry.", "Słucham", "Chcę", "zwrot"]  # a mark, another speaker, a pause
    first = found.segments[0].segment
    assert (first.start_s, first.end_s, first.speaker, first.confidence) == (0.5, 1.2, "spk_0", 0.9)
    assert (found.words, found.channels, found.language) == (5, 1, "pl-PL")  # the language that the job was told
    assert found.confidence == round((0.8 + 1.0 + 3 * 0.9) / 5, 4)
    assert [word.text for word in found.segments[0].words] == ["Dzień", "dobry"]


def test_the_sides_of_a_stereo_call_stay_apart_though_they_speak_at_once():
    left = [item("jeden", 0.0), item("dwa", 0.6)]
    right = [item("tak", 0.3)]
    labels = {
        "channels": [{"channel_label": "ch_0", "items": left}, {"channel_label": "ch_1", "items": right}],
        "number_of_channels": 2,
    }
    found = aws(amazon([left[0], right[0], left[1]], channel_labels=labels))

    assert [(one.segment.text, one.segment.channel) for one in found.segments] == [("jeden dwa", 0), ("tak", 1)]
    assert (found.channels, found.words) == (2, 3)


def test_a_masked_word_has_no_confidence_and_lowers_none():
    found = aws(amazon([item("nazywam", 0, "0.5"), item("[PII]", 0.4, None)]))
    assert (texts(found), found.confidence, found.words) == (["nazywam [PII]"], 0.5, 2)


@pytest.mark.parametrize(
    ("more", "language"),
    [({"language_code": "en-GB"}, "en-GB"), ({"language_code": "no tag"}, "de-DE"), ({}, "de-DE")],
)
def test_the_language_is_what_amazon_identified(more, language):
    said = [item("a", 0, language_code="de-DE"), item("b", 1, language_code="de-DE"), item("c", 2, language_code="fr")]
    assert aws(amazon(said, **more)).language == language


def test_words_of_a_script_without_spaces_are_not_spaced():
    assert texts(aws(amazon([item("予約", 0), item("です", 0.3), item("OK", 0.6)]))) == ["予約です OK"]


def test_silence_is_a_transcript_without_words():
    assert aws(amazon([])) == Document(language="pl-PL")


def test_a_sentence_without_an_end_is_cut():
    found = aws(amazon([item("słowo", number * 0.4) for number in range(130)]))
    assert [len(text.split()) for text in texts(found)] == [60, 60, 10]


def test_a_job_that_did_not_complete_has_no_transcript():
    assert aws(amazon([]) | {"status": "FAILED"}).error


@pytest.mark.parametrize(
    "document",
    [
        {"status": "COMPLETED"},
        {"results": {}},
        amazon([item("a", None) | {"type": "pronunciation"}]),
        amazon([item("a", 0) | {"start_time": "soon"}]),
        amazon([item("a", 0, "2.0")]),
        amazon([], channel_labels={"channels": [{}, {}, {}]}),
    ],
    ids=["no results", "no items", "no times", "no number", "confidence", "three channels"],
)
def test_what_amazon_would_not_write_is_refused(document):
    assert len(refused(document, AWS_ENGINE)) < 120


@pytest.mark.parametrize("channels", [1, 2])
def test_a_long_call_is_read_whole(channels):
    found = aws(amazon_document(10, channels))
    assert (found.words, found.channels) == (1500, channels)
    assert len(found.segments) == math.ceil(1500 / 8)
    assert {one.segment.channel for one in found.segments} == ({0, 1} if channels == 2 else {None})
