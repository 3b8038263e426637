"""The S3 of bench/compact is what clients take S3 for, and its judge sees what is wrong."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench.compact import dataset, reads, tables
from bench.compact.contenders.plain import CODEC
from bench.compact.judge import judge, s3_of
from bench.compact.stage import MEMORY, Contender, Stage, ask, serving
from bench.compact.task import by_partition, newest
from call_lake.aws.client import CONFIG
from call_lake.aws.s3 import S3ObjectStore
from call_lake.ports import PreconditionFailed, WriteConflict
from tests.support.template import properties

NOBODY = Contender("floor", "nobody", is_peer=False)
KEYS: Any = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "eu-central-1"}


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    with serving() as url:
        yield url


@pytest.fixture
def store(s3_url: str, request: pytest.FixtureRequest) -> S3ObjectStore:
    client = boto3.client("s3", endpoint_url=s3_url, config=CONFIG, **KEYS)
    return S3ObjectStore(client, f"b{abs(hash(request.node.name))}")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dataset.Dataset:
    return dataset.make(tmp_path_factory.mktemp("rows"), 1200, 2, 200)


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


def test_ranges_listings_and_deletions_are_s3s(store):
    for number in range(1005):
        store.put(f"a/{number:04d}", b"0123456789")
    assert store.get_range("a/0000", 2, 3) == b"234"
    assert store.get_range("a/0000", 10, 3) == b""
    assert len(list(store.list("a/"))) == 1005  # more than a page
    store.delete([f"a/{number:04d}" for number in range(1004)])
    assert [info.key for info in store.list("")] == ["a/1004"]


def test_what_pyarrow_writes_in_parts_is_read_back(s3_url):
    table = pa.table({"n": range(1000)})
    pq.write_table(table, "parts/calls/x=1/file.parquet", filesystem=s3_of(s3_url))
    assert pq.read_table("parts/calls/x=1/file.parquet", filesystem=s3_of(s3_url), partitioning=None).equals(table)


def test_bytes_are_counted(s3_url, store):
    store.put("k", b"0123456789")
    ask(s3_url, "reset-stats")
    store.get_range("k", 0, 4)
    told = ask(s3_url, "stats")
    assert (told["GET"], told["bytes out"]) == (1, 4)


def test_an_increment_has_late_and_repeated_rows_in_22_partitions(rows):
    with pa.memory_map(str(rows.folder / "increment-0.arrow")) as source:
        increment = pa.ipc.open_file(source).read_all()
    assert increment.num_rows == 200
    assert len(list(by_partition(increment))) <= 22
    assert 5 <= sum(name in rows.load_truth for name in increment["recording_id"].to_pylist()) <= 10


def test_of_a_recordings_rows_the_newest_is_kept():
    table = pa.table({"recording_id": ["a", "b", "a"], "stored_at": [1, 5, 2]})
    assert newest(table).to_pydict() == {"recording_id": ["b", "a"], "stored_at": [5, 2]}


def test_twice_lost_and_stale_are_told_apart(s3_url, rows, tmp_path):
    stage = Stage(s3_url, NOBODY, rows, tmp_path, "judged")
    stored_at = pa.array([1, 1, 5], pa.timestamp("ms", "UTC"))
    pq.write_table(
        pa.table({"recording_id": ["a", "a", "b"], "stored_at": stored_at}), "judged/f", filesystem=s3_of(s3_url)
    )
    found = judge(stage, ["f"], {"a": 1, "b": 6, "c": 1})
    assert (found.twice, found.lost, found.stale) == (1, 1, 1)


def test_a_bloom_filter_spares_a_reader_the_ids(s3_url, rows, tmp_path):
    stage = Stage(s3_url, NOBODY, rows, tmp_path, "read")
    with pa.memory_map(str(rows.folder / "load.arrow")) as source:
        table = pa.ipc.open_file(source).read_all()
    sizes = []
    for name, filters in (("plain", None), ("filtered", {"recording_id": {"ndv": 1200, "fpp": 0.01}})):
        path = f"read/{name}"
        pq.write_table(table, path, filesystem=s3_of(s3_url), compression=CODEC, bloom_filter_options=filters)
        absent = table["recording_id"][0].as_py()[:-1] + "x"
        sizes.append(reads.reads(stage, [name], [absent], "none").recording)
    assert sizes[1] < sizes[0] / 2


def test_growth_compares_the_last_increments_with_the_first():
    assert tables.growth([1.0] * 10 + [5.0] * 10 + [2.0] * 10) == 2.0
    assert tables.growth([1.0, 2.0]) is None


def test_every_contender_has_its_module() -> None:
    from bench.compact.__main__ import CONTENDERS

    folder = Path(tables.__file__).parent / "contenders"
    assert {one.module for one in CONTENDERS} | {"floor", "plain", "__init__"} == {f.stem for f in folder.glob("*.py")}


def test_call_lake_is_measured_with_the_memory_settings_of_the_compactor() -> None:
    variables = properties("Compactor")["Environment"]["Variables"]
    assert {name: variables[name] for name in MEMORY} == MEMORY
