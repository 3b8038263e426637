"""``call-lake doctor`` on the alarms: do they exist, does somebody receive them, do any fire now?"""

from collections.abc import Iterator
from itertools import batched
from typing import Any

from call_lake_cli.doctor.checks import Check, ok, warn
from call_lake_cli.stack.handle import Stack

ALARMS_AT_ONCE = 100  # names that DescribeAlarms takes


def alarms(stack: Stack) -> Iterator[Check]:
    """Do the alarms exist, do they notify a topic, does any fire now?"""
    found = alarms_in(stack)
    if not found:
        yield warn("alarms", "there are none", "deploy the stack again")
        return
    if any(alarm.get("AlarmActions") for alarm in found):
        yield ok("alarms", f"{len(found)}, which notify a topic")
    else:
        yield warn("alarms", f"{len(found)}, and none notifies anybody", "deploy with AlarmTopicArn, an SNS topic")
    for alarm in found:
        if alarm.get("StateValue") == "ALARM":
            to_do = alarm.get("AlarmDescription") or "docs/runbook.md says what each alarm means"
            yield warn("alarms", f"{alarm['AlarmName']} fires", to_do)


def subscriptions(stack: Stack) -> Iterator[Check]:
    """Does somebody receive the alarms? A subscription that nobody has confirmed receives nothing:
    https://docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html"""
    topics = {action for alarm in alarms_in(stack) for action in alarm.get("AlarmActions", ()) if ":sns:" in action}
    for topic in sorted(topics):
        pages = stack.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
        confirmed = [
            one for page in pages for one in page["Subscriptions"] if one["SubscriptionArn"].startswith("arn:")
        ]
        name = topic.rpartition(":")[2]
        if confirmed:
            yield ok("alarm topic", f"{name} has {len(confirmed)} confirmed subscriptions")
        else:
            yield warn("alarm topic", f"{name} has no confirmed subscription", "subscribe to the topic, and confirm it")


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
