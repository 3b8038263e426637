"""One subscriber's number is found however it is written, and no other subscriber's number passes for it."""

import unicodedata

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, format_number

from call_lake.model.phone_numbers import SHORT_DIGITS, Likeness, WantedNumber

SAME, PERHAPS, DIFFERENT = Likeness.SAME, Likeness.PERHAPS, Likeness.DIFFERENT
POLISH = st.integers(0, 999_999).map(lambda n: f"800{n:06}")


def likeness(wanted, stored, *, country="PL", source="PL"):
    return WantedNumber(wanted, country).compare(stored, source)


@st.composite
def spellings(draw, number):
    """One Polish number, as people and systems write it."""
    prefix = draw(st.sampled_from(["+48", "0048", "48", "", "+48 ", "(+48)", "tel:+48", "sip:+48", "sip:", "<sip:+48"]))
    blank = draw(st.sampled_from(["", " ", "-", "\N{NO-BREAK SPACE}"]))
    split = blank.join((number[:3], number[3:6], number[6:]))
    end = "@pbx.example;user=phone" if "sip:" in prefix else ""
    return f"{prefix}{split}{end}" + (">" if "<" in prefix else "")


@given(POLISH.flatmap(lambda number: st.tuples(spellings(number), spellings(number))))
def test_every_spelling_of_one_number_is_the_same_number(texts):
    assert likeness(*texts) is SAME
    assert WantedNumber(texts[0], "PL").normalised == WantedNumber(texts[1], "PL").normalised


@given(POLISH, POLISH, st.data())
def test_two_numbers_are_different_however_they_are_written(one, other, data):
    if one != other:
        assert likeness(data.draw(spellings(one)), data.draw(spellings(other))) is DIFFERENT


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_every_countrys_own_and_international_spelling_are_the_same_number(region):
    number = phonenumbers.example_number(region)
    assert number
    texts = [format_number(number, PhoneNumberFormat.E164), format_number(number, PhoneNumberFormat.INTERNATIONAL)]
    for text in (*texts, texts[0].replace("+", "00"), format_number(number, PhoneNumberFormat.RFC3966)):
        assert likeness(texts[0], text, source=region) is SAME, text
    if len(str(number.national_number)) <= SHORT_DIGITS:
        return
    local = format_number(number, PhoneNumberFormat.NATIONAL)
    assert likeness(texts[0], local, source=region) is SAME, local
    assert likeness(local, texts[0], country=region) is SAME, local


@given(st.text(max_size=30), st.text(max_size=30))
@example("\xad", "\xad")
def test_any_text_can_be_compared_and_is_its_own_number(one, other):
    assert likeness(one, other) is likeness(other, one)
    assert likeness(one, one) is (SAME if seen(one) else DIFFERENT)


def seen(text):
    """Whether a reader sees any of it. A soft hyphen is not seen."""
    return any(not (character.isspace() or unicodedata.category(character) == "Cf") for character in text)


@pytest.mark.parametrize(
    ("wanted", "stored", "expected"),
    [
        ("112", "112", SAME),
        ("112", " 112 ", SAME),
        ("112", "+48112", DIFFERENT),
        ("112", "800000112", DIFFERENT),
        ("000112", "800000112", DIFFERENT),
        ("1234", "01234", DIFFERENT),
        ("000003", "800000003", DIFFERENT),
        ("anonymous", "Anonymous", SAME),
        ("800000003", "anonymous", DIFFERENT),
        ("800000003", "", DIFFERENT),
        ("800000003", None, DIFFERENT),
        ("", "", DIFFERENT),
        ("sip:alice@pbx.example", "sip:alice@pbx.example", SAME),
        ("sip:alice@pbx.example", "sip:bob@pbx.example", DIFFERENT),
        ("sip:1234@pbx.example", "1234", SAME),
        ("800000003", "800000003@pbx.example", SAME),
        ("800000003", '"A. Caller" <sip:+48800000003@pbx.example:5060;transport=udp>', SAME),
        ("800000003", "tel:800-000-003;phone-context=+48", SAME),
    ],
)
def test_what_is_no_long_number_matches_exactly_or_by_its_address(wanted, stored, expected):
    assert likeness(wanted, stored) is expected


@pytest.mark.parametrize(
    ("wanted", "stored", "source"),
    [
        ("+48800000003", "+4948800000003"[:3] + "800000003", "PL"),  # the same nine digits in another country
        ("800 000 003", "800000003", "DE"),  # a national number that is another subscriber's in the source's country
        ("+48800000003", "0800000003", "PL"),  # with an unknown prefix
        ("+48800000003", "9800000003", "PL"),
        ("+48221234567", "1234567", "PL"),  # without its area
        ("700900123", "+447700900123", "PL"),  # as docs/queries/05-repeat-callers.sql prints it
        ("+48221234567", "+48221234567 ext. 12", "PL"),  # perhaps another desk
        ("+48221234567;ext=11", "tel:+48221234567;ext=12", "PL"),
        ("+48800000003", "800000***", "PL"),  # hidden digits
        ("+48800000003", "+48 800 xxx 003", "PL"),
        ("+48800000003", "0048800000XXX", "PL"),
        ("+48800000003", "A. Caller 800000003", "PL"),
    ],
)
def test_what_is_ambiguous_is_perhaps_the_number(wanted, stored, source):
    assert likeness(wanted, stored, source=source) is PERHAPS


@pytest.mark.parametrize("stored", ["800001***", "*********", "80*", "+49800xxx003", "xxxxxxxxx"])
def test_hidden_digits_do_not_fit_where_the_readable_ones_differ_or_are_too_few(stored):
    assert likeness("+48800000003", stored) is DIFFERENT


def test_numbers_of_other_countries_are_read_without_their_plus_too():
    assert likeness("+49 30 123456", "004930123456") is SAME
    assert likeness("030 123456", "+4930123456", country="DE") is SAME
    assert likeness("+4930123456", "030123456", source="DE") is SAME
    assert likeness("+49 (0)30 123456", "+4930123456") is SAME


def test_a_number_without_a_countrys_code_needs_a_country():
    assert WantedNumber("800 000 003", "PL").needs_country
    assert not WantedNumber("+48 800 000 003", "PL").needs_country
    assert not WantedNumber("0048 800 000 003", "PL").needs_country
    assert not WantedNumber("112", "PL").needs_country
    assert not WantedNumber("anonymous", "PL").needs_country


def test_the_normalised_text_is_one_for_all_spellings_and_keeps_what_is_no_number():
    assert WantedNumber("800 000 003", "PL").normalised == "+48800000003"
    assert WantedNumber("22 123 45 67 ext 12", "PL").normalised == "+48221234567;ext=12"
    assert WantedNumber(" Anonymous ", "PL").normalised == "anonymous"
