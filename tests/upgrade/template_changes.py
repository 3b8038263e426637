"""What an upgrade from one template to another would destroy or refuse, by CloudFormation's own resource schemas."""

from collections.abc import Iterator
from typing import Any

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]

REGION = "eu-central-1"
HOLDING_DATA = {
    "AWS::S3::Bucket",
    "AWS::DynamoDB::Table",
    "AWS::SecretsManager::Secret",
    "AWS::SQS::Queue",
    "AWS::Events::EventBus",
    "AWS::Glue::Database",
    "AWS::Glue::Table",
    "AWS::Logs::LogGroup",
    "AWS::Athena::WorkGroup",
}
"""What loses something when it is replaced or removed, or what others have named in their own stacks."""
LIMITS = ("AllowedValues", "MinValue", "MaxValue", "MinLength", "MaxLength", "AllowedPattern", "Type")


def losses(old: Any, new: Any) -> list[str]:
    """Every change of a template that rule 35 forbids, as a sentence."""
    return [*_resources(old, new), *_parameters(old, new), *_outputs(old, new)]


def _resources(old: Any, new: Any) -> Iterator[str]:
    for name, was in old["Resources"].items():
        kind, now = was["Type"], new["Resources"].get(name)
        if kind not in HOLDING_DATA:
            continue
        if now is None or now["Type"] != kind:
            yield f"{name} ({kind}) is removed: it holds data"
            continue
        if was.get("DeletionPolicy") in ("Retain", "RetainExceptOnCreate") and not _is_kept(now):
            yield f"{name} ({kind}) is not kept any more when its stack is deleted or rolled back"
        if now.get("Condition") != was.get("Condition"):
            yield f"{name} ({kind}) has another condition: it may be removed"
        for path in _create_only(kind):
            if _at(was, path) != _at(now, path):
                yield f"{name} ({kind}) is replaced: {'.'.join(path)} is another"
        if kind == "AWS::DynamoDB::Table":
            yield from _table(name, was["Properties"], now["Properties"])


def _table(name: str, was: Any, now: Any) -> Iterator[str]:
    """A key of a table is replaced with it, and an index that is made again is empty for hours."""
    if was["KeySchema"] != now["KeySchema"]:
        yield f"{name} is replaced: another KeySchema"
    indexes = {one["IndexName"]: one for one in now.get("GlobalSecondaryIndexes", ())}
    for index in was.get("GlobalSecondaryIndexes", ()):
        kept = indexes.get(index["IndexName"], {})
        if any(index[part] != kept.get(part) for part in ("KeySchema", "Projection")):
            yield f"{name}: index {index['IndexName']} is made again: it is another"


def _parameters(old: Any, new: Any) -> Iterator[str]:
    for name, was in old["Parameters"].items():
        now = new["Parameters"].get(name)
        if now is None:
            yield f"parameter {name} is gone: a deployment that sets it fails"
        elif any(_refuses_more(limit, was.get(limit), now.get(limit)) for limit in LIMITS):
            yield f"parameter {name} refuses values that it took"
    for name, now in new["Parameters"].items():
        if "Default" not in now:
            yield f"parameter {name} has no default: a deployment fails without it"


def _refuses_more(limit: str, was: Any, now: Any) -> bool:
    """Whether a limit of a parameter may refuse what it took. Another pattern may."""
    if was == now or (now is None and limit != "Type"):
        return False
    if was is None:
        return True
    if limit == "AllowedValues":
        return not set(was) <= set(now)
    if limit.startswith("Min"):
        return bool(float(now) > float(was))
    return not limit.startswith("Max") or bool(float(now) < float(was))


def _outputs(old: Any, new: Any) -> Iterator[str]:
    yield from (f"output {name} is gone" for name in old["Outputs"] if name not in new["Outputs"])


def _is_kept(resource: Any) -> bool:
    return resource.get("DeletionPolicy") in ("Retain", "RetainExceptOnCreate")


def _create_only(kind: str) -> Iterator[list[str]]:
    """Properties whose change means replacement."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema
    yield from (path.removeprefix("/properties/").split("/") for path in schema.get("createOnlyProperties", ()))


def _at(resource: Any, path: list[str]) -> Any:
    found = resource.get("Properties", {})
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found
