"""What AWS refuses and cfn-lint does not know: lengths of names and texts, sizes, and rules that contradict each other.

Each is measured on the template as CloudFormation resolves it, for the longest names and for as many sources as
``call-lake source add`` lets in.
"""

import json
import re
from collections.abc import Iterable
from functools import cache
from itertools import product
from typing import Any

import pytest

from call_lake.errors import ConfigError
from call_lake.settings import SOURCE_NAME
from call_lake_cli.commands.deploy import NAMES_TOGETHER, STACK_NAME, check_together
from call_lake_local.template_sources import (
    MADE_BY_SAM,
    NAMES_MAX,
    PARAMETERS_MAX,
    RESOURCES_MAX,
    TemplateSource,
    read_sources,
    with_source,
    write_sources,
)
from tests.support.fakes.ids import IDS
from tests.support.resolved import NAME_AT, Resolved, name_of
from tests.support.template import ROOT, TEXT, parse

SOURCE_MAX = 32
STACK_MAX = 48
OWN_KEY = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:alarms"
EVERYTHING = {
    "AlarmEmail": "alarms@example.com",
    "AlarmTopicArn": TOPIC,
    "AnalystsTable": "true",
    "Listeners": "true",
    "AudioColdAfterDays": "30",
    "AudioRetentionDays": "365",
    "RowRetentionDays": "400",
    "BucketVersioning": "true",
    "EnableDashboard": "true",
    "EnableTranscription": "true",
    "KmsKeyArn": OWN_KEY,
    "SecurityGroupIds": "sg-00000000",
    "SubnetIds": "subnet-00000000,subnet-11111111",
    "TranscriptEngines": "one,two,three",
}
"""Parameters with which the stack has all that it can have."""

# What a name may have, by type: characters, and the pattern of AWS's page.
NAMES = {
    # https://docs.aws.amazon.com/athena/latest/APIReference/API_CreateWorkGroup.html
    "AWS::Athena::WorkGroup": r"[a-zA-Z0-9._-]{1,128}",
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    "AWS::CloudWatch::Alarm": r".{1,255}",
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutDashboard.html
    "AWS::CloudWatch::Dashboard": r"[A-Za-z0-9_-]{1,255}",
    # https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateEventBus.html
    "AWS::Events::EventBus": r"(?!aws\.)[.\-_A-Za-z0-9]{1,256}",
    # https://docs.aws.amazon.com/athena/latest/ug/tables-databases-columns-names.html
    "AWS::Glue::Database": r"[a-z0-9_]{1,255}",
    "AWS::Glue::Table": r"[a-z0-9_]{1,255}",
    # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
    "AWS::Logs::LogGroup": r"[\w./#-]{1,512}",
    # https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html
    "AWS::SNS::Topic": r"[A-Za-z0-9_-]{1,256}",
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
    "AWS::SQS::Queue": r"[A-Za-z0-9_-]{1,80}",
    # https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html: with the ARN, 15 levels
    "AWS::SSM::Parameter": r"(/(?!aws|ssm)[A-Za-z0-9_.-]+){1,15}",
    # https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
    "AWS::Scheduler::Schedule": r"[0-9a-zA-Z_.-]{1,64}",
    # https://docs.aws.amazon.com/secretsmanager/latest/APIReference/API_CreateSecret.html
    "AWS::SecretsManager::Secret": r"[A-Za-z0-9/_+=.@-]{1,512}",
    # https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
    "AWS::Serverless::Function": r"[a-zA-Z0-9_-]{1,64}",
    # https://docs.aws.amazon.com/lambda/latest/api/API_PublishLayerVersion.html
    "AWS::Serverless::LayerVersion": r"[a-zA-Z0-9_-]{1,140}",
}
SSM_NAME_MAX = 1011
JOB_NAME = re.compile(r"[0-9a-zA-Z._-]{1,200}")
"""https://docs.aws.amazon.com/transcribe/latest/APIReference/API_StartTranscriptionJob.html"""

