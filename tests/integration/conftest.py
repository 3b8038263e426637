"""The local AWS, once for the session: each test uses its names in it."""

from collections.abc import Iterator

import boto3
import pytest

from call_lake_local.emulator import Emulator, start_emulator
from tests.integration.athena_lake import Lake
from tests.integration.call_rows import create_calls
from tests.integration.said_rows import create_said
from tests.integration.tools import ministack_python


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with start_emulator(ministack_python(), tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture(scope="session")
def aws(emulator: Emulator) -> boto3.Session:
    """The account's root. Give every client ``endpoint_url=emulator.endpoint.url``."""
    root = emulator.endpoint
    return boto3.Session(root.access_key_id, root.secret_access_key, region_name=root.region)


@pytest.fixture
def lake(aws: boto3.Session, emulator: Emulator) -> Lake:
    """An empty lake with all of its tables; modules that need another one make their own."""
    made = Lake(aws, emulator)
    create_calls(made)
    create_said(made)
    return made
