import io
from contextlib import suppress
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import requests
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from call_lake.errors import NotReady, Reason, StepFailed, Terminal, Transient
from call_lake.providers.http.client import LISTING_LIMIT_BYTES, Client, RequestRate, retry_after
from call_lake.providers.http.hosts import Target
from call_lake.settings import SourceSettings
from tests.support.fakes.clock import START, FakeClock
from tests.support.stub_web import Reply, Seen, StubWeb

BASE = "https://provider.test/api"
KEY = "the-key"


def client(web: StubWeb, **chosen: Any) -> Client:
    fields: dict[str, Any] = {
        "name": "s",
        "provider": "conpeek",
        "base_url": BASE,
        "requests_per_second": 1000.0,
    } | chosen
    return Client(SourceSettings(**fields), lambda fresh: KEY, FakeClock(), web.session)


def download(asked: Client, url: str = "/file", deadline_s: float = 20) -> bytes:
    with asked.open_audio(url, deadline_s) as body:
        return b"".join(body)


def redirects(hops: dict[str, str], status: int = 302) -> StubWeb:
    """URL to Location; every other URL answers with audio."""

    def answer(seen: Seen) -> Reply:
        location = hops.get(seen.url)
        return Reply(body=b"audio") if location is None else Reply(status, headers={"Location": location})

    return StubWeb(answer)


def trusted(web: StubWeb) -> list[bool]:
    return ["Authorization" in seen.headers for seen in web.seen]


# Statuses


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (401, Transient, Reason.UNAUTHORIZED),
        (404, NotReady, Reason.NOT_FOUND),
        (410, NotReady, Reason.NOT_FOUND),
        (429, Transient, Reason.RATE_LIMITED),
        (403, Transient, Reason.RATE_LIMITED),  # with a Retry-After, as all here have
        (204, NotReady, Reason.EMPTY),
        (206, Transient, Reason.HTTP_ERROR),
        (304, Transient, Reason.HTTP_ERROR),
        (400, Transient, Reason.HTTP_ERROR),
        (500, Transient, Reason.HTTP_ERROR),
        (503, Transient, Reason.HTTP_ERROR),
    ],
)
def test_a_status_becomes_a_typed_error(status, kind, reason):
    web = StubWeb(lambda seen: Reply(status, b'{"request_id": "7f"}', {"Retry-After": "7"}))
    with pytest.raises(kind) as caught:
        download(client(web), "/file?number=48500000001")
    assert caught.value.reason is reason
    assert "48500000001" not in caught.value.detail
    if reason in (Reason.RATE_LIMITED, Reason.HTTP_ERROR):
        assert caught.value.retry_after_s == 7


@pytest.mark.parametrize("value", [None, "", " "])
def test_a_403_without_a_retry_after_is_final(value):
    headers = {} if value is None else {"Retry-After": value}
    with pytest.raises(Terminal) as caught:
        download(client(StubWeb(lambda seen: Reply(403, headers=headers))))
    assert caught.value.reason is Reason.FORBIDDEN


@pytest.mark.parametrize(
    "value", ["7", "0", "-1", "7, 60", "soon", "1e400", format_datetime(START + timedelta(seconds=7), usegmt=True)]
)
def test_a_403_with_a_retry_after_is_a_rate_limit_in_a_listing_too(value):
    with pytest.raises(Transient) as caught:
        client(StubWeb(lambda seen: Reply(403, headers={"Retry-After": value}))).get_json(f"{BASE}/list")
    assert caught.value.reason is Reason.RATE_LIMITED


@pytest.mark.parametrize(
    ("content_range", "is_whole"),
    [
        ("bytes 0-4/5", True),
        ("Bytes 0-4/5", True),
        ("bytes  0-4/5", True),
        ("bytes=0-4/5", True),
        ("bytes 0-5/5", False),
        ("items 0-4/5", False),
        ("bytes 0-3/5", False),
        ("bytes 1-4/5", False),
        ("bytes 0-4/*", False),
        ("bytes */5", False),
        ("0-4/5", False),
        ("", False),
    ],
)
def test_a_206_is_the_audio_only_where_its_range_is_the_whole(content_range, is_whole):
    web = StubWeb(lambda seen: Reply(206, b"audio", {"Content-Range": content_range}))
    if is_whole:
        assert download(client(web)) == b"audio"
        return
    with pytest.raises(Transient) as caught:
        download(client(web))
    assert caught.value.reason is Reason.HTTP_ERROR


