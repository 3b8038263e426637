"""Which requests a server of the local stack takes: those of programs that know its address, and none of a web page.

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
