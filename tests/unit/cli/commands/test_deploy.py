"""``call-lake deploy``: what it asks, what it gives to sam."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest
import typer
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from typer.testing import CliRunner

from call_lake.errors import CallLakeError, KeyRefused, Reason, Transient
from call_lake.ledger.id_key import ITEM
from call_lake_cli.commands import deploy as command
from call_lake_cli.commands.deploy import DeployedStack, Place
from call_lake_cli.stack.handle import apply_aws_region
from call_lake_local.errors import LocalError
from call_lake_local.template_sources import TemplateSource, active_sources
from tests.support.fakes.ids import ID_KEY_SECRET, IDS
from tests.support.fakes.world import World

TEMPLATE = Path(__file__).parents[4] / "template.yaml"
ANSWERS = "https://acme.thulium.com/api/\n\nhttps://acme.conpeek.com\n\n2026-01-31\n\n\n"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:alarms"


URLS = {
    "ThuliumBaseUrl": "https://acme.thulium.com/api",
    "ThuliumTimeZone": "Europe/Warsaw",
    "ConpeekBaseUrl": "",
    "ConpeekTimeZone": "Europe/Warsaw",
}
HERE = Place("eu-central-1", "123456789012")
STANDING = DeployedStack("UPDATE_COMPLETE", URLS | {"Architecture": "arm64"})


class Sam:
    """Notes what it was given."""

    def __init__(self, code: int = 0) -> None:
        self.given: list[str] = []
        self.parameters: dict[str, str] = {}
        self.code = code

    def __call__(self, arguments: Sequence[str]) -> int:
        self.given = list(arguments)
        file = self.given[self.given.index("--parameter-overrides") + 1]
        self.parameters = json.loads(Path(file.removeprefix("file://")).read_text())
        return self.code


def any_key(found: DeployedStack | None, chosen: Mapping[str, str]) -> None:
    """Every key is the ledger's."""


def deployed(
    sam: Sam, answers: str = "", stack: str = "lake", *, standing: DeployedStack | None = None, **given: str
) -> str:
    app = typer.Typer()

    @app.command()
    def run() -> None:
        build = lambda architecture: Path(architecture, "template.yaml")  # noqa: E731
        command.deploy_stack(stack, given, HERE, find=lambda _: standing, refuse_key=any_key, build=build, sam=sam)

    result = CliRunner().invoke(app, input=answers + "\n\n", catch_exceptions=False)
    return result.output


def test_a_new_stack_is_asked_for_addresses_zones_and_the_first_day() -> None:
    sam = Sam()
    said = deployed(sam, ANSWERS)
    assert sam.parameters == {
        "ThuliumBaseUrl": "https://acme.thulium.com/api",
        "ThuliumTimeZone": "Europe/Warsaw",
        "ConpeekBaseUrl": "https://acme.conpeek.com",
        "ConpeekTimeZone": "Europe/Warsaw",
        "FirstPollFrom": "2026-01-31",
        "AlarmEmail": "",
        "AlarmTopicArn": "",
        "AnalyzeSound": "false",
        "Architecture": "arm64",
    }
    assert "secrets set thulium --stack lake" in said


def test_sound_is_measured_only_where_the_first_deployment_says_so() -> None:
    sam = Sam()
    said = deployed(sam, f"{ANSWERS}perhaps\ntrue\n")
    assert "Measure the sound of each recording, about 0.01 USD for 1,000 calls of four minutes" in said
    assert sam.parameters["AnalyzeSound"] == "true"
    assert "Measure" not in deployed(sam, standing=STANDING)
    assert "AnalyzeSound" not in sam.parameters


def test_what_is_given_is_not_asked() -> None:
    sam = Sam()
    deployed(
        sam, "\n\n\n\n\n", ThuliumBaseUrl="https://a.example/api", ConpeekBaseUrl="https://b.example", SweepDays="7"
    )
    assert sam.parameters["ThuliumBaseUrl"] == "https://a.example/api"
    assert sam.parameters["SweepDays"] == "7"