@pytest.mark.parametrize("status", [404, 410])
def test_a_listing_that_is_not_found_is_no_missing_recording(status):
    with pytest.raises(Transient) as caught:
        client(StubWeb(lambda seen: Reply(status))).get_json(f"{BASE}/list")
    assert caught.value.reason is Reason.HTTP_ERROR


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 1.5 ", 1.5),
        (format_datetime(START + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(START - timedelta(hours=1), usegmt=True), 0.0),
        ("-5", 0.0),
        ("1e300", 366 * 86_400.0),
        ("9" * 400, None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 366 * 86_400.0),
        ("Sat, 01 Jan 99999 00:00:00 GMT", None),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0.0),
        ("soon", None),
        ("inf", None),
        ("nan", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value, seconds):
    assert retry_after(value, START) == seconds


@given(st.text(max_size=40))
def test_any_retry_after_is_read_without_an_error(value):
    seconds = retry_after(value, START)
    assert seconds is None or 0 <= seconds <= 366 * 86_400


@given(st.integers(-1, 10**6), st.integers(-(10**5), 10**5))
def test_no_date_of_a_retry_after_is_an_error(year, offset):
    seconds = retry_after(f"Mon, 01 Jan {year:04} 00:00:00 {offset:+05}", START)
    assert seconds is None or 0 <= seconds <= 366 * 86_400


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (requests.ConnectTimeout("https://provider.test/48500000001"), Reason.TIMEOUT),
        (requests.ReadTimeout("48500000001"), Reason.TIMEOUT),
        (requests.ConnectionError("48500000001"), Reason.CONNECTION),
        (requests.exceptions.SSLError("48500000001"), Reason.CONNECTION),
        (requests.exceptions.InvalidHeader("48500000001"), Reason.CONNECTION),
        (urllib3.exceptions.LocationParseError("48500000001"), Reason.CONNECTION),
        (ConnectionResetError("48500000001"), Reason.CONNECTION),
    ],
)
def test_trouble_of_the_network_is_transient_and_never_repeats_the_url(error, reason):
    with pytest.raises(Transient) as caught:
        download(client(StubWeb(lambda seen: error)))
    assert caught.value.reason is reason
    assert "48500000001" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


# Credentials and redirects


def test_credentials_go_to_the_configured_origin():
    web = redirects({})
    assert download(client(web)) == b"audio"
    assert web.seen[0].headers["Authorization"] == KEY
    assert web.seen[0].headers["Accept-Encoding"] == "identity"
    assert web.seen[0].verify, "TLS is verified, by the system's bundle or by one that the environment names"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/other", "other", "https://provider.test/other", "https://PROVIDER.test:443/x"])
def test_a_redirect_within_the_origin_keeps_them(status, location):
    web = redirects({"https://provider.test/file": location}, status)
    assert download(client(web)) == b"audio"
    assert trusted(web) == [True, True]


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://cdn.test/x",
        "https://provider.test:8443/x",
        "https://provider.test.evil.test/x",
        "https://provider.test@cdn.test/x",
        "//cdn.test/x",
    ],
)
def test_another_origin_has_to_be_allowed_and_gets_no_credentials(elsewhere):
    hops = {"https://provider.test/file": elsewhere}
    with pytest.raises(Terminal) as caught:
        download(client(redirects(hops), audio_hosts="listed"))
    assert caught.value.reason is Reason.HOST_NOT_ALLOWED
    allowed = ("cdn.test", "provider.test", "provider.test:8443", "provider.test.evil.test")
    web = redirects(hops)
    assert download(client(web, allowed_hosts=allowed)) == b"audio"
    assert trusted(web) == [True, False]


def test_audio_on_a_public_host_is_loaded_without_a_setting_and_names_the_host():
    web = redirects({"https://provider.test/file": "https://storage.test/x"})
    with client(web).open_audio("/file", 20) as body:
        assert body.other_host == "storage.test"
    assert trusted(web) == [True, False]
    with client(redirects({})).open_audio("/file", 20) as body:
        assert body.other_host is None


