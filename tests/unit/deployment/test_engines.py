"""Each engine of TranscriptEngines has a queue, dead letters and a policy: what it may do, and nothing else."""

import json
import re

import pytest

from call_lake_local.engine import NAMES_TOGETHER, check_engines
from tests.rights.compared import deployed
from tests.support.iam import Statement, is_allowed, statements_of
from tests.support.resolved import ACCOUNT, REGION, Resolved
from tests.support.template import parse

BUCKET = f"arn:aws:s3:::{deployed().environment('Copier')['BUCKET']}"
DAY = "call_date=2026-10-20"
OWN_KEY = deployed().value({"Ref": "KmsKeyArn"})
ENGINES = Resolved(ThuliumBaseUrl="https://example.com", TranscriptEngines="whisper,,other", KmsKeyArn=OWN_KEY)
KINDS = ("Rule", "Queue", "DeadLetters", "QueuePolicy", "DeadLettersPolicy", "DeadLettersAlarm", "Policy")


def of_engines(stack: Resolved) -> set[str]:
    return {name for name in stack.types() if re.match(r"Engine\d", name)}


def policy() -> list[Statement]:
    return statements_of(ENGINES.properties("Engine1Policy")["PolicyDocument"])


def test_a_stack_without_engines_has_none_of_it_and_each_place_is_separate() -> None:
    assert of_engines(Resolved(ThuliumBaseUrl="https://example.com")) == set()
    assert of_engines(ENGINES) == {f"Engine{place}{kind}" for place in (1, 3) for kind in KINDS}
    assert ENGINES.properties("Engine3Queue")["QueueName"] == "stack-engine-other"


@pytest.mark.parametrize("place", [2, 3])
def test_the_places_differ_in_their_number_alone(place: int) -> None:
    resources = parse()["Resources"]

    def body(number: int, kind: str) -> str:
        text = json.dumps(resources[f"Engine{number}{kind}"]).replace(f"Engine{number}", "Engine")
        text = text.replace(f'"Fn::Select": [{number - 1},', '"Fn::Select": [').replace(f"letters-{number}", "letters")
        return re.sub("Your (first|second|third) speech", "Your speech", text)

    assert [kind for kind in KINDS if body(place, kind) != body(1, kind)] == []


def test_every_stored_recording_comes_to_the_queue_and_what_fails_five_times_to_the_dead_letters() -> None:
    rule, queue = ENGINES.properties("Engine1Rule"), ENGINES.properties("Engine1Queue")
    assert rule["EventPattern"] == {"source": ["call-lake"], "detail-type": ["Recording Stored"]}
    assert [target["Arn"] for target in rule["Targets"]] == [f"arn:aws:sqs:{REGION}:{ACCOUNT}:stack-engine-whisper"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 5
    assert queue["RedrivePolicy"]["deadLetterTargetArn"].endswith(":stack-engine-whisper-dead-letters")
    assert queue["MessageRetentionPeriod"] == 14 * 86400


QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:stack-engine-whisper"


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        *((f"sqs:{name}", QUEUE) for name in ("ReceiveMessage", "ChangeMessageVisibility", "DeleteMessage")),
        ("s3:GetObject", f"{BUCKET}/audio/source=thulium/{DAY}/a.wav"),
        ("s3:PutObject", f"{BUCKET}/transcripts/whisper/thulium/2026-10-20/a.json"),
    ],
)
def test_an_engine_may(action: str, resource: str) -> None:
    assert is_allowed(policy(), action, resource)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("sqs:SendMessage", QUEUE),
        ("sqs:PurgeQueue", QUEUE),
        ("sqs:ReceiveMessage", f"{QUEUE}-dead-letters"),
        ("sqs:ReceiveMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:stack-engine-other"),
        ("s3:PutObject", f"{BUCKET}/transcripts/other/thulium/2026-10-20/a.json"),
        ("s3:PutObject", f"{BUCKET}/transcripts/whisper2/thulium/2026-10-20/a.json"),
        ("s3:PutObject", f"{BUCKET}/transcripts/aws/thulium/2026-10-20/a.json"),
        ("s3:PutObject", f"{BUCKET}/audio/source=thulium/{DAY}/a.wav"),
        ("s3:PutObject", f"{BUCKET}/inbox/transcripts/source=thulium/a.json"),
        ("s3:GetObject", f"{BUCKET}/transcripts/whisper/thulium/2026-10-20/a.json"),
        ("s3:GetObject", f"{BUCKET}/lake/calls/data/source=thulium/{DAY}/a.parquet"),
        ("s3:GetObjectVersion", f"{BUCKET}/audio/source=thulium/{DAY}/a.wav"),
        ("s3:DeleteObject", f"{BUCKET}/audio/source=thulium/{DAY}/a.wav"),
        ("s3:ListBucket", BUCKET),
        ("dynamodb:GetItem", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/stack-ledger"),
        ("events:PutEvents", f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/stack"),
        ("secretsmanager:GetSecretValue", "*"),
    ],
)
def test_an_engine_may_not(action: str, resource: str) -> None:
    assert not is_allowed(policy(), action, resource)


