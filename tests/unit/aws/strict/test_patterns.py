"""AWS's regular expressions say in Python what they say in Java."""

import re
from functools import cache
from pathlib import Path

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from call_lake.aws.strict.patterns import UntranslatablePatternError, fits

ROOT = Path(__file__).parents[4]
OUTPUT_KEY = r"[a-zA-Z0-9-_.!*'()/]{1,1024}$"
SAME_IN_PYTHON = (
    r"[a-zA-Z0-9-_.!*'()/]{1,1024}",
    r"[a-zA-Z][-a-zA-Z0-9]{0,9}|arn:[-a-zA-Z0-9:/_+]{1,9}",
    r"(?:a|b){2}[^c]\d\w\s\S",
    r"[\w+=,@-]{1,8}",
    r"[\t\x20-\x7e]{0,9}",
)


@cache
def patterns_in_use() -> list[str]:
    """The patterns of every service that the code, its tests or the documentation's commands ask."""
    texts = [
        path.read_text(encoding="utf-8")
        for folder in ("shared", "cli", "local", "tests", "bench")
        for path in (ROOT / folder).rglob("*.py")
    ]
    texts += [path.read_text(encoding="utf-8") for path in (ROOT / "docs").rglob("*.md")]
    session = botocore.session.get_session()
    known = set(session.get_available_services())
    named = set(re.findall(r"""\.?client\(["']([a-z0-9-]+)["']|\baws ([a-z0-9-]+) """, " ".join(texts)))
    services = {one or other for one, other in named} & known
    assert len(services) > 15
    shapes = [shape for name in sorted(services) for shape in session.get_service_data(name)["shapes"].values()]
    return sorted({shape["pattern"] for shape in shapes if "pattern" in shape})


def test_every_pattern_of_the_services_in_use_is_understood() -> None:
    for pattern in patterns_in_use():
        fits(pattern, "")


@pytest.mark.parametrize(
    ("pattern", "taken", "refused"),
    [
        # As AWS answered: https://github.com/boto/boto3/issues/4312
        (OUTPUT_KEY, "name/a/b.json", "name=a/b.json"),
        ("^[0-9a-zA-Z._-]+", "test-key", "test/key"),
        ("[a-z]+", "name", "name!"),
        ("^[a-z]+$", "name", "name\n"),
        (r"\A[a-z]+\z", "name", "name\n"),
        (r"\d+", "12", "١٢"),
        (r"\w+", "name", "nazwą"),
        (r"[\p{L}\p{N}]+", "nazwą٢", "a b"),
        (r"\p{L}+", "ą", "1"),
        (r"[\P{C}]+", "a b", "a\x00b"),
        (r"[\p{Zs}]+", "\u00a0", "\n"),
        (r"[\w-.]+", "a-b.c", "a+b"),
        (r"[\p{L}-.]+", "ą-.", "+"),
        (r"[a|b~]+", "a|~", "c"),
        (r"\p{Print}+", "a b", "ą"),
        (r"[\x{22}a]+", '"a"', "b"),
        (".+", "one line", "two\nlines"),
        (".+", "one line", "two\rlines"),
        (".+", "one line", "two\u2028lines"),
        ("[.]+", "..", "a"),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*", "\U00010000 \U0010ffff", "\n"),
        (r"a++b", "aab", "aa"),
        (r"(?i)all|[0-9]{2}", "ALL", "al"),
        (r"(?i:a)b", "Ab", "AB"),
        (r"[{,]+", "{,", "a"),
        (r"[(?s)]+", "(?s)", "a"),
        (r"a\b.*", "a b", "ab"),
    ],
)
def test_a_pattern_takes_and_refuses_what_java_does(pattern: str, taken: str, refused: str) -> None:
    assert (fits(pattern, taken), fits(pattern, refused)) == (True, False)


@pytest.mark.parametrize(
    "pattern",
    [
        r"[\p{Print}&&[^|:/]]+",
        "[a[b]]",
        r"a(?i)b",
        r"(?s).+",
        r"(?s:.)",
        r"(?u)a",
        r"(?-i:a)",
        r"[].a]",
        r"[^].a]",
        r"\v",
        r"[\v]",
        r"[\b]",
        r"a{,2}",
        r"a{9999999999}",
        r"\p{IsAlphabetic}",
        r"\P{Print}",
        "^[a-z]*${2,64}$",
        "(a",
    ],
)
def test_what_may_mean_something_else_in_python_is_never_passed_over(pattern: str) -> None:
    with pytest.raises(UntranslatablePatternError):
        fits(pattern, "a")


@pytest.mark.parametrize("pattern", SAME_IN_PYTHON)
def test_every_text_that_a_pattern_describes_fits_it(pattern: str) -> None:
    @given(st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True))
    def check(text: str) -> None:
        assert fits(pattern, text)

    check()


@given(pattern=st.sampled_from(SAME_IN_PYTHON), text=st.text(st.sampled_from("ab:/=_-+1 \t\n\x7fą"), max_size=9))
def test_what_is_plain_in_java_keeps_its_meaning(pattern: str, text: str) -> None:
    assert fits(pattern, text) is bool(re.fullmatch(pattern, text, re.ASCII))


@given(st.characters())
def test_a_character_is_in_a_category_of_unicode_or_outside_of_it(character: str) -> None:
    assert fits(r"\p{L}", character) is character.isalpha()
    assert fits(r"[\P{L}]", character) is not fits(r"[\p{L}]", character)
