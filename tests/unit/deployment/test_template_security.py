"""What the template keeps closed, encrypted, versioned, and for how long."""

import json
import re
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from call_lake.model.layout import PROOFS
from tests.support.template import ROOT, default, of_type, parse, properties, resource
from tests.unit.deployment.test_template_roles import allowed, granted

NOTHING = {"Ref": "AWS::NoValue"}
OWN_KEY = {"Ref": "KmsKeyArn"}
OF_EVENTS = (  # no numbers, no names
    *("TranscriptionQueue", "TranscriptionDeadLetters"),
    *("TranscriptDocuments", "TranscriptDocumentsDeadLetters"),
    *("SoundQueue", "SoundDeadLetters"),
    *(f"Engine{place}{kind}" for place in (1, 2, 3) for kind in ("Queue", "DeadLetters")),
)
QUEUES = [
    name
    for name, body in of_type("AWS::SQS::Queue").items()
    if body.get("Condition") != "Laptop" and name not in OF_EVENTS
]
LOGS = of_type("AWS::Logs::LogGroup")
SECRETS = of_type("AWS::SecretsManager::Secret")
FUNCTIONS = ("Poller", "Copier", "Compactor", "Transcriber", "TranscriptReader", "SoundAnalyzer")


def with_own_key(value: Any) -> Any:
    return {"Fn::If": ["OwnKey", value, NOTHING]}


def rules() -> dict[str, Any]:
    """The bucket's rules by their ids, as they are where they are asked for."""
    found = [rule["Fn::If"][1] if "Fn::If" in rule else rule for rule in _rules()]
    return {rule["Id"]: rule for rule in found}


def _rules() -> Any:
    return properties("Bucket")["LifecycleConfiguration"]["Rules"]


# -- encryption


def test_without_a_key_of_ones_own_everything_is_encrypted_with_keys_of_aws():
    assert default("KmsKeyArn") == ""
    assert parse()["Conditions"]["OwnKey"] == {"Fn::Not": [{"Fn::Equals": [OWN_KEY, ""]}]}


