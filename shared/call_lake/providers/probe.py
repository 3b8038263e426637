"""Find out what a vendor leaves undocumented, by asking the customer's own account (``call-lake probe``).

A probe only reads. It lists some rows and downloads the first bytes of a few recordings. It returns facts, without
anybody's number or name, and the settings to use (docs/providers.md).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from call_lake.audio.sniff import sniff
from call_lake.errors import Reason, StepFailed
from call_lake.model import json_values
from call_lake.ports import Clock
from call_lake.providers import load
from call_lake.providers.http.client import LISTING_LIMIT_BYTES, request_id
from call_lake.providers.http.probe_client import AUDIO_START_BYTES, ProbeAnswer, ProbeClient
from call_lake.settings import SourceSettings

RATE_HEADER = re.compile(r"retry-after|(x-)?rate-?limit.*", re.IGNORECASE)
SKEW_MATTERS_S = 60.0
TRIED_RECORDINGS = 3


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that the probe found out. ``to_do``: what the operator has to do about it, if anything."""

    topic: str
    found: str
    to_do: str = ""


@dataclass(slots=True)
class ProbeResult:
    """All that a probe found out.

    ``settings``: those that should be set, where they differ from what is set. ``works``: listing and download work.
    """

    facts: list[Fact] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    works: bool = False

    def say(self, topic: str, found: str, to_do: str = "") -> None:
        """Add a fact."""
        self.facts.append(Fact(topic, found, to_do))


@dataclass(frozen=True, slots=True)
class AudioAddress:
    """One possible form of the download's address. ``url``: that of one recording. ``settings``: those that make Call
    Lake use this form."""

    name: str
    url: str
    settings: Mapping[str, Any]


class Prober:
    """Asks one source. It calls ``announce`` with the name of each step before it begins."""

    def __init__(
        self, client: ProbeClient, settings: SourceSettings, clock: Clock, announce: Callable[[str], None]
    ) -> None:
        self.client = client
        self.settings = settings
        self.clock = clock
        self.announce = announce
        self.found = ProbeResult()
        self._rate_headers: dict[str, str] = {}
        self._skew_s: float | None = None

    # -- listing

    def listing(self, url: str, rows_of: Callable[[Any], list[Any] | None]) -> tuple[list[Any], Any] | None:
        """Return the rows and the whole JSON of a listing; None, with a fact that says why, where it lists nothing.

        Raises Transient where no answer comes, SecretEmpty.
        """
        answer, rows, content = self.ask(url, rows_of)
        if rows is None:
            self.found.say(
                "listing", f"answered {answer.status}{request_id(content)}", _listing_advice(answer, self.settings)
            )
            return None
        return rows, content

    def ask(self, url: str, rows_of: Callable[[Any], list[Any] | None]) -> tuple[ProbeAnswer, list[Any] | None, Any]:
        """Return the answer, its rows if it lists, and its JSON."""
        answer = self.client.ask(url, LISTING_LIMIT_BYTES)
        self._note(answer)
        content = _parsed(answer)
        content = {} if answer.status == 204 else content  # an empty listing, as for the polls
        return answer, rows_of(content) if answer.status in (200, 204) else None, content

    def order(self, rows: Sequence[Any], again: Sequence[Any], names: Sequence[str]) -> None:
        """``again``: the same page, asked for once more."""
        sorted_by = [f"by {name}, {way}" for name in names if (way := _sort_order([_text(row, name) for row in rows]))]
        same = "the same at each request" if list(rows) == list(again) else "another at each request"
        self.found.say("order", f"{' and '.join(sorted_by) or 'none that can be seen'}; {same}; none is relied on")

    # -- audio

    def audio(self, forms_of: Callable[[Any], Sequence[AudioAddress]], rows: Sequence[Any]) -> None:
        """Find the form of address that gives audio. Tries a few recordings, for one may be gone or not ready."""
        seen: dict[str, str] = {}
        for row in rows[:TRIED_RECORDINGS]:
            for form in forms_of(row):
                self.announce(f"download: {form.name}")
                answer = self.client.ask(form.url, AUDIO_START_BYTES, may_be_signed=True)
                self._note(answer)
                outcome, works = _verdict(answer)
                hops = f", redirected to {answer.hops[-1]}" if answer.hops else ""
                seen[form.name] = outcome + hops
                if works:
                    self.found.say("download", _joined(seen))
                    self.propose(form.settings)
                    self.found.works = True
                    return
                if answer.refused_host:
                    self.propose(form.settings)
                    self._ask_to_allow(answer.refused_host)
                    return
        self.found.say("download", _joined(seen) or "no recording to try", _download_advice(seen))

    def _ask_to_allow(self, host: str) -> None:
        self.propose({"allowed_hosts": sorted({*self.settings.allowed_hosts, host})})
        self.found.say(
            "download",
            f"the audio lies on another host, {host}, which is not allowed and was not asked",
            f"trust it? then add {host} to allowed_hosts and probe again; it never gets the credentials",
        )

    # -- the end

    def finish(self) -> ProbeResult:
        """Add what all answers together show, rate limit and clock, and return everything."""
        announced = ", ".join(f"{name}: {value}" for name, value in sorted(self._rate_headers.items()))
        self.found.say("rate limit", announced or "no header announces one")
        if self._skew_s is not None:
            to_do = "set this machine's clock, or tell the vendor" if abs(self._skew_s) > SKEW_MATTERS_S else ""
            self.found.say("clock", f"{round(self._skew_s):+d} s from this machine's", to_do)
        return self.found

    def _note(self, answer: ProbeAnswer) -> None:
        self._rate_headers |= {name: value for name, value in answer.headers.items() if RATE_HEADER.fullmatch(name)}
        skew_s = skew_of(answer.headers.get("date"), self.clock.now())
        self._skew_s = self._skew_s if skew_s is None else skew_s

    def propose(self, wanted: Mapping[str, Any]) -> None:
        """Add those of the ``wanted`` settings to the result that are not set so."""
        for name, value in wanted.items():
            now = getattr(self.settings, name)
            if value != (list(now) if isinstance(now, tuple) else now):
                self.found.settings[name] = value


