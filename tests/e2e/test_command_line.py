"""The operator's command on a running local stack."""

import csv
import io
import json

import jsonschema
import pytest
import requests

from call_lake_cli.stack.handle import read_local
from tests.e2e.conftest import DAYS, REPO, Shell

FILE_KEYS = {
    "endpoint_url", "region", "access_key_id", "secret_access_key", "bucket", "queues", "dlq_url", "ledger_table",
    "bus", "database", "workgroup", "functions", "urls", "pids",
}  # fmt: skip


def truth(laptop: Shell) -> dict[str, dict[str, object]]:
    facts = json.loads((laptop.folder / ".call-lake/local.json").read_text())
    found: dict[str, dict[str, object]] = {}
    for base in (url.removesuffix("/api") for url in facts["urls"].values()):
        found |= {one["provider_key"]: one for one in requests.get(f"{base}/_sim/truth", timeout=60).json()}
    return found


def test_local_json_names_every_part(laptop: Shell) -> None:
    facts = json.loads((laptop.folder / ".call-lake/local.json").read_text())

    assert set(facts) >= FILE_KEYS
    optional = {"transcriber", "transcript-reader", "sound-analyzer"}
    assert set(facts["functions"]) == {"poller", "copier", "compactor"} | optional
    assert set(facts["queues"]) == {"thulium", "conpeek"}
    assert set(facts["pids"]) == {"emulator", "simulators"}
    assert oct((laptop.folder / ".call-lake/local.json").stat().st_mode & 0o777) == "0o600"
    assert oct((laptop.folder / ".call-lake").stat().st_mode & 0o777) == "0o700"
    assert facts["access_key_id"].startswith("CALLLAKE")


def test_every_recording_is_one_row_with_its_own_sha256_and_start(laptop: Shell) -> None:
    typed = laptop.type("query", "SELECT provider_key, audio_sha256, started_at, call_date FROM calls", "--json")
    rows = json.loads(typed.out)
    expected = truth(laptop)

    assert len(rows) == 60
    assert {row["provider_key"]: row["audio_sha256"] for row in rows} == {
        key: one["sha256"] for key, one in expected.items()
    }
    for row in rows:  # Thulium's clock shows minutes
        assert str(expected[row["provider_key"]]["started_at"])[:16] == row["started_at"][:16]
        assert expected[row["provider_key"]]["call_date"] == row["call_date"]


def test_the_three_formats_of_an_answer(laptop: Shell) -> None:
    sql = """SELECT source, count(*) AS n, avg(talk_s) AS average, max(started_at) AS latest, min(audio_note) AS note
             FROM calls GROUP BY source ORDER BY source"""

    as_json = json.loads(laptop.type("query", sql, "--output", "json").out)
    as_csv = list(csv.DictReader(io.StringIO(laptop.type("query", sql, "--output", "csv").out)))
    as_table = laptop.type("query", sql).out

    assert [row["n"] for row in as_json] == [30, 30]
    assert isinstance(as_json[0]["average"], float)
    assert as_json[0]["latest"].endswith("Z")
    assert as_json[1]["note"] is None
    assert [(row["source"], row["n"]) for row in as_csv] == [("conpeek", "30"), ("thulium", "30")]
    assert "conpeek" in as_table


def test_status_shows_each_source(laptop: Shell) -> None:
    sources = json.loads(laptop.type("status", "--all", "--json").out)["sources"]

    assert [(one["source"], one["listed"], one["stored"], one["rows"]) for one in sources] == [
        ("conpeek", 30, 30, 30),
        ("thulium", 30, 30, 30),
    ]
    assert all(one["checkpoint"] and one["trouble"] is None for one in sources)
    assert "thulium" in laptop.type("status").out


def test_settling_again_changes_nothing(laptop: Shell) -> None:
    typed = laptop.type("local", "settle", *DAYS, "--json")

    assert typed.code == 0
    answer = json.loads(typed.out)
    assert answer["settled"] is True
    assert [one["rows"] for one in answer["sources"]] == [30, 30]


def test_a_broken_query_says_what_athena_says(laptop: Shell) -> None:
    typed = laptop.type("query", "SELECT nothing FROM calls")

    assert typed.code == 1
    assert typed.err.startswith("error: the query failed")
    assert "Traceback" not in typed.err


def test_a_second_stack_in_the_same_folder_is_refused(laptop: Shell) -> None:
    typed = laptop.type("local", "up", "--detach")

    assert typed.code == 1
    assert "call-lake local down" in typed.err
    assert laptop.running() == ["emulator", "simulators"]


def test_every_recording_was_announced_by_an_event_that_fits_its_schema(laptop: Shell) -> None:
    facts = json.loads((laptop.folder / ".call-lake/local.json").read_text())
    sqs = read_local(laptop.folder / ".call-lake/local.json").client("sqs")
    schema = json.loads((REPO / "events/recording-stored.schema.json").read_text())
    announced = set()
    while messages := sqs.receive_message(QueueUrl=facts["tap_url"], MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            event = json.loads(message["Body"])
            jsonschema.validate(event["detail"], schema)
            announced.add(event["detail"]["recording_id"])

    rows = json.loads(laptop.type("query", "SELECT recording_id FROM calls", "--json").out)
    assert announced == {row["recording_id"] for row in rows}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("get", "nothing"), "knows no such recording"),
        (("show", "no-such-recording"), "the ledger knows no such recording"),
        (("erase", "--recording-id", "thulium-0", "--yes"), "the ledger knows no recording thulium-0"),
        (("pause", "conpek"), "there is no source"),
        (("allow", "conpek", "--more", "5"), "there is no source"),
        (("verify", *DAYS, "--source", "tulium"), "there is no source 'tulium'; there are: conpeek, thulium"),
        (("failed", "--source", "tulium"), "there is no source"),
        (("rebuild", "--source", "tulium"), "there is no source 'tulium'"),
        (("quarantine", "list", "--source", "tulium"), "there is no source 'tulium'"),
        (("redrive", "--reason", "forbiden"), "there is no reason 'forbiden'"),
        (("verify", "--from", "yesterday", "--to", "2026-10-31"), "write it like"),
        (
            ("backfill", "--source", "thulium", "--from", "2099-01-01", "--to", "2099-01-02", "--yes"),
            "is in the future",
        ),
        (("probe",), "--source S, or one of thulium, conpeek"),
        (("probe", "thulium", "--base-url", "http://127.0.0.1:1"), "no terminal to ask at"),
        (("probe", "--write"), "--write goes with --source"),
    ],
)
def test_a_mistake_is_one_line(laptop: Shell, arguments: tuple[str, ...], says: str) -> None:
    typed = laptop.type(*arguments)

    assert typed.code == {"get": 5, "show": 5, "erase": 1}.get(arguments[0], 2)
    assert typed.err.startswith("error: ")
    assert says in typed.err
    assert "Traceback" not in typed.err
