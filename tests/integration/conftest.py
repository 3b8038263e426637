"""The local AWS, once for the session and empty for every test that asks for ``aws``."""

import os
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from local.emulator import Emulator, start_emulator

TOOLS = Path(__file__).parents[2] / ".tools"


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    python = Path(os.environ.get("CALL_LAKE_MINISTACK_PYTHON", TOOLS / "ministack/bin/python"))
    with start_emulator(python, tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture(scope="session")
def aws(emulator: Emulator) -> boto3.Session:
    """The account's root. Give every client ``endpoint_url=emulator.endpoint_url``."""
    return boto3.Session(emulator.access_key_id, emulator.secret_access_key, region_name=emulator.region)
