"""An output column's time zone is part of its value in Trino; the adapter can print one that is written out."""

import boto3
import pytest

from call_lake_local.emulator import Emulator
from tests.integration.athena_lake import Lake


@pytest.fixture(scope="module")
def lake(aws: boto3.Session, emulator: Emulator) -> Lake:
    return Lake(aws, emulator)


@pytest.mark.parametrize(
    "column",
    [
        "t at time zone zone",
        "at_timezone(t, zone)",
        "at_timezone(t, lower('Europe/Warsaw'))",
        "t at time zone interval '2' hour",
        "at_timezone(t, 2)",
    ],
)
def test_a_zone_that_is_not_written_out_is_refused_with_what_to_write(lake: Lake, column: str) -> None:
    answer = lake.ask(
        f"select {column} from (values (timestamp '2026-10-25 00:30:00', 'Europe/Warsaw')) as moments (t, zone)"
    )

    assert answer.state == "FAILED"
    assert "written out here, like 'Europe/Warsaw'" in answer.reason


def test_inside_an_expression_a_zone_may_come_from_a_column(lake: Lake) -> None:
    sql = """select hour(at_timezone(t, zone)) from (values (timestamp '2026-10-25 00:30:00', 'Europe/Warsaw'))
             as moments (t, zone)"""

    assert lake.rows(sql) == [("2",)]
