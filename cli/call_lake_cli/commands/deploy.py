"""``call-lake deploy`` and ``make deploy``: deploy Call Lake to an AWS account, or upgrade it there.

It asks only for parameters without a sensible default. A stack that exists keeps its parameters, except those that
``--set`` names. The packages are built as for the laptop's stack, except the functions' processor.
"""

import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

import boto3
import typer
from botocore.exceptions import ClientError, NoRegionError

from call_lake.aws.clock import SystemClock
from call_lake.aws.dynamodb import DynamoTable
from call_lake.aws.parameters import SecretsManagerSecrets
from call_lake.errors import CallLakeError, Transient
from call_lake.ledger.id_key import check_key, ids_under
from call_lake.ports import Table
from call_lake.providers import VENDORS
from call_lake_cli.console.errors import UsageError, explained
from call_lake_cli.console.options import parse_parameters
from call_lake_cli.console.output import print_line
from call_lake_cli.stack.handle import apply_aws_region
from call_lake_cli.stack.transcription import check_transcription
from call_lake_local.deploy import SamBuild, build, check_parameters, check_values, parameter_overrides, prepare_tools
from call_lake_local.engine import check_engines
from call_lake_local.project import is_checkout
from call_lake_local.template_sources import TemplateSource, active_sources

STACK_NAME = re.compile(r"[a-z][a-z0-9-]{0,47}")
BASE_URL = re.compile(r"https://[^/\s?#@\"\\]+(/[^\s?#\"\\]*)?")
TOPIC = re.compile(r"(|arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:.+)")
EMAIL = re.compile(r"(|[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,186}\.[A-Za-z]{2,63})")
ARCHITECTURES = ("arm64", "x86_64")
NAMES_TOGETHER = 57
"""Characters of stack and source: the name of a sweep's schedule has 64 at most
(https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html)."""
NAMES_OF_AWS = ("default", "primary")
"""Every account has an event bus, and often a Glue database, `default`, and Athena's workgroup `primary`:
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus.html,
https://docs.aws.amazon.com/athena/latest/ug/workgroups-create-update-delete.html"""
ID_KEY = "RecordingIdKeyArn"
ALARMS_TO = ("AlarmEmail", "AlarmTopicArn")
"""The parameters that say who is told of alarms."""
OF_THE_REGION = {
    "AlarmTopicArn": "a topic",
    "KmsKeyArn": "a key",
    ID_KEY: "a secret",
}
"""Parameters that hold an ARN, and what to make in the stack's region. Alarms notify topics of the same region
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html), S3 takes a key of the
bucket's region (https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html), and the poller asks
Secrets Manager in its own."""
SOUND_PRICE = "about 0.02 USD for 1,000 calls"
"""docs/sound.md#what-it-costs. Asked at the first deployment alone: an upgrade never switches it on."""
IA_DAYS = 30  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html says what each status means.
NOTHING_YET = "REVIEW_IN_PROGRESS"
CAN_BE_UPDATED = {
    *("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_FAILED", "UPDATE_ROLLBACK_COMPLETE"),
    *("IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"),
}


