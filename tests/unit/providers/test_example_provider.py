"""docs/adding-a-provider.md: a folder and one line are enough for a new vendor."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/adding-a-provider.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "docs/examples/acme"
REGISTRY = "shared/call_lake/providers/__init__.py"
((DIFFED, DIFF),) = re.findall(r"```diff\n--- (\S+)\n(.*?)```", PAGE, re.DOTALL)


def side(sign):
    """The lines of the page's diff before (``-``) or after (``+``) the edit."""
    return "".join(line[1:] + "\n" for line in DIFF.splitlines() if line[0] in (" ", sign))


@pytest.fixture(scope="module")
def registered(tmp_path_factory):
    """A copy of the code with Acme's folder and its line."""
    folder = tmp_path_factory.mktemp("registered")
    for package in ("shared/call_lake", "cli/call_lake_cli", "local/call_lake_local"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(EXAMPLE, folder / "shared/call_lake/providers/acme", ignore=shutil.ignore_patterns("__pycache__"))
    registry = folder / DIFFED
    text = registry.read_text(encoding="utf-8")
    assert text.count(side("-")) == 1
    registry.write_text(text.replace(side("-"), side("+")), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def came(registered):
    """What became of Acme's recordings, and what the commands say of Acme."""
    path = [str(registered / package) for package in ("shared", "cli", "local")]
    run = subprocess.run(
        [sys.executable, "-W", "error", ROOT / "tests/support/acme_run.py"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([*path, str(ROOT)])},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def test_the_page_adds_one_line():
    assert DIFFED == REGISTRY
    assert [line for line in DIFF.splitlines() if line[0] != " "] == ['+    "acme",']


def test_the_page_shows_the_example_as_it_is():
    example = "\n".join(path.read_text(encoding="utf-8") for path in sorted(EXAMPLE.glob("*.py")))
    assert [code for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if code not in example] == []


def test_the_page_names_every_file_of_the_example():
    assert set(re.findall(r"^\| \S*`(\w+\.py)`", PAGE, re.MULTILINE)) == {path.name for path in EXAMPLE.glob("*.py")}


def test_the_example_is_short():
    assert sum(path.read_text(encoding="utf-8").count("\n") for path in EXAMPLE.glob("*.py")) < 200


def test_every_recording_of_every_page_is_published_once(came):
    assert (came["first"]["published"], came["second"]["published"]) == (5, 0)
    assert came["first"]["caught_up"]
    cursors = [re.search(r"cursor=(\d+)", path) for path, _ in came["seen"] if path.startswith("/v1/recordings?")]
    assert [found and found[1] for found in cursors[:3]] == [None, "2", "4"]


def test_a_record_without_an_id_is_counted_and_holds_nothing_up(came):
    assert came["first"]["bad_records"] == 1
    assert came["first"]["trouble"] is None


def test_the_audio_stands_and_is_announced(came):
    assert came["copied"]["stored"] == 5
    assert len(came["audio"]) == came["events"] == 5
    assert all(key.startswith("audio/source=acme/call_date=2026-11-01/acme-") for key in came["audio"])
    assert all(key.endswith(".wav") for key in came["audio"])


def test_the_rows_have_the_vendors_fields(came):
    row = came["rows"][1]
    assert {
        name: row[name] for name in ("provider", "provider_key", "connection_id", "direction", "caller", "agent")
    } == {
        "provider": "acme",
        "provider_key": "rec/1",
        "connection_id": "call-1",
        "direction": "inbound",
        "caller": "+48 800 000 001",
        "agent": "Agent 1",
    }
    assert (row["started_at"], row["listed_at"]) == ("2026-11-01T22:31:00.000Z", "2026-11-01T12:01:00.000Z")
    assert (row["duration_s"], row["talk_s"], row["call_date"]) == (30.0, 25.5, "2026-11-01")
    assert came["rows"][0]["agent"] is None


def test_the_key_goes_with_every_request(came):
    assert {authorization for _, authorization in came["seen"]} == {"Bearer invented-key"}


def test_a_cursor_that_comes_twice_ends_the_listing(came):
    assert came["circle"].startswith("Transient: bad_listing")


def test_an_answer_without_rows_is_a_failed_listing_and_names_the_request(came):
    assert came["refusal"].startswith("Transient: bad_listing")
    assert came["refusal"].endswith("request_id invented-7")


def test_a_secret_without_a_key_is_named(came):
    assert came["no key"] == "ConfigError: source 'acme': its secret has no 'key'"


def test_the_commands_ask_for_the_fields_of_its_secret(came):
    assert came["wanted secret"].endswith('pipe {"key": "…"} with --stdin')


def test_settings_are_checked_against_its_description(came):
    assert came["no id in the address"].endswith("has no {id} in it")


def test_probe_knows_it(came):
    facts = {fact["topic"]: fact["found"] for fact in came["probe"]["facts"]}
    assert came["probe"]["works"]
    assert facts["listing"] == "2 rows of the last 30 days"
    assert facts["download"] == "/v1/recordings/{id}/audio: wav audio"


def test_doctor_knows_it(came):
    check = came["doctor"][0]
    assert (check["name"], check["level"]) == ("acme: listing", "ok")
