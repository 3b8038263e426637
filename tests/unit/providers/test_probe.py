"""A probe tells what a vendor does not document, on simulated vendors that differ in each respect."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any

import boto3
import pytest
from moto import mock_aws

from call_lake.errors import ConfigError, Transient
from call_lake.providers.http.probe_client import ProbeClient
from call_lake.providers.probe import Prober, ProbeResult, skew_of
from call_lake.providers.thulium.api import listing_rows
from call_lake.providers.thulium.probe import _offset_h
from call_lake.settings import SourceSettings
from call_lake_cli.commands.probe import run_probe, with_settings, write_settings
from call_lake_cli.console.errors import UserError
from call_lake_cli.stack.handle import Stack
from call_lake_local.simulators import transport
from call_lake_local.simulators.clock import SimClock
from call_lake_local.simulators.faults import FaultPlan
from call_lake_local.simulators.simulation import FAKE_KEY, FAKE_PASSWORD, Simulation
from call_lake_local.simulators.thulium import USER
from call_lake_local.simulators.world import World
from tests.support.fakes import FakeClock
from tests.support.fakes.provider import make_wav
from tests.support.stub_web import Reply, Seen, StubWeb

NOW = datetime(2026, 11, 15, 20, 0, tzinfo=UTC)
MANY = World.generate(seed=3, count=260, start=date(2026, 10, 20), days=24, tiny_audio=True)
URLS = {"thulium": transport.THULIUM_URL, "conpeek": transport.CONPEEK_URL}
SECRETS = {"thulium": {"username": USER, "password": FAKE_PASSWORD}, "conpeek": {"key": FAKE_KEY}}


class Vendor:
    """Both simulated vendors, and a probe of one of them."""

    def __init__(self, kind: str, faults: str = "", world: World = MANY, **options: Any) -> None:
        self.kind = kind
        self.clock = FakeClock(NOW)
        self.simulation = Simulation.of(world, FaultPlan.parse(faults), clock=SimClock(NOW), **options)
        self.secret = SECRETS[kind]

    def probe(self, **more: Any) -> ProbeResult:
        settings = SourceSettings(self.kind, self.kind, URLS[self.kind], **more)
        session = transport.session(self.simulation, self.clock.sleep)
        return run_probe(settings, self.secret, self.clock, lambda step: None, session)


def said(found: ProbeResult, topic: str) -> str:
    return "; ".join(f"{fact.found} > {fact.to_do}" for fact in found.facts if fact.topic == topic)


@pytest.mark.parametrize("kind", ["thulium", "conpeek"])
def test_an_account_that_is_as_documented_needs_no_setting(kind: str) -> None:
    found = Vendor(kind).probe()

    assert found.works
    assert found.settings == {}
    assert [fact for fact in found.facts if fact.to_do] == []


def test_a_probe_reads_only_and_asks_little() -> None:
    vendor = Vendor("thulium")
    vendor.probe()

    assert vendor.simulation.thulium.stats.snapshot()["requests"] <= 15


# -- listing


@pytest.mark.parametrize("kind", ["thulium", "conpeek"])
@pytest.mark.parametrize(
    ("faults", "says"),
    [
        ("", "oldest first; the same at each request"),
        ("newest_first", "newest first; the same at each request"),
        ("unsorted", "none that can be seen; the same at each request"),
        ("unsorted_per_request", "none that can be seen; another at each request"),
    ],
)
def test_the_order_is_told(kind: str, faults: str, says: str) -> None:
    assert says in said(Vendor(kind, faults).probe(), "order")


@pytest.mark.parametrize(("limit_max", "says"), [(100, "100 rows where 200"), (150, "150 rows where 200")])
def test_thuliums_page_limit_is_told(limit_max: int, says: str) -> None:
    vendor = Vendor("thulium")
    vendor.simulation.thulium.limit_max = limit_max

    assert says in said(vendor.probe(), "page limit")


def test_a_page_that_is_refused_for_its_length_is_told_and_stops_nothing() -> None:
    vendor = Vendor("thulium")
    vendor.simulation.thulium.limit_max = None
    found = vendor.probe()

    assert "it refuses 200 rows (400)" in said(found, "page limit")
    assert found.works


@pytest.mark.parametrize(("limit_max", "says"), [(1000, "600 rows where 1000"), (500, "500 rows at most")])
def test_conpeeks_page_limit_is_told(limit_max: int, says: str) -> None:
    world = World.generate(seed=3, kinds=["conpeek"], count=600, start=date(2026, 10, 20), days=24, tiny_audio=True)
    vendor = Vendor("conpeek", world=world)
    vendor.simulation.conpeek.limit_max = limit_max

    assert says in said(vendor.probe(), "page limit")


@pytest.mark.parametrize(("faults", "says"), [("", "recording's creation"), ("filter_by_call_date", "of the call")])
def test_which_date_thuliums_window_means_is_told(faults: str, says: str) -> None:
    assert says in said(Vendor("thulium", faults).probe(), "window")


def test_an_end_that_is_not_included_is_told() -> None:
    assert "an end is not included" in said(Vendor("thulium", "exclusive_to").probe(), "window")


# -- time


@pytest.mark.parametrize("zone", ["UTC", "Europe/London", "Europe/Kyiv"])
def test_a_wrong_time_zone_is_found_by_the_connections_epoch(zone: str) -> None:
    world = World.generate(seed=3, count=400, start=date(2026, 5, 10), days=185, tz=zone, tiny_audio=True)

    assert Vendor("thulium", world=world).probe().settings == {"time_zone": zone}


def test_zones_that_agree_in_this_season_are_all_named() -> None:
    world = World.generate(seed=3, count=120, start=date(2026, 10, 28), days=15, tz="UTC", tiny_audio=True)

    assert "Europe/London would do, too" in said(Vendor("thulium", world=world).probe(), "time zone")


def test_a_zone_that_no_candidate_has_is_told_by_its_offset() -> None:
    world = World.generate(seed=3, count=120, start=date(2026, 10, 28), days=15, tz="Asia/Kolkata", tiny_audio=True)
    found = Vendor("thulium", world=world).probe()

    assert "+5.5 h from UTC" in said(found, "time zone")
    assert "set time_zone" in said(found, "time zone")


@pytest.mark.parametrize(
    ("minutes", "hours"), [(60, 1), (68, 1), (74, 1), (120, 2), (330, 5.5), (-300, -5), (-290, -5)]
)
def test_a_wait_before_the_call_is_no_part_of_the_zones_offset(minutes: int, hours: float) -> None:
    wall = NOW.replace(tzinfo=None) + timedelta(minutes=minutes)

    assert _offset_h((wall, NOW)) == hours


def test_the_zone_that_is_set_is_kept_where_it_agrees() -> None:
    assert "time_zone" not in Vendor("thulium").probe(time_zone="Europe/Berlin").settings


def test_the_vendors_clock_is_compared_with_this_one() -> None:
    vendor = Vendor("conpeek")
    vendor.simulation.conpeek.more_headers = {"Date": format_datetime(NOW + timedelta(minutes=5), usegmt=True)}

    told = said(vendor.probe(), "clock")
    assert "+29" in told or "+300" in told  # the probe itself takes its time


@pytest.mark.parametrize(("header", "skew_s"), [("Sun, 15 Nov 2026 19:59:30 GMT", -30.0), ("soon", None), (None, None)])
def test_a_date_header_that_cannot_be_read_says_nothing(header: str | None, skew_s: float | None) -> None:
    assert skew_of(header, NOW) == skew_s


# -- audio


@pytest.mark.parametrize(
    ("form", "settings"),
    [
        ("query", {}),
        ("query_slashes", {"encode_slashes": False}),
        ("path_slashes", {"download_url": "{base_url}/recordings/download/{filename}", "encode_slashes": False}),
        ("path", {"download_url": "{base_url}/recordings/download/{filename}"}),
        ("stream", {"download_url": "{base_url}/recordings/stream?filename={filename}"}),
    ],
)
def test_the_form_of_thuliums_download_is_found_and_works_when_it_is_set(form: str, settings: dict[str, Any]) -> None:
    vendor = Vendor("thulium")
    vendor.simulation.thulium.forms = {form}
    found = vendor.probe()

    assert found.settings == settings
    assert found.works
    assert "wav audio" in said(found, "download")
    assert vendor.probe(**settings).settings == {}


@pytest.mark.parametrize("in_record", [True, False])
def test_conpeeks_audio_is_found_by_the_records_url_and_by_path(in_record: bool) -> None:
    found = Vendor("conpeek", url_in_record=in_record).probe()

    assert found.works
    assert ("the record's URL" in said(found, "download")) == in_record


@pytest.mark.parametrize(
    ("faults", "says"),
    [
        ("forbidden:1", "may list, but not download"),
        ("pgp:1", "PGP-encrypted"),
        ("gone:1", "none of the known forms"),
        ("garbage:1", "none of the known forms"),
        ("html_audio:1!", "none of the known forms"),
    ],
)
def test_a_download_that_does_not_work_says_what_to_do(faults: str, says: str) -> None:
    found = Vendor("thulium", faults).probe()

    assert not found.works
    assert says in said(found, "download")


def test_a_redirect_to_another_host_is_told_and_not_followed() -> None:
    vendor = Vendor("thulium", "redirect_foreign:1")
    found = vendor.probe()

    assert found.settings == {"allowed_hosts": ["foreign.sim"]}
    assert "trust it?" in said(found, "download")
    assert vendor.simulation.foreign.snapshot()["requests"] == 0
    assert not found.works


def test_an_allowed_host_is_asked_and_never_gets_the_credentials() -> None:
    vendor = Vendor("thulium", "redirect_foreign:1")
    found = vendor.probe(allowed_hosts=("foreign.sim",))

    assert found.works
    assert vendor.simulation.foreign.snapshot()["requests"] > 0
    assert vendor.simulation.foreign.snapshot()["credentials"] == []


def test_a_url_of_another_host_in_the_record_is_told_and_not_asked() -> None:
    vendor = Vendor("conpeek", "url_foreign:1")

    assert vendor.probe().settings == {"allowed_hosts": ["foreign.sim"]}
    assert vendor.simulation.foreign.snapshot()["requests"] == 0


def reply(always: Reply, _seen: Seen) -> Reply:
    return always


def test_a_redirect_from_https_to_http_is_no_host_that_could_be_allowed() -> None:
    settings = SourceSettings("conpeek", "conpeek", "https://conpeek.test/api")
    for elsewhere in ("http://conpeek.test/a.wav", "http://cdn.test/a.wav"):
        web = StubWeb(partial(reply, Reply(302, headers={"Location": elsewhere})))
        client = ProbeClient(settings, lambda fresh: "key", FakeClock(NOW), web.session)
        answer = client.ask("/a.wav", 10)
        assert (answer.status, answer.refused_host) == (302, None)
        assert answer.hops[-1].startswith("http://")


def test_a_redirect_on_the_same_host_is_told() -> None:
    assert "redirected to thulium.sim" in said(Vendor("thulium", "redirect_same_host:1!").probe(), "download")


def test_a_recording_that_is_gone_does_not_stand_for_the_others() -> None:
    vendor = Vendor("thulium")
    first = MANY.recordings["thulium"][0]
    vendor.simulation.thulium.plan = FaultPlan.parse("gone:0.4", seed=_seed_that_dooms(first.index))

    assert vendor.probe().works


def _seed_that_dooms(index: int) -> int:
    """Of the three rows that are tried, the first alone is gone."""
    for seed in range(1000):
        plan = FaultPlan.parse("gone:0.4", seed)
        if [plan.hits("gone", str(n)) for n in (index, index + 1, index + 2)] == [True, False, False]:
            return seed
    raise AssertionError("no such seed")


# -- rights, rates, records


@pytest.mark.parametrize("kind", ["thulium", "conpeek"])
def test_refused_credentials_say_how_to_set_others(kind: str) -> None:
    vendor = Vendor(kind)
    vendor.secret = dict.fromkeys(SECRETS[kind], "wrong")
    found = vendor.probe()

    assert not found.works
    assert "answered 401" in said(found, "listing")
    assert "call-lake secrets set" in said(found, "listing")


def test_a_vendor_that_is_away_is_an_error_of_its_own() -> None:
    with pytest.raises(Transient):
        Vendor("thulium", "reset:1!").probe()


def test_rate_limits_that_are_announced_are_told() -> None:
    vendor = Vendor("thulium")
    vendor.simulation.thulium.more_headers = {"X-RateLimit-Limit": "60", "RateLimit-Remaining": "59", "X-Other": "1"}

    told = said(vendor.probe(), "rate limit")
    assert "x-ratelimit-limit: 60" in told
    assert "ratelimit-remaining: 59" in told
    assert "x-other" not in told


@pytest.mark.parametrize(("unit_s", "settings"), [(0.001, {}), (1, {"mapping": {"talk_s": "talking_time"}})])
def test_the_unit_of_conpeeks_talking_time_is_found(unit_s: float, settings: dict[str, Any]) -> None:
    vendor = Vendor("conpeek")
    vendor.simulation.conpeek.talk_unit_s = unit_s

    assert vendor.probe().settings == settings
    assert vendor.probe(**settings).settings == {}


def test_a_record_whose_key_has_another_name_asks_for_the_mapping() -> None:
    found = Vendor("conpeek").probe(mapping={"provider_key": "gone"})

    assert "provider_key is missing in 260 of 260 rows" in said(found, "mapping")
    assert "dialog_uuid" in said(found, "fields of a record")


def test_a_key_that_several_rows_share_asks_for_another() -> None:
    assert "keys stand for several rows" in said(
        Vendor("conpeek").probe(mapping={"provider_key": "dialog_type"}), "mapping"
    )


def test_a_listing_is_probed_in_the_encoding_that_it_declares() -> None:
    listed = {"result": [{"user": "Zażółć"}]}
    body = json.dumps(listed, ensure_ascii=False).encode("iso-8859-2")
    web = StubWeb(lambda seen: Reply(body=body, headers={"Content-Type": "application/json; charset=iso-8859-2"}))
    settings, clock = SourceSettings("thulium", "thulium", URLS["thulium"]), FakeClock(NOW)
    prober = Prober(ProbeClient(settings, lambda fresh: "key", clock, web.session), settings, clock, lambda step: None)

    assert prober.listing("recordings", listing_rows) == (listed["result"], listed)


def test_an_account_without_recordings_is_told() -> None:
    found = Vendor("thulium", world=replace(MANY, recordings={"thulium": (), "conpeek": ()})).probe()

    assert "0 rows" in said(found, "listing")
    assert "once there is a recording" in said(found, "download")
    assert not found.works


@pytest.mark.parametrize("kind", ["thulium", "conpeek"])
def test_no_fact_holds_a_number_a_name_or_a_key(kind: str) -> None:
    vendor = Vendor(kind, "strings_for_numbers,nulls,unknown_fields,forbidden:1")
    text = json.dumps([(fact.found, fact.to_do) for fact in vendor.probe().facts], ensure_ascii=False)

    for recording in MANY.recordings[kind]:
        for personal in (recording.src, recording.agent, recording.key, recording.connection_id or recording.key):
            assert personal not in text


# -- writing


@pytest.fixture
def ssm() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("ssm", region_name="eu-central-1")
        document = {
            "provider": "thulium", "base_url": "https://example.thulium.com/api", "time_zone": "UTC",
            "secret": "s", "queue_url": "q",
            "more": {"requests_per_second": 2, "download_url": "{base_url}/x/{filename}"},
        }  # fmt: skip
        client.put_parameter(Name="/sources/thulium", Value=json.dumps(document), Type="String")
        yield client


class Here(Stack):
    def client(self, service: str) -> Any:
        return boto3.client(service, region_name="eu-central-1")  # type: ignore[call-overload]


STACK = Here("s", "b", "t", "/sources", "", "", "", "", {})


def read(ssm: Any) -> SourceSettings:
    return SourceSettings.from_json("thulium", ssm.get_parameter(Name="/sources/thulium")["Parameter"]["Value"])


def test_what_should_be_set_is_written_and_all_else_stays(ssm: Any) -> None:
    write_settings(STACK, "thulium", {"time_zone": "Europe/London", "encode_slashes": False, "download_url": ""})

    written = read(ssm)
    assert (written.time_zone, written.encode_slashes, written.download_url) == ("Europe/London", False, "")
    assert (written.requests_per_second, written.secret, written.queue_url) == (2, "s", "q")


@pytest.mark.parametrize(
    ("wanted", "error"),
    [({"encode_slashes": "perhaps"}, ConfigError), ({"mapping": {"talk_s": "a" * 5000}}, UserError)],
)
def test_settings_that_cannot_work_are_not_written(ssm: Any, wanted: dict[str, Any], error: type[Exception]) -> None:
    before = read(ssm)

    with pytest.raises(error):
        write_settings(STACK, "thulium", wanted)

    assert read(ssm) == before


def test_a_document_without_further_settings_gets_them() -> None:
    assert with_settings({"base_url": "u"}, {"encode_slashes": False}) == {
        "base_url": "u",
        "more": {"encode_slashes": False},
    }


# -- the probe agrees with the client


PROBED = "https://example.thulium.test/api"


def probe_client(web: StubWeb) -> ProbeClient:
    settings = SourceSettings("thulium", "thulium", PROBED)
    return ProbeClient(settings, lambda fresh: "the-key", FakeClock(NOW), web.session)


@pytest.mark.parametrize(
    ("content_range", "is_whole"),
    [("bytes 0-4/5", True), ("bytes 0-3/5", False), ("bytes 1-4/5", False), ("bytes 0-4/*", False), ("", False)],
)
def test_a_206_that_is_the_whole_is_the_whole_for_the_probe_too(content_range: str, is_whole: bool) -> None:
    web = StubWeb(lambda seen: Reply(206, b"audio", {"Content-Range": content_range}))
    assert probe_client(web).ask("/audio", 10).is_whole == is_whole


def _signed(seen: Seen) -> Reply:
    """A storage on the vendor's own host, whose links carry their own credentials."""
    if "Authorization" in seen.headers:
        return Reply(400, b"<Error><Code>InvalidArgument</Code></Error>", {"Content-Type": "application/xml"})
    return Reply(200, b"audio")