def test_a_vendor_without_an_address_is_left_out_and_not_asked_about() -> None:
    sam = Sam()
    said = deployed(sam, "https://acme.thulium.com/api\n\n\n2026-01-31\n\n\n")
    assert sam.parameters["ConpeekBaseUrl"] == ""
    assert "ConpeekTimeZone" not in sam.parameters
    assert sam.parameters["FirstPollFrom"] == "2026-01-31"
    assert "secrets set thulium" in said
    assert "secrets set conpeek" not in said


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"ThuliumBaseUrl": "", "ConpeekBaseUrl": ""}, "nothing to copy from"),
        ({"SubnetIds": "subnet-1"}, "given together"),
        ({"AudioColdAfterDays": "x"}, "AudioColdAfterDays=x: a whole number of days"),
        ({"AudioColdAfterDays": "90", "AudioRetentionDays": "90"}, "less than AudioRetentionDays"),
        ({"TranscriptRetentionDays": "31", "AudioRetentionDays": "30"}, "at most AudioRetentionDays .30."),
        ({"RowRetentionDays": "30"}, "AudioRetentionDays of 1 to 30, and it is 0"),
        ({"RowRetentionDays": "30", "AudioRetentionDays": "31"}, "of 1 to 30, and it is 31"),
        ({"AudioColdAfterDays": "7", "AudioColdClass": "STANDARD_IA"}, "younger than 30 days"),
    ],
)
def test_what_would_be_rolled_back_is_refused_before_anything_is_built(given: dict[str, str], says: str) -> None:
    stands = DeployedStack("UPDATE_COMPLETE", URLS)
    sam = Sam()
    with pytest.raises(ValueError, match=says):
        command.deploy_stack("lake", given, HERE, find=lambda _: stands, refuse_key=any_key, build=Path, sam=sam)
    assert sam.given == []


def test_what_is_changed_is_checked_against_what_the_stack_keeps() -> None:
    kept = URLS | {"AudioRetentionDays": "60"}
    with pytest.raises(ValueError, match=r"AudioColdAfterDays \(90\)"):
        deployed(Sam(), standing=DeployedStack("UPDATE_COMPLETE", kept), AudioColdAfterDays="90")
    kept = URLS | {"TranscriptEngines": "a,b"}
    with pytest.raises(ValueError, match="b has to stay in place 2"):
        deployed(Sam(), standing=DeployedStack("UPDATE_COMPLETE", kept), TranscriptEngines="b")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            {"AlarmTopicArn": "arn:aws:sns:eu-west-1:123456789012:alarms"},
            "AlarmTopicArn is in eu-west-1, and the stack",
        ),
        (
            {"KmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/1"},
            "name a key of eu-central-1, or deploy to us-east-1",
        ),
        ({"RecordingIdKeyArn": "arn:aws:secretsmanager:eu-north-1:123456789012:secret:k-AbCdEf"}, "name a secret of"),
        (
            {"RecordingIdKeyArn": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:k-AbCdEf"},
            "name a secret there",
        ),
        ({"KmsKeyArn": "alias/mine"}, "KmsKeyArn: it has to fit"),
        ({"LogRetentionDays": "2"}, "LogRetentionDays: it has to be one of 1, 3, 5"),
        ({"ThuliumConcurrency": "1"}, "ThuliumConcurrency: it has to be 2 or more"),
        ({"CopierStorageMiB": "10241"}, "CopierStorageMiB: it has to be 10240 or less"),
        ({"SweepDays": "two"}, "SweepDays: it has to be a number"),
        ({"ThuliumSettings": "{" + "1" * 2047 + "}"}, "2049 characters, 2048 at most"),
        ({"SubnetIds": "subnet-1, subnet-2", "SecurityGroupIds": "sg-1"}, "SubnetIds: it has to fit"),
    ],
)
def test_what_aws_would_refuse_later_is_refused_before_anything_is_built(given: dict[str, str], says: str) -> None:
    sam = Sam()
    with pytest.raises((ValueError, LocalError)) as refused:
        deployed(sam, standing=STANDING, **given)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
    assert sam.given == []


def test_an_arn_that_the_stack_keeps_is_compared_with_its_region_too() -> None:
    kept = URLS | {"AlarmTopicArn": "arn:aws:sns:eu-west-1:123456789012:alarms"}
    with pytest.raises(ValueError, match="AlarmTopicArn is in eu-west-1"):
        deployed(Sam(), standing=DeployedStack("UPDATE_COMPLETE", kept), SweepDays="7")


