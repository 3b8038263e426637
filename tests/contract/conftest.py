"""Every contract test runs on memory, on moto and on the emulator (marked ``integration``)."""

import os
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws

from call_lake.aws.client import CONFIG
from call_lake_local.emulator import Emulator, start_emulator
from tests.contract import kits
from tests.contract.clouds import REGION, BotoCloud, MemoryCloud
from tests.contract.kits import Cloud

MINISTACK = Path(__file__).parents[2] / ".tools/ministack/bin/python"
NOWHERE = Config(proxies={"http": "http://127.0.0.1:9", "https": "http://127.0.0.1:9"})
"""moto answers before a request is sent; what it does not answer must not reach AWS, and ends at this closed port."""


@pytest.fixture(params=["memory", "moto", pytest.param("emulator", marks=pytest.mark.integration)])
def cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    wrong = request.node.get_closest_marker("wrong_in")
    if wrong and request.param in wrong.args:
        request.applymarker(pytest.mark.xfail(strict=True, reason=wrong.kwargs["reason"]))
    unsafe = request.node.get_closest_marker("unsafe_in")
    if unsafe and request.param in unsafe.args:
        pytest.skip(unsafe.kwargs["reason"])
    match request.param:
        case "memory":
            yield MemoryCloud()
        case "moto":
            yield request.getfixturevalue("moto_cloud")
        case "emulator":
            emulator: Emulator = request.getfixturevalue("emulator")
            aws = emulator.endpoint
            session = boto3.Session(aws.access_key_id, aws.secret_access_key, region_name=REGION)
            yield BotoCloud("emulator", session, CONFIG, aws.url)


@pytest.fixture
def moto_cloud() -> Iterator[BotoCloud]:
    with mock_aws():
        yield BotoCloud("moto", boto3.Session("testing", "testing", region_name=REGION), CONFIG.merge(NOWHERE))


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    python = Path(os.environ.get("CALL_LAKE_MINISTACK_PYTHON", MINISTACK))
    with start_emulator(python, tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture
def store_kit(cloud: Cloud) -> kits.StoreKit:
    return cloud.store()


@pytest.fixture
def queue_kit(cloud: Cloud) -> kits.QueueKit:
    return cloud.queue()


@pytest.fixture
def table_kit(cloud: Cloud) -> kits.TableKit:
    return cloud.table()


@pytest.fixture
def catalog_kit(cloud: Cloud) -> kits.CatalogKit:
    return cloud.catalog()


@pytest.fixture
def bus_kit(cloud: Cloud) -> kits.BusKit:
    return cloud.bus()


@pytest.fixture
def secrets_kit(cloud: Cloud) -> kits.SecretsKit:
    return cloud.secrets()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "unsafe_in(*clouds, reason): these stand-ins are no judge of this; skipped")
    config.addinivalue_line("markers", "wrong_in(*clouds, reason): these stand-ins differ from AWS here; strict")