@dataclass(frozen=True, slots=True)
class DeployedStack:
    """A stack that the account has: its CloudFormation status, and its parameters and outputs by name."""

    status: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the stack is deployed."""

    region: str
    account: str


def check_base_url(text: str) -> str:
    """An https address; empty for a source that is not used. Raises ValueError."""
    if text and not BASE_URL.fullmatch(text):
        raise ValueError("an address is needed that begins with https:// and has no '?', '#' or '@', or nothing")
    return text.rstrip("/")


def check_zone(text: str) -> str:
    """Raises ValueError."""
    if text not in available_timezones():
        raise ValueError("a name of the IANA time zone database is needed, like Europe/Warsaw")
    return ZoneInfo(text).key


def check_day(text: str) -> str:
    """Raises ValueError."""
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        raise ValueError("a day like 2026-01-31 is needed, or nothing") from None


def check_yes(text: str) -> str:
    """Raises ValueError."""
    if text not in ("true", "false"):
        raise ValueError("true or false is needed")
    return text


def check_topic(text: str) -> str:
    """Raises ValueError."""
    if not TOPIC.fullmatch(text):
        raise ValueError("an ARN like arn:aws:sns:eu-central-1:123456789012:alarms is needed, or nothing")
    return text


def check_email(text: str) -> str:
    """Raises ValueError."""
    if not EMAIL.fullmatch(text):
        raise ValueError("one e-mail address is needed, like alarms@example.com, or nothing")
    return text


type Question = tuple[str, str, Callable[[str], str]]
"""What is asked, the default, and the check of the answer, which raises ValueError."""


def questions(sources: Sequence[TemplateSource]) -> dict[str, Question]:
    """By parameter of the template: what is asked about it."""
    asked: dict[str, Question] = {}
    for source in sources:
        vendor = VENDORS[source.provider]
        about = "" if source.name == source.provider else f"{source.name}: "
        unused = f" (empty: no {source.title})"
        asked[f"{source.id}BaseUrl"] = (about + vendor.base_url_question + unused, "", check_base_url)
        asked[f"{source.id}TimeZone"] = (about + vendor.time_zone_question, vendor.time_zone, check_zone)
    asked["FirstPollFrom"] = ("Copy recordings from which day on (empty: from now on)", "", check_day)
    asked["AlarmEmail"] = ("E-mail address that alarms are sent to (empty: none)", "", check_email)
    asked["AlarmTopicArn"] = ("SNS topic that alarms are sent to (empty: alarms notify nobody)", "", check_topic)
    asked["AnalyzeSound"] = (f"Measure the sound of each recording, {SOUND_PRICE} (true or false)", "false", check_yes)
    return asked


def deploy(
    stack: Annotated[str | None, typer.Option(help="Name of the stack; asked for if it is not given.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PARAMETER=VALUE", help="A parameter of template.yaml; may be repeated."),
    ] = None,
    architecture: Annotated[
        str, typer.Option(help="Processor of the functions, arm64 or x86_64; by default the stack's own, or arm64.")
    ] = "",
) -> None:
    """Build Call Lake and deploy it to the AWS account of your credentials, or upgrade it there.

    Examples:
      call-lake deploy
      call-lake deploy --stack call-lake --set SweepDays=30
    """
    apply_aws_region()
    with explained():
        try:
            given = parse_parameters(set_ or []) | ({"Architecture": architecture} if architecture else {})
            place = _place()
            print_line(f"account {place.account}, region {place.region}")
            deploy_stack(stack, given, place, find=_find_in_account, refuse_key=_refuse_key, build=_build, sam=_sam)
        except ValueError as error:
            raise UsageError(str(error)) from None


def deploy_stack(
    stack: str | None,
    given: Mapping[str, str],
    place: Place,
    *,
    find: Callable[[str], DeployedStack | None],
    refuse_key: Callable[[DeployedStack | None, Mapping[str, str]], None],
    build: Callable[[str], Path],
    sam: Callable[[Sequence[str]], int],
    transcribe: Callable[[], Any] = lambda: boto3.client("transcribe"),
) -> None:
    """Check, ask, build and deploy. ``find`` looks the stack up by its name; ``refuse_key`` raises KeyRefused where the
    chosen parameters would give it a key that is not its ledger's; ``build`` makes the packages for a processor and
    returns the built template; ``sam`` runs with these arguments and returns its exit code; ``transcribe`` makes a
    client of Amazon Transcribe.

    Raises ValueError, LocalError or CallLakeError for what was typed wrong, CallLakeError where the stack cannot be
    deployed or sam fails.
    """
    sources = active_sources()
    given = _checked_all(given, questions(sources))
    stack = stack or typer.prompt("Name of the stack", default="call-lake")
    if not STACK_NAME.fullmatch(stack):
        raise ValueError(f"{stack!r} cannot be a stack's name: lower-case letters, digits and '-', at most 48")
    if stack in NAMES_OF_AWS:
        raise ValueError(f"{stack!r} cannot be a stack's name: AWS has a bus or a workgroup of that name")
    found = find(stack)
    if found is None or found.status == NOTHING_YET:
        found = None
        print_line(f"{stack} is new")
    else:
        _check_that_it_can_be_updated(stack, found.status)
        _check_that_no_source_is_lost(stack, found.parameters, sources)
        print_line(f"{stack} exists: it is upgraded and keeps its parameters")
    chosen = {"Architecture": found.parameters.get("Architecture", "arm64") if found else "arm64"}
    open_questions = {key: asked for key, asked in questions(sources).items() if not found or _is_new(key, found)}
    chosen |= _asked(given, open_questions)
    kept = dict(found.parameters if found else {})
    parameters = kept | chosen
    check_together(stack, parameters, sources)
    check_values(chosen)
    check_engines(stack, parameters.get("TranscriptEngines", ""), kept.get("TranscriptEngines", ""))
    check_places(parameters, place)
    check_transcription(parameters, transcribe)
    refuse_key(found, chosen)
    with TemporaryDirectory() as folder:
        command = ["deploy", "--template", str(build(chosen["Architecture"])), "--stack-name", stack, "--resolve-s3"]
        command += ["--capabilities", "CAPABILITY_IAM", "--no-fail-on-empty-changeset", "--config-env", stack]
        command += parameter_overrides(chosen, Path(folder) / "parameters.yaml")
        if sam(command) != 0:
            raise CallLakeError("sam deploy did not succeed; its lines above say why. Nothing stored before was lost")
    for source in sources_used(chosen, sources):
        if found is None or _is_new(f"{source.id}BaseUrl", found):
            print_line(f"Next: call-lake secrets set {source.name} --stack {stack}")
    if hint := _alarms_hint(stack, kept, chosen):
        print_line(hint)
    print_line(f"call-lake doctor --stack {stack}")


def _alarms_hint(stack: str, kept: Mapping[str, str], chosen: Mapping[str, str]) -> str:
    """What is left to do until somebody is told of alarms. Empty where nothing is."""
    now = dict(kept) | dict(chosen)
    if not any(now.get(way) for way in ALARMS_TO):
        return f"Nobody is told of alarms. Next: make deploy ARGS='--stack {stack} --set AlarmEmail=YOU@EXAMPLE.COM'"
    if (address := now.get("AlarmEmail")) and address != kept.get("AlarmEmail"):
        return f"Next: {address} gets a mail of AWS; follow its link within 48 hours, or no alarm is sent there"
    return ""


def _check_that_it_can_be_updated(stack: str, status: str) -> None:
    """Raises CallLakeError, which says how to get out of this status."""
    if status in CAN_BE_UPDATED:
        return
    if status.endswith("_IN_PROGRESS"):
        raise CallLakeError(f"{stack} is {status}: wait until that has ended, then type this again")
    if status == "UPDATE_ROLLBACK_FAILED":
        raise CallLakeError(
            f"{stack} is {status}: its last upgrade could not be taken back. See why in the stack's events, fix it, "
            f"then: aws cloudformation continue-update-rollback --stack-name {stack}"
        )
    raise CallLakeError(
        f"{stack} is {status}: CloudFormation only deletes such a stack. Type "
        f"`aws cloudformation delete-stack --stack-name {stack}`, wait, then this again. If it ever worked, its bucket "
        "and ledger stay in the account, and a new stack makes its own (docs/runbook.md, Delete the stack)"
    )


def _check_that_no_source_is_lost(stack: str, parameters: Mapping[str, str], sources: Sequence[TemplateSource]) -> None:
    """An installed command cannot know whether a source was removed on purpose; in a checkout the user did it. Raises
    CallLakeError."""
    used = {key.removesuffix("BaseUrl") for key, value in parameters.items() if key.endswith("BaseUrl") and value}
    if not is_checkout() and (lost := sorted(used - {source.id for source in sources})):
        raise CallLakeError(
            f"{stack} has the source {lost[0]}, and this installed command does not: it would delete the source's "
            "queue and secret. Deploy from the copy of Call Lake to which the source was added"
        )


def _build(architecture: str) -> Path:
    prepare_tools("sam")
    target = SamBuild()
    return build(replace(target, folder=target.folder / architecture), architecture, say=print_line)


def _sam(arguments: Sequence[str]) -> int:
    environment = os.environ | {"SAM_CLI_TELEMETRY": "0"}
    return subprocess.run([SamBuild().sam, *arguments], cwd=SamBuild().repo, env=environment).returncode


def _place() -> Place:
    region = boto3.Session().region_name
    if not region:  # STS would answer without one
        raise NoRegionError
    return Place(region, boto3.client("sts").get_caller_identity()["Account"])


def _find_in_account(stack: str) -> DeployedStack | None:
    return find_deployed(stack, boto3.client("cloudformation"))


def find_deployed(stack: str, cloudformation: Any) -> DeployedStack | None:
    """The stack of this name, or None where the account has none. Raises ClientError."""
    try:
        found = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    parameters = {one["ParameterKey"]: one.get("ParameterValue", "") for one in found.get("Parameters", [])}
    outputs = {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}
    return DeployedStack(found["StackStatus"], parameters, outputs)


def _refuse_key(found: DeployedStack | None, chosen: Mapping[str, str]) -> None:
    secrets = SecretsManagerSecrets(boto3.client("secretsmanager"))
    try:
        check_id_key(found, chosen, lambda name: DynamoTable(boto3.client("dynamodb"), name), secrets.get)
    except Transient as error:
        print_line(f"the key of recording ids could not be compared with the ledger's, the poller will: {error.detail}")


def check_id_key(
    found: DeployedStack | None,
    chosen: Mapping[str, str],
    table: Callable[[str], Table],
    secret: Callable[[str], Mapping[str, str]],
) -> None:
    """Compare the key that the stack will have with its ledger's (ADR 0026). Raises KeyRefused, and Transient where
    AWS refuses to say."""
    kept = found.parameters.get(ID_KEY, "") if found else ""
    # Without the parameter a stack keeps the secret that it has made, or makes one.
    own = found.outputs.get("RecordingIdKeySecret", "") if found and not kept else ""
    name = chosen.get(ID_KEY, kept) or own
    ids = ids_under(lambda: secret(name)) if name else None
    if found and "LedgerTable" in found.outputs:
        names = [source.name for source in active_sources()]
        check_key(table(found.outputs["LedgerTable"]), SystemClock(), ids, names)


def _is_new(parameter: str, found: DeployedStack) -> bool:
    """Whether the deployed stack does not have this parameter of a source yet: the source was just added."""
    return parameter.endswith(("BaseUrl", "TimeZone")) and parameter not in found.parameters


def _asked(given: Mapping[str, str], asked: Mapping[str, Question]) -> dict[str, str]:
    """What was given, and the answers to the questions about what was not."""
    answers = dict(given)
    for key, (question, default, check) in asked.items():
        unused = key.endswith("TimeZone") and not answers.get(key.replace("TimeZone", "BaseUrl"))
        told = key in ALARMS_TO and any(answers.get(way) for way in ALARMS_TO)
        if key not in given and not unused and not told:
            answers[key] = typer.prompt(question, default=default, value_proc=_checked(check))
    return answers


def _checked_all(given: Mapping[str, str], asked: Mapping[str, Question]) -> dict[str, str]:
    """Raises ValueError for values that the questions would refuse, or that no account should have; LocalError for
    parameters that the template does not have."""
    check_parameters(given)
    checked = {key: _checked_one(key, value, asked) for key, value in given.items()}
    if checked.get("Architecture", "arm64") not in ARCHITECTURES:
        raise ValueError(f"{checked['Architecture']!r} is no processor of Lambda's: {' or '.join(ARCHITECTURES)}")
    if checked.get("IsCloud", "true") != "true":
        raise ValueError(
            "IsCloud=false is only for the emulator: it leaves out the rules that refuse requests without TLS"
        )
    return checked


def _checked_one(key: str, value: str, asked: Mapping[str, Question]) -> str:
    if key not in asked:
        return value
    try:
        return asked[key][2](value)
    except ValueError as error:
        raise ValueError(f"{key}={value}: {error}") from None


def sources_used(parameters: Mapping[str, str], sources: Sequence[TemplateSource]) -> list[TemplateSource]:
    """Those that have an address."""
    return [source for source in sources if parameters.get(f"{source.id}BaseUrl")]


def check_together(stack: str, parameters: Mapping[str, str], sources: Sequence[TemplateSource]) -> None:
    """Find what CloudFormation would refuse only while it makes the stack. Raises ValueError."""
    used = sources_used(parameters, sources)
    if not used:
        raise ValueError("no source has an address: there is nothing to copy from")
    if too_long := [source.name for source in used if len(stack) + len(source.name) > NAMES_TOGETHER]:
        raise ValueError(f"{stack} and {too_long[0]} have more than {NAMES_TOGETHER} characters together")
    if bool(parameters.get("SubnetIds")) != bool(parameters.get("SecurityGroupIds")):
        raise ValueError("SubnetIds and SecurityGroupIds are given together, or neither")
    cold, kept = (_days(parameters, key) for key in ("AudioColdAfterDays", "AudioRetentionDays"))
    if cold and kept and cold >= kept:
        raise ValueError(f"AudioColdAfterDays ({cold}) has to be less than AudioRetentionDays ({kept})")
    rows = _days(parameters, "RowRetentionDays")
    if rows and not 0 < kept <= rows:
        raise ValueError(f"RowRetentionDays ({rows}) needs an AudioRetentionDays of 1 to {rows}, and it is {kept}")
    words = _days(parameters, "TranscriptRetentionDays")
    if kept and words > kept:
        raise ValueError(f"TranscriptRetentionDays ({words}) has to be at most AudioRetentionDays ({kept})")
    if 0 < cold < IA_DAYS and parameters.get("AudioColdClass") == "STANDARD_IA":
        raise ValueError(f"STANDARD_IA takes nothing younger than {IA_DAYS} days: AudioColdAfterDays is {cold}")


def check_places(parameters: Mapping[str, str], place: Place) -> None:
    """Find ARNs of another region than the stack's. AWS refuses them late: while the stack is made, or when a function
    runs. A region is part of one partition, so the partition needs no check. Raises ValueError."""
    for key, what in OF_THE_REGION.items():
        if not (arn := parameters.get(key)):
            continue
        _, _, _, region, account, _ = arn.split(":", 5)
        if region != place.region:
            raise ValueError(
                f"{key} is in {region}, and the stack in {place.region}: name {what} of {place.region}, or deploy to "
                f"{region} (AWS_REGION={region})"
            )
        if key == ID_KEY and account != place.account:
            raise ValueError(f"{key} is of account {account}, and the stack of {place.account}: name a secret there")


def _days(parameters: Mapping[str, str], key: str) -> int:
    text = parameters.get(key) or "0"
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{key}={text}: a whole number of days is needed, 0 for never")
    return int(text)


def _checked(check: Callable[[str], str]) -> Callable[[str], str]:
    def convert(text: str) -> str:
        try:
            return check(text.strip())
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None  # asked again

    return convert