def test_a_topic_and_a_key_of_another_account_are_taken() -> None:
    sam = Sam()
    topic, key = "arn:aws:sns:eu-central-1:111122223333:alarms", "arn:aws:kms:eu-central-1:111122223333:key/1"
    deployed(sam, standing=STANDING, AlarmTopicArn=topic, KmsKeyArn=key)
    assert (sam.parameters["AlarmTopicArn"], sam.parameters["KmsKeyArn"]) == (topic, key)


@pytest.mark.parametrize("wrong", ["acme.thulium.com", "http://acme.thulium.com", "https://acme.thulium.com/?x=1"])
def test_an_answer_that_cannot_be_is_asked_for_again(wrong: str) -> None:
    sam = Sam()
    said = deployed(sam, f"{wrong}\n{ANSWERS}")
    assert "an address is needed that begins with https://" in said
    assert sam.parameters["ThuliumBaseUrl"] == "https://acme.thulium.com/api"


def test_questions_that_need_no_answer_are_answered_with_enter() -> None:
    sam = Sam()
    deployed(sam, "https://acme.thulium.com/api\n\nhttps://acme.conpeek.com\n\n\n\n\n")
    assert [sam.parameters[key] for key in ("FirstPollFrom", "AlarmEmail", "AlarmTopicArn")] == ["", "", ""]


# -- who is told of alarms


def test_an_address_for_alarms_is_asked_for_and_then_no_topic() -> None:
    sam = Sam()
    said = deployed(sam, "https://acme.thulium.com/api\n\n\n2026-01-31\nalarms@example.com\n")
    assert sam.parameters["AlarmEmail"] == "alarms@example.com"
    assert "AlarmTopicArn" not in sam.parameters
    assert "Next: alarms@example.com gets a mail of AWS" in said


@pytest.mark.parametrize(("key", "value"), [("AlarmTopicArn", TOPIC), ("AlarmEmail", "alarms@example.com")])
def test_a_topic_or_an_address_that_was_given_leaves_no_question(key: str, value: str) -> None:
    sam = Sam()
    said = deployed(sam, "https://acme.thulium.com/api\n\n\n2026-01-31\n", standing=None, **{key: value})
    assert sam.parameters[key] == value
    assert len(set(sam.parameters) & set(command.ALARMS_TO)) == 1
    assert "Nobody is told" not in said


@pytest.mark.parametrize("wrong", ["alarms", "alarms@example", "a@example.com, b@example.com", "a b@example.com"])
def test_an_address_that_cannot_be_is_asked_for_again(wrong: str) -> None:
    sam = Sam()
    said = deployed(sam, f"https://acme.thulium.com/api\n\n\n2026-01-31\n{wrong}\nalarms@example.com\n")
    assert "one e-mail address is needed" in said
    assert sam.parameters["AlarmEmail"] == "alarms@example.com"


def test_a_stack_that_tells_nobody_of_alarms_is_said_at_each_deployment() -> None:
    assert "Nobody is told of alarms. Next: make deploy ARGS='--stack lake --set AlarmEmail=" in deployed(
        Sam(), ANSWERS
    )
    assert "Nobody is told of alarms" in deployed(Sam(), standing=STANDING)


@pytest.mark.parametrize("kept", [{"AlarmTopicArn": TOPIC}, {"AlarmEmail": "alarms@example.com"}])
def test_a_stack_that_tells_somebody_is_told_nothing_until_the_address_changes(kept: dict[str, str]) -> None:
    existing = DeployedStack("UPDATE_COMPLETE", URLS | kept)
    said = deployed(Sam(), standing=existing)
    assert "Nobody is told" not in said
    assert "gets a mail" not in said
    assert "other@example.com gets a mail" in deployed(Sam(), standing=existing, AlarmEmail="other@example.com")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ThuliumBaseUrl", "http://acme.thulium.com/api"),
        ("ConpeekTimeZone", "Warsaw"),
        ("AlarmEmail", "alarms"),
        ("AlarmTopicArn", "alarms"),
        ("IsCloud", "false"),
        ("Architecture", "sparc"),
    ],
)
def test_what_no_account_should_have_is_refused_when_it_is_given_too(key: str, value: str) -> None:
    sam = Sam()
    with pytest.raises(ValueError, match=r"needed|emulator|arm64 or x86_64"):
        deployed(sam, ANSWERS, standing=None, **{key: value})
    assert sam.given == []


