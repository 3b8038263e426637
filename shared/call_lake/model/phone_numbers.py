"""Compare phone numbers however they are written: ``800 000 003`` and ``+48800000003`` are one number in Poland.

Google's numbering plans decide (``phonenumberslite``, docs/adr/0034). No function imports this module, so the Lambda
layer does not have the library.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from urllib.parse import unquote

import phonenumbers

SHORT_DIGITS = 6
"""A number of so many digits or fewer is an extension or a service like 112. It matches exactly only."""
ALIKE_DIGITS = 7
"""Two longer numbers that end in different digits, so many of them, are different numbers."""
KNOWN_DIGITS = 4
"""So many digits of a partly hidden number must be readable before it is compared at all."""
REMEMBERED = 100_000

SIP = re.compile(r"sips?:(?P<user>[^@;>?]*)", re.IGNORECASE)
ADDRESS = re.compile(r"(?P<user>[^@\s]+)@\S+")
TEL = re.compile(r"tel:(?P<rest>[^>]*)", re.IGNORECASE)
EXTENSION = re.compile(
    r"(?P<number>.*?)[\s,;]*(?:ext(?:ension|n)?\.?|wewn?\.?|x|#)\s*=?\s*(?P<extension>\d{1,6})\s*", re.IGNORECASE
)
PLAIN = re.compile(r"[\s(]*\+?[\d\s()/.‐-―−-]*")
HIDDEN = re.compile(r"[*xX?#•_]{2,}|[•…]+|(?<=\d)[*?#]+(?=\d|$)")


class Likeness(IntEnum):
    """How sure it is that two texts are the number of one subscriber."""

    DIFFERENT = 0
    PERHAPS = 1
    SAME = 2


@dataclass(frozen=True, slots=True)
class _Reading:
    """What one text says. ``text``: without case, blanks and invisible characters. ``digits``: of the number alone.
    ``e164``: the international number, empty where that is not certain. ``hidden``: a pattern, where digits are
    hidden."""

    text: str
    digits: str = ""
    e164: str = ""
    extension: str = ""
    hidden: str = ""


class WantedNumber:
    """A number that somebody looks for. ``country``: two letters of ISO 3166. A number without a country's code is read
    as one of that country."""

    def __init__(self, text: str, country: str) -> None:
        self.text = text
        self._wanted = _read(text, country)
        self._known: dict[tuple[str, str], Likeness] = {}
        self.needs_country = any(_read(text, other).e164 != self._wanted.e164 for other in ("PL", "DE", "US", "IT"))
        """Whether the text has no country's code, and would be another number in another country."""

    @property
    def normalised(self) -> str:
        """One text for all certain spellings: the international number, else what was typed in lower case."""
        wanted = self._wanted
        if not wanted.e164:
            return wanted.text
        return f"{wanted.e164};ext={wanted.extension}" if wanted.extension else wanted.e164

    @property
    def core(self) -> str:
        """The digits of a long number, without its country's code where that is certain; else empty. They are what all
        its spellings have in common."""
        wanted = self._wanted
        digits = _national(wanted)[0] if wanted.e164 else wanted.digits.lstrip("0")
        return digits if len(digits) > SHORT_DIGITS else ""

    def compare(self, stored: str | None, country: str) -> Likeness:
        """How like ``stored`` is, read as a number of a source in ``country``. Answers are remembered."""
        if stored is None:
            return Likeness.DIFFERENT
        likeness = self._known.get((stored, country))
        if likeness is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            likeness = self._known[stored, country] = self._compare(stored, country)
        return likeness

    def _compare(self, stored: str, country: str) -> Likeness:
        if _surely_different(self.text, stored):
            return Likeness.DIFFERENT
        return _likeness(self._wanted, _read(stored, country))


def _surely_different(one: str, other: str) -> bool:
    """Whether two plain long numbers end in different digits. This spares the library most numbers of a lake."""
    if not (one.isascii() and other.isascii() and PLAIN.fullmatch(one) and PLAIN.fullmatch(other)):
        return False
    ends = [_digits(text)[-ALIKE_DIGITS:] for text in (one, other)]
    return min(map(len, ends)) == ALIKE_DIGITS and ends[0] != ends[1]


