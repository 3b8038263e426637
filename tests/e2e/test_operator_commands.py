"""Break a running stack behind Call Lake's back; the operator's commands find it, tell it and mend it."""

import json
import time
from dataclasses import replace
from datetime import date
from typing import Any

import botocore.session
import pytest
from botocore.config import Config

from call_lake.aws.dynamodb import DynamoTable
from call_lake.aws.s3 import S3ObjectStore
from call_lake.bucket.inbox import put_rows
from call_lake.ledger.ledger import Ledger
from call_lake.ledger.packed_record import unpack
from call_lake.model.lake_tables import CALLS
from call_lake.model.messages import message_of
from call_lake.model.recording import Recording
from call_lake.model.table import row_of
from call_lake.wiring.operator import CLOCK
from tests.e2e.conftest import DAYS, Shell

IN_TIME_S = 60.0


class Laptop:
    """The stack that `call-lake local up` started: commands, and boto3 past them."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.facts = json.loads((shell.folder / ".call-lake/local.json").read_text())

    def client(self, service: str) -> Any:
        names = {"endpoint_url": "endpoint_url", "region_name": "region"}
        names |= {f"aws_{name}": name for name in ("access_key_id", "secret_access_key")}
        arguments = {argument: self.facts[fact] for argument, fact in names.items()}
        return botocore.session.get_session().create_client(service, config=Config(), **arguments)

    def rows(self, source: str) -> list[dict[str, Any]]:
        sql = f"SELECT recording_id, call_date, audio_uri, provider_key FROM calls WHERE source = '{source}' ORDER BY 1"
        return list(json.loads(self.shell.type("query", sql, "--json").out))

    def verify(self, *options: str) -> tuple[int, dict[str, Any]]:
        typed = self.shell.type("verify", *DAYS, *options, "--json")
        assert "Traceback" not in typed.err
        return typed.code, json.loads(typed.out)

    def settle(self) -> None:
        typed = self.shell.type("local", "settle", *DAYS)
        assert typed.code == 0, typed.err + typed.out

    def under_way(self) -> int:
        """Messages of the transcriber and of the reader of documents that are not done."""
        numbers = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        queues = (self.facts["engines"]["aws"], self.facts["documents_url"])
        asked = [{"QueueUrl": url, "AttributeNames": list(numbers)} for url in queues]
        found = [self.client("sqs").get_queue_attributes(**one)["Attributes"] for one in asked]
        return sum(int(one[name]) for one in found for name in numbers)

    def is_drained(self) -> bool:
        until = time.monotonic() + IN_TIME_S
        while (left := self.under_way()) and time.monotonic() < until:
            time.sleep(0.5)
        return left == 0

    def lose_audio(self, row: dict[str, Any]) -> None:
        key = row["audio_uri"].removeprefix(f"s3://{self.facts['bucket']}/")
        self.client("s3").delete_object(Bucket=self.facts["bucket"], Key=key)

    def lose_item(self, row: dict[str, Any]) -> None:
        key = {"id": {"S": row["recording_id"]}}
        self.client("dynamodb").delete_item(TableName=self.facts["ledger_table"], Key=key)

    def lose_partition(self, row: dict[str, Any]) -> None:
        path = f"lake/calls/manifest/source={row['recording_id'].rpartition('-')[0]}/call_date={row['call_date']}/"
        self.client("s3").delete_object(Bucket=self.facts["bucket"], Key=f"{path}symlink.txt")

    def swap_audio(self, one: dict[str, Any], other: dict[str, Any]) -> None:
        """As if each had been stored with the other's audio: object, ledger and row of each agree."""
        s3 = self.client("s3")
        store = S3ObjectStore(s3, self.facts["bucket"])
        ledger = Ledger(DynamoTable(self.client("dynamodb"), self.facts["ledger_table"]), CLOCK, 86_400)
        entries = [ledger.entry(row["recording_id"]) for row in (one, other)]
        stored = [(entry.recording, entry.audio) for entry in entries if entry and entry.recording and entry.audio]
        objects = [s3.get_object(Bucket=store.bucket, Key=audio.key) for _, audio in stored]
        for entry, (recording, audio), (_, theirs), got in zip(
            entries, stored, reversed(stored), reversed(objects), strict=True
        ):
            wrong = replace(audio, facts=theirs.facts, stored_at=CLOCK.now())
            body = got["Body"].read()
            store.put(audio.key, body, sha256=theirs.facts.sha256, metadata=got["Metadata"])
            assert entry is not None
            assert ledger.restamped(entry, wrong)
            put_rows(store, [row_of(recording, wrong)], CALLS)
        self.settle()

    def fail(self, row: dict[str, Any]) -> None:
        """As a copier does that was refused: a dead letter, and the ledger's FAILED."""
        table, key = self.facts["ledger_table"], {"id": {"S": row["recording_id"]}}
        dynamodb = self.client("dynamodb")
        item = dynamodb.get_item(TableName=table, Key=key)["Item"]
        body = message_of(Recording.from_json(unpack(item["record"]["B"])))
        labels = {"reason": "forbidden", "recording_id": row["recording_id"], "source": item["source"]["S"]}
        attributes = {name: {"DataType": "String", "StringValue": text} for name, text in labels.items()}
        self.client("sqs").send_message(QueueUrl=self.facts["dlq_url"], MessageBody=body, MessageAttributes=attributes)
        note = {"at": "2026-10-30T10:00:00.000Z", "reason": "forbidden", "detail": "the download answered 403"}
        failed = {"state": {"S": "FAILED"}, "reason": {"S": "forbidden"}, "due_list": item["source"]}
        failed |= {"due_at": {"S": "9999-12-31T00:00:00.000Z"}, "attempts": {"N": "1"}}
        failed |= {"history": {"L": [{"M": {name: {"S": text} for name, text in note.items()}}]}}
        dynamodb.put_item(TableName=table, Item={name: v for name, v in (item | failed).items() if name != "audio"})


