"""Interim answers (RFC 9110, 15.2) are skipped, and no answer is ever taken for another request's."""

import threading
from collections.abc import Iterator

import pytest

from call_lake.errors import Reason, Transient
from tests.support.raw_server import RawServer, client, download, ok

HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
PROCESSING = b"HTTP/1.1 102 Processing\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
UNKNOWN = b"HTTP/1.1 199 \r\nContent-Length: 5\r\n\r\n"  # an interim answer has no body, whatever it says


def body_of(request: bytes) -> bytes:
    """What belongs to this request: its own path."""
    return request.split()[1]


@pytest.mark.parametrize(
    "before",
    [[HINTS], [PROCESSING], [CONTINUE], [UNKNOWN], [PROCESSING, PROCESSING, HINTS, CONTINUE], [HINTS + HINTS]],
    ids=["103", "102", "100", "199", "several", "together"],
)
@pytest.mark.parametrize("late", [False, True], ids=["at once", "the rest comes later"])
def test_every_request_gets_its_own_answer_behind_interim_ones(before: list[bytes], late: bool) -> None:
    asked_again = threading.Event()

    def answer(request: bytes) -> Iterator[bytes]:
        yield from before
        if late:
            asked_again.wait(0.05)  # the real answer is not there yet when the interim one is read
        yield from ok(body_of(request))

    with RawServer(answer) as server:
        asking = client(server)
        paths = [f"/{number}" for number in range(5)]
        assert [download(asking, path) for path in paths] == [path.encode() for path in paths]
    assert len(server.connections) == 1


def test_a_listing_behind_an_interim_answer_is_its_own() -> None:
    with RawServer(lambda request: [HINTS, *ok(b'{"path": "%s"}' % body_of(request))]) as server:
        asking = client(server)
        answers = [asking.get_json(f"{server.url}/{number}") for number in range(3)]
    assert answers == [{"path": "/0"}, {"path": "/1"}, {"path": "/2"}]


def test_interim_answers_without_end_are_given_up() -> None:
    def answer(request: bytes) -> Iterator[bytes]:
        while not server.stop.is_set():
            yield HINTS

    with RawServer(answer) as server, pytest.raises(Transient) as failed:
        download(client(server))
    assert failed.value.reason is Reason.CONNECTION


def test_an_answer_that_switches_protocols_is_refused() -> None:
    switch = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"
    with RawServer(lambda request: [switch, *ok(b"x")]) as server, pytest.raises(Transient) as failed:
        download(client(server))
    assert failed.value.reason is Reason.CONNECTION


@pytest.mark.parametrize("extra", [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong", b"more bytes than promised"])
def test_a_connection_on_which_bytes_wait_is_not_used_again(extra: bytes) -> None:
    """A server that sends an answer nobody asked for, or a body longer than its Content-Length."""
    sent = threading.Event()

    def answer(request: bytes) -> Iterator[bytes]:
        yield from ok(body_of(request))
        if request.startswith(b"GET /first "):
            yield extra
            sent.set()

    with RawServer(answer) as server:
        asking = client(server)
        assert download(asking, "/first") == b"/first"
        assert sent.wait(5)
        assert download(asking, "/second") == b"/second"
    assert len(server.connections) == 2


def test_an_answer_that_is_not_read_to_its_end_leaves_no_connection_behind() -> None:
    with RawServer(lambda request: ok(body_of(request) * 100_000)) as server:
        asking = client(server)
        with asking.open_audio("/first", 20) as body:
            next(iter(body))
        assert download(asking, "/second").startswith(b"/second")
    assert len(server.connections) == 2
