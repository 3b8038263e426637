"""docs/security.md names every service in which a deployment creates something."""

import re

from tests.support.template import ROOT, parse

NAMES = {
    "Events": "EventBridge",
    "Logs": "CloudWatch Logs",
    "SSM": "Parameter Store",
    "Scheduler": "EventBridge Scheduler",
    "SecretsManager": "Secrets Manager",
    "Serverless": "Lambda",
}
"""What people call a service, where its resources' types say it otherwise."""


def test_the_rights_to_deploy_are_in_the_services_of_the_templates_resources() -> None:
    page = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- >>> services -->\n(.*)\n<!-- <<< services -->", page, re.DOTALL)
    assert found
    types = {resource["Type"].split("::")[1] for resource in parse()["Resources"].values()}
    named = [name.strip() for name in found[1].replace("\n", " ").split(",")]
    assert set(named) == {NAMES.get(kind, kind) for kind in types} | {"CloudFormation"}
    assert named == sorted(named, key=str.lower)
