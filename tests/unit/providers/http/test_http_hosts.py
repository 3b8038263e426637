import pytest

from call_lake.errors import Reason, Terminal, Transient
from call_lake.providers.http.hosts import HostRules, Target


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