@pytest.mark.parametrize(("prefix", "may"), [("audio/source=thulium/", True), ("transcripts/", False), ("", False)])
def test_an_engine_lists_audio_alone(prefix: str, may: bool) -> None:
    assert is_allowed(policy(), "s3:ListBucket", BUCKET, {"s3:prefix": (prefix,)}) is may


@pytest.mark.parametrize("via", ["sqs", "dynamodb", None])
def test_an_engine_uses_the_key_for_objects_alone(via: str | None) -> None:
    context = {"kms:ViaService": (f"{via}.{REGION}.amazonaws.com",)} if via else {}
    for action in ("kms:Decrypt", "kms:GenerateDataKey"):
        assert not is_allowed(policy(), action, OWN_KEY, context)
        assert is_allowed(policy(), action, OWN_KEY, {"kms:ViaService": (f"s3.{REGION}.amazonaws.com",)})


# -- what is refused before anything is made


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        *((text, True) for text in ("", "a", "a,b", "a,b,c", ",b", "a,,c", "w-2", "a" * 32)),
        *((text, False) for text in ("a,b,c,d", "A", "2a", "a b", "a, b", "a/b", "a" * 33, "a;b", "-a")),
    ],
)
def test_the_pattern_takes_up_to_three_names_and_empty_places(text: str, fits: bool) -> None:
    assert bool(re.search(parse()["Parameters"]["TranscriptEngines"]["AllowedPattern"], text)) is fits


@pytest.mark.parametrize(
    ("text", "kept", "says"),
    [
        ("aws", "", "Amazon Transcribe"),
        ("a,a", "", "a is there twice"),
        ("a" * 32, "", f"more than {NAMES_TOGETHER} characters"),
        ("b", "a,b", "b has to stay in place 2, where its queue is. .* as in ,b$"),
        ("b,a", "a,b", "a has to stay in place 1"),
    ],
)
def test_engines_that_cannot_be_made_are_refused(text: str, kept: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        check_engines("s" * 48, text, kept)


@pytest.mark.parametrize(("text", "kept"), [("", ""), (",b", "a,b"), ("a,b,c", "a,b"), ("", "a,b"), ("c,b", "a,b")])
def test_an_engine_is_added_replaced_or_taken_away_in_its_place(text: str, kept: str) -> None:
    check_engines("call-lake", text, kept)


def test_the_longest_names_fit_their_queues() -> None:
    stack, engine = "s" * (NAMES_TOGETHER - 32), "a" * 32
    check_engines(stack, engine)
    made = Resolved(None, stack, TranscriptEngines=engine)
    assert len(made.properties("Engine1DeadLetters")["QueueName"]) <= 80