def test_a_hop_back_from_another_host_does_not_restore_them():
    hops = {"https://provider.test/file": "https://cdn.test/x", "https://cdn.test/x": "https://provider.test/admin"}
    web = redirects(hops)
    download(client(web, allowed_hosts=("cdn.test",)))
    assert trusted(web) == [True, False, False]


def test_an_audio_url_on_another_host_never_gets_them_not_even_back_home():
    web = redirects({"https://cdn.test/x": "https://provider.test/admin"})
    download(client(web, allowed_hosts=("cdn.test",)), "https://user:password@cdn.test/x")
    assert trusted(web) == [False, False]
    assert web.seen[0].url == "https://cdn.test/x"


def test_a_401_of_another_host_does_not_read_the_secret_again():
    web = StubWeb(lambda seen: Reply(401))
    with pytest.raises(Transient):
        download(client(web, allowed_hosts=("cdn.test",)), "https://cdn.test/x")
    assert len(web.seen) == 1


def test_an_allowed_port_allows_no_other_port():
    asked = client(redirects({}), allowed_hosts=("cdn.test:8443",))
    assert download(asked, "https://cdn.test:8443/x") == b"audio"
    with pytest.raises(Terminal):
        download(asked, "https://cdn.test/x")


def test_a_redirect_from_https_to_http_is_refused_even_at_home():
    for elsewhere in ("http://provider.test/other", "http://cdn.test/other"):
        web = redirects({"https://provider.test/file": elsewhere})
        with pytest.raises(Terminal, match="https to http") as caught:
            download(client(web, allowed_hosts=("cdn.test", "provider.test:80")))
        assert caught.value.reason is Reason.HOST_NOT_ALLOWED
        assert len(web.seen) == 1


def test_a_redirect_whose_body_cannot_be_read_is_followed():
    def answer(seen: Seen) -> Reply:
        if seen.url.endswith("/file"):
            return Reply(302, b"x", {"Location": "/other", "Content-Encoding": "br"})
        return Reply(body=b"audio")

    assert download(client(StubWeb(answer))) == b"audio"


@pytest.mark.parametrize("status", [400, 403])
@pytest.mark.parametrize("kind", ["application/xml", "text/xml; charset=utf-8", "Application/XML"])
def test_a_signed_url_of_the_own_host_that_refuses_credentials_is_asked_for_once_without(status, kind):
    def answer(seen: Seen) -> Reply:
        if "Authorization" in seen.headers:
            return Reply(status, b"<Error><Code>InvalidArgument</Code></Error>", {"Content-Type": kind})
        return Reply(body=b"audio")

    web = StubWeb(answer)
    assert download(client(web), "/file?X-Amz-Signature=1") == b"audio"
    assert trusted(web) == [True, False]


def test_a_401_in_xml_is_asked_for_with_the_secret_read_again_and_then_once_without():
    def answer(seen: Seen) -> Reply:
        if "Authorization" in seen.headers:
            return Reply(401, b"<Error><Code>InvalidAuthenticationInfo</Code></Error>", {"Content-Type": "text/xml"})
        return Reply(body=b"audio")

    web = StubWeb(answer)
    assert download(client(web), "/file?sig=1") == b"audio"
    assert trusted(web) == [True, True, False]


def test_what_is_refused_without_credentials_too_is_asked_for_no_further():
    web = StubWeb(lambda seen: Reply(403, b"<Error/>", {"Content-Type": "application/xml"}))
    with pytest.raises(Terminal):
        download(client(web))
    assert trusted(web) == [True, False]


@pytest.mark.parametrize(("status", "kind"), [(403, "application/json"), (403, ""), (500, "application/xml")])
def test_what_the_vendors_own_api_refuses_is_not_asked_for_without_credentials(status, kind):
    web = StubWeb(lambda seen: Reply(status, b"{}", {"Content-Type": kind}))
    with pytest.raises(StepFailed):
        download(client(web))
    assert trusted(web) == [True]


def test_a_listing_is_never_asked_for_without_credentials():
    web = StubWeb(lambda seen: Reply(403, b"<Error/>", {"Content-Type": "application/xml"}))
    with pytest.raises(Terminal):
        client(web).get_json(f"{BASE}/list")
    assert trusted(web) == [True]


def test_the_sixth_redirect_is_not_followed():
    web = StubWeb(lambda seen: Reply(302, headers={"Location": "/again"}))
    with pytest.raises(Transient, match="5 redirects"):
        download(client(web))
    assert len(web.seen) == 6


