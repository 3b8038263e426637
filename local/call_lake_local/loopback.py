"""Which requests a server on this machine takes. Those of the local stack take no web page's. The listening page's
server takes those of the page that it serves.

Standard library only: the emulator's gate imports this in ministack's own environment.
"""

from collections.abc import Iterable

OF_PAGES = (b"origin", b"sec-fetch-site")


def why_refused(headers: Iterable[tuple[bytes, bytes]], address: str) -> str | None:
    """Why this request is refused, or None. ``address`` is the server's own: ``127.0.0.1:4566``.

    A web page reaches a server of this machine in two ways. Its own requests carry ``Origin`` or ``Sec-Fetch-Site``
    (https://www.w3.org/TR/fetch-metadata/). Or its host's name resolves to 127.0.0.1, so that the browser takes the
    server for the page's own (DNS rebinding); then ``Host`` is that name.
    """
    hosts = []
    for name, value in headers:
        lower = name.lower()
        if lower in OF_PAGES:
            return f"requests of web pages are refused here, and this one has the header {lower.decode()}"
        if lower == b"host":
            hosts.append(value)
    if hosts != [address.encode()]:
        return f"the header Host has to be {address}, once"
    return None


def why_foreign(headers: Iterable[tuple[bytes, bytes]], address: str, *, is_page: bool) -> str | None:
    """Why this request is refused by a server that has a page, or None. Another page's requests are refused, and those
    under another name (see ``why_refused``). Programs, which send neither header, are not.

    ``is_page``: whether the request is for the page itself. Any page may link to it, so it must hold no data.
    """
    found: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        found.setdefault(name.lower(), []).append(value)
    names = (b"host", b"origin", b"sec-fetch-site", b"sec-fetch-mode", b"sec-fetch-dest")
    hosts, origins, sites, modes, dests = map(found.get, names)
    if hosts != [address.encode()]:
        return f"the header Host has to be {address}, once"
    if origins not in (None, [f"http://{address}".encode()]):
        return "requests of other web pages are refused here, and this one has another Origin"
    is_link = modes == [b"navigate"] and dests == [b"document"]
    if sites not in (None, [b"same-origin"]) and not (is_page and is_link):
        return "requests of other web pages are refused here, and Sec-Fetch-Site says that this is one"
    return None
