"""Each function's role, as the template makes it, may do the function's work and is refused what is none of it.

IAM as the emulator enforces it. What it does not enforce, the tests of the template look at (test_template_roles.py);
what no IAM can refuse is in docs/security.md.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from call_lake_local.emulator import Emulator
from tests.support.template import parse

STACK = "refusals"
TEMPLATES = "refusals-templates"
KEPT = {
    "AWS::Athena::WorkGroup",
    "AWS::DynamoDB::Table",
    "AWS::Events::EventBus",
    "AWS::Glue::Database",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
    "AWS::SSM::Parameter",
    "AWS::SecretsManager::Secret",
}
FUNCTIONS = ("Poller", "Copier", "Compactor", "Transcriber")
ANALYSTS = "refusals-customers-analysts"
OTHER_SECRET = "somebody/elses"
OBJECTS = (
    "audio/source=thulium/a.wav",
    "inbox/a.json",
    "lake/calls/data/a.parquet",
    "lake/calls_open/data/a.parquet",
    "athena-results/a.csv",
    "transcripts/aws/thulium/2026-10-20/a.json",
    "proofs/a.json",
)
REFUSED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "403"}


@dataclass
class Account:
    """The roles of a deployed stack, and what lies in it. ``as_`` is who asks."""

    emulator: Emulator
    root: boto3.Session
    names: dict[str, str]
    sessions: dict[str, boto3.Session]
    clients: dict[tuple[str, str], Any] = field(default_factory=dict)

    def client(self, service: str, as_: str = "") -> Any:
        session = self.sessions[as_] if as_ else self.root
        if (service, as_) not in self.clients:
            config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
            self.clients[service, as_] = session.client(  # type: ignore[call-overload]
                service, endpoint_url=self.emulator.endpoint.url, config=config
            )
        return self.clients[service, as_]


@pytest.fixture(scope="module")
def account(emulator: Emulator, aws: boto3.Session) -> Iterator[Account]:
    account = Account(emulator, aws, {}, {})
    cloudformation = account.client("cloudformation")
    account.client("s3").create_bucket(
        Bucket=TEMPLATES, CreateBucketConfiguration={"LocationConstraint": emulator.endpoint.region}
    )  # for a request holds no template of this size
    account.client("s3").put_object(Bucket=TEMPLATES, Key="t.json", Body=json.dumps(_roles_and_what_they_name()))
    cloudformation.create_stack(
        StackName=STACK,
        TemplateURL=f"{emulator.endpoint.url}/{TEMPLATES}/t.json",
        Parameters=[
            {"ParameterKey": "IsCloud", "ParameterValue": "false"},
            {"ParameterKey": "ThuliumBaseUrl", "ParameterValue": "https://example.thulium.com/api"},
            {"ParameterKey": "ConpeekBaseUrl", "ParameterValue": "https://example.conpeek.com"},
            {"ParameterKey": "EnableTranscription", "ParameterValue": "true"},
            {"ParameterKey": "AnalystsTable", "ParameterValue": "true"},
        ],
        Capabilities=["CAPABILITY_IAM"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})
    resources = cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
    account.names |= {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources}
    _fill(account)
    for function in FUNCTIONS:
        account.sessions[function] = _session_of(account, account.names[f"{function}Role"])
    account.sessions["Analysts"] = _session_of(account, _analysts(account))
    yield account
    account.client("iam").detach_role_policy(RoleName=ANALYSTS, PolicyArn=account.names["AnalystsPolicy"])
    account.client("iam").delete_role(RoleName=ANALYSTS)
    s3 = account.client("s3")
    for key in OBJECTS:
        s3.delete_object(Bucket=account.names["Bucket"], Key=key)
    account.client("secretsmanager").delete_secret(SecretId=OTHER_SECRET, ForceDeleteWithoutRecovery=True)
    cloudformation.delete_stack(StackName=STACK)
    s3.delete_object(Bucket=TEMPLATES, Key="t.json")
    s3.delete_bucket(Bucket=TEMPLATES)


def _roles_and_what_they_name() -> Any:
    """The template without its functions, and so without the one role that invokes them."""
    template = json.loads(json.dumps(parse()))
    resources = {name: body for name, body in template["Resources"].items() if body["Type"] in KEPT}
    resources.pop("ScheduleRole")
    kept = ("AWSTemplateFormatVersion", "Parameters", "Conditions")
    return {name: template[name] for name in kept} | {"Resources": resources}


def _fill(account: Account) -> None:
    for key in OBJECTS:
        account.client("s3").put_object(Bucket=account.names["Bucket"], Key=key, Body=b"invented")
    secrets = account.client("secretsmanager")
    secrets.create_secret(Name=OTHER_SECRET, SecretString="invented")
    secrets.put_secret_value(SecretId=account.names["ThuliumSecret"], SecretString="invented")


def _analysts(account: Account) -> str:
    """A customer's own role, with the template's policy for analysts."""
    iam = account.client("iam")
    iam.create_role(RoleName=ANALYSTS, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": []}))
    iam.attach_role_policy(RoleName=ANALYSTS, PolicyArn=account.names["AnalystsPolicy"])
    return ANALYSTS


def _session_of(account: Account, role: str) -> boto3.Session:
    """The role's own credentials. Only Lambda may assume it; the test may, too, and that is all it changes of it."""
    iam = account.client("iam")
    arn = iam.get_role(RoleName=role)["Role"]["Arn"]
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    iam.update_assume_role_policy(
        RoleName=role, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    keys = account.client("sts").assume_role(RoleArn=arn, RoleSessionName="refusals")["Credentials"]
    return boto3.Session(
        keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=account.emulator.endpoint.region
    )


type Call = Callable[[Account, str], Any]


def read(key: str) -> Call:
    return lambda on, by: on.client("s3", by).get_object(Bucket=on.names["Bucket"], Key=key)


def write(key: str) -> Call:
    return lambda on, by: on.client("s3", by).put_object(Bucket=on.names["Bucket"], Key=key, Body=b"x")


def delete(key: str) -> Call:
    return lambda on, by: on.client("s3", by).delete_object(Bucket=on.names["Bucket"], Key=key)


def list_bucket(on: Account, by: str) -> Any:
    return on.client("s3", by).list_objects_v2(Bucket=on.names["Bucket"])


def list_versions(on: Account, by: str) -> Any:
    return on.client("s3", by).list_object_versions(Bucket=on.names["Bucket"], Prefix="audio/")


def delete_version(key: str) -> Call:
    def call(on: Account, by: str) -> Any:
        answer = on.client("s3", by).delete_objects(
            Bucket=on.names["Bucket"], Delete={"Objects": [{"Key": key, "VersionId": "null"}]}
        )
        assert "Errors" not in answer

    return call


def send(queue: str) -> Call:
    return lambda on, by: on.client("sqs", by).send_message(QueueUrl=on.names[queue], MessageBody="x")


def send_batch(queue: str) -> Call:
    """As every function sends: ``SqsQueue`` knows batches alone."""
    entries = [{"Id": "0", "MessageBody": "x"}]
    return lambda on, by: on.client("sqs", by).send_message_batch(QueueUrl=on.names[queue], Entries=entries)


def receive(queue: str) -> Call:
    return lambda on, by: on.client("sqs", by).receive_message(QueueUrl=on.names[queue], VisibilityTimeout=0)


def secret(name: str) -> Call:
    return lambda on, by: on.client("secretsmanager", by).get_secret_value(SecretId=on.names.get(name, name))


def settings(on: Account, by: str) -> Any:
    return on.client("ssm", by).get_parameters_by_path(Path=f"/call-lake/{STACK}/sources")


def announce(on: Account, by: str) -> Any:
    entry = {"Source": "call-lake", "DetailType": "Recording Stored", "Detail": "{}", "EventBusName": on.names["Bus"]}
    return on.client("events", by).put_events(Entries=[entry])


def item(operation: str) -> Call:
    def call(on: Account, by: str) -> Any:
        ledger = on.client("dynamodb", by)
        table, key = on.names["Ledger"], {"id": {"S": "thulium-0"}}
        match operation:
            case "get":
                return ledger.get_item(TableName=table, Key=key)
            case "get many":
                return ledger.batch_get_item(RequestItems={table: {"Keys": [key]}})
            case "update":  # as ``DynamoTable`` does it
                names, values = {"#n0": "due_at"}, {":v0": {"S": "2026"}}
                return ledger.update_item(
                    TableName=table,
                    Key=key,
                    UpdateExpression="SET #n0 = :v0",
                    ExpressionAttributeNames=names,
                    ExpressionAttributeValues=values,
                )
            case "put":
                return ledger.put_item(TableName=table, Item=key)
            case "delete":
                return ledger.delete_item(TableName=table, Key=key)
        return ledger.scan(TableName=table)

    return call


AUDIO, INBOX, LAKE, OPEN_LAKE, RESULTS, TRANSCRIPT, PROOF = OBJECTS

ALLOWED = {
    "Poller": {
        "reads its settings": settings,
        "reads a source's secret": secret("ThuliumSecret"),
        "reads the key of recording ids": secret("RecordingIdKey"),
        "writes the ledger": item("update"),
        "publishes": send_batch("ThuliumQueue"),
    },
    "Copier": {
        "reads a source's secret": secret("ThuliumSecret"),
        "takes messages": receive("ConpeekQueue"),
        "gives up": send_batch("DeadLetters"),
        "stores audio": write("audio/source=thulium/b.wav"),
        "reads audio": read(AUDIO),
        "hands rows over": write("inbox/b.json"),
        "lists the bucket": list_bucket,
        "sees old versions of audio": list_versions,
        "deletes erased audio permanently": delete_version("audio/source=thulium/b.wav"),
        "writes the ledger": item("update"),
        "announces": announce,
    },
    "Compactor": {
        "sees tombstones": item("get many"),
        "reads the inbox": read(INBOX),
        "empties the inbox": delete("inbox/b.json"),
        "writes the lake": write("lake/calls/data/b.parquet"),
        "lists the bucket": list_bucket,
    },
    "Transcriber": {
        "lends audio": read(AUDIO),
        "takes transcripts": write(TRANSCRIPT),
        "takes messages": receive("TranscriptionQueue"),
        "gives up": send_batch("TranscriptionDeadLetters"),
        "sends what waited": send_batch("TranscriptionQueue"),
        "tells of documents": send_batch("TranscriptDocuments"),
        "finds documents": read(TRANSCRIPT),
        "reads the ledger": item("get"),
        "writes the ledger": item("update"),
    },
    "Analysts": {"read the open table": read(OPEN_LAKE), "keep results": write("athena-results/analysts/a.csv")},
}
FORBIDDEN = {
    "Poller": {
        "read audio": read(AUDIO),
        "write audio": write(AUDIO),
        "read the lake": read(LAKE),
        "list the bucket": list_bucket,
        "take messages": receive("ThuliumQueue"),
        "write dead letters": send("DeadLetters"),
        "announce": announce,
        "read a secret that is no source's": secret(OTHER_SECRET),
        "replace an item of the ledger": item("put"),
        "delete from the ledger": item("delete"),
        "read the whole ledger": item("scan"),
    },
    "Copier": {
        "read a secret that is no source's": secret(OTHER_SECRET),
        "read the key of recording ids": secret("RecordingIdKey"),
        "read the lake": read(LAKE),
        "write the lake": write(LAKE),
        "delete from the lake": delete(LAKE),
        "read the inbox": read(INBOX),
        "delete from the inbox": delete(INBOX),
        "publish": send("ThuliumQueue"),
        "take dead letters": receive("DeadLetters"),
        "replace an item of the ledger": item("put"),
        "delete from the ledger": item("delete"),
        "read the whole ledger": item("scan"),
    },
    "Compactor": {
        "read audio": read(AUDIO),
        "delete audio": delete(AUDIO),
        "read a source's secret": secret("ThuliumSecret"),
        "read the key of recording ids": secret("RecordingIdKey"),
        "read a source's settings": settings,
        "publish": send("ThuliumQueue"),
        "take messages": receive("ThuliumQueue"),
        "announce": announce,
        "write the ledger": item("update"),
        "read one item of the ledger": item("get"),
        "write the inbox": write(INBOX),
    },
    "Transcriber": {
        "write audio": write(AUDIO),
        "read the lake": read(LAKE),
        "delete a transcript": delete(TRANSCRIPT),
        "replace an item of the ledger": item("put"),
        "delete from the ledger": item("delete"),
        "read the whole ledger": item("scan"),
        "read a source's secret": secret("ThuliumSecret"),
        "read the key of recording ids": secret("RecordingIdKey"),
        "take messages of recordings": receive("ThuliumQueue"),
        "write dead letters of recordings": send("DeadLetters"),
        "announce": announce,
    },
    "Analysts": {
        "read the table with the numbers": read(LAKE),
        "read audio": read(AUDIO),
        "read the inbox": read(INBOX),
        "read others' results": read(RESULTS),
        "read transcripts": read(TRANSCRIPT),
        "read proofs of erasures": read(PROOF),
        "list the whole bucket": list_bucket,
        "write the open table": write(OPEN_LAKE),
        "read the ledger": item("get"),
        "read a source's secret": secret("ThuliumSecret"),
        "read the key of recording ids": secret("RecordingIdKey"),
    },
}


def each(table: dict[str, dict[str, Call]]) -> Any:
    cases = [(function, call) for function, calls in table.items() for call in calls.values()]
    ids = [f"{function.lower()} {name}" for function, calls in table.items() for name in calls]
    return pytest.mark.parametrize(("function", "call"), cases, ids=ids)


@each(ALLOWED)
def test_a_function_may_do_its_own_work(account: Account, function: str, call: Call) -> None:
    call(account, function)


@each(FORBIDDEN)
def test_a_function_is_refused_what_is_none_of_its_work(account: Account, function: str, call: Call) -> None:
    with pytest.raises(ClientError) as caught:
        call(account, function)
    assert caught.value.response["Error"]["Code"] in REFUSED


def test_the_account_itself_may_do_what_the_functions_are_refused(account: Account) -> None:
    """Else a refusal above could be a mistake in the question."""
    asked = {name: call for calls in FORBIDDEN.values() for name, call in calls.items()}
    for name in sorted(asked, key=lambda name: name.startswith("delete")):
        asked[name](account, "")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_nobody_but_lambda_may_take_on_a_functions_role(function: str) -> None:
    (statement,) = parse()["Resources"][f"{function}Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_the_stack_makes_a_key_of_recording_ids_that_nobody_chose(account: Account) -> None:
    text = secret("RecordingIdKey")(account, "Poller")["SecretString"]
    assert len(json.loads(text)["key"]) == 64