def test_a_value_that_is_refused_is_named_with_its_parameter() -> None:
    with pytest.raises(ValueError, match=r"ConpeekTimeZone=Warsaw: a name of the IANA time zone database"):
        deployed(Sam(), ANSWERS, ConpeekTimeZone="Warsaw")


def test_a_parameter_that_the_template_does_not_have_is_refused_before_anything_is_built() -> None:
    sam = Sam()
    with pytest.raises(LocalError, match=r"template\.yaml has no parameter SweepDay;"):
        deployed(sam, standing=STANDING, SweepDay="30")
    assert sam.given == []


def typed(*arguments: str, code: int = 1) -> str:
    app = typer.Typer()
    app.command()(command.deploy)
    result = CliRunner().invoke(app, ["--stack", "lake", *arguments])
    assert result.exit_code == code
    return result.stderr


def test_without_a_region_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:1")
    assert typed() == "error: no AWS region: set AWS_REGION, or `region` in the AWS profile\n"


def test_a_region_or_network_that_does_not_answer_is_no_lack_of_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    said = typed(code=4)
    assert "check the network, and the region" in said
    assert "log" not in said.replace("localhost", "")


def test_a_pair_that_is_none_is_one_line() -> None:
    assert typed("--set", "SweepDays", code=2) == (
        "error: --set 'SweepDays' must be PARAMETER=VALUE, like --set SweepDays=30\n"
    )


def test_a_stack_that_stands_keeps_its_parameters_and_is_asked_nothing() -> None:
    sam = Sam()
    deployed(sam, standing=STANDING, SweepDays="30")
    assert sam.parameters == {"SweepDays": "30", "Architecture": "arm64"}


def test_a_stack_that_stands_is_asked_only_about_the_sources_that_were_added(monkeypatch: pytest.MonkeyPatch) -> None:
    added = TemplateSource("north-west", "thulium")
    monkeypatch.setattr(command, "active_sources", lambda: [*active_sources(), added])
    sam = Sam()

    said = deployed(sam, "https://north.thulium.com/api\n\n", standing=STANDING)

    assert "north-west: Thulium's API" in said
    assert sam.parameters == {
        "Architecture": "arm64",
        "NorthWestBaseUrl": "https://north.thulium.com/api",
        "NorthWestTimeZone": "Europe/Warsaw",
    }
    assert [line for line in said.splitlines() if line.startswith("Next:")] == [
        "Next: call-lake secrets set north-west --stack lake"
    ]


def test_names_of_stack_and_source_that_are_too_long_together_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    long = TemplateSource("n" * 32, "thulium")
    monkeypatch.setattr(command, "active_sources", lambda: [long])
    with pytest.raises(ValueError, match="more than 57 characters together"):
        deployed(Sam(), "https://north.thulium.com/api\n\n", stack="l" * 26, standing=STANDING)


@pytest.mark.parametrize(
    ("standing", "given", "expected"),
    [
        (None, {}, "arm64"),
        (None, {"Architecture": "x86_64"}, "x86_64"),
        (DeployedStack("CREATE_COMPLETE", URLS | {"Architecture": "x86_64"}), {}, "x86_64"),
        (DeployedStack("CREATE_COMPLETE", URLS | {"Architecture": "x86_64"}), {"Architecture": "arm64"}, "arm64"),
    ],
)
def test_the_processor_is_what_was_given_then_the_stacks_own_then_arm64(
    standing: DeployedStack | None, given: dict[str, str], expected: str
) -> None:
    sam = Sam()
    deployed(sam, ANSWERS, standing=standing, **given)
    assert sam.parameters["Architecture"] == expected
    assert sam.given[sam.given.index("--template") + 1] == f"{expected}/template.yaml"


def test_a_stack_whose_first_changes_were_never_made_is_asked_like_a_new_one() -> None:
    sam = Sam()
    said = deployed(sam, ANSWERS, standing=DeployedStack("REVIEW_IN_PROGRESS", {}))
    assert sam.parameters["ThuliumBaseUrl"] == "https://acme.thulium.com/api"
    assert "lake is new" in said


