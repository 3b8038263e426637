"""The template as CloudFormation resolves it: parameters, conditions, names and ARNs, without an account.

A resource without its own name gets ``<stack>-<logical id>``. Only the functions and attributes that our template
uses are known; others raise KeyError.
"""

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from tests.support.template import parse

ACCOUNT = "000000000000"
REGION = "eu-central-1"
STACK = "stack"
NOTHING = object()
"""What ``AWS::NoValue`` becomes; lists and objects leave it out."""
NAMES = ("BucketName", "FunctionName", "LogGroupName", "Name", "QueueName", "TableName")
ARNS: Mapping[str, str] = {
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "AWS::Events::EventBus": "arn:aws:events:{region}:{account}:event-bus/{name}",
    "AWS::Events::Rule": "arn:aws:events:{region}:{account}:rule/{stack}/{name}",
    "AWS::IAM::Role": "arn:aws:iam::{account}:role/{name}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{name}:*",
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::SQS::Queue": "arn:aws:sqs:{region}:{account}:{name}",
    "AWS::SecretsManager::Secret": "arn:aws:secretsmanager:{region}:{account}:secret:{name}-a1B2c3",
    "AWS::Serverless::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
}
"""https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html"""
BY_ARN = ("AWS::SecretsManager::Secret",)
"""What ``Ref`` gives the ARN of."""


class Resolved:
    """One deployment of the template with these parameters, for the rest with their defaults."""

    def __init__(self, **given: str) -> None:
        self._template = parse()
        defaults = {name: body.get("Default", "") for name, body in self._template["Parameters"].items()}
        assert given.keys() <= defaults.keys()
        self._values: dict[str, Any] = {
            **defaults,
            **given,
            "AWS::AccountId": ACCOUNT,
            "AWS::NoValue": NOTHING,
            "AWS::Partition": "aws",
            "AWS::Region": REGION,
            "AWS::StackName": STACK,
            "AWS::URLSuffix": "amazonaws.com",
        }
        for name, body in self._template["Parameters"].items():
            if body["Type"] == "CommaDelimitedList":
                self._values[name] = str(self._values[name]).split(",")

    def of_type(self, kind: str) -> dict[str, Any]:
        """The properties, by logical id, of the resources whose conditions hold."""
        return {
            name: self.properties(name)
            for name, body in self._template["Resources"].items()
            if body["Type"] == kind and ("Condition" not in body or self.holds(body["Condition"]))
        }

    def properties(self, name: str) -> Any:
        return self.value(self._template["Resources"][name].get("Properties", {}))

    def environment(self, function: str) -> dict[str, str]:
        """The variables of a function, by its logical id, as Lambda gives them to it."""
        variables = self.properties(function)["Environment"]["Variables"]
        return {name: str(value) for name, value in variables.items()}

    def holds(self, condition: str) -> bool:
        return self._holds(self._template["Conditions"][condition])

    def _holds(self, node: Mapping[str, Any]) -> bool:
        ((function, argument),) = node.items()
        match function:
            case "Condition":
                return self.holds(argument)
            case "Fn::Not":
                return not self._holds(argument[0])
            case "Fn::And":
                return all(map(self._holds, argument))
            case "Fn::Equals":
                one, other = map(self.value, argument)
                return str(one) == str(other)
        raise KeyError(function)

    def value(self, node: Any) -> Any:
        """The node with every function of CloudFormation in it carried out."""
        if isinstance(node, list):
            return [value for value in map(self.value, node) if value is not NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((function, argument),) = node.items()
            if function in self._functions:
                return self._functions[function](argument)
        values = {name: self.value(inner) for name, inner in node.items()}
        return {name: value for name, value in values.items() if value is not NOTHING}

    @cached_property
    def _functions(self) -> Mapping[str, Callable[[Any], Any]]:
        return {
            "Ref": self._ref,
            "Fn::FindInMap": lambda path: self._template["Mappings"][path[0]][path[1]][path[2]],
            "Fn::GetAtt": lambda path: self._attribute(*(path.split(".", 1) if isinstance(path, str) else path)),
            "Fn::If": lambda choice: self.value(choice[1] if self.holds(choice[0]) else choice[2]),
            "Fn::Join": lambda parts: parts[0].join(self.value(parts[1])),
            "Fn::Split": lambda parts: self.value(parts[1]).split(parts[0]),
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
        return pattern.format(region=REGION, account=ACCOUNT, stack=STACK, name=self._name(name))

    def _name(self, name: str) -> str:
        properties = self._template["Resources"][name].get("Properties", {})
        properties = properties.get("DatabaseInput") or properties.get("TableInput") or properties
        given = next((properties[one] for one in NAMES if one in properties), f"{STACK}-{name.lower()}")
        return str(self.value(given))

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