def test_the_bucket_is_encrypted_with_the_given_key():
    (encryption,) = properties("Bucket")["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    condition, own, otherwise = encryption["ServerSideEncryptionByDefault"]["Fn::If"]
    assert (condition, own) == ("OwnKey", {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": OWN_KEY})
    assert otherwise == {"SSEAlgorithm": "AES256"}
    assert encryption["BucketKeyEnabled"] == with_own_key(True)


@pytest.mark.parametrize("queue", QUEUES)
def test_a_queue_is_encrypted_with_the_given_key_or_with_that_of_sqs(queue):
    assert properties(queue)["KmsMasterKeyId"] == with_own_key(OWN_KEY)
    assert properties(queue)["SqsManagedSseEnabled"] == {"Fn::If": ["OwnKey", NOTHING, True]}


@pytest.mark.parametrize("queue", OF_EVENTS)
def test_a_queue_that_another_service_writes_to_is_under_a_key_that_it_may_use(queue):
    assert properties(queue)["SqsManagedSseEnabled"] is True
    assert "KmsMasterKeyId" not in properties(queue)


def test_the_ledger_is_encrypted_with_the_given_key():
    own = {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": OWN_KEY}
    assert properties("Ledger")["SSESpecification"] == with_own_key(own)


@pytest.mark.parametrize("name", [*LOGS, *SECRETS])
def test_logs_and_secrets_are_encrypted_with_the_given_key(name):
    assert properties(name)["KmsKeyId"] == with_own_key(OWN_KEY)


def test_the_results_of_queries_are_encrypted_like_the_bucket():
    results = properties("Workgroup")["WorkGroupConfiguration"]["ResultConfiguration"]
    own, otherwise = results["EncryptionConfiguration"]["Fn::If"][1:]
    assert own == {"EncryptionOption": "SSE_KMS", "KmsKey": OWN_KEY}
    assert otherwise == {"EncryptionOption": "SSE_S3"}


def test_transcripts_are_encrypted_with_the_given_key():
    assert properties("Transcriber")["Environment"]["Variables"]["KMS_KEY_ARN"] == OWN_KEY


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_function_has_a_right_to_any_key_where_none_was_given(function):
    document = properties(f"{function}Role")["Policies"][0]["PolicyDocument"]
    (granted,) = [s for s in document["Statement"] if "kms:" in json.dumps(s)]
    assert (granted["Fn::If"][0], granted["Fn::If"][2]) == ("OwnKey", NOTHING)


# -- closed


def test_the_bucket_and_its_objects_refuse_plain_http():
    (statement,) = properties("BucketPolicy")["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": False}}
    assert len(statement["Resource"]) == 2  # the bucket and its objects


@pytest.mark.parametrize("queue", QUEUES)
def test_a_queue_refuses_plain_http(queue):
    policies = [one["Properties"] for one in of_type("AWS::SQS::QueuePolicy").values()]
    (policy,) = [one for one in policies if {"Ref": queue} in one["Queues"]]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "sqs:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": False}}
    assert statement["Resource"] == {"Fn::GetAtt": [queue, "Arn"]}


def test_nothing_of_the_stack_is_reached_from_outside():
    public = re.compile("AWS::(ApiGateway|Lambda::(Url|Permission)|ElasticLoadBalancing|CloudFront|EC2)")
    assert [name for name, body in parse()["Resources"].items() if public.match(body["Type"])] == []
    assert "FunctionUrlConfig" not in json.dumps(parse())


def test_only_alarms_of_this_stack_may_write_to_its_topic_and_only_over_tls():
    """https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html"""
    allow, deny = properties("AlarmTopicPolicy")["PolicyDocument"]["Statement"]
    alarms = "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:${AWS::StackName}-*"
    assert (allow["Effect"], allow["Action"]) == ("Allow", "sns:Publish")
    assert allow["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allow["Condition"] == {
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
        "ArnLike": {"aws:SourceArn": {"Fn::Sub": alarms}},
    }
    assert (deny["Effect"], deny["Principal"], deny["Action"]) == ("Deny", "*", "sns:Publish")
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": False}}
    assert allow["Resource"] == deny["Resource"] == {"Ref": "AlarmTopic"}
    names = [body["Properties"]["AlarmName"]["Fn::Sub"] for body in of_type("AWS::CloudWatch::Alarm").values()]
    assert all(name.startswith("${AWS::StackName}-") for name in names)


def test_the_alarms_topic_is_encrypted_with_no_key_that_cloudwatch_may_not_use():
    """https://repost.aws/knowledge-center/cloudwatch-configure-alarm-sns"""
    assert set(properties("AlarmTopic")) == {"TopicName"}


@pytest.mark.parametrize("kind", ["AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"])
def test_what_holds_for_everybody_only_denies(kind):
    for name, body in of_type(kind).items():
        for statement in map(granted, body["Properties"]["PolicyDocument"]["Statement"]):
            assert statement["Effect"] == "Deny" or statement["Principal"] != "*", name


def test_the_policies_that_let_a_service_in_are_for_our_own_rules_and_for_buckets_of_the_account():
    policies = of_type("AWS::SQS::QueuePolicy") | of_type("AWS::S3::BucketPolicy")
    allowing = {
        name: statement
        for name, body in policies.items()
        for statement in map(granted, body["Properties"]["PolicyDocument"]["Statement"])
        if statement["Effect"] == "Allow" and body["Condition"] != "Laptop"
    }
    assert list(allowing) == [
        "TranscriptionQueuePolicy",
        "TranscriptDocumentsPolicy",
        "SoundQueuePolicy",
        *(f"Engine{place}QueuePolicy" for place in (1, 2, 3)),
    ]
    rules = [{"Fn::GetAtt": [rule, "Arn"]} for rule in ("TranscriptionRule", "TranscriptionEndRule")]
    ours = {"ArnEquals": {"aws:SourceArn": rules}}
    assert allowing["TranscriptionQueuePolicy"]["Condition"] == ours
    for one in ("Sound", "Engine1", "Engine2", "Engine3"):
        of_rule = {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": [f"{one}Rule", "Arn"]}}}
        assert allowing[f"{one}QueuePolicy"]["Condition"] == of_rule
    documents = allowing["TranscriptDocumentsPolicy"]
    assert documents["Principal"] == {"Service": "s3.amazonaws.com"}
    assert documents["Condition"] == {
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
        "ArnLike": {"aws:SourceArn": {"Fn::Sub": "arn:${AWS::Partition}:s3:*:*:*"}},
    }


# -- versions and lifecycle


def test_the_bucket_keeps_versions_only_where_that_is_asked_for():
    assert default("BucketVersioning") == "false"
    assert properties("Bucket")["VersioningConfiguration"] == {"Fn::If": ["Versioned", {"Status": "Enabled"}, NOTHING]}


@pytest.mark.parametrize("prefix", ["inbox/", "lake/", "athena-results/", "transcripts/"])
def test_old_versions_of_everything_but_audio_expire_after_a_day_with_their_markers(prefix):
    (rule,) = [r for r in _rules() if r.get("Prefix") == prefix]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}
    # An expiration in days takes the markers too, and S3 takes no rule with both.
    if prefix == "transcripts/":  # has one or the other
        assert rule["ExpirationInDays"]["Fn::If"][0] == rule["ExpiredObjectDeleteMarker"]["Fn::If"][0] == "RowsExpire"
        assert rule["ExpiredObjectDeleteMarker"]["Fn::If"][1:] == [NOTHING, True]
    else:
        assert rule.get("ExpiredObjectDeleteMarker", False) is ("ExpirationInDays" not in rule)


def test_the_access_log_is_kept_for_years_and_what_was_replaced_of_it_for_months():
    rule = rules()["access-log"]
    assert (rule["Prefix"], rule["ExpirationInDays"]) == ("access-log/", {"Ref": "AccessLogRetentionDays"})
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 90}
    assert default("AccessLogRetentionDays") == 3 * 365


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_function_reaches_the_access_log(function):
    places = [str(place) for action, found in allowed(function).items() if action.startswith("s3:") for place in found]
    assert not [place for place in places if "access-log" in place or "Arn}/*" in place]


