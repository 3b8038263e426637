"""The worked engine writes what was said, and nothing that was not (rule 34)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from call_lake_engine import Recording
from tests.support.template import ROOT
from whisper_worker import REPETITIVE, Samples, Whisper

SCHEMA = Draft202012Validator(json.loads((ROOT / "events/transcript.schema.json").read_text()))
RECORDING = Recording("", "", "", "", "", None, None)
type Said = tuple[float, float, str, float]
"""A word: start, end, text, probability."""


@dataclass
class Model:
    """Whisper, which invents the same words for whatever it is given."""

    segments: Sequence[Any]
    asked: list[dict[str, Any]] = field(default_factory=list)

    def transcribe(self, audio: Samples, **options: Any) -> tuple[Any, Any]:
        assert audio.any(), "the model is asked about silence"
        self.asked.append(options)
        return iter(self.segments), SimpleNamespace(language="en")


def segment(*words: Said, ratio: float = 1.0) -> Any:
    named = [SimpleNamespace(start=one[0], end=one[1], word=one[2], probability=one[3]) for one in words]
    return SimpleNamespace(words=named, compression_ratio=ratio)


def heard(model: Model, *sides: Samples) -> Any:
    def find_voices(audio: Samples, **_: Any) -> list[Any]:
        return [{"start": 0, "end": len(audio)}] if audio.any() else []

    whisper = Whisper(model, find_voices, lambda *_: list(sides), "whisper 1")
    document = whisper.transcribe(Path("audio.wav"), RECORDING)
    assert [error.message for error in SCHEMA.iter_errors({"version": 1, **document})] == []
    return document


VOICE, SILENCE = np.ones(16_000, np.float32), np.zeros(16_000, np.float32)
HELLO: Said = (0.5, 0.9, " Hello", 0.75)


def test_nothing_is_heard_where_nobody_speaks_and_the_model_is_not_asked() -> None:
    model = Model([segment(HELLO)])
    document = heard(model, SILENCE)
    assert (document["segments"], document["language"], model.asked) == ([], None, [])


def test_the_model_hears_stretches_with_voices_alone_and_no_sentence_suggests_the_next() -> None:
    model = Model([segment(HELLO)])
    heard(model, VOICE)
    (options,) = model.asked
    assert options["vad_filter"] is True
    assert options["condition_on_previous_text"] is False


def test_a_text_that_repeats_itself_is_left_out() -> None:
    model = Model([segment(HELLO), segment((2.0, 9.0, " thank you" * 40, 0.9), ratio=REPETITIVE + 0.1)])
    assert [one["text"] for one in heard(model, VOICE)["segments"]] == ["Hello"]


def test_each_side_is_heard_apart_and_a_silent_side_says_nothing() -> None:
    document = heard(Model([segment(HELLO)]), SILENCE, VOICE)
    assert document["channels"] == 2
    assert [(one["channel"], one["text"]) for one in document["segments"]] == [(1, "Hello")]


def test_a_pause_ends_a_segment_and_each_word_keeps_its_time_and_confidence() -> None:
    words: list[Said] = [HELLO, (0.9, 1.2, " there.", 0.25), (2.2, 2.5, " Bye.", 1.0)]
    first, second = heard(Model([segment(*words)]), VOICE)["segments"]
    assert (first["start_s"], first["end_s"], first["text"], first["confidence"]) == (0.5, 1.2, "Hello there.", 0.5)
    assert first["words"][1] == {"start_s": 0.9, "end_s": 1.2, "text": "there.", "confidence": 0.25}
    assert second["text"] == "Bye."


@pytest.mark.parametrize("sides", [1, 2])
@given(data=st.data())
def test_whatever_a_model_says_becomes_a_document_of_the_schema_in_order(sides: int, data: st.DataObject) -> None:
    times = st.floats(0, 7200)
    words = st.tuples(times, times, st.text(max_size=5), st.floats(0, 1))
    said = data.draw(st.lists(st.lists(words, max_size=5), max_size=5))
    document = heard(Model([segment(*one) for one in said]), *[VOICE] * sides)
    starts = [one["start_s"] for one in document["segments"]]
    assert starts == sorted(starts)
    assert all(one["start_s"] <= one["end_s"] for one in document["segments"])
