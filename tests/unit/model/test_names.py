"""Names, compared as people type them."""

import pytest

from call_lake.model.names import folded, is_named


def test_a_folded_name_has_no_accents_and_no_capitals() -> None:
    assert folded("ŁUCJA Żółć-Ørsted") == "lucja zolc-orsted"


@pytest.mark.parametrize("wanted", ["kowalska", "Anna KOWALSKA", "zak anna", "kowalska-żak"])
def test_a_name_has_every_word_of_the_wanted_one(wanted: str) -> None:
    assert is_named("Anna Kowalska-Żak", wanted)


@pytest.mark.parametrize(("stored", "wanted"), [("Anna Kowalska", "anna nowak"), (None, "anna"), ("Anna", " ")])
def test_another_name_and_none_are_different(stored: str | None, wanted: str) -> None:
    assert not is_named(stored, wanted)