def _likeness(wanted: _Reading, stored: _Reading) -> Likeness:
    if not wanted.text or not stored.text:
        return Likeness.DIFFERENT
    if wanted.e164 and stored.e164:
        if wanted.e164 == stored.e164:
            return Likeness.SAME if wanted.extension == stored.extension else Likeness.PERHAPS
    elif wanted.text == stored.text:
        return Likeness.SAME
    if wanted.hidden or stored.hidden:
        return Likeness.PERHAPS if _may_fit(wanted, stored) else Likeness.DIFFERENT
    return Likeness.PERHAPS if _end_alike(wanted.digits, stored.digits) else Likeness.DIFFERENT


def _end_alike(one: str, other: str) -> bool:
    """Whether the shorter number, without zeros before it, ends the longer one, or both have the same last nine
    digits."""
    short, long = sorted((one.lstrip("0"), other.lstrip("0")), key=len)
    return (len(short) >= ALIKE_DIGITS and long.endswith(short)) or (len(short) >= 9 and short[-9:] == long[-9:])


def _may_fit(wanted: _Reading, stored: _Reading) -> bool:
    """Whether the readable digits of one fit the other."""
    for masked, whole in ((wanted, stored), (stored, wanted)):
        if masked.hidden and not whole.hidden and len(whole.digits) > SHORT_DIGITS:
            spellings = {whole.digits, whole.digits.lstrip("0"), whole.e164[1:], *_national(whole)}
            return any(re.fullmatch(masked.hidden, spelling) for spelling in spellings if spelling)
    return False


def _national(reading: _Reading) -> list[str]:
    """The digits of a number as its own country writes them, without and with a prefix."""
    if not reading.e164:
        return []
    number = phonenumbers.parse(reading.e164)
    local = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    return [phonenumbers.national_significant_number(number), _digits(local)]


@lru_cache(10_000)
def _read(text: str, country: str) -> _Reading:
    text = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf").strip()
    plain = re.sub(r"\s+", " ", text).casefold()
    number, extension = _without_address(text), ""
    found = EXTENSION.fullmatch(number)
    if found and len(_digits(found["number"])) > SHORT_DIGITS and not HIDDEN.search(found["number"]):
        number, extension = found["number"], found["extension"]
    digits = _digits(number)
    if HIDDEN.search(number):
        return _Reading(plain, hidden=_pattern(number) if len(digits) >= KNOWN_DIGITS else "")
    if not digits or not PLAIN.fullmatch(number):
        return _Reading(plain, digits)
    if len(digits) <= SHORT_DIGITS:
        return _Reading(f"+{digits}" if "+" in number else digits, digits)
    e164 = _e164(number, digits, country)
    return _Reading(digits + f" x{extension}" * bool(extension), digits, e164, extension)


def _without_address(text: str) -> str:
    """The number in a ``sip:`` or ``tel:`` address, or the text itself."""
    if found := SIP.search(text):
        return unquote(found["user"]).partition(":")[0].strip()
    if found := TEL.search(text):
        number, *parameters = found["rest"].split(";")
        values = dict(one.partition("=")[::2] for one in parameters)
        context = values.get("phone-context", "")
        number = context + number if context.startswith("+") and not number.startswith("+") else number
        return f"{number} ext {values['ext']}" if "ext" in values else number
    if found := ADDRESS.fullmatch(text):
        return found["user"]
    return text


def _pattern(number: str) -> str:
    """A number with hidden digits as a pattern. How many digits are hidden is often not what the text shows."""
    parts = HIDDEN.split(number)
    digits = [_digits(part) for part in parts]
    return r"\d*".join(digits).removeprefix("00")


def _e164(number: str, digits: str, country: str) -> str:
    """The international number, or nothing where the text can be read in no country, or in several."""
    for text, region, fits in _ways(number, digits, country):
        try:
            found = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            continue
        if fits(found):
            return phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164)
    return ""


def _ways(number: str, digits: str, country: str) -> Iterator[tuple[str, str | None, Callable[..., bool]]]:
    """The ways to read a number, and what it must be to be read so. Some write 00 for + in every country, and some
    leave out the +."""
    if digits.startswith("00"):
        yield f"+{digits[2:]}", None, phonenumbers.is_valid_number
    yield number, country, phonenumbers.is_possible_number
    yield f"+{digits}", None, phonenumbers.is_valid_number


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isdecimal())
