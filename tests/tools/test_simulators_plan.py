"""Faults as a plan: who is met, when it passes, and what meets any request. Without `!` a second try wins."""

import hashlib
from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest
import requests

from call_lake_local.simulators.faults import FAULTS, FaultPlan, Place
from tests.support.simulators_client import NOW, SMALL, THULIUM, Client, file_of


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("rate_limited", 429),
        ("rate_limited_date", 429),
        ("http_500", 500),
        ("http_502", 502),
        ("http_503", 503),
        ("unauthorized", 401),
    ],
)
def test_a_fault_of_any_request_meets_listing_and_audio_and_passes(fault, status):
    client = Client(f"{fault}:1")
    assert [client.thulium().status_code for _ in range(4)] == [status] * 3 + [200]
    recording, _ = file_of()
    assert [client.audio(recording.key).status_code for _ in range(4)] == [status] * 3 + [200]


def test_retry_after_comes_as_seconds_and_as_a_date():
    assert Client("rate_limited:1", retry_after_s=20).thulium().headers["Retry-After"] == "20"
    header = Client("rate_limited_date:1", retry_after_s=20).thulium().headers["Retry-After"]
    assert parsedate_to_datetime(header) == NOW + timedelta(seconds=20)


def test_every_fault_that_passes_lets_everything_arrive_in_the_end():
    passing = [f.name for f in FAULTS.values() if not f.sticky and f.place in (Place.ANY, Place.LISTING, Place.AUDIO)]
    client = Client(",".join(f"{name}:0.3" for name in passing), world=SMALL)

    def patiently(ask):
        for _ in range(8):
            try:
                answer = ask()
                if answer.status_code == 302:
                    answer = client.session.get(answer.headers["Location"], auth=THULIUM, timeout=5)
                yield answer.content
            except requests.RequestException:
                continue

    for truth in client.simulation.thulium.truth():
        bodies = patiently(lambda key=truth["provider_key"]: client.audio(key))
        assert truth["sha256"] in {hashlib.sha256(body).hexdigest() for body in bodies}
    assert any(body.startswith(b'{"count"') for body in patiently(client.thulium))
    assert set(client.simulation.thulium.stats.snapshot()["faults"]) <= set(passing)


def test_the_same_seed_makes_the_same_troubles():
    def story():
        statuses: list[int] = []
        client = Client("http_500:0.4,truncated:0.4,forbidden:0.2", world=SMALL)
        client.session.hooks["response"].append(lambda answer, **_: statuses.append(answer.status_code))
        for truth in client.simulation.thulium.truth(with_audio=False) * 3:
            client.audio(truth["provider_key"], stream=True).close()
        return statuses

    assert story() == story()


@pytest.mark.parametrize("spec", ["nonsense", "reset:2", "reset:often", "reset:-0.1"])
def test_a_mistyped_fault_is_named(spec):
    with pytest.raises(ValueError, match=spec.partition(":")[0]):
        FaultPlan.parse(spec)


def test_a_spec_names_rates_and_stickiness():
    plan = FaultPlan.parse("reset:0.25, late ,truncated!")
    assert {name: (how.rate, how.sticky) for name, how in plan.active.items()} == {
        "reset": (0.25, False),
        "late": (FAULTS["late"].rate, True),
        "truncated": (FAULTS["truncated"].rate, True),
    }


def test_of_several_lasting_faults_the_truth_names_the_one_that_happens():
    client = Client("forbidden:0.5,gone:0.5,chunked:0.5!")
    status = {"forbidden": 403, "gone": 404, None: 200}
    truth = client.simulation.thulium.truth(with_audio=False)
    assert {t["fault"] for t in truth} == set(status)
    for recording in truth:
        assert client.audio(recording["provider_key"]).status_code == status[recording["fault"]]


def test_a_sticky_fault_never_passes():
    client = Client("not_ready:1!", world=SMALL)
    truth = client.simulation.thulium.truth(with_audio=False)[0]
    assert {client.audio(truth["provider_key"]).status_code for _ in range(6)} == {404}
    assert (truth["expected"], truth["fault"]) == ("failed", "not_ready")
