"""The HTTP client of a provider: request rate, time limits, redirects, credentials, typed errors.

The texts of errors never repeat an answer or a URL, which may hold phone numbers, names, file names or credentials.
"""

import http.client
import math
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests
import urllib3

from call_lake.errors import ConfigError, NotReady, Reason, StepFailed, Terminal, Transient
from call_lake.model import json_values
from call_lake.ports import Clock
from call_lake.providers.http.body import Body, network_error
from call_lake.providers.http.hosts import HostRules, Origin, Target
from call_lake.providers.http.transport import Request, make_session
from call_lake.settings import SourceSettings

REDIRECTS = {301, 302, 303, 307, 308}
MAX_HOPS = 5
LISTING_LIMIT_BYTES = 4 * 1024 * 1024
"""A page of 500 records of 8 KB each. A longer one would not fit into the poller's 256 MB if it held letters of four
bytes, and one byte that has to be repaired (``tests/unit/providers/http/test_listing_memory.py`` measures it)."""
ERROR_LIMIT_BYTES = 64 * 1024
LISTING_PATIENCE = 2  # read timeouts that a whole listing answer may take
NOT_READY = {404: Reason.NOT_FOUND, 410: Reason.NOT_FOUND, 204: Reason.EMPTY}
WHOLE_RANGE = re.compile(r"bytes[ =:]+0-(\d{1,18})/(\d{1,18})", re.IGNORECASE)  # RFC 9110, 14.4
REFUSED_IN_XML = {400, 401, 403}
XML = re.compile(r"(application|text)/xml\b", re.IGNORECASE)
RETRY_AFTER_MOST_S = 366 * 86_400.0
"""A longer wait is no time of this world; what asks for it waits a year."""
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestRate:
    """A budget of requests per second, without bursts. All threads of one function instance share it."""

    def __init__(self, per_second: float, clock: Clock) -> None:
        self._interval_s = 1 / per_second
        self._clock = clock
        self._next_s = clock.monotonic()
        self._lock = threading.Lock()

    def wait_for_turn(self, deadline_s: float) -> None:
        """Wait until one more request fits the budget. Raises Transient at once where that is after ``deadline_s``."""
        with self._lock:
            now_s = self._clock.monotonic()
            mine_s = max(now_s, self._next_s)
            if mine_s >= deadline_s:
                raise Transient(Reason.BUSY, "the budget of requests per second leaves no time for this one")
            self._next_s = mine_s + self._interval_s
        if mine_s > now_s:
            self._clock.sleep(mine_s - now_s)


@dataclass(frozen=True, slots=True)
class Hop:
    """One answer of a chain of redirects. ``was_trusted``: the host that answered was given the credentials.
    ``leads_to``: where a redirect leads, None for the last answer of the chain."""

    response: requests.Response
    target: Target
    was_trusted: bool
    leads_to: Target | None

    @property
    def refuses_ours(self) -> bool:
        """Whether a storage service, and not the vendor's API, refuses a request that had our credentials. The URL may
        carry its own. Then S3 answers 400 or 403 with an error in XML
        (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html), others 401."""
        kind = self.response.headers.get("Content-Type", "")
        is_refusal = self.response.status_code in REFUSED_IN_XML and XML.match(kind.strip()) is not None
        return is_refusal and self.was_trusted