def test_a_signed_link_that_refuses_our_credentials_is_tried_once_without() -> None:
    web = StubWeb(_signed)
    answer = probe_client(web).ask("/audio?sig=1", 10, may_be_signed=True)
    assert (answer.is_whole, answer.body) == (True, b"audio")
    assert ["Authorization" in seen.headers for seen in web.seen] == [True, False]


def test_a_listing_is_never_asked_for_without_credentials() -> None:
    web = StubWeb(_signed)
    assert probe_client(web).ask("/recordings", 10).status == 400
    assert len(web.seen) == 1


def test_a_link_that_is_refused_without_credentials_too_is_refused() -> None:
    web = StubWeb(lambda seen: Reply(403, b"<Error/>", {"Content-Type": "text/xml"}))
    assert probe_client(web).ask("/audio", 10, may_be_signed=True).status == 403
    assert len(web.seen) == 2


def test_the_audio_that_a_probe_finds_behind_a_signed_link_works() -> None:
    vendor = Vendor("conpeek")
    inner = transport.session(vendor.simulation, vendor.clock.sleep).get_adapter("https://conpeek.sim/")
    asked = []

    class Storage(StubWeb):
        def send(self, request: Any, *args: Any, **options: Any) -> Any:
            if "cdr_dialog_recording" in request.url and "offset" in request.url:
                return inner.send(request, *args, **options)
            asked.append(request.url)
            return super().send(request, *args, **options)

    web = Storage(lambda seen: _signed(seen) if "Authorization" in seen.headers else Reply(200, make_wav(1)))
    settings = SourceSettings("conpeek", "conpeek", URLS["conpeek"])
    found = run_probe(settings, vendor.secret, vendor.clock, lambda step: None, web.session)

    assert found.works
    assert "wav audio" in said(found, "download")
    assert len(asked) == 2
