"""The template keeps its promises: parameters, functions, queues, the bucket, the ledger and the table."""

import json
import re
from dataclasses import MISSING, fields
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from call_lake.model.lake_tables import CALLS, CALLS_OPEN, SOUND, TABLES, TRANSCRIPTS, LakeTable
from call_lake.model.layout import DOCUMENTS
from call_lake.model.recording_ids import RecordingIds
from call_lake.model.table import COLUMNS, PARTITION_COLUMNS
from call_lake.model.transcribing import REDACTED_LANGUAGES
from call_lake.settings import (
    CompactorSettings,
    CopierSettings,
    PollerSettings,
    ReaderSettings,
    SoundAnalyzerSettings,
    TranscriberSettings,
    from_environment,
)
from call_lake.sound import limits
from call_lake.sound.analyzer import ROOM_S
from call_lake.transcribing.limits import MOST_S
from call_lake.transcribing.starter import TRIES_IN_QUEUE
from call_lake.transcribing.transcriber import JOB_ENDED
from tests.support.resolved import Resolved
from tests.support.template import ROOT, default, kind_of, of_type, parse, properties, resource

SETTINGS = {
    "Poller": PollerSettings,
    "Copier": CopierSettings,
    "Compactor": CompactorSettings,
    "Transcriber": TranscriberSettings,
    "TranscriptReader": ReaderSettings,
    "SoundAnalyzer": SoundAnalyzerSettings,
}
FUNCTIONS = tuple(SETTINGS)
COMPACTOR = {"LEDGER_TABLE": "ledger", "BUCKET": "bucket", "DATABASE": "call_lake"}


# -- as a whole


def test_every_parameter_says_what_it_is_and_has_a_default():
    for name, parameter in parse()["Parameters"].items():
        assert parameter.get("Description"), name
        assert "Default" in parameter, name


@pytest.mark.parametrize("name", [name for name, p in parse()["Parameters"].items() if "AllowedPattern" in p])
def test_a_default_fits_its_own_pattern(name):
    parameter = parse()["Parameters"][name]
    assert re.search(parameter["AllowedPattern"], parameter["Default"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ThuliumBaseUrl", 'https://a.example/api", "secret": "x'),
        ("ThuliumBaseUrl", "https://user:password@a.example"),
        ("ThuliumTimeZone", 'Europe/Warsaw"'),
        ("ThuliumCountry", "pl"),
        ("ConpeekSettings", "[]"),
        ("FirstPollFrom", "yesterday"),
        ("PollEvery", "5 minutes"),
        ("AlarmEmail", "ring"),
        ("AlarmEmail", "ring@example"),
        ("AlarmEmail", "ring@me@example.com"),
        ("AlarmTopicArn", "ring"),
        ("KmsKeyArn", "alias/mine"),
        ("KmsKeyArn", "arn:aws:kms:eu-central-1:123456789012:alias/mine"),
    ],
)
def test_a_value_that_would_break_the_stack_is_refused_before_it_is_made(name, value):
    assert not re.search(parse()["Parameters"][name]["AllowedPattern"], value)


@pytest.mark.parametrize("name", ["Bucket", "BucketPolicy", "Ledger"])
def test_data_outlives_the_stack(name):
    assert resource(name)["DeletionPolicy"] == "RetainExceptOnCreate"
    assert resource(name)["UpdateReplacePolicy"] == "Retain"


