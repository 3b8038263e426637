"""Send one request to a source and return what came of it: status, headers, first bytes (``call-lake probe``).

The rules of the real client hold: its request rate, its time limits, credentials for the configured host alone, other
hosts only where they are allowed.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field

from call_lake.errors import Reason, Terminal, Transient
from call_lake.providers.http.body import Body
from call_lake.providers.http.client import LISTING_PATIENCE, Client, is_whole
from call_lake.providers.http.hosts import Target

AUDIO_START_BYTES = 64 * 1024
"""Enough of a recording to tell its format."""


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """What a request came to.

    ``is_whole``: the answer has the whole of what was asked for. ``body``: as many bytes as were asked for, or all
    there are. ``hops``: the hosts of redirects, as ``host[:port]``. ``refused_host``: where the last redirect led, if
    that host is not allowed and was not asked.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case
    body: bytes = b""
    hops: tuple[str, ...] = ()
    refused_host: str | None = None
    is_whole: bool = False


class ProbeClient(Client):
    """Asks one source, and returns refusals instead of raising them."""

    def ask(self, url: str, limit_bytes: int, *, may_be_signed: bool = False) -> ProbeAnswer:
        """GET ``url``, absolute or relative to the base URL, and read ``limit_bytes`` of its body at most.

        ``may_be_signed``: the URL may carry its own credentials. If it is refused with ours beside them, it is asked
        for once without ours.

        Raises Transient where no answer comes, SecretEmpty.
        """
        try:
            target = self.base.join(url)
        except ValueError as error:
            raise Transient(Reason.BAD_LISTING, f"an address in the record: {error}") from None
        deadline_s = self._clock.monotonic() + LISTING_PATIENCE * self._timeout_s
        return self._follow(target, limit_bytes, deadline_s, may_be_signed=may_be_signed)

    def _follow(
        self, target: Target, limit_bytes: int, deadline_s: float, *, trusted: bool = True, may_be_signed: bool = False
    ) -> ProbeAnswer:
        """The answer at the end of the redirects."""
        asked, status, scheme, hosts = target, 0, "", []
        try:
            for hop in self._hops(target, deadline_s, trusted=trusted):
                status = hop.response.status_code
                if hop.leads_to is None:
                    break
                scheme, target = target.origin.scheme, hop.leads_to
                hosts.append(target.origin.netloc)
        except Terminal:  # HOST_NOT_ALLOWED is the only one that sending raises
            if (scheme, target.origin.scheme) == ("https", "http"):  # no list of hosts allows that
                hosts[-1] = f"http://{hosts[-1]}, which is not followed from https"
                return ProbeAnswer(status, hops=tuple(hosts))
            return ProbeAnswer(status, hops=tuple(hosts), refused_host=target.origin.netloc)
        with closing(hop.response) as response:
            if may_be_signed and hop.refuses_ours:
                return self._follow(asked, limit_bytes, deadline_s, trusted=False)
            body = Body(response, self._clock, deadline_s).first_bytes(limit_bytes)
            headers = {name.lower(): value for name, value in response.headers.items()}
        return ProbeAnswer(status, headers, body, tuple(hosts), is_whole=is_whole(response))