# Characters of a text that the stack's name is in, or that a source gives: by type and property.
TEXTS = {
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    ("AWS::CloudWatch::Alarm", "AlarmDescription"): 1024,
    ("AWS::CloudWatch::Alarm", "Namespace"): 255,
    # https://docs.aws.amazon.com/secretsmanager/latest/APIReference/API_CreateSecret.html
    ("AWS::SecretsManager::Secret", "Description"): 2048,
    # https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
    ("AWS::Serverless::Function", "Description"): 256,
    # https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html: 4 KB of a standard one
    ("AWS::SSM::Parameter", "Value"): 4096,
}
ENVIRONMENT_MAX = 4096  # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
INLINE_POLICIES_MAX = 10_240  # of a role, without white space
MANAGED_POLICY_MAX = 6144  # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
SEARCH_MAX = 1024  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
METRICS_OF_A_GRAPH, METRICS_OF_A_DASHBOARD = 500, 2500
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
TEMPLATE_MAX, OUTPUTS_MAX, PARAMETER_MAX = 1_000_000, 200, 4096
SOURCES_PROMISED = 25


def deployed(text: str, stack: str, given: dict[str, str] | None = None) -> Resolved:
    template = parse(text)
    addresses = {name: "https://a.example" for name in template["Parameters"] if name.endswith("BaseUrl")}
    return Resolved(template, stack, **addresses | EVERYTHING | (given or {}))


def sources(numbers: Iterable[int], *, removed: bool = False) -> list[TemplateSource]:
    """Those of the template, and one of the longest name for each number."""
    named = [TemplateSource(f"n{number:03d}{'n' * (SOURCE_MAX - 4)}", "conpeek", removed) for number in numbers]
    return read_sources(TEXT) + named


@cache
def full_template() -> tuple[str, int]:
    """With as many sources of the longest name as are let in, and their number."""
    number = SOURCES_PROMISED
    text = write_sources(TEXT, sources(range(2, number)))
    while True:
        try:
            text = with_source(text, sources([number])[-1].name, "conpeek")
        except ConfigError:
            return text, number
        number += 1


@cache
def full_stack() -> Resolved:
    return deployed(full_template()[0], "s" * (NAMES_TOGETHER - SOURCE_MAX))


@cache
def of(kind: str) -> list[tuple[str, Any]]:
    return list(full_stack().of_type(kind).items())


# -- as a whole


def test_so_many_sources_have_room_in_one_stack():
    assert full_template()[1] >= SOURCES_PROMISED
    with pytest.raises(ConfigError, match="deploy a second stack"):
        with_source(full_template()[0], "one-more", "thulium")
    page = (ROOT / "docs/sources.md").read_text()
    assert f"at least {SOURCES_PROMISED} sources" in page


def test_a_template_of_many_sources_is_one_that_cloudformation_takes():
    text, _ = full_template()
    template = parse(text)
    assert len(text.encode()) <= TEMPLATE_MAX
    assert len(template["Parameters"]) <= PARAMETERS_MAX
    assert len(template["Outputs"]) <= OUTPUTS_MAX
    for parameter in template["Parameters"].values():
        assert parameter.get("MaxLength", 0) <= PARAMETER_MAX


def test_what_sam_adds_to_a_template_of_many_sources_has_room_too():
    """One resource for each EventInvokeConfig; none for the rest of what these functions and layers have:
    https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-generated-resources-function.html
    """
    resources = parse(full_template()[0])["Resources"]
    of_sam = {name: body["Properties"] for name, body in resources.items() if "::Serverless::" in body["Type"]}
    assert not [name for name, found in of_sam.items() if {"Events", "AutoPublishAlias", "Policies"} & found.keys()]
    added = sum("EventInvokeConfig" in found for found in of_sam.values())
    assert len(resources) + added <= len(resources) + MADE_BY_SAM <= RESOURCES_MAX


# -- names


@pytest.mark.parametrize("length", [1, SOURCE_MAX, NAMES_TOGETHER - STACK_MAX])
def test_the_longest_names_that_are_let_in_fit_every_name_that_holds_them(length):
    source = TemplateSource("n" * length, "thulium")
    stack = "s" * min(STACK_MAX, NAMES_TOGETHER - length)
    assert STACK_NAME.fullmatch(stack)
    assert SOURCE_NAME.fullmatch(source.name)
    check_together(stack, {f"{source.id}BaseUrl": "https://a.example"}, [source])

    whole = deployed(with_source(TEXT, source.name, source.provider), stack)
    for logical, kind in whole.types().items():
        name = name_of(kind, whole.properties(logical))
        assert name is None or re.fullmatch(NAMES[kind], name), f"{logical}: {name} ({len(name)})"


