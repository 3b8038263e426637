"""The template as CloudFormation resolves it: parameters, conditions, rules, names and ARNs, without an account.

A resource without its own name gets one as long as CloudFormation's. Only the functions and attributes that our
template uses are known; others raise KeyError.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from tests.support.template import parse

ACCOUNT = "000000000000"
REGION = "eu-central-1"
STACK = "stack"
GENERATED = "0123456789abc"
"""The end of a name that CloudFormation makes for a resource without one."""
NOTHING = object()
"""What ``AWS::NoValue`` becomes; lists and objects leave it out."""
NAME_AT: Mapping[str, str] = {
    "AWS::Athena::WorkGroup": "Name",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::Events::EventBus": "Name",
    "AWS::Glue::Database": "DatabaseInput.Name",
    "AWS::Glue::Table": "TableInput.Name",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SSM::Parameter": "Name",
    "AWS::Scheduler::Schedule": "Name",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::Serverless::Function": "FunctionName",
    "AWS::Serverless::LayerVersion": "LayerName",
}
"""Where a resource has the name that its stack gives it."""
ARNS: Mapping[str, str] = {
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "AWS::Events::EventBus": "arn:aws:events:{region}:{account}:event-bus/{name}",
    "AWS::Events::Rule": "arn:aws:events:{region}:{account}:rule/{stack}/{name}",
    "AWS::IAM::ManagedPolicy": "arn:aws:iam::{account}:policy/{name}",
    "AWS::IAM::Role": "arn:aws:iam::{account}:role/{name}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{name}:*",
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::SNS::Topic": "arn:aws:sns:{region}:{account}:{name}",
    "AWS::SQS::Queue": "arn:aws:sqs:{region}:{account}:{name}",
    "AWS::SecretsManager::Secret": "arn:aws:secretsmanager:{region}:{account}:secret:{name}-a1B2c3",
    "AWS::Serverless::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
}
"""https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html"""
BY_ARN = ("AWS::IAM::ManagedPolicy", "AWS::SNS::Topic", "AWS::SecretsManager::Secret")
"""What ``Ref`` gives the ARN of."""


def name_of(kind: str, properties: Any) -> str | None:
    """Of a resource of this type with resolved properties; None where CloudFormation makes a name."""
    for key in NAME_AT.get(kind, "none").split("."):
        properties = properties.get(key, {})
    return properties or None


class Resolved:
    """One deployment of a template (ours by default) with these parameters, for the rest with their defaults."""

    def __init__(self, template: Any = None, stack: str = STACK, /, **given: str) -> None:
        self._template = template or parse()
        self._stack = stack
        defaults = {name: body.get("Default", "") for name, body in self._template["Parameters"].items()}
        assert given.keys() <= defaults.keys()
        self._values: dict[str, Any] = {
            **defaults,
            **given,
            "AWS::AccountId": ACCOUNT,
            "AWS::NoValue": NOTHING,
            "AWS::Partition": "aws",
            "AWS::Region": REGION,
            "AWS::StackName": stack,
            "AWS::URLSuffix": "amazonaws.com",
        }
        for name, body in self._template["Parameters"].items():
            if body["Type"] == "CommaDelimitedList":
                self._values[name] = str(self._values[name]).split(",")

    def types(self) -> dict[str, str]:
        """By logical id, of the resources whose conditions hold."""
        resources = self._template["Resources"].items()
        return {name: body["Type"] for name, body in resources if self.holds(body.get("Condition"))}

    def of_type(self, kind: str) -> dict[str, Any]:
        """The properties, by logical id, of the resources whose conditions hold."""
        return {name: self.properties(name) for name, found in self.types().items() if found == kind}

    def properties(self, name: str) -> Any:
        return self.value(self._template["Resources"][name].get("Properties", {}))

    def environment(self, function: str) -> dict[str, str]:
        """The variables of a function, by its logical id, as Lambda gives them to it."""
        variables = self.properties(function)["Environment"]["Variables"]
        return {name: str(value) for name, value in variables.items()}

    def refusals(self) -> list[str]:
        """What CloudFormation would say before it makes anything: of the section Rules."""
        return [
            assertion["AssertDescription"]
            for rule in self._template["Rules"].values()
            if self.value(rule.get("RuleCondition", True))
            for assertion in rule["Assertions"]
            if not self.value(assertion["Assert"])
        ]

    def holds(self, condition: str | None) -> bool:
        return condition is None or self.value(self._template["Conditions"][condition])

    def value(self, node: Any) -> Any:
        """The node with every function of CloudFormation in it carried out."""
        if isinstance(node, list):
            return [value for value in map(self.value, node) if value is not NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((function, argument),) = node.items()
            if function in self._functions or function.startswith("Fn::"):
                return self._functions[function](argument)
        values = {name: self.value(inner) for name, inner in node.items()}
        return {name: value for name, value in values.items() if value is not NOTHING}

    @cached_property
    def _functions(self) -> Mapping[str, Callable[[Any], Any]]:
        value = self.value
        return {
            "Condition": self.holds,
            "Ref": self._ref,
            "Fn::And": lambda all_: all(map(value, all_)),
            "Fn::Base64": lambda text: b64encode(value(text).encode()).decode(),
            "Fn::Contains": lambda pair: str(value(pair[1])) in map(str, value(pair[0])),
            "Fn::Equals": lambda pair: str(value(pair[0])) == str(value(pair[1])),
            "Fn::FindInMap": lambda path: self._template["Mappings"][path[0]][path[1]][path[2]],
            "Fn::GetAtt": lambda path: self._attribute(*(path.split(".", 1) if isinstance(path, str) else path)),
            "Fn::If": lambda choice: value(choice[1] if self.holds(choice[0]) else choice[2]),
            "Fn::Join": lambda parts: parts[0].join(value(parts[1])),
            "Fn::Not": lambda one: not value(one[0]),
            "Fn::Or": lambda any_: any(map(value, any_)),
            "Fn::Select": lambda choice: value(choice[1])[int(choice[0])],
            "Fn::Split": lambda parts: value(parts[1]).split(parts[0]),
            "Fn::Sub": self._sub,
        }

    def _ref(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        kind = self._template["Resources"][name]["Type"]
        if kind == "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{self._name(name)}"
        return self._arn(name) if kind in BY_ARN else self._name(name)

    def _attribute(self, name: str, attribute: str) -> str:
        match attribute:
            case "Arn" | "Id":
                return self._arn(name)
            case "QueueName":
                return self._name(name)
        raise KeyError(attribute)

    def _arn(self, name: str) -> str:
        pattern = ARNS[self._template["Resources"][name]["Type"]]
        return pattern.format(region=REGION, account=ACCOUNT, stack=self._stack, name=self._name(name))

    def _name(self, name: str) -> str:
        kind = self._template["Resources"][name]["Type"]
        return name_of(kind, self.properties(name)) or f"{self._stack}-{name}-{GENERATED}".lower()

    def _sub(self, argument: Any) -> str:
        text, own = (argument, {}) if isinstance(argument, str) else argument

        def fill(found: re.Match[str]) -> str:
            name = found[1]
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in own:
                return str(self.value(own[name]))
            return str(self._attribute(*name.split(".", 1)) if "." in name else self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", fill, text)