@pytest.mark.parametrize(
    "location",
    ["ftp://provider.test/x", "javascript:alert(1)", "https://", "https://a b/", "http://[::1",
     "http://127.0.0.1:99999/", "https://provider.test:65536/x", "https://provider.test:0/x"],
)  # fmt: skip
def test_a_redirect_to_nowhere_is_transient(location):
    with pytest.raises(Transient) as caught:
        download(client(redirects({"https://provider.test/file": location})))
    assert caught.value.reason is Reason.HTTP_ERROR


@pytest.mark.parametrize(
    "url", ["ftp://x/48500000001", "https://exa\\mple.test@provider.test/", "https://\u200d.test/", "data:x"]
)
def test_an_audio_url_of_another_kind_is_refused_without_repeating_it(url):
    with pytest.raises(Terminal) as caught:
        download(client(redirects({})), url)
    assert caught.value.reason is Reason.HOST_NOT_ALLOWED
    assert "48500000001" not in caught.value.detail


@given(st.text(max_size=60))
def test_any_location_leads_to_an_allowed_host_or_to_an_error(location):
    web = redirects({"https://provider.test/file": location})
    with suppress(StepFailed):
        download(client(web))
    for seen in web.seen:
        assert Target.parse(seen.url).origin.host == "provider.test"


# Budget and limits


class Zeros(io.BytesIO):
    """As many zeros, without the memory."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self._left = length

    def read(self, size: int | None = -1) -> bytes:
        take = min(self._left, size if size is not None and size >= 0 else self._left)
        self._left -= take
        return bytes(take)

    read1 = read


@given(st.floats(0.5, 100), st.integers(2, 30))
def test_requests_keep_to_their_budget(per_second, n):
    clock = FakeClock()
    rate = RequestRate(per_second, clock)
    for _ in range(n):
        rate.wait_for_turn(deadline_s=1e9)
    assert clock.monotonic() == pytest.approx((n - 1) / per_second, rel=1e-3)


def test_a_request_for_which_the_budget_leaves_no_time_fails_at_once_and_takes_nothing_of_it():
    clock = FakeClock()
    rate = RequestRate(0.1, clock)
    rate.wait_for_turn(deadline_s=5)
    for _ in range(20):
        with pytest.raises(Transient) as caught:
            rate.wait_for_turn(deadline_s=5)
        assert caught.value.reason is Reason.BUSY
    assert clock.monotonic() == 0
    rate.wait_for_turn(deadline_s=15)
    assert clock.monotonic() == 10


def test_every_request_is_paced_redirects_too():
    clock = FakeClock()
    web = redirects({"https://provider.test/file": "/other"})
    fields = SourceSettings("s", "conpeek", BASE, requests_per_second=2.0)
    download(Client(fields, lambda fresh: KEY, clock, web.session))
    assert clock.monotonic() == pytest.approx(0.5)


def test_a_listing_without_end_is_cut_off():
    with pytest.raises(Transient, match="longer than"):
        client(StubWeb(lambda seen: Reply(raw=Zeros(LISTING_LIMIT_BYTES * 2)))).get_json(f"{BASE}/list")


def test_nan_in_a_listing_does_not_spoil_what_is_stored():
    assert client(StubWeb(lambda seen: Reply(body=b"[NaN, -Infinity, 1]"))).get_json(BASE) == [None, None, 1]


def test_a_listing_is_read_by_the_charset_that_it_declares():
    reply = Reply(
        body='["Łódź"]'.encode("iso-8859-2"), headers={"Content-Type": "application/json; charset=iso-8859-2"}
    )
    assert client(StubWeb(lambda seen: reply)).get_json(BASE) == ["Łódź"]


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=x-unknown"])
def test_a_listing_in_an_encoding_that_nobody_knows_loses_no_more_than_letters(content_type):
    reply = Reply(body='["Łódź"]'.encode("iso-8859-2"), headers={"Content-Type": content_type})
    assert client(StubWeb(lambda seen: reply)).get_json(BASE) == ["\udca3\udcf3d\udcbc"]


def test_a_listing_without_content_is_an_empty_answer():
    assert client(StubWeb(lambda seen: Reply(204))).get_json(BASE) == {}