def test_the_key_of_recording_ids_outlives_the_stack_and_blocks_no_name():
    key = resource("RecordingIdKey")
    assert (key["DeletionPolicy"], key["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert "Name" not in key["Properties"]


def test_the_key_of_recording_ids_is_long_random_and_made_by_the_template_alone():
    made = properties("RecordingIdKey")["GenerateSecretString"]
    assert made == {
        "SecretStringTemplate": "{}",
        "GenerateStringKey": "key",
        "PasswordLength": 64,
        "ExcludePunctuation": True,
    }
    RecordingIds(("0123456789" * 7)[: made["PasswordLength"]])
    assert "SecretString" not in properties("RecordingIdKey")


def test_a_stack_that_adopts_a_key_makes_none():
    assert resource("RecordingIdKey")["Condition"] == "NewIdKey"
    assert parse()["Conditions"]["NewIdKey"] == {"Fn::Equals": [{"Ref": "RecordingIdKeyArn"}, ""]}
    either = {"Fn::If": ["NewIdKey", {"Fn::GetAtt": ["RecordingIdKey", "Id"]}, {"Ref": "RecordingIdKeyArn"}]}
    assert properties("Poller")["Environment"]["Variables"]["RECORDING_ID_KEY"] == either
    assert parse()["Outputs"]["RecordingIdKeySecret"]["Value"] == either


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("", True),
        ("arn:aws:secretsmanager:eu-central-1:123456789012:secret:call-lake-RecordingIdKey-x1-AbC123", True),
        ("arn:aws:secretsmanager:eu-central-1:123456789012:secret:without-its-suffix-", False),
        ("call-lake-RecordingIdKey", False),  # a role names a secret by its ARN
        ("arn:aws:ssm:eu-central-1:123456789012:parameter/key-AbC123", False),
    ],
)
def test_a_key_is_adopted_by_its_whole_arn(value, fits):
    assert bool(re.search(parse()["Parameters"]["RecordingIdKeyArn"]["AllowedPattern"], value)) is fits


# -- functions


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_functions_handler_exists(function):
    folder = ROOT / properties(function)["CodeUri"]
    assert (folder / "handler.py").exists()
    assert parse()["Globals"]["Function"]["Handler"] == "handler.handler"


@pytest.mark.parametrize("function", SETTINGS)
def test_a_functions_environment_is_its_settings_class(function):
    libraries = ("POWERTOOLS_", "ARROW_", "MALLOC_")  # which read these themselves
    variables = {n for n in properties(function)["Environment"]["Variables"] if not n.startswith(libraries)}
    known = {field.name.upper(): field for field in fields(SETTINGS[function])}
    assert variables <= set(known)
    assert {name for name, field in known.items() if field.default is MISSING} <= variables


@pytest.mark.parametrize("function", SETTINGS)
def test_the_templates_defaults_are_those_of_the_settings_class(function):
    variables = properties(function)["Environment"]["Variables"]
    values = {
        name: str(default(value["Ref"])) if value.get("Ref") in parse()["Parameters"] else "made,by,aws"
        for name, value in variables.items()
        if isinstance(value, dict)
    }
    settings: Any = from_environment(SETTINGS[function], values)
    for field in fields(SETTINGS[function]):
        if field.default is not MISSING and field.name != "storage_mib":  # that tells what the template has given
            assert getattr(settings, field.name) == field.default, field.name


def test_the_copier_is_told_how_large_its_disk_is():
    told = properties("Copier")["Environment"]["Variables"]["STORAGE_MIB"]
    assert told == properties("Copier")["EphemeralStorage"]["Size"] == {"Ref": "CopierStorageMiB"}


