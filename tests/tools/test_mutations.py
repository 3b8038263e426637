"""The mutations that prove the rules of correctness fit the code as it is (``make mutations`` runs them)."""

from pathlib import Path

import pytest

from tests.mutations import ALL
from tests.mutations.mutation import PACKAGE, Mutation

ROOT = Path(__file__).parents[2]
RULES = range(1, 22)

each = pytest.mark.parametrize("mutation", ALL, ids=lambda mutation: mutation.name)


def test_every_rule_is_taken_out_by_at_least_one_mutation() -> None:
    assert {mutation.rule for mutation in ALL} == set(RULES)


def test_every_mutation_has_a_name_of_its_own() -> None:
    assert len({mutation.name for mutation in ALL}) == len(ALL)


@each
def test_a_mutations_text_stands_in_the_code_exactly_once(mutation: Mutation) -> None:
    assert mutation.times(ROOT / "shared") == 1


@each
def test_the_code_without_the_rule_is_still_code(mutation: Mutation) -> None:
    text = (ROOT / "shared" / PACKAGE / mutation.file).read_text()

    compile(text.replace(mutation.old, mutation.new), mutation.file, "exec")


@each
def test_the_tests_that_a_mutation_names_are_there(mutation: Mutation) -> None:
    for test in mutation.tests:
        path, _, name = test.partition("::")
        assert name in (ROOT / "tests" / path).read_text()
