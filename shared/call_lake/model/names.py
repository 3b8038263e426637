"""Names of people, compared as people type them: without accents and capitals, and with some of the words."""

import unicodedata

UNDECOMPOSED = str.maketrans({"ł": "l", "đ": "d", "ø": "o", "ħ": "h", "ı": "i"})
"""Letters that Unicode does not take apart into a letter and an accent."""


def folded(name: str) -> str:
    """Without accents, capitals, and blanks that do not separate words: ``Łucja  Żak`` becomes ``lucja zak``."""
    letters = unicodedata.normalize("NFKD", name.casefold().translate(UNDECOMPOSED))
    return " ".join("".join(one for one in letters if not unicodedata.combining(one)).split())


def is_named(stored: str | None, wanted: str) -> bool:
    """Whether a stored name has every word of the wanted one: ``Anna Kowalska-Żak`` has ``zak anna``."""
    words = folded(wanted).split()
    return bool(words) and stored is not None and all(word in folded(stored) for word in words)
