"""The servers of bench/copy are what the copier and S3 clients take them for, and its judge sees what is wrong."""

import hashlib
import io
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from bench.copy import tables, wav
from bench.copy.audio_server import FAULTS, fault_plan
from bench.copy.clients import FLOOR, OURS, Sample, judged
from bench.copy.servers import Found, Servers, running
from bench.harness.tables import ratio
from call_lake.audio.inspection import inspect
from call_lake.audio.spool import Spooled

MIB = 1024 * 1024
SMALL = wav.Work("small", 2, 50_000)


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with running() as both:
        yield both


@pytest.fixture
def s3(servers: Servers) -> Any:
    servers.reset()
    keys: Any = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "eu-central-1"}
    config = Config(retries={"total_max_attempts": 1})
    return boto3.client("s3", endpoint_url=servers.s3_url, config=config, **keys)


@pytest.mark.parametrize("size", [50_000, MIB, MIB + 7, 3 * MIB])
def test_a_body_is_a_valid_wav_of_its_size(size):
    data = b"".join(wav.pieces("a", size))
    assert len(data) == size
    facts = inspect(Spooled(io.BytesIO(data), size, hashlib.sha256(data).hexdigest()))
    assert (facts.format, facts.channels, facts.sample_rate) == ("wav", 1, wav.RATE)


def test_two_recordings_differ():
    assert b"".join(wav.pieces("a", 50_000)) != b"".join(wav.pieces("b", 50_000))


@pytest.mark.parametrize("cuts", [[3 * MIB], [1, MIB, MIB + 1, 3 * MIB], [2 * MIB + 5, 3 * MIB]])
def test_the_digests_of_parts_are_those_of_the_bodys_stretches(cuts):
    data = b"".join(wav.pieces("a", 3 * MIB))
    expected = [hashlib.sha256(data[start:end]).hexdigest() for start, end in zip([0, *cuts], cuts, strict=False)]
    assert wav.digests("a", 3 * MIB, cuts) == expected


def test_the_faulty_set_has_every_fault():
    assert {fault for fault, _ in fault_plan(wav.Work("faulty", 100, 50_000)).values()} == set(FAULTS)


def test_the_s3_refuses_a_body_that_is_not_what_its_checksum_says(s3, servers):
    with pytest.raises(ClientError, match="BadDigest"):
        s3.put_object(Bucket="b", Key="k", Body=b"x", ChecksumSHA256="A" * 43 + "=")
    assert servers.found().standing == set()


def test_a_multipart_upload_stands_in_its_parts(s3, servers):
    data = bytes(range(256)) * 40_000
    s3.upload_fileobj(io.BytesIO(data), "b", "k")
    ((first, *_),) = servers.found().versions["k"]
    assert first == (8 * MIB, hashlib.sha256(data[: 8 * MIB]).hexdigest())
    assert s3.head_object(Bucket="b", Key="k")["ContentLength"] == len(data)


def stored(name: str, *, right: bool) -> tuple[tuple[int, str], ...]:
    return ((50_000, wav.digests(name, 50_000, [50_000])[0] if right else "0" * 64),)


@pytest.mark.parametrize(
    ("versions", "standing", "counts"),
    [
        ([True], True, (0, 0, 0)),
        ([], False, (0, 1, 0)),
        ([False], True, (1, 1, 0)),
        ([False, True], True, (1, 0, 0)),
        ([True, True], True, (0, 0, 1)),
        ([True], False, (0, 1, 0)),
    ],
)
def test_what_ever_stood_under_a_recordings_key_is_judged(versions, standing, counts):
    name = SMALL.names[0]
    found = Found(
        {name: [stored(name, right=right) for right in versions]}, frozenset([name] * standing), {"PUT": 1}, {}
    )
    sample = judged(FLOOR, SMALL, [name], found, (1.0, 1.0, 1.0))
    assert (sample.wrong, sample.lost, sample.twice) == counts


def test_a_ratio_is_taken_within_each_round():
    def sample(seconds: float) -> Sample:
        return Sample(seconds, 1.0, 1.0, 10, 1.0, 0, 0, 0, 0, 0, 0)

    ours, other = [sample(1), sample(10), sample(2)], [sample(2), sample(30), sample(2)]
    assert ratio(ours, other, lambda one: one.recordings_per_s) == 2
    assert "2.00 x" in tables.speed({FLOOR: other, OURS: ours}, OURS).splitlines()[2]
