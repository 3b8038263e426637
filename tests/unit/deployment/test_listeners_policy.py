"""A source's listeners may find and hear its calls, and each access is noted. They may do nothing else."""

import pytest

from tests.rights.compared import deployed
from tests.rights.needs import needs_of
from tests.rights.runs import listening
from tests.support.iam import Statement, grants, is_allowed, matches, statements_of
from tests.support.resolved import ACCOUNT, REGION, Resolved

BUCKET = f"arn:aws:s3:::{deployed().environment('Copier')['BUCKET']}"
DAY = "call_date=2026-10-20"
NOTE = f"{BUCKET}/access-log/2026-10-20/101500-0.json"
STACK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/stack/invented"
SETTINGS = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/call-lake/stack/sources"
NEW = {"s3:if-none-match": ("*",)}


def policy() -> list[Statement]:
    return statements_of(deployed().properties("ThuliumListenersPolicy")["PolicyDocument"])


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:GetObject", f"{BUCKET}/audio/source=thulium/{DAY}/a.wav"),
        ("s3:GetObject", f"{BUCKET}/lake/calls/data/source=thulium/{DAY}/a.parquet"),
        ("s3:GetObject", f"{BUCKET}/lake/calls/manifest/source=thulium/{DAY}/symlink.txt"),
        ("s3:GetObject", f"{BUCKET}/lake/transcripts/data/source=thulium/{DAY}/a.parquet"),
        ("s3:GetObject", f"{BUCKET}/lake/sound/data/source=thulium/{DAY}/a.parquet"),
        ("s3:GetObject", f"{BUCKET}/transcripts/aws/thulium/2026-10-20/a.json"),
        ("s3:PutObject", NOTE),
        ("cloudformation:DescribeStacks", STACK),
        ("ssm:GetParametersByPath", SETTINGS),
    ],
)
def test_listeners_may(action: str, resource: str) -> None:
    assert is_allowed(policy(), action, resource, NEW)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        *(
            ("s3:GetObject", f"{BUCKET}/{key}")
            for key in (
                f"audio/source=conpeek/{DAY}/a.wav",
                f"audio/source=thulium2/{DAY}/a.wav",
                f"lake/calls/data/source=conpeek/{DAY}/a.parquet",
                "lake/calls/quarantine/source=thulium/a.json",
                "lake/calls_open/data/source=thulium/a.parquet",
                "inbox/source=thulium/a.json",
                f"lake/transcripts/data/source=conpeek/{DAY}/a.parquet",
                f"lake/sound/data/source=thulium2/{DAY}/a.parquet",
                "lake/transcripts/quarantine/source=thulium/a.json",
                "transcripts/aws/conpeek/2026-10-20/a.json",
                "transcripts/aws/thulium2/2026-10-20/a.json",
                "athena-results/a.csv",
                "access-log/2026-10-20/101500-0.json",
                "proofs/a.json",
            )
        ),
        ("s3:GetObject", f"arn:aws:s3:::another/audio/source=thulium/{DAY}/a.wav"),
        ("s3:GetObjectVersion", f"{BUCKET}/audio/source=thulium/{DAY}/a.wav"),
        ("s3:PutObject", f"{BUCKET}/audio/source=thulium/{DAY}/a.wav"),
        ("s3:PutObject", f"{BUCKET}/transcripts/aws/thulium/2026-10-20/a.json"),
        ("s3:DeleteObject", f"{BUCKET}/audio/source=thulium/{DAY}/a.wav"),
        ("s3:DeleteObject", NOTE),
        ("s3:DeleteObjectVersion", NOTE),
        ("s3:ListBucketVersions", BUCKET),
        ("cloudformation:DescribeStacks", f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/stack2/invented"),
        ("ssm:GetParametersByPath", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/call-lake/another/sources"),
        ("dynamodb:GetItem", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/stack-ledger"),
        ("athena:StartQueryExecution", f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/stack"),
        ("secretsmanager:GetSecretValue", "*"),
        ("sqs:ReceiveMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:stack-recordings-thulium"),
        ("lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:stack-poller"),
    ],
)
def test_listeners_may_not(action: str, resource: str) -> None:
    assert not is_allowed(policy(), action, resource, NEW)


def test_a_listener_may_do_all_that_the_page_asks_for_and_nothing_more() -> None:
    needs = [need for request in listening() for need in needs_of(request)]
    listing = "s3:ListBucket"  # on each read AWS would ask for it, to tell a missing object from a forbidden one
    needed = [need for need in needs if need.action != listing or need.call == "s3 ListObjectsV2"]
    assert [n for n in needed if not is_allowed(policy(), n.action, n.resource, dict(n.context))] == []
    given = [one for one in grants(policy()) if not one[1].startswith("kms:")]
    unused = [one for one in given if not any(n.action == one[1] and matches(one[2], n.resource) for n in needed)]
    assert unused == []


def test_listeners_replace_no_note() -> None:
    assert not is_allowed(policy(), "s3:PutObject", NOTE)
    assert not is_allowed(policy(), "s3:PutObject", NOTE, {"s3:if-match": ('"etag"',)})


@pytest.mark.parametrize(
    ("prefix", "may"),
    [
        ("lake/calls/manifest/source=thulium/call_date=2026-1", True),
        ("lake/calls/data/source=thulium/call_date=", True),
        ("lake/transcripts/data/source=thulium/call_date=", True),
        ("lake/calls/manifest/source=conpeek/call_date=", False),
        ("lake/transcripts/data/source=conpeek/call_date=", False),
        ("transcripts/", False),
        ("lake/calls/manifest/", False),
        ("audio/source=thulium/", False),
        ("access-log/", False),
        ("", False),
    ],
)
def test_listeners_list_their_sources_part_of_the_table_alone(prefix: str, may: bool) -> None:
    assert is_allowed(policy(), "s3:ListBucket", BUCKET, {"s3:prefix": (prefix,)}) is may


@pytest.mark.parametrize("via", [None, "dynamodb", "sqs", "secretsmanager"])
def test_listeners_use_the_key_for_objects_alone(via: str | None) -> None:
    key = deployed().value({"Ref": "KmsKeyArn"})
    context = {"kms:ViaService": (f"{via}.{REGION}.amazonaws.com",)} if via else {}
    for action in ("kms:Decrypt", "kms:GenerateDataKey"):
        assert not is_allowed(policy(), action, key, context)
        assert is_allowed(policy(), action, key, {"kms:ViaService": (f"s3.{REGION}.amazonaws.com",)})


def test_a_stack_has_no_such_policy_unless_it_is_wanted() -> None:
    addresses = {f"{name}BaseUrl": "https://example.com" for name in ("Thulium", "Conpeek")}
    assert Resolved(**addresses).of_type("AWS::IAM::ManagedPolicy") == {}
    made = Resolved(**addresses, Listeners="true").of_type("AWS::IAM::ManagedPolicy")
    assert set(made) == {"ThuliumListenersPolicy", "ConpeekListenersPolicy"}
