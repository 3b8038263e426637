"""Names of people, compared as people type them: without accents and capitals, and with some of the words."""

import unicodedata

_WITHOUT_DECOMPOSITION = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ı": "i"})


def folded(name: str) -> str:
    """Without accents and capitals: ``Łucja Żak`` becomes ``lucja zak``."""
    parts = unicodedata.normalize("NFKD", name.casefold())
    return "".join(one for one in parts if not unicodedata.combining(one)).translate(_WITHOUT_DECOMPOSITION)


def is_named(stored: str | None, wanted: str) -> bool:
    """Whether a stored name has every word of the wanted one: ``Anna Kowalska-Żak`` has ``zak anna``."""
    words = folded(wanted).split()
    return bool(words) and stored is not None and all(word in folded(stored) for word in words)
