"""Whose calls an erasure takes: numbers and names in any spelling, and never a number that is only alike."""

import re

import pytest

from call_lake.model.names import folded
from call_lake.model.phone_numbers import Likeness
from call_lake.operations.erase.people import People

SAME, PERHAPS, DIFFERENT = Likeness.SAME, Likeness.PERHAPS, Likeness.DIFFERENT
POLISH = {"thulium": "PL", "conpeek": "PL"}
SEVERAL = {"thulium": "PL", "berlin": "DE"}


def numbers(*texts: str, countries: dict[str, str] = POLISH, also: tuple[str, ...] = (), exact: bool = False) -> People:
    return People(texts, (), countries, also, exact=exact)


def agents(*texts: str, exact: bool = False) -> People:
    return People((), texts, POLISH, exact=exact)


def test_a_number_is_read_in_the_country_of_each_source():
    people = numbers("+49 30 123456", countries=SEVERAL)
    assert people.number("030 123456", "berlin") is SAME
    assert people.number("030 123456", "thulium") is PERHAPS


def test_of_several_countries_a_national_number_is_theirs_only_as_it_was_typed():
    people = numbers("800 000 003", countries=SEVERAL)
    assert people.number("800 000 003", "berlin") is SAME
    assert people.number("+48800000003", "thulium") is PERHAPS
    assert people.number("+49800000003", "berlin") is PERHAPS
    assert people.number("+48800000004", "thulium") is DIFFERENT


def test_a_source_that_was_removed_has_the_country_of_all_others():
    german = numbers("030 123456", countries={"berlin": "DE"})
    assert german.number("+4930123456", "removed") is SAME
    assert german.number("030123456", "removed") is SAME


def test_what_is_named_with_also_is_theirs_and_exact_leaves_the_rest_out():
    assert numbers("+48800000003").number("9800000003", "thulium") is PERHAPS
    assert numbers("+48800000003", also=("9800000003",)).number("9800000003", "thulium") is SAME
    assert numbers("+48800000003", exact=True).number("9800000003", "thulium") is DIFFERENT
    assert numbers("+48800000003", exact=True).number("800 000 003", "thulium") is SAME


@pytest.mark.parametrize("stored", ["anna łęcka", "Anna Lecka", " ANNA  ŁĘCKA "])
def test_a_name_is_theirs_without_regard_to_case_and_accents(stored):
    assert agents("Anna Łęcka").agent(stored) is SAME
    assert agents("Anna Łęcka", exact=True).agent(stored) is DIFFERENT
    assert agents("Anna Łęcka", exact=True).agent("Anna Łęcka") is SAME


@pytest.mark.parametrize("stored", ["Łęcka Anna", "Anna", "Anna Maria Łęcka", "Anna Łęckas"])
def test_a_similar_name_is_perhaps_theirs(stored):
    assert agents("Anna Łęcka").agent(stored) is PERHAPS


@pytest.mark.parametrize("stored", [None, "", "Jan Kowalski"])
def test_another_name_is_not_theirs(stored):
    assert agents("Anna Łęcka").agent(stored) is DIFFERENT
    assert numbers("+48800000003").agent(stored) is DIFFERENT


def test_folding_keeps_other_letters():
    assert folded("Żółć  Straße") == "zolc strasse"


@pytest.mark.parametrize(
    "text",
    ['{"src": "800000003"}', "sales/+48 800-000-003.wav", "a%2B48%20800%20000%20003.wav", "x_800.000.003_y"],
)
def test_a_number_is_seen_inside_a_record(text):
    people = numbers("0048800000003")
    assert people.is_mentioned({"raw": text})
    assert people.is_mentioned({"provider_key": text})
    assert not people.is_mentioned({"agent": text})


def test_short_numbers_names_and_other_numbers_are_not_looked_for_inside_records():
    assert numbers("112", "anonymous").mention is None
    assert agents("Anna").mention is None
    assert not numbers("800000003").is_mentioned({"raw": "800000004", "audio_url": None})


def test_the_expression_is_one_for_all_numbers():
    mention = numbers("800000003", "+49 30 123456").mention
    assert mention
    assert re.search(mention, "030/123456")


def test_all_spellings_of_a_person_have_one_normalised_text():
    one, other = numbers("800 000 003"), numbers("+48800000003")
    assert one.normalised == other.normalised == [("number", "+48800000003")]
    assert agents("Łęcka").normalised == agents("LECKA").normalised == [("agent", "lecka")]
