"""A phrase in what was said: which words count as it, and where it was said."""

import unicodedata
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call_lake.model.phrases import PAUSE_S, PLACES_MAX, Phrase
from call_lake.model.transcripts import Segment


def said(*texts: str, **more: object) -> list[Segment]:
    """Segments of a second each, one after the other."""
    return [Segment(float(at), at + 1.0, text, **more) for at, text in enumerate(texts)]  # type: ignore[arg-type]


def places(phrase: str, segments: Sequence[Segment]) -> list[float]:
    found = Phrase.of_text(phrase)
    assert found is not None
    return [hit.at_s for hit in found.hits(segments)]


@pytest.mark.parametrize(
    ("phrase", "text", "is_there"),
    [
        ("Zażółć gęślą", "no, ZAZOLC GESLA jaźń", True),
        ("zazolc gesla", unicodedata.normalize("NFD", "Zażółć, gęślą"), True),
        ("cancel my contract", "I will cancel, my contract is over", True),
        ("cancel contract", "cancel my contract", False),
        ("contract my", "my contract", False),
        ("act", "a contract", False),
        ("contract", "contracts", False),
        ("straße", "STRASSE 5", True),
        ("don't", "I don’t, I don't", True),
        ("解約", "契約を解約したい", True),
        ("解約", "契約したい", False),
        ("no", "", False),
    ],
)
def test_words_count_whole_and_in_order_without_capitals_and_accents(phrase: str, text: str, is_there: bool) -> None:
    assert bool(places(phrase, said(text))) is is_there


def test_a_phrase_without_words_is_none() -> None:
    assert Phrase.of_text(" … ?! _ ") is None


def test_a_hit_says_when_who_and_the_words_around() -> None:
    text = "one two three four five six seven, Cancel  it! now then a b c d e"
    segments = [Segment(0.0, 3.0, "Hello."), Segment(3.5, 9.0, text, channel=1, speaker="spk_0")]
    phrase = Phrase.of_text("cancel it")
    assert phrase is not None

    (hit,) = phrase.hits(segments)

    assert (hit.at_s, hit.segment, hit.channel, hit.speaker) == (3.5, 1, 1, "spk_0")
    assert (hit.before, hit.words, hit.after) == ("two three four five six seven, ", "Cancel  it", "! now then a b c")


def test_a_phrase_goes_on_in_the_next_segment_of_its_side() -> None:
    segments = [
        Segment(0.0, 2.0, "I want to cancel", channel=0),
        Segment(1.0, 1.5, "aha", channel=1),
        Segment(2.5, 4.0, "my contract", channel=0),
    ]
    assert places("cancel my contract", segments) == [0.0]
    assert places("cancel aha", segments) == []
    assert Phrase(("cancel", "my")).hits(segments)[0].words == "cancel … my"


def test_voices_told_apart_wrongly_hide_nothing() -> None:
    segments = [
        Segment(0.0, 2.0, "I want to", speaker="spk_0"),
        Segment(2.0, 3.0, "cancel my", speaker="spk_1"),
        Segment(3.0, 4.0, "contract", speaker="spk_1"),
        Segment(4.0, 5.0, "mhm", speaker="spk_0"),
        Segment(5.0, 6.0, "please", speaker="spk_1"),
    ]
    assert places("to cancel", segments) == [0.0], "by either voice"
    assert places("contract please", segments) == [3.0], "over the other voice"
    assert places("cancel my", segments) == [2.0], "found once"


def test_a_long_silence_ends_a_phrase() -> None:
    for pause, found in ((PAUSE_S, [0.0]), (PAUSE_S + 0.1, [])):
        assert places("yes no", [Segment(0.0, 1.0, "yes"), Segment(1.0 + pause, 9.0, "no")]) == found


def test_a_word_that_is_said_all_the_time_is_counted_so_far() -> None:
    assert len(places("a", [Segment(0.0, 9e4, "a " * 500_000)])) == PLACES_MAX


def test_hits_come_by_time() -> None:
    segments = [Segment(5.0, 6.0, "no", channel=0), Segment(1.0, 2.0, "no no", channel=1)]
    assert places("no", segments) == [1.0, 1.0, 5.0]


WORDS = st.text(alphabet="aąĄbłŁß\u0301 ½ﬁ解ก-.’", max_size=8)


@given(before=WORDS, phrase=WORDS, after=WORDS, cut=st.integers(0, 30))
def test_what_is_said_is_found_however_it_is_spelled_and_cut(before: str, phrase: str, after: str, cut: int) -> None:
    wanted = Phrase.of_text(phrase)
    text = f"{before} {phrase} {after}"
    cuts = [at for at in range(len(text)) if text[at] == " "]
    at = cuts[cut % len(cuts)]
    for spelled in (text, text.upper(), text.casefold(), unicodedata.normalize("NFD", text)):
        if wanted:
            assert wanted.may_be_in(spelled)
            assert wanted.hits(said(spelled))
    if wanted:
        assert wanted.hits(said(text[:at], text[at:]))


@given(phrase=WORDS, texts=st.lists(WORDS, max_size=4))
def test_the_quick_question_never_hides_a_hit(phrase: str, texts: list[str]) -> None:
    wanted = Phrase.of_text(phrase)
    if wanted and wanted.hits(said(*texts)):
        assert wanted.may_be_in("\n".join(texts))
