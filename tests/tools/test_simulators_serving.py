"""The simulators on sockets and as a process: what only a real connection can show."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import date

import pytest
import requests

from call_lake_local.simulators.faults import FaultPlan
from call_lake_local.simulators.serving import running
from call_lake_local.simulators.world import World

WORLD = World.generate(seed=5, count=20, start=date(2026, 10, 17), days=30)
THULIUM = ("api-user", "fake-password")
ENVIRONMENT = {"PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.environ["PATH"]}


@pytest.fixture(scope="module")
def handles():
    with running(WORLD) as handles:
        yield handles


@pytest.fixture
def faulty(handles):
    def set_faults(spec):
        handles.simulation.thulium.plan = FaultPlan.parse(spec)
        return handles

    yield set_faults
    handles.simulation.thulium.plan = FaultPlan()


def recording(number=0):
    return WORLD.recordings["thulium"][number]


def download(handles, key, *, timeout=20, stream=False):
    url = f"{handles.thulium_url}/recordings/download"
    return requests.get(url, params={"filename": key}, auth=THULIUM, timeout=timeout, stream=stream)


def wait_for(condition, deadline_s=30):
    until = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < until, "waited too long"
        time.sleep(0.02)


def test_only_the_loopback_address_listens(handles):
    assert handles.thulium_url.startswith("http://127.0.0.1:")
    assert handles.conpeek_url.startswith("http://127.0.0.1:")


@pytest.mark.parametrize("fault", ["reset", "reset_midway"])
def test_a_reset_is_a_real_one(faulty, fault):
    handles = faulty(f"{fault}:1!")
    with pytest.raises(requests.RequestException, match="reset by peer"):
        download(handles, recording().key)


def test_a_truncated_body_is_shorter_than_its_declared_length(faulty):
    answer = download(faulty("truncated:1!"), recording().key, stream=True)
    assert int(answer.headers["Content-Length"]) == recording().audio.open()[0]
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        _ = answer.content


def test_a_cut_chunked_body_lacks_its_last_chunk(faulty):
    answer = download(faulty("cut_chunked:1!"), recording().key, stream=True)
    assert answer.headers["Transfer-Encoding"] == "chunked"
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        _ = answer.content


def test_a_stalled_body_stays_open_until_the_client_gives_up(faulty):
    with pytest.raises(requests.ConnectionError, match="timed out"):
        _ = download(faulty("stalled:1!"), recording().key, timeout=0.3).content


def test_the_admin_routes_drive_a_server_from_outside():
    with running(WORLD) as handles:
        base = handles.thulium_url.removesuffix("/api") + "/_sim"

        def admin(method, path, body=None):
            answer = requests.request(method, f"{base}/{path}", json=body, timeout=20)
            assert answer.status_code == 200, answer.text
            return answer.json()

        def listing():
            return requests.get(f"{handles.thulium_url}/recordings", auth=THULIUM, timeout=20)

        assert len(admin("GET", "truth")) == 20
        assert "sha256" not in admin("GET", "truth?audio=0")[0]
        assert admin("PUT", "faults", {"faults": "http_500:1!"}) == {"http_500": {"rate": 1.0, "sticky": True}}
        assert listing().status_code == 500
        assert "http_500" in admin("GET", "faults")["active"]
        admin("PUT", "faults", {"faults": ""})
        admin("PUT", "clock", {"now": "2026-10-01T00:00:00Z"})
        assert listing().json()["count"] == 0
        admin("PUT", "clock", {"now": "2026-12-01T00:00:00Z"})
        admin("PUT", "outages", [["2026-12-01T00:00:00Z", "2026-12-01T06:00:00Z"]])
        assert listing().status_code == 503
        admin("PUT", "outages", [])
        new = admin("POST", "rows", {"started_at": "2026-11-20T10:00:00Z", "key": "new/one.wav", "large_bytes": 5000})
        assert (new["provider_key"], listing().json()["count"]) == ("new/one.wav", 21)
        assert len(download(handles, "new/one.wav").content) == 5000
        admin("DELETE", f"rows/{new['index']}")
        assert listing().json()["count"] == 20
        admin("PUT", "secret", {"secret": "changed"})
        assert listing().status_code == 401
        assert admin("GET", "stats")["statuses"]["401"] == 1
        admin("DELETE", "stats")
        assert admin("GET", "stats")["requests"] == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
        {"Host": "localhost"},
        {"Host": "127.0.0.1"},
    ],
    ids=str,
)
def test_a_web_page_reaches_neither_the_provider_nor_its_admin_routes(handles, headers):
    for base, auth in ((handles.thulium_url.removesuffix("/api"), THULIUM), (handles.conpeek_url, None)):
        for method, path in (("POST", "/_sim/rows"), ("GET", "/_sim/truth"), ("GET", "/api/recordings")):
            row = {"started_at": "2026-11-20T10:00:00Z"}
            answer = requests.request(method, base + path, headers=headers, auth=auth, json=row, timeout=20)
            assert answer.status_code == 403
            assert "refused" in answer.text or "Host" in answer.text
        truth = requests.get(f"{base}/_sim/truth?audio=0", timeout=20).json()
        assert len(truth) == 20


# As a process


@contextmanager
def process(*arguments, **environment):
    command = [sys.executable, "-m", "call_lake_local.simulators", "--count", "5", *map(str, arguments)]
    child = subprocess.Popen(command, env=ENVIRONMENT | environment, stderr=subprocess.PIPE, text=True)
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def test_the_process_says_when_it_is_ready_and_ends_on_term(tmp_path):
    ready = tmp_path / "ready.json"
    with process("--ready-file", ready, "--until", "2026-11-15", THULIUM_PASSWORD="from-environment") as child:
        wait_for(lambda: ready.exists() or child.poll() is not None)
        facts = json.loads(ready.read_text())
        assert facts["pid"] == child.pid
        assert ready.stat().st_mode & 0o077 == 0
        login = (facts["thulium_user"], facts["thulium_password"])
        assert login == ("api-user", "from-environment")
        listing = requests.get(f"{facts['thulium_url']}/recordings", auth=login, timeout=20).json()
        assert listing["count"] == 5
        key = {"Authorization": facts["conpeek_key"]}
        answer = requests.get(f"{facts['conpeek_url']}/cdr_dialog_recording", headers=key, timeout=20)
        assert len(answer.json()["data"]) == 5
        child.send_signal(signal.SIGTERM)
        assert child.wait(timeout=30) == 0
