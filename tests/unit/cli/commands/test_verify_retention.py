"""What the bucket's own lifecycle and RowRetentionDays delete is no loss."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from call_lake.operations.days import Days
from call_lake_cli.commands.verify import audio_kept, kept_days
from call_lake_cli.console.errors import UsageError
from call_lake_cli.stack.handle import Stack

BUCKET = "call-lake-test"


@pytest.fixture
def stack() -> Iterator[Stack]:
    with mock_aws():
        place = {"LocationConstraint": "eu-central-1"}
        boto3.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)  # type: ignore[arg-type]
        yield Stack("call-lake", BUCKET, "ledger", "/sources", "", "bus", "database", "workgroup", {})


def rule(prefix: str, days: int, status: str = "Enabled") -> dict[str, Any]:
    return {"ID": prefix or "all", "Filter": {"Prefix": prefix}, "Status": status, "Expiration": {"Days": days}}


@pytest.mark.parametrize(
    ("rules", "days"),
    [
        ([rule("audio/", 90)], 90),
        ([rule("athena-results/", 7)], None),
        ([rule("audio/", 90, "Disabled")], None),
        ([rule("audio/", 90), rule("", 60)], 60),
    ],
)
def test_the_buckets_rules_say_how_long_audio_is_kept(stack: Stack, rules: Any, days: int | None) -> None:
    boto3.client("s3").put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": rules})

    assert audio_kept(stack) == (timedelta(days=days) if days else None)


def test_a_bucket_without_rules_keeps_audio_for_ever(stack: Stack) -> None:
    assert audio_kept(stack) is None


@pytest.mark.parametrize(
    ("first_kept", "verified"),
    [(None, 1), (date(2026, 10, 1), 1), (date(2026, 10, 2), 2), (date(2026, 10, 31), 31)],
)
def test_days_of_which_the_rows_were_removed_are_not_verified(first_kept: date | None, verified: int) -> None:
    october = Days(date(2026, 10, 1), date(2026, 10, 31))

    assert kept_days(october, first_kept) == Days(date(2026, 10, verified), october.last)


def test_days_that_were_all_removed_are_a_mistake() -> None:
    with pytest.raises(UsageError, match="verify later days"):
        kept_days(Days(date(2026, 10, 1), date(2026, 10, 31)), date(2026, 11, 1))
