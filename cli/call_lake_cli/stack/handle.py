"""The stack that a command talks to: the laptop's (``.call-lake/local.json``) or one in an AWS account."""

import json
import os
import pwd
import re
import shlex
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import boto3
import botocore.exceptions
import botocore.session
from botocore.config import Config

from call_lake.aws.dynamodb import DynamoTable
from call_lake.aws.parameters import SourceParameters
from call_lake.aws.s3 import S3ObjectStore
from call_lake.aws.strict.requests import check_every_request
from call_lake.model.transcripts import AWS_ENGINE
from call_lake.providers import VENDORS
from call_lake.settings import SourceSettings
from call_lake_cli.console.errors import NO_REGION, UsageError, UserError, say
from call_lake_cli.console.manner import manner
from call_lake_cli.stack.version import this_version, warn_of_other_version
from call_lake_local import private_folder, processes, registry
from call_lake_local.emulator import NAME as EMULATOR
from call_lake_local.processes import LOOPBACK

LOCAL_FILE = Path(".call-lake") / "local.json"


@dataclass(frozen=True)
class Stack:
    """Names of a deployed stack's parts, and clients for them."""

    name: str
    bucket: str
    ledger_table: str
    sources_path: str
    dlq_url: str
    bus: str
    database: str
    workgroup: str
    functions: dict[str, str]
    recording_id_key: str = ""  # the secret with the key of recording ids
    engines: dict[str, str] = field(default_factory=dict)  # of transcripts: the queue of each by its name
    documents_url: str = ""  # the queue of documents that become transcripts
    sound_url: str = ""  # the queue of the sound analyzer
    tap_url: str = ""  # the laptop's queue that receives every event
    days: list[str] = field(default_factory=list)  # the first and the last of the laptop's calls
    connection: dict[str, str] = field(default_factory=dict)  # boto3's arguments; empty in the cloud
    local: bool = False
    version: str = field(default_factory=this_version)  # of Call Lake

    @cached_property
    def _session(self) -> boto3.Session:
        arguments: dict[str, Any] = {name: v for name, v in self.connection.items() if name != "endpoint_url"}
        if not self.local:
            return boto3.Session()
        check_every_request()
        # The laptop's stack ignores the AWS profile that the user may have chosen.
        blank = {"profile": (None, None, None, None), "config_file": (None, None, os.devnull, None)}
        return boto3.Session(**arguments, botocore_session=botocore.session.Session(session_vars=blank))

    def client(self, service: str) -> Any:
        """A boto3 client for this stack."""
        # A function may run for 15 minutes: wait for its answer, and never invoke it twice.
        if service == "lambda":
            config = Config(read_timeout=920, retries={"total_max_attempts": 1})
        else:
            config = Config(max_pool_connections=32)  # above the threads of a search (lake/calls.py)
        endpoint_url = self.connection.get("endpoint_url")
        client = self._session.client(service, endpoint_url=endpoint_url, config=config)  # type: ignore[call-overload]
        if manner().verbose:
            client.meta.events.register("after-call", _say_call)
        return client

    @cached_property
    def table(self) -> DynamoTable:
        return DynamoTable(self.client("dynamodb"), self.ledger_table)

    @cached_property
    def store(self) -> S3ObjectStore:
        return S3ObjectStore(self.client("s3"), self.bucket)

    def caller(self) -> str:
        """Who types this command: the ARN that AWS knows them by; on the laptop, which knows one user, the name that
        they are logged in with."""
        if self.local:
            return pwd.getpwuid(os.getuid()).pw_name
        return str(self.client("sts").get_caller_identity()["Arn"])

    @cached_property
    def sources(self) -> dict[str, SourceSettings]:
        return SourceParameters(self.client("ssm"), self.sources_path, VENDORS).all()


def _say_call(model: Any, **_: Any) -> None:
    """For ``--verbose``: which operation AWS has answered. Its parameters may be personal data."""
    say(f"AWS: {model.service_model.service_name} {model.name}")


def zone_of(stack: Stack) -> ZoneInfo:
    """The time zone that all of the stack's sources have; UTC where they differ."""
    zones = {settings.zone for settings in stack.sources.values()}
    return zones.pop() if len(zones) == 1 else ZoneInfo("UTC")


def find_stack(name: str | None = None) -> Stack:
    """The stack of this name in AWS; without a name, the laptop's that was started in this folder or above it. Warns
    where it has another version than this command. Raises UserError, LocalError."""
    stack = _from_cloud(name) if name else _of_this_folder()
    warn_of_other_version(stack)
    return stack


def _of_this_folder() -> Stack:
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / LOCAL_FILE).is_file():
            stack = read_local(folder / LOCAL_FILE)
            if processes.find(EMULATOR, (folder / LOCAL_FILE).parent) is None:  # its port may be another user's now
                raise UserError(
                    f"the local stack of {folder} does not run any more: call-lake local up starts a new one"
                )
            return stack
    raise UserError(
        f"no stack here{elsewhere()}: start one with `call-lake local up`, or name one in AWS with --stack NAME"
    )


