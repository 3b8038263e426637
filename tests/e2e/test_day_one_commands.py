"""What an operator types on the first days, on a running local stack."""

import hashlib
import json
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from call_lake.model.lake_tables import CALLS
from call_lake_cli.stack.handle import read_local
from tests.e2e.conftest import CALL_LAKE, DAYS, Shell


def status(laptop: Shell, source: str) -> dict[str, Any]:
    sources = json.loads(laptop.type("status", "--all", "--json").out)["sources"]
    return next(one for one in sources if one["source"] == source)


def pipe(laptop: Shell, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [CALL_LAKE, *arguments], cwd=laptop.folder, input=text, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(scope="module", autouse=True)
def backfill(laptop: Shell) -> Iterator[subprocess.Popen[str]]:
    """A backfill that goes on while the other tests run: the schedule begins a poll once a minute."""
    command = [str(CALL_LAKE), "backfill", "--source", "thulium", *DAYS, "--yes", "--json"]
    with subprocess.Popen(
        command, cwd=laptop.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        yield running
        running.kill()


def test_a_doctor_finds_nothing_wrong_and_its_canary_leaves_nothing(laptop: Shell) -> None:
    typed = laptop.type("doctor", "--canary", "--canary-seconds", "3", "--json")
    answer = json.loads(typed.out)

    assert (typed.code, answer["ok"]) == (0, True), typed.out + typed.err
    names = {check["name"] for check in answer["checks"] if check["level"] == "ok"}
    assert {"credentials", "region", "query", "thulium: listing", "conpeek: copies"} <= names
    parts = ("first commit", "swaps", "times in calls", "searches", "calls_daily", "removed")
    assert {f"canary: {part}" for part in parts} <= names
    here = read_local(laptop.folder / ".call-lake/local.json")
    assert answer["canary"]["swaps"] >= 1
    assert not [name for name in (here.bucket, "000000000000", "thulium") if name in json.dumps(answer["canary"])]
    assert [info.key for info in here.store.list(CALLS.canary)] == []
    assert status(laptop, "thulium")["rows"] == 30


@pytest.mark.parametrize("source", ["thulium", "conpeek"])
def test_a_probe_of_a_source_needs_no_setting_and_prints_nothing_personal(laptop: Shell, source: str) -> None:
    typed = laptop.type("probe", "--source", source, "--json")
    found = json.loads(typed.out)

    assert typed.code == 0, typed.err
    assert (found["works"], found["settings"]) == (True, {})
    rows = json.loads(laptop.type("query", "SELECT caller, callee, agent, provider_key FROM calls", "--json").out)
    assert not [value for row in rows for value in row.values() if value and value in typed.out]


def test_the_audio_of_a_recording_is_a_file_with_its_own_bytes(laptop: Shell, tmp_path: Path) -> None:
    sql = "SELECT recording_id, provider_key, audio_format, audio_sha256 FROM calls ORDER BY recording_id LIMIT 1"
    (row,) = json.loads(laptop.type("query", sql, "--json").out)

    typed = laptop.type("get", row["recording_id"], "-o", str(tmp_path))
    file = Path(typed.out.strip())

    assert typed.code == 0, typed.err
    assert file.parent == tmp_path
    assert file.name.endswith(f"-{row['recording_id']}.{row['audio_format']}")
    assert hashlib.sha256(file.read_bytes()).hexdigest() == row["audio_sha256"]
    again = laptop.type("get", row["provider_key"], "-o", str(tmp_path))
    assert again.code == 1
    assert "--force" in again.err


def test_calls_of_a_number_are_found_and_exported_without_sql(laptop: Shell, tmp_path: Path) -> None:
    found = json.loads(laptop.type("find", *DAYS, "--longest", "--limit", "1", "--json").out)
    number = found[0]["caller"]
    theirs = json.loads(laptop.type("find", *DAYS, "--number", number, "--json").out)

    file = tmp_path / "calls.zip"
    typed = laptop.type("export", *DAYS, "--number", number, "--for", "case 7", "-o", str(file))

    assert typed.code == 0, typed.err
    with zipfile.ZipFile(file) as opened:
        ids = [row["recording_id"] for row in json.loads(opened.read("calls.json"))]
        audio = [name for name in opened.namelist() if name.startswith("audio/")]
    assert found[0]["recording_id"] in ids
    assert ids == [row["recording_id"] for row in theirs]
    assert len(audio) == len(ids)


def test_a_pause_is_shown_and_ends(laptop: Shell) -> None:
    assert laptop.type("pause", "conpeek").code == 0
    assert status(laptop, "conpeek")["trouble"].startswith("paused since")
    refused = laptop.type("backfill", "--source", "conpeek", "--from", "2026-10-20", "--to", "2026-10-21", "--yes")
    assert "call-lake resume conpeek" in refused.err

    assert laptop.type("resume", "conpeek").code == 0
    assert status(laptop, "conpeek")["trouble"] is None


def test_more_may_come_than_the_ceiling_once_it_is_allowed(laptop: Shell) -> None:
    first, again = (laptop.type("allow", "conpeek", "--more", "7") for _ in range(2))

    assert (first.code, again.code) == (0, 0)
    assert "250,007 in all today" in first.err
    assert "250,014 in all today" in again.err


def test_credentials_that_the_provider_refuses_are_not_written(laptop: Shell) -> None:
    here = read_local(laptop.folder / ".call-lake/local.json")
    before = here.client("secretsmanager").get_secret_value(SecretId=here.sources["conpeek"].secret)["SecretString"]

    wrong = pipe(laptop, '{"key": "another"}', "secrets", "set", "conpeek", "--stdin")
    assert wrong.returncode == 1
    assert "nothing was written" in wrong.stderr
    right = pipe(laptop, before, "secrets", "set", "conpeek", "--stdin")
    assert right.returncode == 0, right.stderr

    after = here.client("secretsmanager").get_secret_value(SecretId=here.sources["conpeek"].secret)["SecretString"]
    assert json.loads(after) == json.loads(before)


def test_a_backfill_is_read_by_the_schedules(laptop: Shell, backfill: subprocess.Popen[str]) -> None:
    out, said = backfill.communicate(timeout=300)

    assert backfill.returncode == 0, said
    assert json.loads(out)["listed"] is True
    assert status(laptop, "thulium")["rows"] == 30, "what is known is not stored twice"
