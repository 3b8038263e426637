"""``call-lake doctor`` on the alarms: do they exist, does somebody receive them, do any fire now?"""

from collections.abc import Iterator
from itertools import batched
from typing import Any

from call_lake_cli.doctor.checks import Check, ok, warn
from call_lake_cli.stack.handle import Stack

ALARMS_AT_ONCE = 100  # names that DescribeAlarms takes
PENDING = "PendingConfirmation"  # stands for the ARN of such a subscription


def alarms(stack: Stack) -> Iterator[Check]:
    """Do the alarms exist, do they notify a topic, does any fire now?"""
    found = alarms_in(stack)
    if not found:
        yield warn("alarms", "there are none", "deploy the stack again")
        return
    if any(alarm.get("AlarmActions") for alarm in found):
        yield ok("alarms", f"{len(found)}, which notify a topic")
    else:
        to_do = "deploy with AlarmEmail, an e-mail address, or AlarmTopicArn, an SNS topic"
        yield warn("alarms", f"{len(found)}, and none notifies anybody", to_do)
    for alarm in found:
        if alarm.get("StateValue") == "ALARM":
            to_do = alarm.get("AlarmDescription") or "docs/runbook.md says what each alarm means"
            yield warn("alarms", f"{alarm['AlarmName']} fires", to_do)


def subscriptions(stack: Stack) -> Iterator[Check]:
    """Does somebody receive the alarms? A subscription that its owner has not confirmed receives nothing. SNS deletes
    it after 48 hours:
    https://aws.amazon.com/about-aws/whats-new/2023/05/amazon-sns-automatic-deletion-unconfirmed-subscriptions/"""
    topics = {action for alarm in alarms_in(stack) for action in alarm.get("AlarmActions", ()) if ":sns:" in action}
    for topic in sorted(topics):
        pages = stack.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
        states = [one["SubscriptionArn"] for page in pages for one in page["Subscriptions"]]
        confirmed, waiting = sum(state.startswith("arn:") for state in states), states.count(PENDING)
        name = topic.rpartition(":")[2]
        subscribe = f"aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint ADDRESS"
        if confirmed:
            yield ok("alarm topic", f"{name} has {confirmed} confirmed subscriptions")
        if waiting:
            to_do = f"follow the link in AWS's mail (look into spam, too). A new mail: {subscribe}"
            yield warn("alarm topic", f"{waiting} subscriptions of {name} are not confirmed and receive nothing", to_do)
        if not confirmed and not waiting:
            to_do = (
                f"AWS deletes what nobody confirms in 48 hours. Type {subscribe}, then follow the link in AWS's mail"
            )
            yield warn("alarm topic", f"{name} has no subscription: nobody is told of alarms", to_do)


def alarms_in(stack: Stack) -> list[Any]:
    """The stack's alarms. Looked up by their whole names, because another stack's name may begin like this one's."""
    resources = stack.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack.name)
    names = [
        one["PhysicalResourceId"]
        for page in resources
        for one in page["StackResourceSummaries"]
        if one["ResourceType"] == "AWS::CloudWatch::Alarm"
    ]
    pages = stack.client("cloudwatch").get_paginator("describe_alarms")
    return [
        alarm
        for hundred in batched(names, ALARMS_AT_ONCE, strict=False)
        for page in pages.paginate(AlarmNames=list(hundred))
        for alarm in page["MetricAlarms"]
    ]
