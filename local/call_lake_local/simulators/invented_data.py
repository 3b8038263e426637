"""Invented people, phone numbers and queues. None of them exists. The numbers are in ranges that belong to nobody:
+44 7700 900xxx is Ofcom's range for drama, and +48 800 000 xxx is made up."""

import random

AGENTS = (
    "Żaneta Przykładowa",
    "Łukasz Zmyślony",
    "Święcisława Próbna",
    "Gżegżółka Niby",
    "Jan Udawany",
    "Ewa Wzorcowa-Ćwik",
    "Adam Atrapa",
    "Zoe Placeholder",
    "Ned O'Sample",
)
QUEUES = ("sprzedaz", "sprzedaż", "obsługa klienta", "reklamacje i zwroty", "windykacja należności", "support EN")
ODD_KEYS = (
    "../../etc/{tail}",
    "a/./b//../{tail}",
    "\"quoted\" 'single' `tick`/{tail}",
    "😀 emoji 🎧/{tail}",
    "percent %2F %00 100%/{tail}",
    "plus+and&amp=;?#hash/{tail}",
    "zażółć gęślą jaźń/{tail}",
    "back\\slash|pipe<angle>/{tail}",
    " leading and trailing /{tail} ",
    "{long}/{tail}",
)


def number(rng: random.Random) -> str:
    last = int(rng.random() * 1000)
    return f"+48800000{last:03d}" if rng.random() < 0.8 else f"+447700900{last:03d}"


def odd_key(key: str, index: int) -> str:
    """A key that is as hostile as a provider may make it; ``{long}`` brings it to 1,000 characters."""
    pattern = ODD_KEYS[index % len(ODD_KEYS)]
    tail = f"{index}-{key.rsplit('/', 1)[-1]}"
    return pattern.format(tail=tail, long="x" * max(0, 999 - len(tail)))
