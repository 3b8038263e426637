"""The documentation's commands of the AWS CLI are commands that the CLI has, with values that AWS takes."""

import re

import pytest

from tests.support.aws_cli import ROOT, AwsCommand, commands_in, complaints

PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
COMMANDS = [
    command
    for page in PAGES
    for command in commands_in(page.relative_to(ROOT).as_posix(), page.read_text(encoding="utf-8"))
]


def found_in(text: str) -> list[str]:
    return [" ".join(command.words) for command in commands_in("page.md", text)]


def wrong_with(*words: str) -> list[str]:
    return list(complaints(AwsCommand("page.md", ("aws", *words))))


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_every_command_is_one_that_the_cli_and_aws_take(command: AwsCommand) -> None:
    assert list(complaints(command)) == []


def test_no_command_of_a_page_is_passed_over() -> None:
    """Whatever follows ``aws`` in a code block or in a code span that begins with it is a command."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        spoken = len(re.findall(r"(?:^|[\s(`])aws [a-z][a-z0-9-]+ [a-z][a-z0-9-]+", text))
        assert len(found_in(text)) == spoken, page


def test_dead_letters_that_a_function_sent_are_moved_to_a_named_queue() -> None:
    """SQS knows no queue of origin for them: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html"""
    moves = [command.words for command in COMMANDS if command.words[2] == "start-message-move-task"]
    assert moves
    assert all("--destination-arn" in words for words in moves)


@pytest.mark.parametrize(
    ("script", "commands"),
    [
        ("aws a b --c 'd e'", ["aws a b --c d e"]),
        ("aws a b \\\n  --c d", ["aws a b --c d"]),
        ('f() { aws a b --c "$1"; }', ["aws a b --c $1"]),
        ('X=$(aws a b)\naws c d --e "$X"', ["aws a b", "aws c d --e $X"]),
        ('aws a b --c "$(aws d e --f "$G" \\\n  --h i)"', ["aws d e --f $G --h i", "aws a b --c $output"]),
        ('aws a b --c "$(( ($(date +%s) - 1) * 2 ))" | sort', ["aws a b --c $output"]),
        ("A=1 aws a b && aws c d; call-lake e", ["aws a b", "aws c d"]),
        ('aws a b --query "length(C) | D" # a comment', ["aws a b --query length(C) | D"]),
    ],
)
def test_a_command_is_found_wherever_a_script_has_it(script: str, commands: list[str]) -> None:
    assert sorted(found_in(f"```sh\n{script}\n```")) == sorted(commands)


def test_a_command_of_the_prose_is_found() -> None:
    text = "Run `aws sqs purge-queue --queue-url U`, or see\n`aws sqs\nlist-queues`.\n```json\naws no no\n```"
    assert found_in(text) == ["aws sqs purge-queue --queue-url U", "aws sqs list-queues"]


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("sqs", "has a service and an operation"),
        ("--region eu-central-1 sqs list-queues", "has a service and an operation"),
        ("sqq list-queues", "no service"),
        ("sqs list-queue", "no operation"),
        ("s3 cp a b", "no operation|no service"),
        ("sso login --colour red", "no option"),
        ("sqs purge-queue", "--queue-url is missing"),
        ("sqs purge-queue --queue-url U --force", "--force is no option"),
        ("sqs purge-queue --queue-url U V", "1 words without an option"),
        ("lambda invoke --function-name f", "0 words without an option, not 1"),
        ("lambda invoke --function-name f/g out.json", "does not fit AWS's pattern"),
        ("lambda invoke --function-name f --payload fileb://events/none.json out.json", "no file"),
        ("lambda update-event-source-mapping --uuid U --enabled yes", "1 words without an option"),
        ("sqs get-queue-attributes --queue-url U --attribute-names Name", "is none of"),
        ("sqs receive-message --queue-url U --max-number-of-messages ten", "invalid literal"),
        ("sqs receive-message --queue-url U --max-number-of-messages 11", "is not 1 to 10"),
        ("sqs list-queues --output xml", "none of json"),
        ("sqs list-queues --region Frankfurt", "none of"),
        ("sqs list-queues --query", "needs a value"),
        ("sqs list-queues --query QueueUrls[", "--query"),
        ("sqs list-queues --query Queues[0]", "the answer has no Queues"),
        ("sqs get-queue-attributes --queue-url U --query Attributes.QueueARN", "has no QueueARN"),
        ("lambda list-functions --query Functions[?Nam=='a'].Role", "has no Nam"),
        ("lambda list-functions --query Functions[].[Nam,Role]", "has no Nam"),
        ("lambda list-functions --query Functions[].Layers[].Name", "has no Name"),
        ("dynamodb get-item --table-name t --key {", "Expecting"),
        ('dynamodb get-item --table-name t --key {"id":"a"}', "Invalid type"),
        ("cloudformation create-stack --stack-name a --parameters ParameterKy=Zone", "Unknown parameter"),
        ("scheduler get-schedule --name a+b", "does not fit AWS's pattern"),
    ],
)
def test_what_the_cli_or_aws_would_refuse_is_a_complaint(command: str, why: str) -> None:
    assert any(re.search(why, complaint) for complaint in wrong_with(*command.split())), wrong_with(*command.split())


@pytest.mark.parametrize(
    "command",
    [
        "sqs purge-queue --queue-url $DLQ",
        "lambda invoke --function-name $STACK/g --payload fileb://events/compactor-compact.json out.json",
        "lambda list-functions --query Functions[].Layers[].Arn",
        "lambda list-functions --query Functions[0].Environment.Variables.ANY --output text",
        "cloudformation describe-stacks --query Stacks[0].Outputs[?OutputKey=='$1'].OutputValue",
        "cloudformation create-stack --stack-name a --parameters ParameterKey=Zone,ParameterValue=b",
        "sso login",
    ],
)
def test_what_they_take_is_none(command: str) -> None:
    assert wrong_with(*command.split()) == []
