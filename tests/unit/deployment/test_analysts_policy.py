"""The analysts' policy lets Athena's console and drivers work on calls_open and sound, and reads nothing else."""

import json

import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

from tests.rights.compared import deployed
from tests.support.iam import Statement, is_allowed, listed, statements_of
from tests.support.resolved import ACCOUNT, REGION

DRIVERS = json.loads(aws_managed_policies_data)["AWSQuicksightAthenaAccess"]["Document"]["Statement"]
"""What a policy for JDBC and ODBC has to allow: https://docs.aws.amazon.com/athena/latest/ug/policy-actions.html"""
DEPRECATED = {
    f"athena:{name}"
    for name in (
        *("CancelQueryExecution", "GetCatalogs", "GetExecutionEngine", "GetExecutionEngines", "GetNamespace"),
        *("GetNamespaces", "GetQueryExecutions", "GetTable", "GetTables", "RunQuery"),
    )
}
"""They are no operations of Athena's API, and have no resources, so they would reach every workgroup of the account:
https://github.com/aws/serverless-application-model/pull/3953"""
OTHER_CATALOGS = {"glue:GetCatalog", "glue:GetCatalogs"}
WRITES = ("Create", "Delete", "Update", "BatchCreate", "BatchDelete", "Put")

WORKGROUP = f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup"
CATALOG = f"arn:aws:athena:{REGION}:{ACCOUNT}:datacatalog"
GLUE = f"arn:aws:glue:{REGION}:{ACCOUNT}"
BUCKET = deployed().value({"Fn::GetAtt": "Bucket.Arn"})
OURS = {
    "athena": (f"{WORKGROUP}/stack-analysts", f"{CATALOG}/AwsDataCatalog", "*"),
    "glue": (f"{GLUE}:table/stack/calls_open", f"{GLUE}:database/stack"),
    "s3": (BUCKET, f"{BUCKET}/lake/calls_open/manifest/symlink.txt", f"{BUCKET}/athena-results/analysts/a.csv"),
}
PREFIX = {"s3:prefix": ("lake/calls_open/manifest/source=thulium/",)}


def policy() -> list[Statement]:
    return statements_of(deployed().properties("AnalystsPolicy")["PolicyDocument"])


def needed_by_drivers() -> list[str]:
    actions = {action for one in DRIVERS for action in listed(one["Action"])}
    reading = {action for action in actions if not action.partition(":")[2].startswith(WRITES)}
    kept = reading | {"s3:PutObject"}  # of results
    return sorted(kept - DEPRECATED - OTHER_CATALOGS)


