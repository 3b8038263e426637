"""Each function may do what its work needs, and no more."""

import json
from typing import Any

import pytest

from tests.support.template import of_type, properties, resource


def statements(name: str) -> list[Any]:
    return [
        statement
        for role, body in (of_type("AWS::IAM::Role") | of_type("AWS::IAM::Policy")).items()
        if role.startswith(name)
        for policy in body["Properties"].get("Policies", [body["Properties"]])
        if "PolicyDocument" in policy
        for statement in map(granted, policy["PolicyDocument"]["Statement"])
    ]


def granted(statement: Any) -> Any:
    """The statement as it is where it is granted at all."""
    return statement["Fn::If"][1] if "Fn::If" in statement else statement


def actions(statement: Any) -> list[str]:
    action = statement["Action"]
    return action if isinstance(action, list) else [action]


def allowed(function: str) -> dict[str, list[Any]]:
    """What the function's own role may do in AWS, and on what."""
    found: dict[str, list[Any]] = {}
    for statement in statements(f"{function}Role"):
        for action in actions(statement):
            found.setdefault(action, []).append(statement["Resource"])
    return found


@pytest.mark.parametrize("name", of_type("AWS::IAM::Role") | of_type("AWS::IAM::Policy"))
def test_no_policy_has_a_wildcard_among_its_actions(name):
    assert statements(name)
    for statement in statements(name):
        assert not [action for action in actions(statement) if "*" in action]


@pytest.mark.parametrize("name", of_type("AWS::IAM::Role"))
def test_only_what_has_no_resources_is_allowed_on_all(name):
    everywhere = {action for s in statements(name) if s["Resource"] == "*" for action in actions(s)}
    everywhere -= {action for action in everywhere if action.startswith("ec2:")}  # test_outgoing_address.py
    assert everywhere <= {"transcribe:StartTranscriptionJob"}


def test_transcripts_can_go_to_our_own_bucket_alone():
    (start,) = [s for s in statements("TranscriberRole") if actions(s) == ["transcribe:StartTranscriptionJob"]]
    ours = {"StringEquals": {"transcribe:OutputBucketName": {"Ref": "Bucket"}}}
    assert start["Condition"]["Fn::If"] == ["Cloud", ours, {"Ref": "AWS::NoValue"}]


def test_the_transcriber_takes_from_its_own_queue_and_sends_to_three():
    own = [{"Fn::GetAtt": ["TranscriptionQueue", "Arn"]}]
    assert allowed("Transcriber")["sqs:ReceiveMessage"] == allowed("Transcriber")["sqs:DeleteMessage"] == own
    queues = ("TranscriptionDeadLetters", "TranscriptionQueue", "TranscriptDocuments")
    assert allowed("Transcriber")["sqs:SendMessage"] == [[{"Fn::GetAtt": [queue, "Arn"]} for queue in queues]]


def test_the_transcriber_writes_the_items_of_transcripts_alone():
    (write,) = [s for s in statements("TranscriberRole") if actions(s) == ["dynamodb:UpdateItem"]]
    ours = {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["transcript#aws#*", "transcripts#aws"]},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }
    assert write["Condition"]["Fn::If"] == ["Cloud", ours, {"Ref": "AWS::NoValue"}]


def test_the_reader_of_documents_writes_rows_and_items_of_transcripts_alone():
    (write,) = [s for s in statements("TranscriptReaderRole") if actions(s) == ["dynamodb:UpdateItem"]]
    ours = {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["transcript#*"]},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }
    assert write["Condition"]["Fn::If"] == ["Cloud", ours, {"Ref": "AWS::NoValue"}]
    may = allowed("TranscriptReader")
    assert may["s3:PutObject"] == [{"Fn::Sub": "${Bucket.Arn}/inbox/transcripts/*"}]
    assert may["s3:GetObject"] == may["s3:DeleteObjectVersion"] == [{"Fn::Sub": "${Bucket.Arn}/transcripts/*"}]


def test_the_transcriber_deletes_no_document_but_the_masked_one_that_it_has_moved():
    (where,) = allowed("Transcriber")["s3:DeleteObjectVersion"]
    assert where == {"Fn::Sub": "${Bucket.Arn}/transcripts/aws/*/redacted-*"}
    assert "s3:DeleteObject" not in allowed("Transcriber")


def test_no_role_takes_a_policy_that_others_may_change():
    assert not any("ManagedPolicyArns" in body["Properties"] for body in of_type("AWS::IAM::Role").values())


def test_the_poller_never_sees_audio_and_never_takes_messages():
    assert [action for action in allowed("Poller") if action.startswith(("s3:", "events:"))] == []
    assert [action for action in allowed("Poller") if action.startswith("sqs:")] == ["sqs:SendMessage"]


def test_the_copier_sends_to_the_dead_letters_and_to_nobody_else():
    assert allowed("Copier")["sqs:SendMessage"] == [{"Fn::GetAtt": ["DeadLetters", "Arn"]}]


def test_the_copier_cannot_touch_the_lake_nor_read_the_inbox():
    written = [resource["Fn::Sub"] for resource in allowed("Copier")["s3:PutObject"]]
    assert written == ["${Bucket.Arn}/audio/*", "${Bucket.Arn}/inbox/*"]
    assert allowed("Copier")["s3:GetObject"] == [{"Fn::Sub": "${Bucket.Arn}/audio/*"}]
    assert allowed("Copier")["s3:DeleteObject"] == [{"Fn::Sub": "${Bucket.Arn}/audio/*"}]


