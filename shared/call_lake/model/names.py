"""Names of people and spoken words, compared as people type them: without accents and capitals."""

import re
import unicodedata
from functools import cache
from itertools import groupby

UNDECOMPOSED = {"ł": "l", "đ": "d", "ø": "o", "ħ": "h", "ı": "i"}
"""Letters that Unicode does not take apart into a letter and an accent."""
LAST_COMBINING = 0x1F000
"""Beyond it Unicode has no accents that are characters."""


def folded(name: str) -> str:
    """Without accents, capitals, and blanks that do not separate words: ``Łucja  Żak`` becomes ``lucja zak``."""
    return " ".join(plain_letters(name).split())


def plain_letters(text: str) -> str:
    """Without accents and capitals."""
    text = decomposed(text)
    return text if text.isascii() else combining().sub("", text)


def decomposed(text: str) -> str:
    """Without capitals, and with each accent as a separate character behind its letter."""
    text = text.casefold()
    if text.isascii():
        return text
    for letter, plain in UNDECOMPOSED.items():
        text = text.replace(letter, plain)
    return unicodedata.normalize("NFKD", text)


def is_named(stored: str | None, wanted: str) -> bool:
    """Whether a stored name has every word of the wanted one: ``Anna Kowalska-Żak`` has ``zak anna``."""
    words = folded(wanted).split()
    return bool(words) and stored is not None and all(word in folded(stored) for word in words)


@cache
def combining() -> re.Pattern[str]:
    """Accents that are characters, one or several in a row."""
    marks = (code for code in range(LAST_COMBINING) if unicodedata.combining(chr(code)))
    runs = [[code for _, code in run] for _, run in groupby(enumerate(marks), lambda one: one[1] - one[0])]
    return re.compile(f"[{''.join(f'{chr(run[0])}-{chr(run[-1])}' for run in runs)}]+")