@pytest.mark.parametrize("action", needed_by_drivers())
def test_the_drivers_may_call_all_that_reads(action: str) -> None:
    service = action.partition(":")[0]
    assert service in {*OURS, "lakeformation"}
    if service in OURS:
        assert any(is_allowed(policy(), action, resource, PREFIX) for resource in OURS[service])


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("athena:StartQueryExecution", f"{WORKGROUP}/stack-analysts"),
        ("athena:GetQueryResultsStream", f"{WORKGROUP}/stack-analysts"),
        ("athena:ListNamedQueries", f"{WORKGROUP}/stack-analysts"),
        ("athena:GetQueryRuntimeStatistics", f"{WORKGROUP}/stack-analysts"),
        ("athena:ListWorkGroups", "*"),
        ("athena:ListDataCatalogs", "*"),
        ("athena:GetTableMetadata", f"{CATALOG}/AwsDataCatalog"),
        ("glue:GetDatabase", f"{GLUE}:database/default"),
        ("glue:GetDatabase", f"{GLUE}:database/stack"),
        ("glue:GetDatabases", f"{GLUE}:database/another"),
        ("glue:GetTable", f"{GLUE}:table/stack/calls_open"),
        ("glue:GetTables", f"{GLUE}:table/stack/calls"),
        ("glue:GetPartitions", f"{GLUE}:table/stack/calls_open"),
        ("glue:BatchGetPartition", f"{GLUE}:table/stack/calls_open"),
        ("glue:GetPartitions", f"{GLUE}:table/stack/sound"),
        ("s3:GetObject", f"{BUCKET}/lake/calls_open/data/a.parquet"),
        ("s3:GetObject", f"{BUCKET}/lake/sound/data/a.parquet"),
        ("s3:GetObject", f"{BUCKET}/lake/sound/manifest/source=thulium/symlink.txt"),
        ("s3:PutObject", f"{BUCKET}/athena-results/analysts/a.csv"),
        ("s3:GetObject", f"{BUCKET}/athena-results/analysts/a.csv"),
        ("s3:GetBucketLocation", BUCKET),
        ("s3:ListBucket", BUCKET),
    ],
)
def test_analysts_may(action: str, resource: str) -> None:
    assert is_allowed(policy(), action, resource, PREFIX)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("athena:StartQueryExecution", f"{WORKGROUP}/primary"),
        ("athena:StartQueryExecution", f"{WORKGROUP}/stack"),
        ("athena:GetQueryResults", f"{WORKGROUP}/stack"),
        ("athena:GetQueryResultsStream", f"{WORKGROUP}/stack"),
        ("athena:ListQueryExecutions", f"{WORKGROUP}/stack"),
        ("athena:GetNamedQuery", f"{WORKGROUP}/stack"),
        ("athena:UpdateWorkGroup", f"{WORKGROUP}/stack-analysts"),
        ("athena:DeleteNamedQuery", f"{WORKGROUP}/stack-analysts"),
        ("athena:RunQuery", "*"),
        ("athena:GetTableMetadata", f"{CATALOG}/another"),
        ("glue:GetTable", f"{GLUE}:table/stack/calls"),
        ("glue:GetPartitions", f"{GLUE}:table/stack/calls"),
        ("glue:GetTable", f"{GLUE}:table/stack/transcripts"),
        ("glue:GetTable", f"{GLUE}:table/stack/calls_daily"),
        ("glue:GetTables", f"{GLUE}:table/another/people"),
        ("glue:GetDatabase", f"{GLUE}:database/another"),
        ("glue:UpdateTable", f"{GLUE}:table/stack/calls_open"),
        ("glue:BatchCreatePartition", f"{GLUE}:table/stack/calls_open"),
        ("glue:DeleteTable", f"{GLUE}:table/stack/calls_open"),
        *(
            ("s3:GetObject", f"{BUCKET}/{key}")
            for key in (
                "audio/source=thulium/a.wav",
                "transcripts/thulium/a.json",
                "inbox/source=thulium/a.json",
                "access-log/2026-10-20/120000-a.json",
                "lake/calls/data/a.parquet",
                "lake/transcripts/data/a.parquet",
                "lake/transcripts/manifest/source=thulium/symlink.txt",
                "lake/sound/quarantine/a.json",
                "lake/calls/manifest/source=thulium/symlink.txt",
                "athena-results/a.csv",
                "proofs/a.json",
                "athena-results/analysts-of-another/a.csv",
            )
        ),
        ("s3:GetObjectVersion", f"{BUCKET}/lake/calls_open/data/a.parquet"),
        ("s3:ListBucketVersions", BUCKET),
        ("s3:PutObject", f"{BUCKET}/lake/calls_open/data/a.parquet"),
        ("s3:PutObject", f"{BUCKET}/access-log/2026-10-20/120000-a.json"),
        ("s3:DeleteObject", f"{BUCKET}/athena-results/analysts/a.csv"),
        ("s3:GetObject", "arn:aws:s3:::another/lake/calls_open/data/a.parquet"),
        ("dynamodb:GetItem", deployed().value({"Fn::GetAtt": "Ledger.Arn"})),
        (
            "secretsmanager:GetSecretValue",
            f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:call-lake/stack/sources/a",
        ),
    ],
)
def test_analysts_may_not(action: str, resource: str) -> None:
    assert not is_allowed(policy(), action, resource, PREFIX)


@pytest.mark.parametrize("prefix", ["lake/calls_open/data/source=a/", "lake/sound/data/source=a/"])
def test_analysts_may_list_the_files_of_both_tables(prefix: str) -> None:
    assert is_allowed(policy(), "s3:ListBucket", BUCKET, {"s3:prefix": (prefix,)})


@pytest.mark.parametrize(
    "prefix", ["", "audio/", "transcripts/", "lake/calls/", "lake/transcripts/", "athena-results/", "lake/", "proofs/"]
)
def test_analysts_may_not_list_anything_else(prefix: str) -> None:
    assert not is_allowed(policy(), "s3:ListBucket", BUCKET, {"s3:prefix": (prefix,)})
    assert not is_allowed(policy(), "s3:ListBucket", BUCKET)


@pytest.mark.parametrize("via", [None, "dynamodb", "sqs", "secretsmanager"])
def test_analysts_use_the_key_for_objects_alone(via: str | None) -> None:
    key = deployed().value({"Ref": "KmsKeyArn"})
    context = {"kms:ViaService": (f"{via}.{REGION}.amazonaws.com",)} if via else {}
    assert not is_allowed(policy(), "kms:Decrypt", key, context)
    assert is_allowed(policy(), "kms:Decrypt", key, {"kms:ViaService": (f"s3.{REGION}.amazonaws.com",)})