@pytest.mark.parametrize(("stack", "source"), [(STACK_MAX + 1, 1), (NAMES_TOGETHER - SOURCE_MAX + 1, SOURCE_MAX)])
def test_names_one_longer_are_refused(stack, source):
    too_long = TemplateSource("n" * source, "thulium")
    if STACK_NAME.fullmatch("s" * stack):
        with pytest.raises(ValueError, match="characters together"):
            check_together("s" * stack, {f"{too_long.id}BaseUrl": "https://a.example"}, [too_long])


def test_every_type_that_has_a_name_of_the_stack_has_its_limit_here():
    assert set(NAME_AT) == set(NAMES)
    for logical, body in parse()["Resources"].items():
        named = {key for key in body.get("Properties", {}) if key == "Name" or key.endswith("Name")}
        given = [key for key in named if "AWS::StackName" in json.dumps(body["Properties"][key])]
        assert not given or body["Type"] in NAMES, logical


def test_a_parameters_name_is_counted_with_its_arn():
    for _, found in of("AWS::SSM::Parameter"):
        assert len(f"arn:aws:ssm:ap-southeast-2:123456789012:parameter{found['Name']}") <= SSM_NAME_MAX


@pytest.mark.parametrize("source", [SOURCE_MAX, NAMES_TOGETHER - STACK_MAX])
def test_a_transcription_job_can_be_named_after_stack_and_recording(source):
    recording = IDS.of_collision("n" * source, "a key of the provider", "another call")
    prefix = dict(of("AWS::Serverless::Function"))["Transcriber"]["Environment"]["Variables"]["JOB_PREFIX"]
    assert prefix.endswith("-")
    assert JOB_NAME.fullmatch("s" * (NAMES_TOGETHER - source) + "-" + recording)


# -- texts and sizes


@pytest.mark.parametrize(("kind", "key"), TEXTS)
def test_a_text_has_room_in_its_property(kind, key):
    for logical, found in of(kind):
        assert len(found.get(key, "")) <= TEXTS[kind, key], logical


def test_the_longest_settings_of_a_source_have_room_in_one_parameter():
    parameters = parse()["Parameters"]
    longest = {
        "ThuliumBaseUrl": "https://" + "a" * (parameters["ThuliumBaseUrl"]["MaxLength"] - 8),
        "ThuliumSettings": '{"a": "' + "b" * (parameters["ThuliumSettings"]["MaxLength"] - 9) + '"}',
        "ThuliumTimeZone": "Z" * 64,
        "ThuliumCountry": "ZZ",
    }
    for name, value in longest.items():
        assert re.fullmatch(parameters[name]["AllowedPattern"], value)
    value = deployed(TEXT, "s" * STACK_MAX, longest).properties("ThuliumSource")["Value"]
    assert len(value) <= TEXTS["AWS::SSM::Parameter", "Value"]
    json.loads(value)


def test_a_functions_environment_has_room_in_4_kb_with_removed_sources_too():
    most = (NAMES_MAX - len(",".join(source.name for source in read_sources(TEXT)))) // (SOURCE_MAX + 1)
    text = write_sources(TEXT, sources(range(most), removed=True))
    with pytest.raises(ConfigError, match="names of all sources, removed ones too"):
        with_source(text, sources([most])[-1].name, "conpeek")
    for stack in (deployed(text, "s" * STACK_MAX), full_stack()):
        for logical in stack.of_type("AWS::Serverless::Function"):
            variables = stack.environment(logical) | {"POWERTOOLS_LOG_LEVEL": "WARNING"}
            size = sum(len(key) + len(value) for key, value in variables.items())
            assert size <= ENVIRONMENT_MAX - 256, f"{logical}: {size}"  # the rest is the global variables'


def test_policies_have_room_in_their_roles():
    def size(document: Any) -> int:
        return len(re.sub(r"\s", "", json.dumps(document)))

    for logical, found in of("AWS::IAM::Role"):
        inline = sum(size(policy["PolicyDocument"]) for policy in found["Policies"])
        assert inline <= INLINE_POLICIES_MAX, f"{logical}: {inline}"
    for logical, found in of("AWS::IAM::ManagedPolicy"):
        assert size(found["PolicyDocument"]) <= MANAGED_POLICY_MAX, logical