def test_every_prefix_that_is_written_has_its_rule_for_old_versions():
    written = {
        place["Fn::Sub"].removeprefix("${Bucket.Arn}/").removesuffix("*")
        for function in FUNCTIONS
        for place in allowed(function).get("s3:PutObject", [])
    }
    ruled = tuple(rule["Prefix"] for rule in rules().values() if "NoncurrentVersionExpiration" in rule)
    assert [prefix for prefix in written if not prefix.startswith(ruled)] == []


def test_nothing_happens_to_audio_unless_it_is_asked_for():
    of_audio = [rule for rule in _rules() if rule.get("Prefix") == "audio/"]
    assert of_audio == []  # no rule without a condition
    assert (default("AudioRetentionDays"), default("AudioColdAfterDays")) == (0, 0)


def test_audio_expires_with_its_old_versions_and_moves_to_a_colder_class_where_that_is_asked_for():
    audio = rules()["audio"]
    assert audio["ExpirationInDays"] == {"Fn::If": ["AudioExpires", {"Ref": "AudioRetentionDays"}, NOTHING]}
    assert audio["NoncurrentVersionExpiration"] == {"Fn::If": ["AudioExpires", {"NoncurrentDays": 1}, NOTHING]}
    condition, (transition,), otherwise = audio["Transitions"]["Fn::If"]
    assert (condition, otherwise) == ("AudioCools", NOTHING)
    assert transition == {"TransitionInDays": {"Ref": "AudioColdAfterDays"}, "StorageClass": {"Ref": "AudioColdClass"}}


def test_audio_in_a_colder_class_is_still_read_at_once():
    assert parse()["Parameters"]["AudioColdClass"]["AllowedValues"] == ["GLACIER_IR", "STANDARD_IA"]


def test_unfinished_uploads_and_results_of_queries_expire():
    assert rules()["unfinished-uploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 2}
    assert (rules()["query-results"]["Prefix"], rules()["query-results"]["ExpirationInDays"]) == ("athena-results/", 7)


def test_no_rule_deletes_a_proof_of_an_erasure_or_an_older_version_of_one():
    expiring = [rule for rule in rules().values() if rule.keys() & {"ExpirationInDays", "NoncurrentVersionExpiration"}]
    assert expiring
    assert not [rule["Id"] for rule in expiring if PROOFS.startswith(rule.get("Prefix", ""))]


# -- what is written down


def security_page() -> str:
    return (ROOT / "docs/security.md").read_text()


def test_every_exception_of_checkov_has_its_reason_in_the_docs():
    configured = yaml.safe_load((ROOT / ".checkov.yaml").read_text())["skip-check"]
    reasons = dict(re.findall(r"^\| `(CKV\w+)` \| (.{20,}) \|$", security_page(), re.MULTILINE))
    assert set(configured) == set(reasons)


@pytest.mark.parametrize("role", of_type("AWS::IAM::Role"))
def test_every_role_is_in_the_table_of_the_docs(role):
    assert f"| `{role}` |" in security_page()


def test_every_exception_in_the_template_stands_in_the_docs_too():
    at = {
        (skip["id"], name)
        for name, body in parse()["Resources"].items()
        for skip in body.get("Metadata", {}).get("checkov", {}).get("skip", [])
    }
    assert at == {
        ("CKV_AWS_26", "AlarmTopic"),
        ("CKV_AWS_111", "PollerRole"),
        ("CKV_AWS_111", "CopierRole"),
        ("CKV_AWS_111", "TranscriberOnEmulator"),
        *(("CKV_AWS_27", queue) for queue in OF_EVENTS),
    }
    page = " ".join(security_page().split())
    assert all(f"`{check}` for" in page for check, _ in at)


def test_the_documented_key_policy_is_json_and_lets_the_logs_of_the_stack_in():
    documents = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", security_page(), re.DOTALL)]
    (policy,) = [document for document in documents if "Statement" in document]
    (logs,) = [s for s in policy["Statement"] if "logs." in json.dumps(s["Principal"])]
    assert logs["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"].endswith("log-group:/aws/lambda/STACK-*")


def test_one_copier_serves_all_sources_so_it_reads_all_their_secrets_and_the_docs_say_so():
    (place,) = allowed("Copier")["secretsmanager:GetSecretValue"]
    assert place["Fn::Sub"].endswith("secret:call-lake/${AWS::StackName}/sources/*")
    assert "the secrets of all sources" in security_page()


def test_the_bucket_policy_stays_with_the_bucket():
    assert resource("BucketPolicy")["DeletionPolicy"] == resource("Bucket")["DeletionPolicy"]
