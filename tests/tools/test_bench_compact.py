"""The rows of bench/compact are what they claim, and its judge sees what is wrong."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench.compact import dataset, reads, tables
from bench.compact.bucket import MEMORY, Bucket, Client
from bench.compact.clients.plain import CODEC
from bench.compact.judge import judge
from bench.compact.worker import by_partition, s3_of
from bench.harness.runner import serving
from tests.support.template import properties

NOBODY = Client("floor", "nobody", is_peer=False)


@pytest.fixture(scope="module")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving("bench.harness.s3_server", str(tmp_path_factory.mktemp("s3"))) as url:
        yield url


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dataset.Dataset:
    return dataset.make(tmp_path_factory.mktemp("rows"), 1200, 2, 200)


def test_an_increment_has_late_and_repeated_rows_in_22_partitions(rows):
    with pa.memory_map(str(rows.folder / "increment-0.arrow")) as source:
        increment = pa.ipc.open_file(source).read_all()
    assert increment.num_rows == 200
    assert len(list(by_partition(increment))) <= 22
    assert 5 <= sum(name in rows.load_truth for name in increment["recording_id"].to_pylist()) <= 10


def test_twice_lost_and_stale_are_told_apart(s3_url, rows, tmp_path):
    bucket = Bucket(s3_url, NOBODY, rows, tmp_path, "judged")
    stored_at = pa.array([1, 1, 5], pa.timestamp("ms", "UTC"))
    pq.write_table(
        pa.table({"recording_id": ["a", "a", "b"], "stored_at": stored_at}), "judged/f", filesystem=s3_of(s3_url)
    )
    found = judge(bucket, ["f"], {"a": 1, "b": 6, "c": 1})
    assert (found.twice, found.lost, found.stale) == (1, 1, 1)


def test_a_bloom_filter_spares_a_reader_the_ids(s3_url, rows, tmp_path):
    bucket = Bucket(s3_url, NOBODY, rows, tmp_path, "read")
    with pa.memory_map(str(rows.folder / "load.arrow")) as source:
        table = pa.ipc.open_file(source).read_all()
    sizes = []
    for name, filters in (("plain", None), ("filtered", {"recording_id": {"ndv": 1200, "fpp": 0.01}})):
        path = f"read/{name}"
        pq.write_table(table, path, filesystem=s3_of(s3_url), compression=CODEC, bloom_filter_options=filters)
        absent = table["recording_id"][0].as_py()[:-1] + "x"
        sizes.append(reads.reads(bucket, [name], [absent], "none").recording)
    assert sizes[1] < sizes[0] / 2


def test_growth_compares_the_last_increments_with_the_first():
    assert tables.growth([1.0] * 10 + [5.0] * 10 + [2.0] * 10) == 2.0
    assert tables.growth([1.0, 2.0]) is None


def test_call_lake_is_measured_with_the_memory_settings_of_the_compactor() -> None:
    variables = properties("Compactor")["Environment"]["Variables"]
    assert {name: variables[name] for name in MEMORY} == MEMORY
