"""The report of a canary: what it says, and that it names nobody's account."""

import json

from hypothesis import given
from hypothesis import strategies as st

from call_lake_cli.doctor.canary.report import Report, publishable
from call_lake_cli.doctor.checks import fail, ok
from call_lake_cli.stack.athena import QueryCost

NAMES = ("acme-calls", "acme-calls-bucket-1x2y3z", "sales")
ID = "sales-0f3c9a4be1d24c8f9a60b7d2e5f81c33"
PRIVATE = (
    "arn:aws:sts::111122223333:assumed-role/ops/ann",
    "111122223333",
    "s3://acme-calls-bucket-1x2y3z/lake/calls/manifest/",
    "acme-calls-bucket-1x2y3z",
    "source=sales/call_date=2015-01-01",
    "+48000000123",
    ID,
    "https://sqs.eu-central-1.amazonaws.com/1/q",
)
SECRETS = ("111122223333", "acme", "sales", "48000000123", "0f3c9a4be1d2", "ann", "sqs.")


def report(*found: str) -> Report:
    checks = (ok("canary: times", "300 rows"), *(fail("canary: swaps", text, "do") for text in found))
    costs = (QueryCost(1.25, 1000, "Athena engine version 3"), QueryCost(3.5, 2000, ""), QueryCost(1.0, 500, ""))
    return Report("eu-central-1", checks, NAMES, costs, 41, 60.0)


def test_it_says_versions_region_engine_queries_and_swaps() -> None:
    said = report("torn").to_json()

    assert said["versions"].keys() >= {"call-lake", "boto3", "pyarrow", "Python"}
    assert (said["region"], said["engine"]) == ("eu-central-1", "Athena engine version 3")
    assert (said["queries"], said["median_query_s"], said["slowest_query_s"], said["bytes_read"]) == (
        3,
        1.25,
        3.5,
        3500,
    )
    assert (said["swaps"], said["swapping_s"]) == (41, 60.0)
    assert said["checks"][1] == {"name": "canary: swaps", "level": "failed", "found": "torn"}
    json.dumps(said)


def test_the_same_is_said_as_text() -> None:
    lines = report("torn").lines()

    assert lines[1] == "region eu-central-1, Athena engine version 3"
    assert lines[2:4] == ["3 queries: median 1.25 s, slowest 3.5 s, 3,500 bytes read", "41 swaps in 60 s"]
    assert lines[4:] == ["ok       canary: times: 300 rows", "failed   canary: swaps: torn"]


def test_a_canary_that_could_not_ask_has_a_report_too() -> None:
    said = Report("eu-central-1", (fail("canary", "no day is free", "wait"),), NAMES, (), 0, 60.0)

    assert (said.to_json()["queries"], said.to_json()["median_query_s"], said.to_json()["engine"]) == (
        0,
        None,
        "unknown",
    )
    assert said.lines()


@given(st.lists(st.sampled_from([*PRIVATE, "was refused", "(300 rows)", "at"]), min_size=1, max_size=6))
def test_nothing_private_is_in_it(parts: list[str]) -> None:
    text = " ".join(parts)

    said = json.dumps(report(text).to_json()) + "\n".join(report(text).lines())

    assert [secret for secret in SECRETS if secret in said] == []


def test_a_name_is_hidden_only_as_a_whole_word() -> None:
    assert publishable("wholesales of sales, acme-calls", NAMES) == "wholesales of …, …"
    assert publishable("300 of 300 rows, 12,345,678 bytes", ("", "s")) == "300 of 300 rows, 12,345,678 bytes"