def elsewhere() -> str:
    """Part of a sentence that names the folders in which the user's local stacks run; empty where none does."""
    folders = [shlex.quote(str(state_dir.parent)) for state_dir in registry.running()]
    return f", but a local one runs in {' and in '.join(folders)} (cd there)" if folders else ""


def read_local(file: Path) -> Stack:
    """Raises UserError where the file is not what ``call-lake local up`` wrote on this machine, and LocalError where
    another user could have written it: commands send secrets to the address that it names."""
    text = private_folder.read(file)
    try:
        data = json.loads(text)
        connection = {
            "endpoint_url": data["endpoint_url"],
            "region_name": data["region"],
            "aws_access_key_id": data["access_key_id"],
            "aws_secret_access_key": data["secret_access_key"],
        }
        url = urlsplit(data["endpoint_url"])
        if (url.scheme, url.hostname) != ("http", LOOPBACK):
            raise UserError(
                f"{file} names {data['endpoint_url']}, which is not this machine, so it is not used: "
                "remove it, then call-lake local up"
            )
        names = [item.name for item in fields(Stack) if item.name not in ("name", "connection", "local")]
        return Stack(name=data["stack"], connection=connection, local=True, **{key: data[key] for key in names})
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file} is damaged ({error}): call-lake local down, then call-lake local up") from None


def stack_from_outputs(name: str, outputs: dict[str, str], connection: dict[str, str], *, local: bool) -> Stack:
    """A stack from its CloudFormation outputs (template.yaml, section Outputs). Raises KeyError."""
    return Stack(
        name=name,
        bucket=outputs["BucketName"],
        ledger_table=outputs["LedgerTable"],
        sources_path=outputs["SourcesPath"],
        dlq_url=outputs["DeadLettersUrl"],
        bus=outputs["BusName"],
        database=outputs["DatabaseName"],
        workgroup=outputs["WorkgroupName"],
        functions=functions_of(outputs),
        recording_id_key=outputs["RecordingIdKeySecret"],
        engines=engines_of(name, outputs),
        documents_url=outputs.get("TranscriptDocumentsUrl", ""),
        sound_url=outputs.get("SoundQueueUrl", ""),
        tap_url=outputs.get("TapUrl", ""),
        version=outputs.get("Version", ""),
        connection=connection,
        local=local,
    )


def functions_of(outputs: dict[str, str]) -> dict[str, str]:
    """The functions' names by kind; of the optional ones those that the stack has. Raises KeyError."""
    found = {kind: outputs[f"{kind.capitalize()}Name"] for kind in ("poller", "copier", "compactor")}
    optional = {
        "transcriber": "TranscriberName",
        "transcript-reader": "TranscriptReaderName",
        "sound-analyzer": "SoundAnalyzerName",
    }
    return found | {kind: outputs[output] for kind, output in optional.items() if output in outputs}


def engines_of(stack: str, outputs: dict[str, str]) -> dict[str, str]:
    """The queues of the engines that transcribe, by the engine's name. An engine of yours is named by its queue."""
    aws = {AWS_ENGINE: outputs["TranscriptionQueueUrl"]} if "TranscriptionQueueUrl" in outputs else {}
    urls = [url for output, url in outputs.items() if re.fullmatch(r"Engine\dQueueUrl", output)]
    return aws | {url.rpartition("/")[2].removeprefix(f"{stack}-engine-"): url for url in urls}


def select_sources(stack: Stack, only: str | None) -> dict[str, SourceSettings]:
    """The settings of one source by its name, or of all. Raises UsageError for one that is not there."""
    return stack.sources if only is None else {only: find_source(stack, only)}


def find_source(stack: Stack, name: str) -> SourceSettings:
    """Raises UsageError for a source that the stack does not have."""
    if name not in stack.sources:
        raise UsageError(f"there is no source {name!r}; there are: {', '.join(stack.sources) or 'none'}")
    return stack.sources[name]


def apply_aws_region() -> None:
    """Let AWS_REGION count. AWS's CLI and other SDKs read it; boto3 and sam read only AWS_DEFAULT_REGION:
    https://boto3.amazonaws.com/v1/documentation/api/latest/guide/configuration.html"""
    if region := os.environ.get("AWS_REGION"):
        os.environ.setdefault("AWS_DEFAULT_REGION", region)


def _from_cloud(name: str) -> Stack:
    apply_aws_region()
    try:
        found = boto3.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except botocore.exceptions.NoRegionError:
        raise UserError(NO_REGION) from None
    except botocore.exceptions.ClientError as error:
        if "does not exist" not in str(error):  # expired or refused credentials say nothing about the stack
            raise
        raise UserError(f"no stack {name!r} in this account and region: {error}") from None
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
    try:
        return stack_from_outputs(name, outputs, {}, local=False)
    except KeyError as error:
        raise UserError(f"stack {name!r} is no Call Lake: it has no output {error}") from None
