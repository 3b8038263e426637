"""The template as CloudFormation would resolve it: conditions, rules and intrinsic functions, for given parameters.

Only what the template uses: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

NO_VALUE = object()
ACCOUNT = "123456789012"
GENERATED = "0123456789ABC"
"""The end of a name that CloudFormation makes for a resource without one."""

REFERRED_BY_ARN = {"AWS::SecretsManager::Secret": "secretsmanager", "AWS::IAM::ManagedPolicy": "iam"}
NAME_AT = {
    "AWS::Athena::WorkGroup": "Name",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::Events::EventBus": "Name",
    "AWS::Glue::Database": "DatabaseInput.Name",
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


def name_of(kind: str, properties: Any) -> str | None:
    """Of a resource of this type with resolved properties; None where CloudFormation makes a name."""
    for key in NAME_AT.get(kind, "none").split("."):
        properties = properties.get(key, {})
    return properties or None


@dataclass(frozen=True)
class Deployed:
    """A parsed template with a stack's name and its parameters. Values of resources are made up, in AWS's lengths."""

    template: Any
    stack: str = "call-lake"
    given: Mapping[str, str] | None = None
    region: str = "eu-central-1"

    def resources(self) -> dict[str, Any]:
        """Those whose condition holds, by their logical ids, with their properties resolved."""
        found = {}
        for name, body in self.template["Resources"].items():
            if "Condition" not in body or self.holds(body["Condition"]):
                found[name] = {"Type": body["Type"], "Properties": self.value(body.get("Properties", {}))}
        return found

    def holds(self, condition: str | None) -> bool:
        return condition is None or self.value(self.template["Conditions"][condition])

    def refusals(self) -> list[str]:
        """What CloudFormation would say before it makes anything: of the section Rules."""
        return [
            assertion["AssertDescription"]
            for rule in self.template.get("Rules", {}).values()
            if self.value(rule.get("RuleCondition", True))
            for assertion in rule["Assertions"]
            if not self.value(assertion["Assert"])
        ]

    def value(self, node: Any) -> Any:
        if isinstance(node, list):
            return [value for one in node if (value := self.value(one)) is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((function, argument),) = node.items()
            if function in self._functions:
                return self._functions[function](argument)
            assert not function.startswith("Fn::"), f"{function} is not known here"
        return {key: value for key, one in node.items() if (value := self.value(one)) is not NO_VALUE}

    @property
    def _functions(self) -> dict[str, Callable[[Any], Any]]:
        value = self.value
        return {
            "Ref": self._ref,
            "Condition": self.holds,
            "Fn::GetAtt": lambda path: self._attribute(*(path if isinstance(path, list) else path.split(".", 1))),
            "Fn::If": lambda parts: value(parts[1] if self.holds(parts[0]) else parts[2]),
            "Fn::Equals": lambda pair: str(value(pair[0])) == str(value(pair[1])),
            "Fn::Not": lambda one: not value(one[0]),
            "Fn::And": lambda all_: all(map(value, all_)),
            "Fn::Or": lambda any_: any(map(value, any_)),
            "Fn::Contains": lambda pair: str(value(pair[1])) in [str(one) for one in value(pair[0])],
            "Fn::Base64": lambda text: b64encode(value(text).encode()).decode(),
            "Fn::Join": lambda parts: parts[0].join(value(parts[1])),
            "Fn::Split": lambda parts: value(parts[1]).split(parts[0]),
            "Fn::FindInMap": lambda path: self.template["Mappings"][path[0]][path[1]][path[2]],
            "Fn::Sub": self._sub,
        }

    def _ref(self, name: str) -> Any:
        pseudo = {
            "AWS::AccountId": ACCOUNT,
            "AWS::NoValue": NO_VALUE,
            "AWS::Partition": "aws",
            "AWS::Region": self.region,
            "AWS::StackName": self.stack,
            "AWS::URLSuffix": "amazonaws.com",
        }
        if name in pseudo:
            return pseudo[name]
        if (parameter := self.template["Parameters"].get(name)) is not None:
            text = (self.given or {}).get(name, str(parameter["Default"]))
            return text.split(",") if parameter["Type"] == "CommaDelimitedList" else text
        return self._made(name)

    def _made(self, logical: str) -> str:
        """What Ref gives of a resource: its name, its ARN, or its address."""
        body = self.template["Resources"][logical]
        kind = body["Type"]
        name = name_of(kind, self.value(body.get("Properties", {}))) or f"{self.stack}-{logical}-{GENERATED}"
        if kind == "AWS::SQS::Queue":
            return f"https://sqs.{self.region}.amazonaws.com/{ACCOUNT}/{name}"
        if kind in REFERRED_BY_ARN:
            return f"arn:aws:{REFERRED_BY_ARN[kind]}:{self.region}:{ACCOUNT}:secret:{name}-AbC123"
        return name

    def _attribute(self, name: str, attribute: str) -> str:
        made = self._made(name)
        if attribute in ("QueueName", "Id"):
            return made.rpartition("/")[2] if attribute == "QueueName" else made
        return f"arn:aws:service:{self.region}:{ACCOUNT}:type/{made.rpartition('/')[2]}"

    def _sub(self, argument: Any) -> str:
        text, variables = argument if isinstance(argument, list) else (argument, {})

        def one(found: re.Match[str]) -> str:
            name = found[1]
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in variables:
                return str(self.value(variables[name]))
            return self._attribute(*name.split(".", 1)) if "." in name else str(self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", one, text)