@pytest.fixture
def stack(laptop: Shell) -> Laptop:
    return Laptop(laptop)


def kinds(answer: dict[str, Any]) -> set[tuple[str, str]]:
    return {(finding["recording_id"], finding["kind"]) for finding in answer["findings"] if finding["difference"]}


def test_each_job_of_amazon_transcribe_is_heard_to_its_end(stack):
    assert stack.is_drained(), "a message that its function may not act on comes again for a week"
    [engine] = json.loads(stack.shell.type("status", "--json").out)["engines"]
    assert (engine["engine"], engine["waiting"], engine["running"], engine["failed"]) == ("aws", 0, 0, 0)


def test_a_late_document_of_an_erased_recording_goes(stack):
    row = stack.rows("thulium")[0]
    erased, bucket = f"thulium-{0:032x}", stack.facts["bucket"]
    ledger = Ledger(DynamoTable(stack.client("dynamodb"), stack.facts["ledger_table"]), CLOCK, 86_400)
    ledger.erase(erased, "thulium", date.fromisoformat(row["call_date"]))
    key = f"transcripts/example/thulium/{row['call_date']}/{erased}.json"

    stack.client("s3").put_object(Bucket=bucket, Key=key, Body=b'{"version": 1, "segments": []}')

    try:
        assert stack.is_drained()
        assert stack.client("s3").list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"] == 0
    finally:
        stack.lose_item({"recording_id": erased})


def test_a_settled_stack_differs_in_nothing(stack: Laptop) -> None:
    code, answer = stack.verify()

    assert (code, answer["differences"]) == (0, 0)
    assert [(one["source"], one["listed"], one["right"]) for one in answer["sources"]] == [
        ("conpeek", 30, 30),
        ("thulium", 30, 30),
    ]
    assert "thulium" in stack.shell.type("verify", *DAYS, "--source", "thulium").out


def test_verify_finds_what_was_lost_and_repair_mends_it(stack: Laptop) -> None:
    first, second, third, *_ = stack.rows("thulium")
    other = stack.rows("conpeek")[0]
    alone = [row for row in stack.rows("conpeek") if row["call_date"] == other["call_date"]]
    stack.lose_audio(first)
    stack.lose_item(second)
    stack.lose_audio(third)
    stack.lose_partition(other)
    expected = {(first["recording_id"], "object_missing"), (second["recording_id"], "not_in_ledger")}
    expected |= {(third["recording_id"], "object_missing")}
    expected |= {(row["recording_id"], "row_missing") for row in alone}

    code, found = stack.verify()
    assert (code, kinds(found)) == (3, expected)
    assert stack.shell.type("verify", *DAYS).code == 3, "finding is not mending"

    code, mended = stack.verify("--repair")
    assert (code, set(mended["repaired"])) == (3, {id for id, _ in expected})

    stack.settle()
    assert stack.verify()[0] == 0


def test_redownload_finds_recordings_that_were_stored_with_each_others_audio(stack: Laptop) -> None:
    oggs = [row for row in stack.rows("thulium") if row["audio_uri"].endswith(".ogg")]
    one, other = oggs[0], oggs[-1]
    ids = {one["recording_id"], other["recording_id"]}
    stack.swap_audio(one, other)

    assert stack.verify()[0] == 0, "all that is stored agrees"
    code, found = stack.verify("--redownload", "100", "--source", "thulium")

    assert (code, kinds(found)) == (3, {(id, "audio_of_another") for id in ids})
    assert found["sources"][0]["redownloaded"] == {"chosen": 30, "same": 28}

    stack.swap_audio(one, other)
    code, found = stack.verify("--redownload", "2")
    assert (code, [one["redownloaded"] for one in found["sources"]]) == (0, [{"chosen": 2, "same": 2}] * 2)


