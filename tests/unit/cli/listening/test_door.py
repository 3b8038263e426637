"""Who may use the listening page, and what its answers tell a browser."""

import pytest

from call_lake_cli.listening.door import HEADERS
from tests.support.listening import ADDRESS, TOKEN, Answered, Listening, request

BEARER = {"authorization": f"Bearer {TOKEN}"}
OWN = {"origin": f"http://{ADDRESS}", "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}
LINKED = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


@pytest.fixture(scope="module")
def here() -> Listening:
    return Listening()


def ask(here: Listening, path: str, headers: dict[str, str], method: str = "POST") -> Answered:
    return request(here.door, method, path, headers, b"{}" if method == "POST" else b"")


@pytest.mark.parametrize("headers", [BEARER, BEARER | OWN], ids=["a program", "the page"])
def test_who_has_the_token_is_answered(here: Listening, headers: dict[str, str]) -> None:
    assert ask(here, "/api/about", headers).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        OWN,
        {"authorization": "Bearer "},
        {"authorization": "Bearer guessed"},
        {"authorization": f"Basic {TOKEN}"},
        {"cookie": f"token={TOKEN}"},
    ],
)
@pytest.mark.parametrize("what", ["about", "calls", "story", "play", "peaks", "transcript"])
def test_nobody_else_is(here: Listening, what: str, headers: dict[str, str]) -> None:
    answer = ask(here, f"/api/{what}", headers)
    assert answer.status == 403
    assert TOKEN.encode() not in answer.body


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "localhost:50000"},
        {"host": "127.0.0.1:50001"},
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:50001"},
        {"origin": "null"},
        *({"sec-fetch-site": site} for site in ("cross-site", "same-site", "none")),
        LINKED,
    ],
)
@pytest.mark.parametrize("path", ["/api/calls", "/audio/a", "/listen.js", "/listen.css"])
def test_another_page_is_refused_even_with_the_token(here: Listening, path: str, headers: dict[str, str]) -> None:
    method = "POST" if path.startswith("/api/") else "GET"
    assert ask(here, path, BEARER, method).status != 403
    assert ask(here, path, BEARER | headers, method).status == 403


def test_a_link_leads_to_the_page_and_a_frame_does_not(here: Listening) -> None:
    assert ask(here, "/", LINKED, "GET").status == 200
    assert ask(here, "/", LINKED | {"sec-fetch-dest": "iframe"}, "GET").status == 403
    assert ask(here, "/", LINKED | {"sec-fetch-mode": "no-cors"}, "GET").status == 403
    assert ask(here, "/", LINKED | {"host": "evil.example"}, "GET").status == 403


@pytest.mark.parametrize("path", ["/", "/listen.css", "/listen.js", "/favicon.ico", "/audio/a", "/api/about"])
def test_each_answer_closes_the_browsers_doors(here: Listening, path: str) -> None:
    answer = ask(here, path, BEARER, "GET")
    for name, value in HEADERS.items():
        assert answer.headers[name.lower()] == value
    assert "frame-ancestors 'none'" in HEADERS["Content-Security-Policy"]
    assert "'unsafe" not in HEADERS["Content-Security-Policy"]
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert "set-cookie" not in answer.headers


def test_the_token_is_in_no_text_of_the_door(here: Listening) -> None:
    assert TOKEN not in repr(here.door)