def test_the_copier_can_delete_for_good_what_was_erased():
    assert allowed("Copier")["s3:DeleteObjectVersion"] == [{"Fn::Sub": "${Bucket.Arn}/audio/*"}]
    assert allowed("Copier")["s3:ListBucketVersions"] == [{"Fn::GetAtt": ["Bucket", "Arn"]}]
    for function in ("Poller", "Compactor"):
        assert "s3:DeleteObjectVersion" not in allowed(function)


def test_the_compactor_knows_no_provider_no_queue_and_no_audio():
    services = {action.split(":")[0] for action in allowed("Compactor")}
    assert services == {"logs", "dynamodb", "s3", "kms", "glue"}
    places = {place["Fn::Sub"] for action in ("s3:GetObject", "s3:PutObject") for place in allowed("Compactor")[action]}
    assert places == {"${Bucket.Arn}/inbox/*", "${Bucket.Arn}/lake/*"}
    assert [a for a in always("Compactor") if a.startswith("dynamodb:")] == ["dynamodb:BatchGetItem"]


def test_the_compactor_writes_tombstones_only_where_rows_are_removed():
    more = {action for action in allowed("Compactor") if action not in always("Compactor")}
    assert more - {"kms:Decrypt", "kms:GenerateDataKey"} == {
        "dynamodb:GetItem",
        "dynamodb:UpdateItem",
        "dynamodb:Query",
        "glue:DeletePartition",
    }


def always(function):
    """What a role may do whatever the parameters are."""
    policy = properties(f"{function}Role")["Policies"][0]["PolicyDocument"]
    return [action for one in policy["Statement"] if "Fn::If" not in one for action in actions(one)]


TABLES = ("calls", "${TranscriptsTable}", "${SoundTable}", "${CallsOpenTable}", "calls_open")


def test_the_compactor_registers_partitions_and_changes_no_table():
    of_glue = {action for action in always("Compactor") if action.startswith("glue:")}
    assert of_glue == {"glue:BatchCreatePartition", "glue:BatchUpdatePartition", "glue:GetPartitions", "glue:GetTable"}
    for action in of_glue:
        *those, choice = allowed("Compactor")[action][0]
        analysts, nobody = choice["Fn::If"][1:]
        places = [place["Fn::Sub"].rpartition(":")[2] for place in (*those, analysts, nobody)]
        tables = [f"table/${{Database}}/{table}" for table in TABLES]
        assert places == ["catalog", "database/${Database}", *tables]


@pytest.mark.parametrize("function", ["Poller", "Copier"])
def test_a_function_reads_only_the_secrets_and_settings_of_its_own_stack(function):
    for action in ("secretsmanager:GetSecretValue", "ssm:GetParametersByPath"):
        for place in json.dumps(allowed(function)[action]).split("arn:")[1:]:
            assert "call-lake/${AWS::StackName}/sources" in place


def test_the_poller_alone_may_read_the_key_of_recording_ids():
    key = {"Fn::If": ["NewIdKey", {"Fn::GetAtt": ["RecordingIdKey", "Id"]}, {"Ref": "RecordingIdKeyArn"}]}
    assert key in allowed("Poller")["secretsmanager:GetSecretValue"]
    everywhere = of_type("AWS::IAM::Role") | of_type("AWS::IAM::Policy") | of_type("AWS::IAM::ManagedPolicy")
    assert {name for name, body in everywhere.items() if "RecordingIdKey" in json.dumps(body)} == {"PollerRole"}
    for function in ("Copier", "Compactor", "Transcriber"):
        assert "RecordingIdKey" not in json.dumps(properties(function))


def test_no_role_reads_secrets_by_a_pattern_that_fits_the_key_of_recording_ids():
    """CloudFormation names it <stack>-RecordingIdKey-<random>, so its ARN ends like that."""
    for name in of_type("AWS::IAM::Role"):
        for statement in statements(name):
            if "secretsmanager:GetSecretValue" in actions(statement) and statement["Sid"] != "ReadIdKey":
                assert statement["Resource"]["Fn::Sub"].endswith(":secret:call-lake/${AWS::StackName}/sources/*")


def test_the_sound_analyzer_reads_audio_and_leaves_rows_of_sound_and_no_others():
    rights = allowed("SoundAnalyzer")
    assert rights["s3:GetObject"] == [{"Fn::Sub": "${Bucket.Arn}/audio/*"}]
    assert rights["s3:PutObject"] == rights["s3:DeleteObject"] == [{"Fn::Sub": "${Bucket.Arn}/inbox/sound/*"}]
    assert {action for action in rights if action.startswith("dynamodb:")} == {"dynamodb:BatchGetItem"}


def test_no_function_deletes_from_the_ledger_or_scans_it():
    for function in ("Poller", "Copier", "Compactor", "Transcriber", "SoundAnalyzer"):
        assert not {"dynamodb:DeleteItem", "dynamodb:Scan"} & set(allowed(function))


@pytest.mark.parametrize(
    ("name", "condition"),
    [
        ("PollerOnEmulator", "Laptop"),
        ("CopierOnEmulator", "Laptop"),
        ("TranscriberOnEmulator", "TranscriptionOnLaptop"),
    ],
)
def test_what_the_emulator_needs_beyond_aws_is_never_granted_in_the_cloud(name, condition):
    assert resource(name)["Condition"] == condition


@pytest.mark.parametrize("function", ["Poller", "Copier", "Transcriber"])
def test_the_emulator_lets_every_function_that_sends_messages_send_them_in_batches(function):
    assert "sqs:SendMessage" in allowed(function)
    assert "sqs:SendMessageBatch" in {action for s in statements(f"{function}OnEmulator") for action in actions(s)}


def test_the_emulator_gets_its_own_name_of_the_pollers_batches_of_inserts():
    allowed_there = {action for s in statements("PollerOnEmulator") for action in actions(s)}
    assert "dynamodb:BatchExecuteStatement" in allowed_there
