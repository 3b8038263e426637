"""What the bucket's own lifecycle deletes is no loss."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from call_lake_cli.commands.verify import audio_kept
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
