"""Each fault of an audio file does what its line in the table says."""

import hashlib
import io

import pytest
import requests
import soundfile

from tests.support.simulators_client import WORLD, Client, file_of


def test_a_file_that_is_not_ready_is_404_for_a_while():
    client, (recording, right) = Client("not_ready:1"), file_of()
    answers = [client.audio(recording.key) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [404, 404, 404, 200]
    assert answers[-1].content == right


@pytest.mark.parametrize(
    ("fault", "begins"), [("html_audio", b"<!DOCTYPE html>"), ("json_audio", b"{"), ("empty_audio", b"")]
)
def test_something_else_may_come_as_audio(fault, begins):
    answer = Client(f"{fault}:1").audio(file_of()[0].key)
    assert answer.status_code == 200
    assert answer.content.startswith(begins)
    assert bool(answer.content) == bool(begins)


def test_only_a_wav_header_may_come():
    content = Client("header_only:1").audio(file_of()[0].key).content
    assert len(content) == 44
    assert content.startswith(b"RIFF")


@pytest.mark.parametrize("fault", ["truncated", "cut_chunked", "reset_midway"])
def test_a_body_may_break_off_noticeably(fault):
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        _ = Client(f"{fault}:1").audio(file_of()[0].key).content


def test_a_stalled_body_runs_into_the_time_limit():
    client = Client("stalled:1")
    with pytest.raises(requests.ConnectionError, match="timed out"):
        _ = client.audio(file_of()[0].key).content
    assert client.slept_s == 5


def test_a_short_file_is_complete_as_http_sees_it():
    recording, right = file_of()
    answer = Client("short_file:1").audio(recording.key)
    assert answer.content == right[: len(right) * 2 // 3]
    assert int(answer.headers["Content-Length"]) == len(answer.content)


def test_a_slow_drip_takes_its_time_and_is_right():
    recording, right = file_of()
    client = Client("slow_drip:1", drip_pause_s=2.0)
    assert client.audio(recording.key).content == right
    assert 22 <= client.slept_s <= 24


@pytest.mark.parametrize(("fault", "kind"), [("wrong_type", "text/html; charset=utf-8"), ("no_type", None)])
def test_a_right_file_may_have_a_wrong_type_or_none(fault, kind):
    recording, right = file_of()
    answer = Client(f"{fault}:1").audio(recording.key)
    assert (answer.content, answer.headers.get("Content-Type")) == (right, kind)


def test_a_right_file_may_come_without_a_length():
    recording, right = file_of()
    answer = Client("chunked:1").audio(recording.key)
    assert (answer.content, answer.headers.get("Content-Length")) == (right, None)


@pytest.mark.parametrize(
    ("fault", "place"),
    [
        ("redirect_same_host", "http://thulium.sim/api/"),
        ("redirect_foreign", "http://foreign.sim/audio/thulium/"),
        ("redirect_link_local", "http://169.254.169.254/"),
    ],
)
def test_audio_may_be_somewhere_else(fault, place):
    answer = Client(f"{fault}:1").audio(file_of()[0].key)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(place)


def test_the_foreign_host_remembers_the_credentials_that_it_was_sent():
    client = Client("redirect_foreign:1")
    place = client.audio(file_of()[0].key).headers["Location"]
    client.session.get(place)
    client.session.get(place, headers={"Authorization": "fake-key"})
    seen = client.simulation.foreign.snapshot()
    assert seen == {
        "requests": 2,
        "credentials": [[place.removeprefix("http://foreign.sim"), "authorization", "fake-key"]],
    }


@pytest.mark.parametrize(("fault", "status"), [("forbidden", 403), ("gone", 404), ("garbage", 200), ("pgp", 200)])
def test_some_troubles_never_pass_and_the_truth_knows(fault, status):
    client = Client(f"{fault}:0.3")
    truth = client.simulation.thulium.truth()
    met = [t for t in truth if t["fault"] == fault]
    assert 20 < len(met) < 80
    for recording in met[:3]:
        answers = [client.audio(recording["provider_key"]) for _ in range(5)]
        assert {answer.status_code for answer in answers} == {status}
        assert all(hashlib.sha256(answer.content).hexdigest() != recording["sha256"] for answer in answers)
    spared = next(t for t in truth if t["expected"] == "stored")
    assert client.audio(spared["provider_key"]).status_code == 200
    assert client.thulium().status_code == 200, "listing is not touched"


def test_pgp_comes_armoured_and_binary_and_garbage_is_no_audio():
    client = Client("pgp:1")
    keys = [r.key for r in WORLD.recordings["thulium"][:20]]
    bodies = [client.audio(key).content for key in keys]
    armoured = [body.startswith(b"-----BEGIN PGP MESSAGE-----") for body in bodies]
    assert {True, False} == set(armoured)
    assert all(body[0] & 0x80 for body, text in zip(bodies, armoured, strict=True) if not text), "a packet's tag"
    with pytest.raises(soundfile.LibsndfileError):
        soundfile.read(io.BytesIO(Client("garbage:1").audio(keys[0]).content))