class Client:
    """Sends GET requests to one source. Many threads may use one client."""

    def __init__(
        self,
        settings: SourceSettings,
        authorize: Callable[[bool], str],
        clock: Clock,
        session: requests.Session | None = None,
    ) -> None:
        """``authorize(fresh)`` gives the Authorization header; ``fresh`` reads the secret again. Tests give a
        ``session``. Raises ConfigError for a base URL that is none."""
        try:
            self.base = Target.parse(settings.base_url.rstrip("/") + "/")
        except ValueError as error:
            raise ConfigError(f"source {settings.name!r}: base URL: {error}") from None
        self._rules = HostRules(self.base.origin, settings.allowed_hosts, any_public=settings.any_public_host)
        self._authorize = authorize
        self._clock = clock
        self._timeout_s = settings.timeout_s
        self._rate = RequestRate(settings.requests_per_second, clock)
        self._session = session or make_session()
        self._environments: dict[Origin, Any] = {}

    def get_json(self, url: str, until_s: float = math.inf) -> Any:
        """Return the JSON of a listing, by ``until_s`` of the monotonic clock at the latest. 204 is an empty answer.

        Raises Transient (BAD_LISTING where the answer is no JSON), Terminal, SecretEmpty.
        """
        deadline_s = min(until_s, self._clock.monotonic() + LISTING_PATIENCE * self._timeout_s)
        with closing(self._get(Target.parse(url), deadline_s).response) as response:
            if response.status_code == 204:
                return {}
            if response.status_code != 200:
                raise self._refusal(response, "the listing", deadline_s)
            body = Body(response, self._clock, deadline_s)
            data = body.read_up_to(LISTING_LIMIT_BYTES)
        if data is None:
            raise Transient(Reason.BAD_LISTING, f"the listing is longer than {LISTING_LIMIT_BYTES} bytes")
        if json_values.has_too_many_values(data):
            raise Transient(Reason.BAD_LISTING, f"the listing has more than {json_values.VALUES_MOST} values")
        try:
            return json_values.parse(data, body.content_type)
        except (ValueError, RecursionError):
            kind = "HTML" if data.lstrip()[:1] == b"<" else "no JSON"
            raise Transient(Reason.BAD_LISTING, f"the listing is {kind} ({len(data)} bytes)") from None

    @contextmanager
    def open_audio(self, url: str, deadline_s: float) -> Iterator[Body]:
        """Open the audio at ``url``, absolute or relative to the base URL.

        All of it has to arrive within ``deadline_s`` seconds.

        Raises Transient, NotReady (404, 410, 204), Terminal (403, host not allowed), SecretEmpty.
        """
        try:
            target = self.base.join(url)
        except ValueError as error:
            raise Terminal(Reason.HOST_NOT_ALLOWED, f"the record's audio URL: {error}") from None
        until_s = self._clock.monotonic() + deadline_s
        answer = self._get(target, until_s, may_be_signed=True)
        with closing(answer.response) as response:
            status = response.status_code
            if status in NOT_READY:
                raise NotReady(NOT_READY[status], f"the download answered {status}", status=status)
            if not is_whole(response):
                raise self._refusal(response, "the download", until_s)
            body = Body(response, self._clock, until_s)
            if status == 206 and not body.is_packed:
                body.declared_length = _whole_bytes(response)  # whatever the Content-Length says
            body.other_host = None if self._rules.is_home(answer.target.origin) else answer.target.origin.netloc
            yield body

    def _get(self, target: Target, deadline_s: float, *, may_be_signed: bool = False) -> Hop:
        """The answer after redirects. After a 401 the client reads the secret again, once (rule 10).

        ``may_be_signed``: the URL may carry its own credentials, and be refused with ours beside them. It is then
        asked for once without ours.
        """
        *_, last = self._hops(target, deadline_s)
        if last.response.status_code == 401 and last.was_trusted:
            last.response.close()
            *_, last = self._hops(target, deadline_s, fresh=True)
        if may_be_signed and last.refuses_ours:
            last.response.close()
            *_, last = self._hops(target, deadline_s, trusted=False)
        return last

    def _hops(self, target: Target, deadline_s: float, *, fresh: bool = False, trusted: bool = True) -> Iterator[Hop]:
        """Send, follow redirects, and yield each answer. The last one is the answer, its body not yet read.

        ``fresh`` reads the secret again. ``trusted``: the first host may see the credentials. Raises Transient,
        Terminal(HOST_NOT_ALLOWED) where a redirect leads to a host that may not be asked, SecretEmpty.
        """
        is_trusted = trusted
        for _ in range(MAX_HOPS + 1):
            # After another host the credentials stay away, also from the home host: the other host chose this hop.
            is_trusted = is_trusted and self._rules.is_home(target.origin)
            response = self._send(target, self._authorize(fresh) if is_trusted else None, deadline_s)
            location = response.headers.get("Location", "")
            if response.status_code not in REDIRECTS or not location:
                yield Hop(response, target, is_trusted, None)
                return
            # Reading the little that a redirect says keeps the connection. Whatever it is does not matter.
            with closing(response), suppress(Transient):
                Body(response, self._clock, deadline_s).read_up_to(ERROR_LIMIT_BYTES)
            try:
                # http.client decodes headers as Latin-1, and servers write UTF-8.
                following = target.join(location.encode("latin-1", "replace").decode("utf-8", "replace"))
            except ValueError:
                raise Transient(Reason.HTTP_ERROR, "a redirect to no http or https URL") from None
            yield Hop(response, target, is_trusted, following)
            if (target.origin.scheme, following.origin.scheme) == ("https", "http"):
                raise Terminal(Reason.HOST_NOT_ALLOWED, "a redirect from https to http, which anybody could read")
            target = following
        raise Transient(Reason.HTTP_ERROR, f"more than {MAX_HOPS} redirects")

    def _send(self, target: Target, authorization: str | None, deadline_s: float) -> requests.Response:
        pin = self._rules.check(target.origin)
        headers = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "call-lake"}
        if authorization is not None:
            headers["Authorization"] = authorization
        environment = self._environment(target)
        if requests.utils.select_proxy(target.url, environment["proxies"]):
            if pin is not None and not self._rules.lists(target.origin):
                pin()  # nobody vouches for this name, so it may not lead inside
            pin = None  # the proxy resolves and connects
        self._rate.wait_for_turn(deadline_s)
        # Half of what is left: the headers may take two read timeouts (transport).
        timeout_s = min(self._timeout_s, (deadline_s - self._clock.monotonic()) / 2)
        if timeout_s <= 0:
            raise Transient(Reason.TIMEOUT, "no time left for the request")
        try:
            return self._session.get_adapter(target.url).send(
                Request(target, headers, pin),
                stream=True,
                timeout=(timeout_s, timeout_s),
                verify=environment["verify"] or True,  # never off
                proxies=environment["proxies"],
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
            raise network_error(error) from None

    def _environment(self, target: Target) -> Any:
        """Proxies and certificates that the process's environment names for this origin. Read once: that takes as long
        as all the rest of preparing a request."""
        try:
            return self._environments[target.origin]
        except KeyError:
            settings = self._session.merge_environment_settings(target.url, {}, True, None, None)
            return self._environments.setdefault(target.origin, settings)

    def _refusal(self, response: requests.Response, what: str, deadline_s: float) -> StepFailed:
        status = response.status_code
        detail = f"{what} answered {status}{self._request_id(response, deadline_s)}"
        if status == 401:
            return Transient(Reason.UNAUTHORIZED, f"{detail}; check the source's secret", status=status)
        retry_after_s = retry_after(response.headers.get("Retry-After"), self._clock.now())
        if status == 403 and not response.headers.get("Retry-After", "").strip():  # with one it is a rate limit
            return Terminal(Reason.FORBIDDEN, f"{detail}; check the rights of the API user", status=status)
        reason = Reason.RATE_LIMITED if status in (403, 429) else Reason.HTTP_ERROR
        return Transient(reason, detail, retry_after_s=retry_after_s, status=status)

    def _request_id(self, response: requests.Response, deadline_s: float) -> str:
        try:
            deadline_s = min(deadline_s, self._clock.monotonic() + self._timeout_s)
            body = Body(response, self._clock, deadline_s)
            data = body.read_up_to(ERROR_LIMIT_BYTES) or b""
            return request_id(json_values.parse(data, body.content_type))
        except (StepFailed, ValueError, RecursionError):
            return ""


def is_whole(response: requests.Response) -> bool:
    """Whether an answer has the whole of what was asked for: a 200, and a 206 whose part is the whole. Some servers
    send one unasked (RFC 9110, 14.4)."""
    return response.status_code == 200 or (response.status_code == 206 and _whole_bytes(response) is not None)


def _whole_bytes(response: requests.Response) -> int | None:
    """The length that a 206 gives where its part is the whole; else None."""
    found = WHOLE_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
    return int(found[2]) if found is not None and int(found[1]) + 1 == int(found[2]) else None


def request_id(answer: Any) -> str:
    """``", request_id …"`` from an error body of Thulium's shape, for the vendor's support; else empty."""
    given = answer.get("request_id") if isinstance(answer, dict) else None
    return f", request_id {given}" if isinstance(given, str) and REQUEST_ID.fullmatch(given) else ""


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds from a Retry-After header, which holds seconds or an HTTP date (RFC 9110, 10.2.3); None if neither. Of
    several numbers, which two headers become, the greatest."""
    try:
        seconds = max(float(number) for number in (value or "").split(","))
    except ValueError:
        try:
            moment = parsedate_to_datetime(value or "")
        except (ValueError, OverflowError):
            return None
        seconds = ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds()
    return min(max(seconds, 0.0), RETRY_AFTER_MOST_S) if math.isfinite(seconds) else None