@dataclass(frozen=True, slots=True)
class VendorProbe:
    """How one vendor is probed: ``PROBE`` in ``providers/<vendor>/probe.py``. The functions do not load it."""

    authorization: Callable[[Mapping[str, str]], str]
    """The header ``Authorization``, of a secret that has all its fields."""
    one_row: str
    """What is asked for a single listed row: path and query, after the base URL. ``call-lake doctor`` asks it."""
    rows_of: Callable[[Any], list[Any] | None]
    """The rows of a listing's parsed answer; None if the answer is an error or no listing."""
    run: Callable[[Prober], ProbeResult]
    """Ask the account everything and finish. Raises Transient where no answer comes, SecretEmpty, ConfigError."""

    def prober(
        self,
        settings: SourceSettings,
        secret: Mapping[str, str],
        clock: Clock,
        announce: Callable[[str], None],
        session: requests.Session | None = None,
    ) -> Prober:
        """The prober of the account that ``settings`` and ``secret`` open. It calls ``announce`` with the name of each
        step. Tests hand in a ``session``."""
        client = ProbeClient(settings, lambda fresh: self.authorization(secret), clock, session)
        return Prober(client, settings, clock, announce)

    def one_listed(self, prober: Prober) -> bool:
        """Whether the account lists a row, asked with one request; the prober's last fact says why not.

        Raises Transient where no answer comes.
        """
        url = f"{prober.client.base.url.rstrip('/')}/{self.one_row}"
        return prober.listing(url, self.rows_of) is not None


def load_probe(settings: SourceSettings) -> VendorProbe:
    """The probe of the source's vendor."""
    probe: VendorProbe = load(settings.provider, "probe").PROBE
    return probe


def skew_of(header: str | None, now: datetime) -> float | None:
    """Seconds by which the server's ``Date`` header is ahead of ``now``; None where there is no such header."""
    try:
        moment = parsedate_to_datetime(header or "")
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - now).total_seconds()


def _parsed(answer: ProbeAnswer) -> Any:
    try:
        return json_values.parse(answer.body, answer.headers.get("content-type"))
    except (ValueError, RecursionError):
        return None


def _text(row: Any, name: str) -> str:
    return json_values.text(row.get(name) if isinstance(row, dict) else None) or ""


def _sort_order(values: Sequence[str]) -> str | None:
    if len(set(values)) < 3:
        return None
    if list(values) == sorted(values):
        return "oldest first"
    return "newest first" if list(values) == sorted(values, reverse=True) else None


def _verdict(answer: ProbeAnswer) -> tuple[str, bool]:
    """What came of a download, in words, and whether it is audio."""
    if answer.refused_host:
        return "another host", False
    if not answer.is_whole:
        return str(answer.status), False
    try:
        return f"{sniff(answer.body, answer.headers.get('content-type'))} audio", True
    except StepFailed as error:
        return f"no audio: {error.reason}", False


def _joined(seen: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {outcome}" for name, outcome in seen.items())


def _listing_advice(answer: ProbeAnswer, settings: SourceSettings) -> str:
    if answer.refused_host:
        return f"the base URL redirects to {answer.refused_host}: use that address as base URL"
    advice = {
        200: "this is no listing of this vendor: check the base URL",
        401: "the credentials are refused: call-lake secrets set",
        403: "the user may not list recordings: give it that right at the vendor",
        404: f"there is no API at {settings.base_url}: check the base URL",
        429: "too many requests: probe again later, and lower requests_per_second",
    }
    return advice.get(answer.status, "the vendor is in trouble: probe again later")


def _download_advice(seen: Mapping[str, str]) -> str:
    outcomes = set(seen.values())
    if not outcomes:
        return "probe again once there is a recording of the last 30 days"
    if any(outcome.startswith("403") for outcome in outcomes):
        return "the user may list, but not download: give it that right at the vendor"
    if any(outcome.endswith(Reason.ENCRYPTED) for outcome in outcomes):
        return "recordings are PGP-encrypted: switch that off at the vendor"
    return "none of the known forms gives audio: ask the vendor for the download's address and set download_url"