def test_functions_check_their_requests_on_the_local_stack_alone():
    variables = parse()["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["STRICT_REQUESTS"] == {"Fn::If": ["Laptop", "true", {"Ref": "AWS::NoValue"}]}
    assert parse()["Conditions"]["Laptop"] == {"Fn::Equals": [{"Ref": "IsCloud"}, "false"]}


@pytest.mark.parametrize("function", ["Poller", "Copier"])
def test_who_finds_what_expired_is_told_when_the_bucket_deletes_it(function):
    told = properties(function)["Environment"]["Variables"]["RETENTION_DAYS"]
    rules = [r.get("Fn::If", [0, r])[1] for r in properties("Bucket")["LifecycleConfiguration"]["Rules"]]
    (rule,) = [rule for rule in rules if rule["Id"] == "audio"]
    assert told == rule["ExpirationInDays"]["Fn::If"][1] == {"Ref": "AudioRetentionDays"}


def test_rows_are_kept_for_ever_unless_it_is_asked_for():
    assert parse()["Parameters"]["RowRetentionDays"]["Default"] == 0
    for function in ("Poller", "Compactor"):
        variables = properties(function)["Environment"]["Variables"]
        assert variables["ROW_RETENTION_DAYS"] == {"Ref": "RowRetentionDays"}
    transcripts = [
        r for r in properties("Bucket")["LifecycleConfiguration"]["Rules"] if r.get("Id") == "old-transcripts"
    ]
    nothing = {"Ref": "AWS::NoValue"}
    assert transcripts[0]["ExpirationInDays"] == {"Fn::If": ["RowsExpire", {"Ref": "RowRetentionDays"}, nothing]}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_logs_under_its_own_name_for_a_limited_time(function):
    assert properties(function)["LoggingConfig"] == {"LogGroup": {"Ref": f"{function}Logs"}}
    assert properties(f"{function}Logs")["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert properties(function)["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] == kind_of(function)


@pytest.mark.parametrize("function", ["Poller", "Compactor", "Transcriber", "TranscriptReader"])
def test_lambda_repeats_no_scheduled_invocation_and_drops_a_throttled_one_when_the_schedule_fires_again(function):
    assert properties(function)["EventInvokeConfig"] == {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 300}
    assert default("PollEvery") == default("CompactEvery") == "rate(5 minutes)"


@pytest.mark.parametrize("name", of_type("AWS::Scheduler::Schedule"))
def test_the_scheduler_never_repeats_a_schedule(name):
    assert properties(name)["Target"]["RetryPolicy"] == {"MaximumRetryAttempts": 0}


@pytest.mark.parametrize("name", of_type("AWS::Scheduler::Schedule"))
def test_a_schedule_sends_what_its_function_reads(name):
    target = properties(name)["Target"]
    function = target["Arn"]["Fn::GetAtt"]
    function = (function if isinstance(function, list) else function.split("."))[0]
    schema = json.loads((ROOT / f"events/{kind_of(function)}-request.schema.json").read_text())
    Draft202012Validator(schema).validate(json.loads(target["Input"]))


# -- queues


@pytest.mark.parametrize("queue", ["ThuliumQueue", "ConpeekQueue"])
def test_a_message_stays_hidden_for_six_times_the_copiers_time_limit(queue):
    assert properties(queue)["VisibilityTimeout"] >= 6 * properties("Copier")["Timeout"]


@pytest.mark.parametrize("queue", ["ThuliumQueue", "ConpeekQueue"])
def test_a_message_is_gone_when_the_ledger_publishes_the_recording_again(queue):
    assert properties(queue)["MessageRetentionPeriod"] == {"Ref": "RepublishAfterSeconds"}


def test_a_delay_that_a_copier_asks_for_at_its_very_end_is_within_the_12_hours_that_sqs_counts_from_the_receipt():
    longest_s = parse()["Parameters"]["QueueDelayMaxSeconds"]["MaxValue"]
    assert longest_s + properties("Copier")["Timeout"] <= 12 * 3600


@pytest.mark.parametrize("source", ["Thulium", "Conpeek"])
def test_every_message_of_a_batch_gets_its_own_verdict(source):
    assert properties(f"{source}Copies")["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_transcriptions_wait_for_a_week_of_tries_and_then_for_a_person():
    queue, dead = properties("TranscriptionQueue"), properties("TranscriptionDeadLetters")
    tries_s = queue["RedrivePolicy"]["maxReceiveCount"] * queue["VisibilityTimeout"]
    assert queue["VisibilityTimeout"] >= 6 * properties("Transcriber")["Timeout"]
    assert 6 * 86_400 < tries_s < queue["MessageRetentionPeriod"] - 6 * 86_400
    assert dead["MessageRetentionPeriod"] == 14 * 86_400


def test_a_transcription_that_has_no_room_does_not_take_its_batch_with_it():
    mapping = properties("Transcriptions")
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 2}
    assert properties("TranscriptionRule")["Targets"][0]["Arn"] == mapping["EventSourceArn"]


def test_the_end_of_a_job_of_this_stack_and_of_no_other_comes_to_the_queue():
    """An event without a bus is of the account's own: Amazon Transcribe tells no other."""
    rule = properties("TranscriptionEndRule")
    assert "EventBusName" not in rule
    assert rule["EventPattern"] == {
        "source": ["aws.transcribe"],
        "detail-type": [JOB_ENDED],
        "detail": {
            "TranscriptionJobStatus": ["COMPLETED", "FAILED"],
            "TranscriptionJobName": [{"prefix": {"Fn::Sub": "${AWS::StackName}-"}}],
        },
    }
    assert rule["Targets"][0]["Arn"] == properties("Transcriptions")["EventSourceArn"]


def test_a_recording_leaves_the_queue_for_the_ledger_before_the_queue_gives_it_up():
    assert properties("TranscriptionQueue")["RedrivePolicy"]["maxReceiveCount"] >= 2 * TRIES_IN_QUEUE


def test_the_longest_recording_fits_into_a_days_hours():
    assert parse()["Parameters"]["MaxTranscribedHoursPerDay"]["MinValue"] * 3600 >= MOST_S


def test_the_template_and_the_settings_know_the_same_languages_that_can_be_masked():
    (rule,) = parse()["Rules"]["RedactionKnowsTheLanguage"]["Assertions"]
    assert rule["Assert"]["Fn::Contains"] == [sorted(REDACTED_LANGUAGES), {"Ref": "TranscriptionLanguages"}]


def test_what_is_to_be_measured_waits_for_half_a_day_of_tries_and_then_for_a_person():
    queue, mapping = properties("SoundQueue"), properties("Sounds")
    tries_s = queue["RedrivePolicy"]["maxReceiveCount"] * queue["VisibilityTimeout"]
    assert queue["VisibilityTimeout"] >= 6 * properties("SoundAnalyzer")["Timeout"]
    assert 0.5 * 86_400 <= tries_s < queue["MessageRetentionPeriod"] - 6 * 86_400
    assert properties("SoundDeadLetters")["MessageRetentionPeriod"] == 14 * 86_400
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert properties("SoundRule")["Targets"][0]["Arn"] == mapping["EventSourceArn"]


def test_the_sound_analyzer_has_room_for_the_largest_file_and_time_for_the_slowest():
    analyzer = properties("SoundAnalyzer")
    assert analyzer["EphemeralStorage"]["Size"] * 1024**2 > limits.LARGEST_BYTES
    assert analyzer["MemorySize"] * 1024**2 > limits.MEMORY_BYTES
    assert analyzer["Timeout"] > ROOM_S > limits.TIME_S


def test_without_being_asked_for_sound_is_not_measured_and_nothing_of_it_is_made():
    assert parse()["Parameters"]["AnalyzeSound"]["Default"] == "false"
    of_sound = [name for name in parse()["Resources"] if name.startswith("Sound") and name != "SoundTable"]
    assert len(of_sound) > 8
    assert {resource(name)["Condition"] for name in of_sound} == {"Sound", "SoundInCloud"}


@pytest.mark.parametrize(
    "name",
    [
        name for name in parse()["Resources"] if name.startswith("Transcri") and name != "TranscriptsTable"
    ],  # any engine's
)
def test_without_transcription_nothing_of_it_is_made(name):
    of = ("Transcription", "Transcripts")
    assert resource(name)["Condition"] in [f"{one}{where}" for one in of for where in ("", "InCloud", "OnLaptop")]


def test_s3_tells_the_reader_of_documents_and_of_nothing_else():
    made = Resolved(EnableTranscription="true")
    (told,) = made.properties("Bucket")["NotificationConfiguration"]["QueueConfigurations"]
    assert told == {
        "Event": "s3:ObjectCreated:*",
        "Queue": "arn:aws:sqs:eu-central-1:000000000000:stack-transcript-documents",
        "Filter": {"S3Key": {"Rules": [{"Name": "prefix", "Value": DOCUMENTS}, {"Name": "suffix", "Value": ".json"}]}},
    }
    assert "NotificationConfiguration" not in Resolved().properties("Bucket")


def test_the_bucket_waits_for_the_policy_of_the_queue_that_s3_tries():
    named = json.dumps(properties("Bucket")["NotificationConfiguration"])
    assert '{"Ref": "TranscriptDocumentsPolicy"}' in named


def test_a_document_that_cannot_be_read_comes_again_for_hours_and_leaves_the_others_alone():
    reading, queue = properties("TranscriptReading"), properties("TranscriptDocuments")
    assert reading["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert queue["VisibilityTimeout"] >= 6 * properties("TranscriptReader")["Timeout"]
    assert queue["VisibilityTimeout"] * queue["RedrivePolicy"]["maxReceiveCount"] >= 4 * 3600


def test_the_dead_letters_are_kept_as_long_as_sqs_can():
    assert properties("DeadLetters")["MessageRetentionPeriod"] == 14 * 86_400


# -- bucket and ledger


def test_the_bucket_is_closed_to_the_public_and_owned_by_the_account():
    assert set(properties("Bucket")["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties("Bucket")["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


def test_the_ledger_can_be_taken_back_to_any_moment():
    assert properties("Ledger")["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def test_the_ledgers_index_is_the_one_that_the_domain_asks_for():
    (index,) = properties("Ledger")["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "due"
    assert [key["AttributeName"] for key in index["KeySchema"]] == ["due_list", "due_at"]
    assert index["Projection"] == {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["state", "reason"]}


# -- the table


def table() -> Any:
    return properties("CallsTable")["TableInput"]


def test_the_tables_columns_are_those_of_a_row():
    columns = table()["StorageDescriptor"]["Columns"]
    assert {column["Name"]: column["Type"] for column in columns} == COLUMNS
    assert [column["Name"] for column in columns] == list(COLUMNS)
    assert tuple(key["Name"] for key in table()["PartitionKeys"]) == PARTITION_COLUMNS


def test_the_table_is_planned_from_manifests():
    storage = table()["StorageDescriptor"]
    assert storage["InputFormat"] == "org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat"
    assert storage["SerdeInfo"]["SerializationLibrary"].endswith("ParquetHiveSerDe")


LAKE_TABLES = {"CallsTable": CALLS, "CallsOpenTable": CALLS_OPEN, "TranscriptsTable": TRANSCRIPTS, "SoundTable": SOUND}


def shape_of(described: Any) -> Any:
    """All of a table except its columns, its place and its words."""
    storage = described["StorageDescriptor"] | {"Columns": None, "Location": None}
    return described | {"Name": "", "Description": "", "StorageDescriptor": storage}


def test_every_table_of_the_lake_is_a_resource():
    assert set(LAKE_TABLES.values()) == {*TABLES, *(table.twin for table in TABLES if table.twin)}


@pytest.mark.parametrize(("resource", "of_lake"), LAKE_TABLES.items())
def test_a_table_is_described_as_the_lake_has_it_and_lies_where_its_manifests_are(
    resource: str, of_lake: LakeTable
) -> None:
    described = properties(resource)["TableInput"]
    assert described["Name"] == of_lake.name
    assert described["StorageDescriptor"]["Location"] == {"Fn::Sub": f"s3://${{Bucket}}/{of_lake.manifests}"}
    columns = described["StorageDescriptor"]["Columns"]
    assert [(column["Name"], column["Type"]) for column in columns] == list(of_lake.columns.items())
    assert shape_of(described) == shape_of(table())


def test_athena_reads_registered_partitions_and_computes_none():
    assert not [name for name in table()["Parameters"] if name.startswith(("projection", "storage.location"))]


def test_a_table_without_partitions_says_so_as_athena_asks():
    assert properties("CallsDailyView")["TableInput"]["PartitionKeys"] == []


def test_the_compactor_waits_until_the_open_table_exists():
    """CloudFormation makes a table before what refers to it. The role refers to it, and the function to its role."""
    (policy,) = properties("CompactorRole")["Policies"]
    (registers,) = (one for one in policy["PolicyDocument"]["Statement"] if one.get("Sid") == "RegisterPartitions")
    (choice,) = (one["Fn::If"] for one in registers["Resource"] if "Fn::If" in one)
    assert choice[0] == "Analysts"
    assert "${CallsOpenTable}" in choice[1]["Fn::Sub"]
    assert properties("Compactor")["Role"] == {"Fn::GetAtt": ["CompactorRole", "Arn"]}
    with_table, without = (Resolved(AnalystsTable=given).properties("CompactorRole") for given in ("true", "false"))
    assert with_table == without


def test_the_compactor_is_told_whether_there_is_an_open_table():
    assert properties("Compactor")["Environment"]["Variables"]["OPEN_TABLE"] == {"Ref": "AnalystsTable"}
    assert from_environment(CompactorSettings, COMPACTOR | {"OPEN_TABLE": "true"}).open_table
    assert not from_environment(CompactorSettings, COMPACTOR | {"OPEN_TABLE": "false"}).open_table
