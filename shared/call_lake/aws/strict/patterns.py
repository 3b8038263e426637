r"""AWS's regular expressions in Python.

The models carry the patterns of AWS's own services, which are written in Java. A pattern holds for the whole text, also
where it does not say so. AWS refuses ``name=a/b.json`` for ``[a-zA-Z0-9-_.!*'()/]{1,1024}$``, and ``test/key`` for
``^[0-9a-zA-Z._-]+``: https://github.com/boto/boto3/issues/4312,
https://github.com/linuxacademy/content-aws-mls-c01/issues/1

How Java reads them: https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/util/regex/Pattern.html
"""

import re
import sys
import unicodedata
from collections.abc import Iterator
from functools import cache

_TOKEN = re.compile(
    r"""(?P<unlike>\[\^?\]|\\v|\{,)
      | \\u(?P<high>[dD][89abAB]..)\\u(?P<low>[dD][c-fC-F]..)
      | \\x\{(?P<hex>[0-9a-fA-F]+)\}
      | \\(?P<property>[pP])\{(?P<name>\w+)\}
      | (?P<shorthand>\\[dDsSwW])
      | (?P<escape>\\.)
      | (?P<flags>\(\?[a-zA-Z-]+[:)])
      | (?P<text>.)""",
    re.VERBOSE | re.DOTALL,
)
_LINE_ENDS = r"\n\r\x85\u2028\u2029"  # what Java's "." does not match; Python's leaves out \n alone
_POSIX = {"Print": r" -~", "ASCII": r"\x00-\x7f", "Alnum": "0-9A-Za-z"}


class UntranslatablePatternError(ValueError):
    """A pattern of AWS whose meaning in Python is unknown."""


def fits(pattern: str, text: str) -> bool:
    """Whether AWS takes ``text`` for this pattern. Raises UntranslatablePatternError."""
    return _compiled(pattern).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile("".join(_translated(pattern)), re.ASCII)  # Java's \d, \s and \w are ASCII's
    except (re.error, OverflowError) as error:
        raise UntranslatablePatternError(f"{pattern}: {error}") from None


def _translated(pattern: str) -> Iterator[str]:
    in_class = False
    after_shorthand = False  # within a class: a "-" here is no range
    for token in _TOKEN.finditer(pattern):
        text = token["text"]
        if token["unlike"] and not (in_class and token["unlike"] == "{,"):
            raise UntranslatablePatternError(f"{pattern}: {token['unlike']} is something else in Java")
        if text == "[" and not in_class:
            in_class = True
            yield text
        elif text == "]" and in_class:
            in_class = False
            yield text
        elif in_class and (text == "[" or pattern.startswith("&&", token.start())):
            raise UntranslatablePatternError(f"{pattern}: a class within a class")
        elif in_class and (text in ("|", "~") or (text == "-" and after_shorthand)):
            yield f"\\{text}"
        else:
            yield _one(token, in_class)
        after_shorthand = in_class and (token["shorthand"] or token["property"]) is not None


def _one(token: re.Match[str], in_class: bool) -> str:
    if token["high"]:
        return f"\\U{0x10000 + ((int(token['high'], 16) & 0x3FF) << 10) + (int(token['low'], 16) & 0x3FF):08x}"
    if token["hex"]:
        return f"\\U{int(token['hex'], 16):08x}"
    if token["property"]:
        found = _ranges_of(token["name"], token["property"] == "P")
        return found if in_class else f"[{found}]"
    if token["escape"] == r"\z":
        return r"\Z"
    if token["escape"] == r"\b" and in_class:
        raise UntranslatablePatternError(f"{token.string}: Java knows no word's end within a class")
    if token["flags"] and not in_class and token["flags"] != "(?i:" and (token["flags"] != "(?i)" or token.start()):
        raise UntranslatablePatternError(f"{token.string}: flags other than (?i) at its beginning")
    if token["text"] == "." and not in_class:
        return f"[^{_LINE_ENDS}]"
    return token[0]


@cache
def _ranges_of(name: str, negated: bool) -> str:
    r"""The characters of ``\p{name}`` as the inside of a class."""
    if name in _POSIX and not negated:
        return _POSIX[name]
    if not any(category.startswith(name) for category in _categories()):
        raise UntranslatablePatternError(f"\\p{{{name}}} is no general category of Unicode")
    ranges: list[str] = []
    start: int | None = None
    for code, category in enumerate([*_categories_by_code(), ""]):
        inside = bool(category) and category.startswith(name) != negated
        if inside and start is None:
            start = code
        elif not inside and start is not None:
            ranges.append(f"\\U{start:08x}-\\U{code - 1:08x}")
            start = None
    return "".join(ranges)


@cache
def _categories_by_code() -> tuple[str, ...]:
    return tuple(unicodedata.category(chr(code)) for code in range(sys.maxunicode + 1))


@cache
def _categories() -> frozenset[str]:
    return frozenset(_categories_by_code())
