"""What a stack's functions logged: lines of Powertools, and those with which Lambda says that a run ended badly."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import botocore.exceptions

from call_lake.model.recording import RECORDING_ID
from call_lake.model.times import iso
from call_lake_cli.stack.handle import Stack

BROKEN = re.compile(r"\[ERROR\]|Task timed out|Runtime exited|errorMessage|OutOfMemory|Status: (timeout|error)")
"""A line without a level that says that a run failed:
https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html"""
OF_LAMBDA = re.compile(r"(START|END|REPORT|INIT_START|INIT_REPORT|EXTENSION|TELEMETRY|XRAY)\b")
FRAME = {
    *("level", "location", "message", "timestamp", "service", "cold_start", "xray_trace_id", "stack_trace"),
    *("function_name", "function_memory_size", "function_arn", "function_request_id", "exception"),
}
"""Keys that Powertools adds to each line."""


class LogLevel(StrEnum):
    """How serious a line is, in order."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        return list(LogLevel).index(self)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. ``facts``: what it says beside its message."""

    at: str
    function: str
    level: LogLevel
    message: str
    facts: Mapping[str, Any]

    def is_about(self, source: str | None) -> bool:
        """Whether it names the source, or a recording of it; True for None."""
        return source is None or source in {self.facts.get("source"), *self._sources_of_recordings()}

    def _sources_of_recordings(self) -> Iterator[str]:
        for value in self.facts.values():
            if isinstance(value, str) and (named := RECORDING_ID.fullmatch(value)):
                yield named[1]

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"facts": dict(self.facts)}


def lines_of(stack: Stack, kind: str, since: datetime, term: str | None) -> Iterator[LogLine]:
    """What one function logged since then, in order. ``term``: only events with this text.

    A term in quotes is searched for in the whole event:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
    """
    asked: dict[str, Any] = {
        "logGroupName": f"/aws/lambda/{stack.functions[kind]}",
        "startTime": int(since.timestamp() * 1000),
    }
    if term:
        asked["filterPattern"] = f'"{term}"'
    try:
        for page in stack.client("logs").get_paginator("filter_log_events").paginate(**asked):
            for event in page["events"]:
                at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                if line := parse(kind, iso(at), event["message"]):
                    yield line
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":  # it never ran
            raise


def parse(function: str, at: str, text: str) -> LogLine | None:
    """One event of CloudWatch Logs; None for metrics, and for what Lambda says of a run that went well."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = None
    if isinstance(data, dict) and "level" in data:
        facts = {key: value for key, value in data.items() if key not in FRAME}
        if "exception" in data:
            facts["exception"] = str(data["exception"]).rstrip().rpartition("\n")[2]
        return LogLine(at, function, _level_of(data["level"]), str(data.get("message", "")), facts)
    if isinstance(data, dict) and "_aws" in data:
        return None
    if BROKEN.search(text):
        return LogLine(at, function, LogLevel.ERROR, text.strip().splitlines()[0], {})
    if OF_LAMBDA.match(text) or not text.strip():
        return None
    return LogLine(at, function, LogLevel.INFO, text.strip(), {})


def _level_of(word: Any) -> LogLevel:
    name = str(word).lower()
    if name in ("critical", "fatal"):
        return LogLevel.ERROR
    return LogLevel(name) if name in set(LogLevel) else LogLevel.INFO
