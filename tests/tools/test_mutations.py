"""The mutations that prove the rules of correctness fit the code as it is (``make mutations`` runs them)."""

import ast
import subprocess
import sys
from collections import Counter
from functools import cache, partial
from pathlib import Path

import pytest

from tests.mutations import ALL
from tests.mutations.mutation import Misfit, Mutation, at
from tests.mutations.operations import (
    Operation,
    always,
    becoming,
    before,
    calling,
    giving,
    ignoring,
    never,
    passing,
    returning,
    rewriting,
    skipping,
    storing,
    swapping,
    uncaught,
    without,
)

ROOT = Path(__file__).parents[2]
RULES = range(1, 36)

texts = cache(partial(Mutation.texts, repository=ROOT))


def test_every_rule_is_taken_out_by_at_least_one_mutation() -> None:
    assert {mutation.rule for mutation in ALL} == set(RULES)


def test_every_mutation_has_a_name_of_its_own() -> None:
    assert [name for name, times in Counter(mutation.name for mutation in ALL).items() if times > 1] == []


def test_a_mutation_changes_one_place() -> None:
    assert [mutation.name for mutation in ALL if len(set(texts(mutation))) == 1] == []


def test_no_two_mutations_are_the_same() -> None:
    times = Counter((mutation.place.module, texts(mutation)[1]) for mutation in ALL)

    assert [text for text, number in times.items() if number > 1] == []


def test_a_mutation_leaves_code_that_uses_only_names_that_its_module_knows(tmp_path: Path) -> None:
    """What is no code or fails with a NameError is no proof."""
    for mutation in ALL:
        (tmp_path / f"{mutation.name}.py").write_text(texts(mutation)[1])

    undefined = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821", "--output-format", "concise"]
    checked = subprocess.run([*undefined, tmp_path], capture_output=True, text=True, check=False)

    assert checked.stdout == "All checks passed!\n"


def test_the_tests_that_a_mutation_names_are_there() -> None:
    read = cache(lambda path: (ROOT / "tests" / path).read_text())
    named = {tuple(test.partition("::")[::2]) for mutation in ALL for test in mutation.tests}

    assert [(path, name) for path, name in named if name not in read(path)] == []


EXAMPLES: tuple[tuple[str, Operation, str], ...] = (
    ("if size != declared: fail()", never("declared"), "if False: fail()"),
    ("if a: b()", never(), "if False: b()"),
    ("return [one for one in some if one not in erased]", always("erased"), "return [one for one in some if True]"),
    ("if job.done or job.again != again: stop()", ignoring("again"), "if job.done: stop()"),
    ("start = now - timedelta(seconds=lookback_s)", ignoring("lookback_s"), "start = now"),
    ("put(row)\nstore.delete(keys)", skipping("delete"), "put(row)\npass"),
    ("send(message)", before("send", "write(item)"), "write(item)\nsend(message)"),
    ("put(new)\ndelete(old)", swapping("put", "delete"), "delete(old)\nput(new)"),
    ("return marked_at <= now()", returning("True"), "return True"),
    ("return sorted_rows(rows)", giving("sorted_rows", 0), "return rows"),
    ("kind = sniff(head)", giving("sniff", '"wav"'), 'kind = "wav"'),
    ("a = max(0, 1)\nb = max(a, 2)", giving(("max", "a"), 0), "a = max(0, 1)\nb = a"),
    ("return max(at, newest)", calling("max", "min"), "return min(at, newest)"),
    ("put(key, if_none_match=True)", passing("put", "if_none_match", "False"), "put(key, if_none_match=False)"),
    ("put(key, data, sha256=digest)", without("put", 1, "sha256"), "put(key)"),
    ('return {"id": id, "due_at": due}', storing("due_at", "NEVER"), 'return {"id": id, "due_at": NEVER}'),
    ('return {"id": id, "due_at": due}', storing("due_at", None), 'return {"id": id}'),
    ("try: a()\nexcept (B, C): d()", uncaught("B"), "try: a()\nexcept (): d()"),
    ("return ranks[name] > rank", rewriting("ranks[name]>rank", "ranks[name] < rank"), "return ranks[name] < rank"),
)


@pytest.mark.parametrize(("body", "operation", "expected"), EXAMPLES)
def test_an_operation_changes_the_function_and_nothing_else(
    tmp_path: Path, body: str, operation: Operation, expected: str
) -> None:
    assert _mutated(tmp_path, _function(body), operation) == ast.unparse(ast.parse(_function(expected)))


def test_a_constant_is_a_place() -> None:
    places = at("lake.merge", "FILES_OF_A_TIER")

    assert "\nFILES_OF_A_TIER = 1\n" in Mutation(20, "", places, becoming("1"), ()).texts(ROOT)[1]


@pytest.mark.parametrize("body", ["pass", "if size: a()\nif size > 2: b()"])
def test_an_operation_that_finds_no_place_or_several_is_refused(tmp_path: Path, body: str) -> None:
    with pytest.raises(Misfit, match="not one"):
        _mutated(tmp_path, _function(body), never("size"))


def test_a_function_that_is_not_there_is_refused_and_those_that_the_operation_fits_are_named(tmp_path: Path) -> None:
    with pytest.raises(Misfit, match=r"0 of Copier\.copy, .* fits \['Copier\.secure', 'Other\.copy'\]"):
        _mutated(tmp_path, _function("if size: a()"), never("size"), "Copier.copy")


def _function(body: str) -> str:
    """A method with this body, beside one of the same body that no operation may touch."""
    lines = "".join(f"        {line}\n" for line in body.splitlines())
    return f"class Copier:\n    def secure(self):\n{lines}class Other:\n    def copy(self):\n        if size: a()\n"


def _mutated(repository: Path, code: str, operation: Operation, name: str = "secure") -> str:
    module = repository / "shared" / "call_lake" / "copier.py"
    module.parent.mkdir(parents=True)
    module.write_text(code)
    return Mutation(1, "", at("copier", name), operation, ()).texts(repository)[1]
