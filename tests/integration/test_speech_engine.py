"""The worked speech engine, really run: Whisper's smallest model hears invented calls in its own environment."""

import json
from itertools import pairwise

import pytest
from jsonschema import Draft202012Validator

from bench.speech.clips import speechless, spoken
from bench.speech.hearing import Heard, hear
from call_lake_local.deploy import prepare_tools
from tests.support.template import ROOT

SCHEMA = Draft202012Validator(json.loads((ROOT / "events/transcript.schema.json").read_text()))


@pytest.fixture(scope="module")
def heard() -> dict[str, Heard]:
    prepare_tools("engine")
    clips = [spoken("invoice", "wav", "pcm", 1, 16000), spoken("invoice", "ogg", "opus", 2, 16000), *speechless(20)]
    return {one.clip.name: one for one in hear(clips)}


def test_every_document_is_one_that_call_lake_reads(heard: dict[str, Heard]) -> None:
    for one in heard.values():
        assert [error.message for error in SCHEMA.iter_errors({"version": 1, **one.document})] == [], one.clip.name


def test_no_word_is_invented_where_nobody_speaks(heard: dict[str, Heard]) -> None:
    assert {name: heard[name].document["segments"] for name in ("silence", "noise", "ringing")} == {
        "silence": [],
        "noise": [],
        "ringing": [],
    }


@pytest.mark.parametrize(("name", "rate"), [("invoice-pcm-1-16000", 0.15), ("invoice-opus-2-16000", 0.25)])
def test_most_words_are_heard(heard: dict[str, Heard], name: str, rate: float) -> None:
    one = heard[name]
    assert one.errors / len(one.said) < rate, one.words


def test_the_sides_of_a_stereo_call_are_heard_apart_in_the_order_of_the_talk(heard: dict[str, Heard]) -> None:
    one = heard["invoice-opus-2-16000"]
    segments = one.document["segments"]
    assert {segment["channel"] for segment in segments} == {0, 1}
    assert all(first["start_s"] <= second["start_s"] for first, second in pairwise(segments))
    for segment in segments:
        middle = (segment["start_s"] + segment["end_s"]) / 2
        nearest = min(one.clip.lines, key=lambda line: abs((line.start_s + line.end_s) / 2 - middle))
        assert nearest.speaker == segment["channel"], segment
