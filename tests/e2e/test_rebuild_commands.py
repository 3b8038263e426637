"""Lose the lake of a running stack, and break a row of it: the operator's commands bring both back."""

import json
from typing import Any

import pytest

from tests.e2e.conftest import Shell
from tests.e2e.test_operator_commands import Laptop

JUNK = b"this is no Parquet file, and longer than eight bytes"
QUARANTINE = "lake/calls/quarantine/"


class Lake(Laptop):
    """The stack's lake, seen by Athena and broken past it."""

    def table(self) -> list[dict[str, Any]]:
        typed = self.shell.type("query", "SELECT * FROM calls ORDER BY recording_id", "--json")
        assert typed.code == 0, typed.err
        return list(json.loads(typed.out))

    def keys(self, prefix: str) -> list[str]:
        pages = self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self.facts["bucket"], Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", ())]

    def put(self, key: str, body: bytes) -> None:
        self.client("s3").put_object(Bucket=self.facts["bucket"], Key=key, Body=body)

    def delete(self, prefix: str) -> None:
        for key in self.keys(prefix):
            self.client("s3").delete_object(Bucket=self.facts["bucket"], Key=key)

    def compact(self) -> None:
        answer = self.client("lambda").invoke(FunctionName=self.facts["functions"]["compactor"], Payload=b"{}")
        assert "FunctionError" not in answer

    def rebuild(self, *options: str) -> dict[str, Any]:
        typed = self.shell.type("rebuild", *options, "--json")
        assert typed.code == 0, typed.err + typed.out
        return dict(json.loads(typed.out))

    def quarantine(self, *options: str) -> list[dict[str, Any]]:
        typed = self.shell.type("quarantine", "list", *options, "--json")
        assert typed.code == 0, typed.err
        return list(json.loads(typed.out))


@pytest.fixture
def lake(laptop: Shell) -> Lake:
    return Lake(laptop)


def test_a_lake_that_was_lost_or_damaged_is_rebuilt_with_the_same_rows(lake: Lake) -> None:
    lake.rebuild()  # tests before this one have set ledger items back, behind the lake's back
    before = lake.table()
    assert before
    assert lake.rebuild()["rebuilt"] == [], "nothing differs"

    lake.delete("lake/calls/")
    answer = lake.rebuild()
    assert lake.table() == before
    assert sum(one["rows"] for one in answer["rebuilt"]) == len(before)

    row = next(row for row in before if row["source"] == "thulium")
    place = f"source=thulium/call_date={row['call_date']}/"
    for key in lake.keys(f"lake/calls/data/{place}"):
        lake.put(key, JUNK)
    (mended,) = lake.rebuild("--source", "thulium", "--from", row["call_date"], "--to", row["call_date"])["rebuilt"]
    assert (mended["call_date"], len(mended["unreadable"])) == (row["call_date"], 1)
    assert lake.table() == before
    assert lake.shell.type("rebuild").code == 0
    assert lake.verify()[0] == 0


def test_a_row_in_the_quarantine_is_listed_and_sent_again(lake: Lake) -> None:
    before = lake.table()
    row = before[0]
    place = f"source={row['source']}/call_date={row['call_date']}/"
    wrong = {name: row[name] for name in ("recording_id", "source", "call_date", "started_at", "stored_at")}
    wrong |= {"schema_version": 1, "audio_bytes": "many", "caller": "+00 000 000 000"}
    lake.put(f"inbox/calls/{place}e2e.json", json.dumps(wrong).encode())
    lake.compact()

    (listed,) = lake.quarantine()
    assert (listed["source"], listed["call_date"], listed["recording_id"]) == (
        row["source"],
        row["call_date"],
        row["recording_id"],
    )
    assert listed["reason"] == "audio_bytes: str instead of bigint"
    assert "+00 000" not in json.dumps(listed)
    assert json.loads(lake.quarantine("--raw")[0]["raw"]) == wrong
    assert listed["key"] in lake.shell.type("quarantine", "list").out

    typed = lake.shell.type("quarantine", "retry", listed["key"], "--source", row["source"])
    assert typed.code == 0
    assert "1 row sent back to the inbox" in typed.err
    lake.compact()
    (again,) = lake.quarantine()
    assert again["key"] != listed["key"]
    assert lake.table() == before
    lake.delete(QUARANTINE)
