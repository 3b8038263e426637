"""Every fault that the simulators can make, by name, and the seeded plan that says when it happens.

A fault is decided by (seed, name, subject, attempt): the subject is a recording or one exact listing request. So a
run repeats, and the next attempt may succeed. After ``faulty_attempts`` attempts only sticky faults are left: a client
that tries again gets everything in the end. Sticky faults are decided by (seed, name, subject) and never pass.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from typing import Self


class Place(StrEnum):
    ANY = "any request"
    LISTING = "listing request"
    PAGE = "page"  # a listing that succeeds, with other rows or in another order
    ROW = "row"
    AUDIO = "audio"


@dataclass(frozen=True, slots=True)
class Fault:
    """``rate`` is the share of subjects (or attempts) that it meets when no other is asked for."""

    name: str
    place: Place
    rate: float
    what: str
    sticky: bool = False


_TABLE = (
    Fault("rate_limited", Place.ANY, 0.1, "429, Retry-After in seconds"),
    Fault("rate_limited_date", Place.ANY, 0.1, "429, Retry-After as an HTTP date"),
    Fault("http_500", Place.ANY, 0.1, "500 with the provider's error body"),
    Fault("http_502", Place.ANY, 0.1, "502 with a gateway's HTML"),
    Fault("http_503", Place.ANY, 0.1, "503 without a body"),
    Fault("reset", Place.ANY, 0.1, "connection reset before the answer"),
    Fault("unauthorized", Place.ANY, 0.05, "401 although the credentials are right"),
    Fault("html_listing", Place.LISTING, 0.1, "200 with a maintenance page"),
    Fault("cut_json", Place.LISTING, 0.1, "200 with half a JSON document"),
    Fault("error_with_200", Place.LISTING, 0.1, "200 with the provider's error body"),
    Fault("broken_row", Place.LISTING, 0.005, "any page with this row answers 500, for ever", sticky=True),
    Fault("unsorted", Place.PAGE, 1.0, "rows in an order of no meaning, always the same", sticky=True),
    Fault("unsorted_per_request", Place.PAGE, 1.0, "rows in another order at each request", sticky=True),
    Fault("newest_first", Place.PAGE, 1.0, "rows from the newest to the oldest", sticky=True),
    Fault("insert_between_pages", Place.PAGE, 0.1, "rows appear after the first of several pages was read"),
    Fault("delete_between_pages", Place.PAGE, 0.1, "rows already given vanish while later pages are read"),
    Fault("duplicate_rows", Place.PAGE, 0.1, "rows are listed twice", sticky=True),
    Fault("late", Place.PAGE, 0.1, "rows appear 3 to 30 hours after their own listed time", sticky=True),
    Fault("very_late", Place.PAGE, 0.02, "rows appear 2 to 12 days after their own listed time", sticky=True),
    Fault("oversized_page", Place.PAGE, 1.0, "7 rows more than asked for", sticky=True),
    Fault("low_cap", Place.PAGE, 1.0, "never more than 37 rows, whatever is asked for", sticky=True),
    Fault("exclusive_to", Place.PAGE, 1.0, "the upper bound of a listing's time is exclusive", sticky=True),
    Fault("filter_by_call_date", Place.PAGE, 1.0, "Thulium filters by call date, as in 2017", sticky=True),
    Fault("strings_for_numbers", Place.ROW, 0.3, "numbers are strings", sticky=True),
    Fault("unknown_fields", Place.ROW, 0.3, "fields that nobody documents, nested too", sticky=True),
    Fault("missing_optionals", Place.ROW, 0.3, "optional fields are left out", sticky=True),
    Fault("nulls", Place.ROW, 0.3, "optional fields are null", sticky=True),
    Fault("odd_keys", Place.ROW, 0.2, "Thulium: keys with ../, quotes, emoji, 1,000 characters, Polish", sticky=True),
    Fault("no_key", Place.ROW, 0.02, "additional rows without a key", sticky=True),
    Fault("no_start", Place.ROW, 0.02, "additional rows without any time", sticky=True),
    Fault("future_rows", Place.ROW, 0.02, "additional rows of calls 400 days ahead", sticky=True),
    Fault("url_foreign", Place.ROW, 0.1, "Conpeek: the audio's URL leads to another host", sticky=True),
    Fault("url_link_local", Place.ROW, 0.1, "Conpeek: the audio's URL leads to 169.254.169.254", sticky=True),
    Fault("expired_link", Place.ROW, 0.3, "Conpeek: the first link to the audio has expired, 403", sticky=True),
    Fault("not_ready", Place.AUDIO, 0.3, "404, the file is not there yet"),
    Fault("html_audio", Place.AUDIO, 0.1, "200 with a login page as audio"),
    Fault("json_audio", Place.AUDIO, 0.1, "200 with an error document as audio"),
    Fault("empty_audio", Place.AUDIO, 0.1, "200 with zero bytes"),
    Fault("header_only", Place.AUDIO, 0.1, "200 with a 44-byte WAV header"),
    Fault("truncated", Place.AUDIO, 0.1, "closed before the declared length"),
    Fault("cut_chunked", Place.AUDIO, 0.1, "chunked, closed before the last chunk"),
    Fault("short_file", Place.AUDIO, 0.1, "a complete answer, with a third of the file missing"),
    Fault("reset_midway", Place.AUDIO, 0.1, "connection reset in the middle of the body"),
    Fault("stalled", Place.AUDIO, 0.02, "half of the body, then nothing"),
    Fault("slow_drip", Place.AUDIO, 0.05, "the body in 12 pieces with pauses"),
    Fault("chunked", Place.AUDIO, 0.2, "right, without a declared length"),
    Fault("wrong_type", Place.AUDIO, 0.2, "right, as Content-Type text/html"),
    Fault("no_type", Place.AUDIO, 0.2, "right, without Content-Type"),
    Fault("redirect_same_host", Place.AUDIO, 0.2, "302 to another path of the same host"),
    Fault("redirect_foreign", Place.AUDIO, 0.1, "302 to another host, which has the file", sticky=True),
    Fault("redirect_link_local", Place.AUDIO, 0.1, "302 to 169.254.169.254", sticky=True),
    Fault("forbidden", Place.AUDIO, 0.05, "403, while listing is allowed", sticky=True),
    Fault("gone", Place.AUDIO, 0.05, "404 for ever", sticky=True),
    Fault("garbage", Place.AUDIO, 0.05, "bytes that are no audio", sticky=True),
    Fault("pgp", Place.AUDIO, 0.05, "the file as a PGP message", sticky=True),
)
FAULTS: Mapping[str, Fault] = {fault.name: fault for fault in _TABLE}
HARMLESS = ("chunked", "wrong_type", "no_type", "redirect_same_host", "slow_drip")
"""Faults of the audio that a client overcomes at once."""
FOREIGN = ("redirect_foreign", "url_foreign")
"""Faults that only a client overcomes that allows the foreign host."""


@dataclass(frozen=True, slots=True)
class Active:
    rate: float
    sticky: bool


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Which faults are on. ``outages`` are closed spans of the provider's clock in which every request fails."""

    seed: int = 7
    active: Mapping[str, Active] = field(default_factory=dict)
    outages: tuple[tuple[datetime, datetime], ...] = ()
    faulty_attempts: int = 3
    retry_after_s: int = 1
    drip_pause_s: float = 0.05

    @classmethod
    def parse(cls, spec: str, seed: int = 7) -> Self:
        """``NAME,NAME:RATE,NAME!``: a rate from 0 to 1, and ``!`` for sticky. Raises ValueError, naming the fault."""
        active: dict[str, Active] = {}
        for part in filter(None, (part.strip() for part in spec.split(","))):
            name, _, rate = part.removesuffix("!").partition(":")
            if name not in FAULTS:
                raise ValueError(f"unknown fault {name!r}; known: {', '.join(FAULTS)}")
            try:
                share = float(rate) if rate else FAULTS[name].rate
            except ValueError:
                share = -1.0
            if not 0 <= share <= 1:
                raise ValueError(f"fault {name!r}: rate {rate!r} is not a number from 0 to 1")
            active[name] = Active(share, FAULTS[name].sticky or part.endswith("!"))
        return cls(seed, active)

    def with_outage(self, start: datetime, end: datetime) -> Self:
        return replace(self, outages=(*self.outages, (start, end)))

    def is_out(self, now: datetime) -> bool:
        return any(start <= now <= end for start, end in self.outages)

    def hits(self, name: str, subject: str | int, attempt: int = 0) -> bool:
        """Whether the fault meets this attempt (from 0) on this subject."""
        active = self.active.get(name)
        if active is None or (attempt >= self.faulty_attempts and not active.sticky):
            return False
        return self.luck(name, subject, 0 if active.sticky else attempt) < active.rate

    def pick(self, place: Place, subject: str | int, attempt: int) -> str | None:
        """The one fault of this place that meets this attempt; of several, a sticky one, else one by the seed."""
        met = [n for n in self.active if FAULTS[n].place is place and self.hits(n, subject, attempt)]
        lasting = [name for name in met if self.active[name].sticky]
        return min(lasting or met, key=lambda n: self.luck("turn", n, subject, 0 if lasting else attempt), default=None)

    def permanent_fault(self, subject: str) -> str | None:
        """The sticky fault that keeps this recording's audio from a client for ever, or None."""
        for place, who in ((Place.ANY, f"audio/{subject}"), (Place.AUDIO, subject)):
            name = self.pick(place, who, self.faulty_attempts)
            if name is not None and name not in HARMLESS:
                return name
        return None

    def luck(self, *names: str | int) -> float:
        """A number from 0 to 1: always the same for these names and this seed."""
        text = "/".join(map(str, (self.seed, *names)))
        return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).digest(), "big") / 2**48