def test_the_dashboard_draws_many_sources():
    ((_, found),) = of("AWS::CloudWatch::Dashboard")
    widgets = json.loads(found["DashboardBody"])["widgets"]
    graphs = [widget["properties"]["metrics"] for widget in widgets if widget["type"] == "metric"]
    assert max(map(len, graphs)) >= full_template()[1]  # one line for each queue
    assert max(map(len, graphs)) <= METRICS_OF_A_GRAPH
    searched = sum(isinstance(metrics[0][0], dict) for metrics in graphs)  # each finds one or some of a source
    assert sum(map(len, graphs)) + searched * full_template()[1] <= METRICS_OF_A_DASHBOARD
    for metric in (one for graph in graphs for one in graph if isinstance(one[0], dict)):
        query = re.fullmatch(r"SEARCH\('(.*)', '\w+', \d+\)", metric[0]["expression"])
        assert query is not None
        assert len(query[1]) <= SEARCH_MAX


# -- the bucket's lifecycle

DAYS = ("0", "30", "365")


@pytest.mark.parametrize(("cold", "kept"), [pair for pair in product(DAYS, DAYS) if "0" in pair or pair[0] < pair[1]])
def test_the_bucket_has_one_lifecycle_rule_for_a_prefix_and_each_does_something(cold, kept):
    """S3's own rules: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html"""
    stack = deployed(TEXT, "lake", {"AudioColdAfterDays": cold, "AudioRetentionDays": kept})
    rules = stack.properties("Bucket")["LifecycleConfiguration"]["Rules"]
    assert len({rule.get("Prefix", "") for rule in rules}) == len(rules)
    assert len({rule["Id"] for rule in rules}) == len(rules)
    for rule in rules:
        actions = rule.keys() - {"Id", "Status", "Prefix"}
        assert actions, rule["Id"]
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleExpiration.html
        assert not {"ExpirationInDays", "ExpiredObjectDeleteMarker"} <= actions
    audio: dict[str, Any] = next((rule for rule in rules if rule.get("Prefix") == "audio/"), {})
    assert ("Transitions" in audio, "ExpirationInDays" in audio) == (cold != "0", kept != "0")
    assert ("NoncurrentVersionExpiration" in audio) == (kept != "0")


# -- what is refused before anything is made


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, ""),
        ({"SubnetIds": "subnet-1", "SecurityGroupIds": "sg-1"}, ""),
        ({"SubnetIds": "subnet-1"}, "given together"),
        ({"SecurityGroupIds": "sg-1"}, "given together"),
        ({"AudioColdAfterDays": "29"}, ""),
        ({"RowRetentionDays": "30", "AudioRetentionDays": "30"}, ""),
        ({"RowRetentionDays": "30", "AudioRetentionDays": "0"}, "give AudioRetentionDays, too"),
        ({"AudioColdClass": "STANDARD_IA"}, ""),
        ({"AudioColdClass": "STANDARD_IA", "AudioColdAfterDays": "30"}, ""),
        ({"AudioColdClass": "STANDARD_IA", "AudioColdAfterDays": "29"}, "nothing younger than 30 days"),
        ({"AudioColdClass": "STANDARD_IA", "AudioColdAfterDays": "1"}, "nothing younger than 30 days"),
    ],
)
def test_parameters_that_contradict_each_other_are_refused_by_cloudformation_itself(given, says):
    refused = Resolved(**given).refusals()
    assert bool(refused) == bool(says)
    assert all(says in one for one in refused)


def test_the_rules_use_only_functions_that_cloudformation_takes_there():
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-rules.html"""
    used = set(re.findall(r'"(Fn::\w+|Ref|Condition)":', json.dumps(parse()["Rules"])))
    assert used <= {"Fn::And", "Fn::Contains", "Fn::Equals", "Fn::Not", "Fn::Or", "Ref"}
    lists = {name for name, one in parse()["Parameters"].items() if "List" in one["Type"]}
    assert not lists & set(re.findall(r'"Ref": "(\w+)"', json.dumps(parse()["Rules"])))


@pytest.mark.parametrize(
    ("address", "taken"),
    [
        ("", True),
        ("https://acme.thulium.com/api", True),
        ("http://127.0.0.1:8080/api", True),
        ("http://[::1]:8080", True),
        ("http://localhost:8080/api", True),
        ("http://acme.thulium.com/api", False),
        ("http://127.0.0.1.acme.com/api", False),
        ("http://localhost.acme.com", False),
        ("http://127.0.0.1:80@acme.com/", False),
        ("http://10.0.0.1/api", False),
    ],
)
def test_an_address_without_tls_is_one_of_this_machine(address, taken):
    assert bool(re.search(parse()["Parameters"]["ConpeekBaseUrl"]["AllowedPattern"], address)) is taken
