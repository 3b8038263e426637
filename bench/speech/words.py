"""The word error rate: how many words an engine missed, added or changed, for each word that was said."""

import re
from collections.abc import Sequence

DIGITS = dict(enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]))
ONE_WAY = {"goodbye": "good bye"}


def words_of(text: str) -> list[str]:
    """Lower case, without punctuation; digits one by one as words, for engines write 7042 or seven, zero, four, two."""
    text = text.lower()
    for one, other in ONE_WAY.items():
        text = text.replace(one, other)
    return re.findall(r"[a-z']+", re.sub(r"10|\d", lambda found: f" {DIGITS[int(found[0])]} ", text))


def errors(said: Sequence[str], heard: Sequence[str]) -> int:
    """The least number of words to insert, delete or replace (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for number, word in enumerate(said, 1):
        before, row[0] = row[0], number
        for at, other in enumerate(heard, 1):
            before, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, before + (word != other))
    return row[-1]
