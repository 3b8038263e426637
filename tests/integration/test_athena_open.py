"""What analysts ask Athena: the table ``calls_open``, written by the compactor, defined by the template."""

from dataclasses import replace
from typing import Any

import boto3
import pytest

from call_lake.aws.s3 import S3ObjectStore
from call_lake.bucket.inbox import put_rows
from call_lake.lake.compactor import Compactor
from call_lake.model.lake_tables import CALLS
from call_lake_local.emulator import Emulator
from tests.integration.athena_lake import SYMLINK, Lake
from tests.support.fakes import World
from tests.support.lake_samples import IN_TIME_S, SETTINGS, TODAY, row_of
from tests.support.template import properties


@pytest.fixture(scope="module")
def lake(aws: boto3.Session, emulator: Emulator) -> Lake:
    lake = Lake(aws, emulator)
    world = World.make()
    store = S3ObjectStore(lake.s3, lake.bucket)
    put_rows(store, [row_of(1, talk_s=10.0), row_of(2, talk_s=20.0)], CALLS)
    lake.create_calls()
    lake.glue.create_table(DatabaseName=lake.name, TableInput=_of_template(lake))
    settings = replace(SETTINGS, open_table=True)
    result = Compactor(store, world.table, lake.catalog, world.clock, settings, threads=1).run(IN_TIME_S)
    assert result.rows == 2
    return lake


def _of_template(lake: Lake) -> Any:
    given = properties("CallsOpenTable")["TableInput"]
    storage = given["StorageDescriptor"] | {"Location": f"s3://{lake.bucket}/lake/calls_open/manifest/"}
    assert storage["InputFormat"] == SYMLINK
    return given | {"StorageDescriptor": storage}


def test_it_counts_and_sums_as_the_table_does(lake: Lake) -> None:
    (row,) = lake.rows(f"SELECT count(*), sum(talk_s) FROM calls_open WHERE call_date = DATE '{TODAY}'")
    assert row == ("2", "30.0")


@pytest.mark.parametrize("column", ["caller", "callee", "agent", "raw", "provider_key", "audio_uri"])
def test_it_knows_no_personal_column(lake: Lake, column: str) -> None:
    assert lake.ask(f"SELECT {column} FROM calls_open").state == "FAILED"