def test_what_failed_is_listed_and_redriven(stack: Laptop) -> None:
    one, other = stack.rows("thulium")[0], stack.rows("conpeek")[0]
    for row in (one, other):
        stack.fail(row)

    listed = json.loads(stack.shell.type("failed", "--json").out)
    assert (listed["failed"], listed["dead_letters"]) == (2, 2)
    assert {(r["recording_id"], r["reason"], r["detail"]) for r in listed["recordings"]} == {
        (row["recording_id"], "forbidden", "the download answered 403") for row in (one, other)
    }
    assert kinds(stack.verify()[1]) == {(row["recording_id"], "failed") for row in (one, other)}

    none = json.loads(stack.shell.type("redrive", "--reason", "encrypted", "--json").out)
    some = json.loads(stack.shell.type("redrive", "--source", "thulium", "--json").out)
    rest = json.loads(stack.shell.type("redrive", "--reason", "forbidden", "--json").out)
    assert [(counts["sent"], counts["kept"]) for counts in (none, some, rest)] == [(0, 2), (1, 1), (1, 0)]

    stack.settle()
    assert json.loads(stack.shell.type("failed", "--json").out)["dead_letters"] == 0
    assert stack.verify()[0] == 0


def test_show_tells_one_recordings_story_by_id_and_by_key(stack: Laptop) -> None:
    row = stack.rows("thulium")[5]

    by_id = json.loads(stack.shell.type("show", row["recording_id"], "--json").out)
    by_key = json.loads(stack.shell.type("show", row["provider_key"], "--json").out)

    assert by_id == by_key
    assert by_id["state"] == "STORED"
    assert by_id["waits"] is None
    assert by_id["listing"]["provider_key"] == row["provider_key"]
    assert by_id["object"]["sha256"] == by_id["rows"][0]["audio_sha256"]
    assert row["recording_id"] in stack.shell.type("show", row["recording_id"]).out


def test_a_caller_is_erased_with_a_proof_and_all_others_stay(stack: Laptop) -> None:
    sql = "SELECT caller AS number, count(*) AS calls FROM calls WHERE caller IS NOT NULL GROUP BY caller ORDER BY 2, 1"
    number = json.loads(stack.shell.type("query", sql, "--json").out)[0]["number"]
    theirs = f"SELECT recording_id, audio_uri FROM calls WHERE caller = '{number}' OR callee = '{number}'"
    victims = json.loads(stack.shell.type("query", theirs, "--json").out)
    ids = sorted(row["recording_id"] for row in victims)
    everybody = {row["recording_id"] for source in ("conpeek", "thulium") for row in stack.rows(source)}

    typed = ("--number", f"00{number.removeprefix('+')}", "--json")  # as nobody stored it

    refused = stack.shell.type("erase", *typed)
    assert (refused.code, "--yes" in refused.err) == (2, True)
    dry = stack.shell.type("erase", *typed, "--dry-run")
    assert (dry.code, sorted(one["recording_id"] for one in json.loads(dry.out)["recordings"])) == (0, ids)
    assert json.loads(stack.shell.type("query", theirs, "--json").out) == victims, "a dry run changes nothing"
    broken = stack.shell.break_off("erase", *typed, "--yes", until="waiting until")
    assert json.loads(stack.shell.type("query", theirs, "--json").out) == []
    assert number not in broken
    erased = stack.shell.type("erase", *typed, "--yes", "--now", "--proof", "erased.json", "--reference", "DSR-17")
    again = stack.shell.type("erase", *typed, "--yes", "--now")

    proof = json.loads(erased.out)
    assert (erased.code, proof["hits"]) == (0, 0), erased.err
    assert [(one["recording_id"], one["state_before"]) for one in proof["recordings"]] == [(id, "ERASED") for id in ids]
    assert proof["places"]["query_results"]["hits"] == 0
    assert number not in erased.out
    kept = stack.client("s3").get_object(Bucket=stack.facts["bucket"], Key=proof["key"])["Body"].read()
    assert json.loads(kept) == json.loads((stack.shell.folder / "erased.json").read_text())
    assert (again.code, [one["reference"] for one in json.loads(again.out)["earlier"]]) == (0, ["DSR-17"])
    assert stack.shell.type("erase", "--number", "800 999 999", "--yes", "--now").code == 5
    for row in victims:
        listed = stack.client("s3").list_objects_v2(
            Bucket=stack.facts["bucket"], Prefix=row["audio_uri"].removeprefix(f"s3://{stack.facts['bucket']}/")
        )
        assert listed["KeyCount"] == 0
    stack.settle()
    assert stack.verify()[0] == 0
    left = {row["recording_id"] for source in ("conpeek", "thulium") for row in stack.rows(source)}
    assert left == everybody - set(ids)
