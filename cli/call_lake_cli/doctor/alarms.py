"""``call-lake doctor`` on the alarms: do they exist, can they be heard, do any fire now?"""

from collections.abc import Iterator
from itertools import batched
from typing import Any

import botocore.exceptions

from call_lake_cli.doctor import refusals
from call_lake_cli.doctor.checks import Check, fail, ok, warn
from call_lake_cli.stack.handle import Stack

ALARMS_AT_ONCE = 100  # names that DescribeAlarms takes
AWS_KEY = "alias/aws/sns"
PUBLISHER = "cloudwatch.amazonaws.com"
PENDING = "PendingConfirmation"  # in place of the ARN of such a subscription


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


def topics(stack: Stack) -> Iterator[Check]:
    """Can the alarms publish to their topic, and does somebody receive them?"""
    found = {action for alarm in alarms_in(stack) for action in alarm.get("AlarmActions", ()) if ":sns:" in action}
    for topic in sorted(found):
        yield from encryption(stack, topic)
        yield from subscriptions(stack, topic)


def encryption(stack: Stack, topic: str) -> Iterator[Check]:
    """Do alarms have a right to the topic's key? They need kms:Decrypt and kms:GenerateDataKey of it. AWS's own key
    (``alias/aws/sns``) does not give them these, and nobody can change its policy, so every message is dropped:
    https://repost.aws/knowledge-center/cloudwatch-configure-alarm-sns"""
    name = topic.rpartition(":")[2]
    key = stack.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"].get("KmsMasterKeyId")
    if not key:
        return
    try:
        by_aws = key.endswith(AWS_KEY) or _metadata(stack, key)["KeyManager"] == "AWS"
        allowed = by_aws or PUBLISHER in _policy(stack, key)
    except botocore.exceptions.ClientError as error:
        what = f"{name} is encrypted under a key that cannot be looked at: {refusals.of_call(error).found}"
        yield warn("alarm topic", what, f"look whether the key's policy names {PUBLISHER}")
        return
    if by_aws:
        yield fail(
            "alarm topic",
            f"{name} is encrypted under AWS's own key (alias/aws/sns), so no alarm can publish to it",
            f"encrypt the topic under your own key, whose policy allows {PUBLISHER} kms:Decrypt and "
            "kms:GenerateDataKey*, or under none",
        )
    elif not allowed:
        yield fail(
            "alarm topic",
            f"{name} is encrypted under a key whose policy does not name {PUBLISHER}, so no alarm can publish to it",
            f"let the key's policy allow {PUBLISHER} kms:Decrypt and kms:GenerateDataKey*",
        )
    else:
        yield ok("alarm topic", f"{name} is encrypted under a key that alarms may use")


def _metadata(stack: Stack, key: str) -> Any:
    return stack.client("kms").describe_key(KeyId=key)["KeyMetadata"]


def _policy(stack: Stack, key: str) -> str:
    """GetKeyPolicy takes no alias: https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyPolicy.html"""
    arn = _metadata(stack, key)["Arn"]
    return str(stack.client("kms").get_key_policy(KeyId=arn, PolicyName="default")["Policy"])


def subscriptions(stack: Stack, topic: str) -> Iterator[Check]:
    """Does somebody receive the alarms? A subscription that its owner has not confirmed receives nothing. SNS deletes
    it after 48 hours:
    https://aws.amazon.com/about-aws/whats-new/2023/05/amazon-sns-automatic-deletion-unconfirmed-subscriptions/"""
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
        to_do = f"AWS deletes what nobody confirms in 48 hours. Type {subscribe}, then follow the link in AWS's mail"
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
