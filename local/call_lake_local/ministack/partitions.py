"""Find a Glue table's partitions: by projection, as registered, or from its folders.

Projection as in https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

# A partition's values in the order of the table's partition keys, and where its objects are (s3://bucket/prefix/).
type Partition = tuple[tuple[str, ...], str]

_PLACE = re.compile(r"\$\{([^}]+)\}")
_NOW = re.compile(r"NOW\s*(?:([+-])\s*(\d+)\s*(YEAR|MONTH|WEEK|DAY|HOUR|MINUTE|SECOND)S?)?")
_UNIT_S = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86_400, "WEEK": 604_800}
_JAVA_DATE = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S", "'": ""}


class BadTable(Exception):
    """The table's definition, or what its location holds, is not what Athena could read."""


@dataclass(frozen=True, slots=True)
class Projection:
    """The values that one partition column may have."""

    column: str
    kind: str
    properties: Mapping[str, str]

    def admits(self, value: str) -> bool:
        """Whether Athena would look for a partition with this value. Raises BadTable."""
        if self.kind == "injected":
            return True
        if self.kind == "enum":
            return value in [item.strip() for item in self._property("values").split(",")]
        low, high = (bound.strip() for bound in self._property("range").split(","))
        if self.kind == "integer":
            digits = int(self.properties.get("digits", "0"))
            return bool(re.fullmatch(r"-?\d+", value)) and (
                int(low) <= int(value) <= int(high) and value == f"{int(value):0{digits}d}"
            )
        if self.kind == "date":
            pattern = self._date_pattern()
            try:
                date = datetime.strptime(value, pattern).replace(tzinfo=UTC)
            except ValueError:
                return False
            return self._bound(low, pattern) <= date <= self._bound(high, pattern) and date.strftime(pattern) == value
        raise BadTable(f"INVALID_TABLE_PROPERTY: projection.{self.column}.type {self.kind!r} is not known")

    def _property(self, name: str) -> str:
        try:
            return self.properties[name]
        except KeyError:
            raise BadTable(f"INVALID_TABLE_PROPERTY: projection.{self.column}.{name} is missing") from None

    def _date_pattern(self) -> str:
        pattern = self._property("format")
        for java, python in _JAVA_DATE.items():
            pattern = pattern.replace(java, python)
        return pattern

    def _bound(self, text: str, pattern: str) -> datetime:
        if match := _NOW.fullmatch(text):
            sign, amount, unit = match.groups()
            number = int(f"{sign or '+'}{amount or 0}")
            now = datetime.now(UTC)
            if unit in ("YEAR", "MONTH"):
                months = now.year * 12 + now.month - 1 + number * (12 if unit == "YEAR" else 1)
                return now.replace(year=months // 12, month=months % 12 + 1, day=min(now.day, 28))
            return now + timedelta(seconds=number * _UNIT_S.get(unit or "SECOND", 1))
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=UTC)
        except ValueError:
            raise BadTable(f"INVALID_TABLE_PROPERTY: projection.{self.column}.range has {text!r}") from None


def projections(table: Mapping[str, Any]) -> list[Projection] | None:
    """One per partition key, or None where the table is not projected. Raises BadTable."""
    properties: dict[str, str] = table.get("Parameters") or {}
    if properties.get("projection.enabled", "").lower() != "true":
        return None
    found = []
    for key in table.get("PartitionKeys") or []:
        prefix = f"projection.{key['Name']}."
        own = {name.removeprefix(prefix): value for name, value in properties.items() if name.startswith(prefix)}
        if "type" not in own:
            raise BadTable(f"INVALID_TABLE_PROPERTY: projection is enabled, but {prefix}type is missing")
        found.append(Projection(key["Name"], own["type"].lower(), own))
    return found


def projected(table: Mapping[str, Any], found: list[Projection], keys: list[str], bucket: str) -> list[Partition]:
    """The partitions inside the projection that have an object in ``bucket``, whose ``keys`` are given. The others
    of the projection would be empty, and those outside are invisible. Raises BadTable."""
    template = (table.get("Parameters") or {}).get("storage.location.template")
    if template is None:
        folders = "/".join(f"{projection.column}=${{{projection.column}}}" for projection in found)
        template = f"{location_of(table)}{folders}"
    template = template.rstrip("/") + "/"
    names = [projection.column for projection in found]
    missing = set(names) - set(_PLACE.findall(template))
    if missing or not template.startswith(f"s3://{bucket}/"):
        lacking = ", ".join(missing) or bucket
        raise BadTable(f"INVALID_TABLE_PROPERTY: storage.location.template {template!r} lacks {lacking}")
    parts = _PLACE.split(template.removeprefix(f"s3://{bucket}/"))
    pattern = "".join(re.escape(part) if place % 2 == 0 else f"(?P<{part}>[^/]+)" for place, part in enumerate(parts))
    matcher = re.compile(f"(?P<__location>{pattern})")
    partitions = {}
    for key in keys:
        if key.startswith(parts[0]) and (match := matcher.match(key)):
            partitions[match["__location"]] = tuple(match[name] for name in names)
    return [
        (values, f"s3://{bucket}/{location}")
        for location, values in partitions.items()
        if all(projection.admits(value) for projection, value in zip(found, values, strict=True))
    ]


def by_folder(table: Mapping[str, Any], keys: list[str]) -> list[Partition]:
    """The partitions whose folders are named key=value, as a crawler would register them."""
    location = location_of(table)
    _, prefix = split_uri(location)
    names = [key["Name"] for key in table.get("PartitionKeys") or []]
    matcher = re.compile("/".join(f"{re.escape(name)}=([^/]*)" for name in names) + "/")
    found = {m[0]: m.groups() for key in keys if key.startswith(prefix) and (m := matcher.match(key, len(prefix)))}
    return [(values, location + folder) for folder, values in found.items()]


def location_of(table: Mapping[str, Any]) -> str:
    """Raises BadTable where the table has no location."""
    location = (table.get("StorageDescriptor") or {}).get("Location") or ""
    if not location.startswith("s3://"):
        raise BadTable(f"table {table.get('Name')!r} has no location in S3")
    return str(location).rstrip("/") + "/"


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key. Raises BadTable."""
    match = re.fullmatch(r"s3[an]?://([^/]+)/(.*)", uri)
    if match is None:
        raise BadTable(f"{uri!r} is not an S3 URI")
    return match[1], match[2]