@pytest.mark.parametrize(
    ("status", "to_do"),
    [
        ("ROLLBACK_COMPLETE", "aws cloudformation delete-stack --stack-name lake"),
        ("CREATE_FAILED", "aws cloudformation delete-stack --stack-name lake"),
        ("DELETE_FAILED", "aws cloudformation delete-stack --stack-name lake"),
        ("UPDATE_ROLLBACK_FAILED", "aws cloudformation continue-update-rollback --stack-name lake"),
        ("UPDATE_IN_PROGRESS", "wait"),
        ("ROLLBACK_IN_PROGRESS", "wait"),
    ],
)
def test_a_stack_that_cloudformation_will_not_update_is_said_before_anything_is_built(status: str, to_do: str) -> None:
    sam = Sam()
    with pytest.raises(CallLakeError, match=to_do):
        deployed(sam, standing=DeployedStack(status, {}))
    assert sam.given == []


def test_an_installed_command_does_not_delete_a_source_that_its_template_never_had(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    grown = DeployedStack("UPDATE_COMPLETE", URLS | {"Thulium2BaseUrl": "https://b.example/api", "ThirdBaseUrl": ""})
    deployed(removed := Sam(), standing=grown)  # in a checkout it was removed on purpose
    assert removed.given
    monkeypatch.setattr(command, "is_checkout", lambda: False)
    with pytest.raises(CallLakeError, match="lake has the source Thulium2, and this installed command does not"):
        deployed(sam := Sam(), standing=grown)
    assert sam.given == []
    deployed(same := Sam(), standing=DeployedStack("UPDATE_COMPLETE", URLS))
    assert same.given


def test_a_stack_is_found_with_its_status_and_parameters() -> None:
    client = boto3.client("cloudformation")
    made = {
        "StackName": "lake",
        "CreationTime": datetime(2026, 1, 1, tzinfo=UTC),
        "StackStatus": "CREATE_COMPLETE",
        "Parameters": [{"ParameterKey": "SweepDays", "ParameterValue": "30"}],
    }
    with Stubber(client) as answers:
        answers.add_response("describe_stacks", {"Stacks": [made]}, {"StackName": "lake"})
        answers.add_client_error("describe_stacks", "ValidationError", "Stack with id other does not exist")
        answers.add_client_error("describe_stacks", "ExpiredToken", "The security token is expired")
        assert command.find_deployed("lake", client) == DeployedStack("CREATE_COMPLETE", {"SweepDays": "30"})
        assert command.find_deployed("other", client) is None
        with pytest.raises(ClientError, match="ExpiredToken"):
            command.find_deployed("lake", client)


def test_the_region_of_awss_own_variable_is_taken_where_boto3s_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    apply_aws_region()
    assert os.environ["AWS_DEFAULT_REGION"] == "eu-central-1"
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    apply_aws_region()
    assert boto3.Session().region_name == "eu-west-3"


@pytest.mark.parametrize("name", ["Lake", "1lake", "l_ake", "l" * 49, "", "default", "primary"])
def test_a_name_that_buckets_and_queues_cannot_carry_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a stack's name"):
        deployed(Sam(), stack=name or "-")


def test_a_deployment_that_fails_is_an_error() -> None:
    with pytest.raises(CallLakeError, match="did not succeed"):
        deployed(Sam(code=1), ANSWERS)


def test_every_question_is_a_parameter_of_the_template() -> None:
    text = TEMPLATE.read_text()
    assert all(f"\n  {name}:\n    Type: String" in text for name in command.questions(active_sources()))


def test_the_template_takes_every_answer_that_is_let_through() -> None:
    assert command.check_base_url("https://acme.thulium.com/api/") == "https://acme.thulium.com/api"
    assert command.check_day("") == ""
    assert command.check_topic(TOPIC) == TOPIC
    (pattern,) = re.findall(
        r'^  AlarmEmail:(?:\n    .*)*?\n    AllowedPattern: (".*")$', TEMPLATE.read_text(), re.MULTILINE
    )
    assert json.loads(pattern) == f"^{command.EMAIL.pattern}$"
    with pytest.raises(ValueError, match="2026-01-31"):
        command.check_day("31.1.2026")
    with pytest.raises(ValueError, match="Europe/Warsaw"):
        command.check_zone("Warsaw")


# -- the key of recording ids

ANOTHERS = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:another-AbCdEf"
OUTPUTS = {"LedgerTable": "ledger", "RecordingIdKeySecret": ID_KEY_SECRET}


def existing(**parameters: str) -> DeployedStack:
    return DeployedStack("UPDATE_COMPLETE", URLS | {"RecordingIdKeyArn": ""} | parameters, OUTPUTS)


@pytest.fixture
def world() -> World:
    """The account of a stack that has polled; another stack's key is there, too."""
    world = World.make()
    world.secrets.set(ANOTHERS, key="another invented key, of another stack")
    world.table.update("source#thulium", {"checkpoint": "2026-11-20T09:00:00.000Z"})
    world.table.update(ITEM, {"fingerprint": IDS.fingerprint})
    return world


def check(world: World, found: DeployedStack | None, **chosen: str) -> None:
    command.check_id_key(found, chosen, lambda name: world.table, world.secrets.get)


def test_an_upgrade_keeps_the_key(world: World) -> None:
    check(world, existing())
    check(world, existing(), RecordingIdKeyArn="")
    check(world, existing(RecordingIdKeyArn=ID_KEY_SECRET))
    check(world, existing(), RecordingIdKeyArn=ID_KEY_SECRET)  # as a secret that nobody deletes with the stack


def test_another_key_is_refused(world: World) -> None:
    with pytest.raises(KeyRefused, match="made under another key"):
        check(world, existing(), RecordingIdKeyArn=ANOTHERS)
    with pytest.raises(KeyRefused, match="made under another key"):
        check(world, existing(RecordingIdKeyArn=ANOTHERS))


def test_a_stack_that_adopted_its_key_cannot_get_a_new_one(world: World) -> None:
    with pytest.raises(KeyRefused, match="the stack would get a new one"):
        check(world, existing(RecordingIdKeyArn=ID_KEY_SECRET), RecordingIdKeyArn="")


def test_a_stack_from_before_the_key_is_refused(world: World) -> None:
    world.table._items.pop(ITEM)
    old = DeployedStack("UPDATE_COMPLETE", URLS, {"LedgerTable": "ledger"})
    with pytest.raises(KeyRefused, match="ids of the old kind"):
        check(world, old)
    with pytest.raises(KeyRefused, match="ids of the old kind"):
        check(world, old, RecordingIdKeyArn=ANOTHERS)


def test_a_stack_that_never_polled_may_get_any_key(world: World) -> None:
    empty = World.make()
    empty.secrets.set(ANOTHERS, key="another invented key, of another stack")
    check(empty, existing())
    check(empty, existing(), RecordingIdKeyArn=ANOTHERS)
    check(empty, DeployedStack("UPDATE_COMPLETE", URLS, {"LedgerTable": "ledger"}))


def test_a_new_stack_can_adopt_a_key_that_is_there(world: World) -> None:
    check(world, None)
    check(world, None, RecordingIdKeyArn=ANOTHERS)
    with pytest.raises(KeyRefused, match="does not exist"):
        check(world, None, RecordingIdKeyArn="arn:aws:secretsmanager:eu-central-1:123456789012:secret:gone-AbCdEf")


def test_a_key_that_is_refused_changes_nothing(world: World) -> None:
    sam, built = Sam(), list[str]()

    def build(architecture: str) -> Path:
        built.append(architecture)
        return Path(architecture)

    def refuse(found: DeployedStack | None, chosen: Mapping[str, str]) -> None:
        command.check_id_key(found, chosen, lambda name: world.table, world.secrets.get)

    given = {"RecordingIdKeyArn": ANOTHERS}
    with pytest.raises(KeyRefused) as refused:
        command.deploy_stack("lake", given, HERE, find=lambda _: existing(), refuse_key=refuse, build=build, sam=sam)
    assert (sam.given, built) == ([], [])
    assert "\n" not in str(refused.value)


def test_credentials_that_may_not_read_the_key_deploy_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise Transient(Reason.AWS, "GetSecretValue: AccessDenied")

    monkeypatch.setattr(command, "check_id_key", refuse)
    command._refuse_key(existing(), {})
    assert "could not be compared with the ledger's, the poller will" in capsys.readouterr().out
