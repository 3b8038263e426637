"""One request to a source, looked at from the outside: status, headers, first bytes, redirects (``call-lake probe``).

The rules of the real client hold: its budget of requests, its time limits, credentials for the configured host alone,
other hosts only where they are allowed.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field

from call_lake.errors import Reason, Terminal, Transient
from call_lake.providers.http.body import Body
from call_lake.providers.http.client import ERROR_LIMIT_BYTES, LISTING_PATIENCE, MAX_HOPS, REDIRECTS, Client
from call_lake.providers.http.hosts import Target

AUDIO_LOOK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Look:
    """``body``: as many bytes as were asked for, ``whole`` if that was all. ``hops``: hosts of redirects, as
    ``host[:port]``; ``refused_host``: where the last one led, if that host is not allowed and was not asked."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case
    body: bytes = b""
    whole: bool = True
    hops: tuple[str, ...] = ()
    refused_host: str | None = None


class Looker(Client):
    """Looks at one source."""

    def look(self, url: str, limit_bytes: int) -> Look:
        """GET ``url``, absolute or relative to the base URL. Raises Transient where no answer comes, SecretEmpty."""
        deadline_s = self._clock.monotonic() + LISTING_PATIENCE * self._timeout_s
        try:
            target = self.base.join(url)
        except ValueError as error:
            raise Transient(Reason.BAD_LISTING, f"an address in the record: {error}") from None
        hops: list[str] = []
        trusted, status = True, 0
        for _ in range(MAX_HOPS + 1):
            trusted = trusted and self._rules.is_home(target.origin)
            try:
                response = self._send(target, self._authorize(False) if trusted else None, deadline_s)
            except Terminal:  # HOST_NOT_ALLOWED is the only one that sending raises
                return Look(status, hops=tuple(hops), refused_host=target.origin.netloc)
            status, location = response.status_code, response.headers.get("Location", "")
            with closing(response):
                body = Body(response, self._clock, deadline_s)
                if status not in REDIRECTS or not location:
                    data, whole = _first(body, limit_bytes)
                    headers = {name.lower(): value for name, value in response.headers.items()}
                    return Look(status, headers, data, whole, tuple(hops))
                body.read_up_to(ERROR_LIMIT_BYTES)
            target = self._next(target, location)
            hops.append(target.origin.netloc)
        raise Transient(Reason.HTTP_ERROR, f"more than {MAX_HOPS} redirects")

    def _next(self, target: Target, location: str) -> Target:
        try:
            return target.join(location.encode("latin-1", "replace").decode("utf-8", "replace"))
        except ValueError:
            raise Transient(Reason.HTTP_ERROR, "a redirect to no http or https URL") from None


def _first(body: Body, limit_bytes: int) -> tuple[bytes, bool]:
    data = bytearray()
    for chunk in body:
        data += chunk
        if len(data) > limit_bytes:
            return bytes(data[:limit_bytes]), False
    return bytes(data), True
