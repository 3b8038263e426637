"""The S3 of the benches is what clients take S3 for; processes are measured, and tables kept."""

import sys
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from bench.harness.runner import RESULTS, Measured, environment, rounds, serving
from bench.harness.s3_server import ask
from bench.harness.tables import fill
from call_lake.aws.client import CONFIG
from call_lake.aws.s3 import S3ObjectStore
from call_lake.ports import PreconditionFailed, WriteConflict

KEYS: Any = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "eu-central-1"}
CLIENT = """
from bench.harness import job
with job.Watch().running() as watch:
    held = bytearray(50_000_000)
watch.answer(told=job.given())
"""


@pytest.fixture(scope="module")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving("bench.harness.s3_server", str(tmp_path_factory.mktemp("s3"))) as url:
        yield url


@pytest.fixture
def store(s3_url: str, request: pytest.FixtureRequest) -> S3ObjectStore:
    client = boto3.client("s3", endpoint_url=s3_url, config=CONFIG, **KEYS)
    return S3ObjectStore(client, f"b{abs(hash(request.node.name))}")


def test_a_replacement_needs_the_etag_that_stands(store):
    etag = store.put("k", b"one", if_none_match=True)
    with pytest.raises(PreconditionFailed):
        store.put("k", b"two", if_none_match=True)
    store.put("k", b"two", if_match=etag)
    with pytest.raises(PreconditionFailed):
        store.put("k", b"three", if_match=etag)
    with pytest.raises(WriteConflict):
        store.put("absent", b"x", if_match=etag)
    assert store.get("k")[0] == b"two"


def test_a_client_is_killed_at_the_write_that_hangs(s3_url, tmp_path):
    script = (
        "import boto3; s3 = boto3.client('s3')\nfor n in range(9): s3.put_object(Bucket='hung', Key=str(n), Body=b'x')"
    )
    ask(s3_url, "hang?after=2")
    started = Measured([sys.executable, "-c", script], tmp_path, environment(tmp_path, s3_url))
    while started.is_running() and not ask(s3_url, "hung")["hung"]:
        pass
    assert started.is_running()
    started.kill()
    ask(s3_url, "go-on")
    assert [path for path in ask(s3_url, "found")["standing"] if path.startswith("hung/")] == ["hung/0", "hung/1"]


def test_a_process_is_told_its_job_and_measured(tmp_path):
    run = Measured.module([sys.executable, "-c", CLIENT], {"count": 3}, tmp_path, environment(tmp_path))
    answer, usage = run.result()
    assert answer["told"] == {"count": 3}
    assert 50 < answer["peak_mb"] < 200
    assert 0 < answer["cpu_s"] < answer["process_cpu_s"] <= usage.cpu_s


def test_a_module_that_fails_ends_the_bench_with_what_it_said(tmp_path):
    run = Measured.module([sys.executable, "-c", "raise ValueError('no rows')"], {}, tmp_path, environment(tmp_path))
    with pytest.raises(SystemExit, match="no rows"):
        run.result()


def test_every_second_round_goes_in_reverse_order():
    order = []

    def run(client: str, number: int) -> int:
        order.append(client)
        return number

    found = rounds("ABC", 2, run)
    assert order == list("ABCCBA")
    assert found == {"A": [0, 1], "B": [0, 1], "C": [0, 1]}


def test_a_named_text_is_replaced_and_the_rest_of_the_page_stays():
    page = "# Results\n<!-- >>> copy -->\nold\n<!-- <<< copy -->\n\nmore\n"
    assert fill(page, {"copy": "new"}) == page.replace("old", "new")


@pytest.mark.parametrize("name", ["poll", "copy", "compact", "cloud", "scale", "imports"])
def test_the_results_have_a_place_for_every_bench(name):
    assert "kept here" in fill(RESULTS.read_text(encoding="utf-8"), {name: "kept here"})
