"""Decide which hosts may be asked, and which of them may see the credentials.

Credentials go to the configured origin (scheme, host, port) alone. Audio may also come from any public https host, or
where a list is given, from the hosts of ``allowed_hosts`` alone (docs/adr/0018-audio-may-lie-on-any-public-host.md). A
name may lead to public addresses only, unless the private address is in the list too.
"""

import re
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Self
from urllib.parse import quote, urljoin

import idna

from call_lake.errors import Reason, Terminal, Transient

# Stricter than RFC 3986 on purpose: what the check reads must be what the connection uses.
URL = re.compile(r"(https?)://(?:[^/?#@\\\s]*@)?(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{0,5}))?(?=[/?#]|$)([^#]*)", re.I)
NAME_OF_A_URL = re.compile(r"(https?://(?:[^/?#@\\\s]*@)?)([^/?#:@\[\]\\\s]+)", re.I)
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.I)
DEFAULT_PORTS = {"http": 80, "https": 443}
ENDS_IN_A_NUMBER = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)")
"""``127.1``, ``0x7f.1``, ``2130706433``: to a resolver, an IPv4 address (https://url.spec.whatwg.org/#host-parsing)."""
GLOBAL_UNICAST = ip_network("2000::/3")
"""The IPv6 addresses that are handed out (https://www.iana.org/assignments/ipv6-address-space). Outside lie NAT64
(RFC 6052, RFC 8215) and IPv4-compatible addresses (RFC 4291), which carry an IPv4 one that may be private, and
site-local ones. Python calls some of them global."""
LEADS_INSIDE = [ip_network(net) for net in ("2002::/16", "2001::/32", "3fff::/20")]
"""6to4 (RFC 3056) and Teredo (RFC 4380) carry an IPv4 address, too. The last are for documentation (RFC 9637)."""

type Resolve = Callable[[str, int], Iterable[str]]
"""Host name and port to addresses. Raises OSError."""
type Pin = Callable[[], str]
"""The checked address of a name. Raises Terminal, Transient."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host in lower case (IPv6 in brackets), port."""

    scheme: str
    host: str
    port: int

    @property
    def netloc(self) -> str:
        return self.host if self.port == DEFAULT_PORTS[self.scheme] else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes. ``path``: path and query, percent-encoded, and not normalised."""

    origin: Origin
    path: str

    @property
    def url(self) -> str:
        return f"{self.origin.scheme}://{self.origin.netloc}{self.path}"

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read a URL, without the user name and password in it.

        Raises ValueError, whose text does not repeat the URL: it may hold personal data.
        """
        match = URL.fullmatch(_with_ascii_host(url.partition("#")[0].strip()))
        if match is None:
            raise ValueError("not an http or https URL")
        scheme, host = match[1].lower(), _canonical(match[2].lower().rstrip("."))
        port = int(match[3]) if match[3] else DEFAULT_PORTS[scheme]
        if not 0 < port < 65536:
            raise ValueError("not an http or https URL")
        path = quote(match[4], safe="%/:?[]@!$&'()*+,;=~", errors="replace")
        return cls(
            Origin(scheme, host, port),
            path if path.startswith("/") else f"/{path}",
        )

    def join(self, reference: str) -> Self:
        """The target that a redirect or a relative URL names. Raises ValueError."""
        absolute = SCHEME.match(reference.strip())
        return self.parse(reference if absolute else urljoin(self.url, reference.strip()))


def _canonical(host: str) -> str:
    """A host, an IPv6 address in its shortest form. Raises ValueError."""
    if not host.startswith("["):
        return host
    try:
        return f"[{ip_address(host[1:-1]).compressed}]"
    except ValueError:
        raise ValueError("not an http or https URL") from None


def _with_ascii_host(url: str) -> str:
    """The URL with its host in punycode. Raises ValueError where that cannot be."""
    found = NAME_OF_A_URL.match(url)
    if found is None or found[2].isascii():
        return url
    try:
        return f"{found[1]}{idna.encode(found[2], uts46=True).decode()}{url[found.end() :]}"
    except idna.IDNAError:
        raise ValueError("not an http or https URL") from None


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, IPv4 first (Lambda has no IPv6 by default). Raises OSError."""
    found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    return sorted({str(item[4][0]) for item in found}, key=lambda address: (":" in address, address))


class HostRules:
    """Which hosts one source may ask. ``any_public``: also public https hosts that are not in the list."""

    def __init__(
        self, home: Origin, allowed_hosts: Iterable[str], resolve: Resolve = resolve, *, any_public: bool = False
    ) -> None:
        self._home = home
        self._allowed = frozenset(host.lower() for host in allowed_hosts)
        self._any_public = any_public
        self._resolve = resolve

    def is_home(self, origin: Origin) -> bool:
        """Whether this is the configured origin, the only one that may see the credentials."""
        return origin == self._home

    def check(self, origin: Origin) -> Pin | None:
        """Return a function that gives the address to connect to, or None where the connection may resolve the name.

        Raises Terminal(HOST_NOT_ALLOWED).
        """
        if self.is_home(origin):
            return None
        if not self._lists(origin.host, origin.port):
            because = _why_not_public(origin) if self._any_public else "which is not in allowed_hosts"
            if because:
                raise Terminal(
                    Reason.HOST_NOT_ALLOWED,
                    f"the audio lies on {origin.scheme}://{origin.netloc}, {because}; if you trust it, add it to "
                    "allowed_hosts",
                )
            return partial(self._public_address, origin)
        if origin.host == "localhost" or _is_address(origin.host):
            return None  # the list names the address itself
        return partial(self._public_address, origin)

    def lists(self, origin: Origin) -> bool:
        """Whether ``allowed_hosts`` names it."""
        return self._lists(origin.host, origin.port)

    def _public_address(self, origin: Origin) -> str:
        """Resolve a name and check the address. The connection goes to that very address, so that a name that changes
        meanwhile cannot slip by.

        Raises Terminal(HOST_NOT_ALLOWED), Transient(CONNECTION) where the name does not resolve.
        """
        try:
            addresses = list(self._resolve(origin.host, origin.port))
        except (OSError, UnicodeError):
            addresses = []
        if not addresses:
            raise Transient(Reason.CONNECTION, f"the name {origin.host} does not resolve")
        for address in addresses:
            if not _is_public(address) and not self._lists(address, origin.port):
                raise Terminal(
                    Reason.HOST_NOT_ALLOWED,
                    f"{origin.host} leads to {address}, no public address; if you trust it, add it to allowed_hosts",
                )
        return addresses[0]

    def _lists(self, host: str, port: int) -> bool:
        names = {host, host.strip("[]"), f"[{host}]"}
        return not self._allowed.isdisjoint(names | {f"{name}:{port}" for name in names})


def _why_not_public(origin: Origin) -> str:
    """Why a host that no list names may not be asked; empty where it may, if its addresses are public."""
    if origin.scheme != "https":
        return "which is not https"
    if origin.port != DEFAULT_PORTS["https"]:
        return "which is not https's own port"
    if origin.host.startswith("[") or ENDS_IN_A_NUMBER.fullmatch(origin.host) or "." not in origin.host.strip("."):
        return "which is no public name"
    return ""


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _is_public(address: str) -> bool:
    ip: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if ip.version == 6 and ip not in GLOBAL_UNICAST:
        return False
    return ip.is_global and not ip.is_multicast and not any(ip in network for network in LEADS_INSIDE)
