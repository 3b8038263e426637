import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call_lake.errors import ConfigError, Reason, Terminal, Transient
from call_lake.providers.http.hosts import HostRules, Target
from call_lake.settings import SourceSettings


def rules(addresses: list[str], *allowed: str) -> HostRules:
    home = Target.parse("https://provider.test/").origin
    return HostRules(home, allowed, lambda host, port: addresses)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fe80::1", "fd00:ec2::254", "::ffff:127.0.0.1",
     "100.64.0.1", "224.0.0.1"],
)  # fmt: skip
def test_an_allowed_name_may_not_lead_to_an_address_inside(address):
    origin = Target.parse("https://cdn.test/").origin
    pin = rules(["93.184.216.34", address], "cdn.test").check(origin)
    assert pin is not None
    with pytest.raises(Terminal) as caught:
        pin()
    assert caught.value.reason is Reason.HOST_NOT_ALLOWED
    listed = rules([address], "cdn.test", address).check(origin)
    assert listed is not None
    assert listed() == address


def test_a_name_that_does_not_resolve_is_transient():
    pin = rules([], "cdn.test").check(Target.parse("https://cdn.test/").origin)
    assert pin is not None
    with pytest.raises(Transient):
        pin()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000/", "http://localhost/", "http://[::1]/", "http://169.254.169.254/"]
)
def test_an_address_inside_is_refused_unless_listed_for_what_it_is(url):
    origin = Target.parse(url).origin
    with pytest.raises(Terminal):
        rules([]).check(origin)
    assert rules([], origin.host).check(origin) is None
    assert rules([], f"{origin.host}:{origin.port}").check(origin) is None


# Any public host


def public(addresses: list[str], *allowed: str) -> HostRules:
    home = Target.parse("https://provider.test/").origin
    return HostRules(home, allowed, lambda host, port: addresses, any_public=True)


def test_any_public_host_may_be_asked_at_the_address_that_was_checked():
    pin = public(["93.184.216.34"]).check(Target.parse("https://cdn.test/").origin)
    assert pin is not None
    assert pin() == "93.184.216.34"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://cdn.test/", "not https"),
        ("https://cdn.test:8443/", "own port"),
        ("https://93.184.216.34/", "no public name"),
        ("https://[2606:2800:220:1::1]/", "no public name"),
        ("https://8.8.2056/", "no public name"),
        ("https://0x8.8.8.8/", "no public name"),
        ("https://010.8.8.8/", "no public name"),
        ("https://8.8.8.0x8/", "no public name"),
        ("https://134744072/", "no public name"),
        ("https://8.8.8.8./", "no public name"),
        ("https://\u2460.1.1.1/", "no public name"),
        ("https://localhost/", "no public name"),
        ("https://intranet/", "no public name"),
        ("http://provider.test/", "not https"),
    ],
)
def test_what_is_no_public_https_host_is_refused_with_the_reason_unless_it_is_listed(url, why):
    origin = Target.parse(url).origin
    with pytest.raises(Terminal, match=why) as caught:
        public([]).check(origin)
    assert caught.value.reason is Reason.HOST_NOT_ALLOWED
    public(["93.184.216.34"], f"{origin.host}:{origin.port}").check(origin)


INSIDE = ["127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1",
          "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fd00:ec2::254", "::ffff:10.0.0.1", "::10.0.0.1",
          "fec0::1", "3fff::1", "5f00::1", "::ffff:0:a00:1", "2001:db8::1",
          "64:ff9b::a00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "2002:a00:1::", "2001:0:a00:1::1"]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
@pytest.mark.parametrize("beside", [[], ["93.184.216.34"]], ids=["alone", "beside a public one"])
def test_a_public_name_may_not_lead_inside(address, beside):
    pin = public([*beside, address]).check(Target.parse("https://cdn.test/").origin)
    assert pin is not None
    with pytest.raises(Terminal, match="no public address"):
        pin()


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_no_more_public_inside_an_ipv6_one(address):
    number = int(address)
    for wrapped in (f"64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}", f"::ffff:{address}"):
        pin = public([wrapped]).check(Target.parse("https://cdn.test/").origin)
        assert pin is not None
        if address.is_global and not address.is_multicast and wrapped.startswith("::ffff"):
            assert pin() == wrapped
        else:
            with pytest.raises(Terminal):
                pin()


# Names in other alphabets


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://zażółć.test/x", "xn--za-6ja4f8n1l.test"),
        ("https://ZAŻÓŁĆ.test:8443/x", "xn--za-6ja4f8n1l.test"),
        ("https://user@zażółć.test/ź", "xn--za-6ja4f8n1l.test"),
        ("https://cdn。test/x", "cdn.test"),
    ],
)
def test_a_name_in_another_alphabet_is_asked_in_punycode(url, host):
    assert Target.parse(url).origin.host == host


@pytest.mark.parametrize("url", ["https://\u200d/", "https://a\u2044b.test/", "https://zażółć\u0001.test/"])
def test_a_name_that_cannot_be_is_no_url(url):
    with pytest.raises(ValueError, match="not an http or https URL"):
        Target.parse(url)


# The setting


def source(**chosen: Any) -> SourceSettings:
    text = json.dumps({"provider": "conpeek", "base_url": "https://provider.test", "more": chosen})
    return SourceSettings.from_json("s", text)


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("CDN.test", "cdn.test"),
        ("cdn.test:8443", "cdn.test:8443"),
        ("zażółć.test", "xn--za-6ja4f8n1l.test"),
        ("10.0.0.5", "10.0.0.5"),
        ("[fd00::1]:8443", "[fd00::1]:8443"),
        ("fd00::1", "fd00::1"),
        ("FD00:0:0::1", "fd00::1"),
        ("[0:0:0:0:0:0:0:1]", "[::1]"),
        ("x_y.test", "x_y.test"),
    ],
)
def test_a_host_is_listed_as_it_is_compared(given, host):
    assert source(allowed_hosts=[given]).allowed_hosts == (host,)


@pytest.mark.parametrize(
    "wrong",
    ["https://cdn.test", "cdn.test/", "*.cdn.test", "cdn.test.", "cdn.test:https", "a b", "user@cdn.test", ".cdn.test",
     "a..test", "-a.test", "cdn.test:0", "cdn.test:99999", "cdn.test:0443", "cdn.test\\", '"cdn.test"', "a;b",
     "%63.test", "127.1", "2130706433", "010.0.0.1", "10.0.0.256", "a" * 64 + ".test", "a." * 130 + "test", ":::",
     "a\u202e.test"],
)  # fmt: skip
def test_what_could_never_be_a_host_is_refused_with_advice(wrong):
    with pytest.raises(ConfigError, match="Write the name alone") as caught:
        source(allowed_hosts=[wrong])
    assert repr(wrong) in str(caught.value)


@pytest.mark.parametrize(
    ("chosen", "any_public"),
    [
        ({}, True),
        ({"allowed_hosts": "cdn.test"}, False),
        ({"audio_hosts": "listed"}, False),
        ({"audio_hosts": "public", "allowed_hosts": "10.0.0.5"}, True),
    ],
)
def test_a_list_narrows_what_is_allowed_unless_the_setting_says_otherwise(chosen, any_public):
    assert source(**chosen).any_public_host is any_public


def test_another_word_is_refused():
    with pytest.raises(ConfigError, match="must be public, listed or empty"):
        source(audio_hosts="all")
