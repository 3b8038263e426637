"""Poll one source. Events: ``{"source"}``, ``{"source", "mode": "sweep"}``, ``{"source", "from", "to"}``."""

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from call_lake.config import PollerSettings, from_environment
from call_lake.errors import ConfigError
from call_lake.observability import count, log
from call_lake.polling import PollResult
from call_lake.recording import Window, parse_iso
from call_lake.wiring import CLOCK, PollerParts

ANSWER_MARGIN_S = 20.0

parts = PollerParts(from_environment(PollerSettings))


@log.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    source = parts.source(str(event.get("source", "")))
    until_s = CLOCK.monotonic() + context.get_remaining_time_in_millis() / 1000 - ANSWER_MARGIN_S
    result = parts.poller(source, until_s).poll(sweep=event.get("mode") == "sweep", backfill=_window(event))
    _report(result)
    return asdict(result)


def _window(event: dict[str, Any]) -> Window | None:
    if "from" not in event and "to" not in event:
        return None
    try:
        return Window(parse_iso(event["from"]), parse_iso(event["to"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f'a backfill needs "from" and "to" as ISO 8601 times with a zone: {error}') from None


def _report(result: PollResult) -> None:
    log.info("polled", **asdict(result))
    source = result.source
    count("RecordingsDiscovered", result.published, Source=source)
    count("RecordingsRepublished", result.republished, Source=source)
    count("PollSucceeded", 0 if result.trouble else 1, Source=source)
    for name, value in (("BadRecords", result.bad_records), ("Collisions", result.collisions), ("Gaps", result.gaps)):
        if value:
            count(name, value, Source=source)
    if result.checkpoint_lag_s is not None:
        count("CheckpointLag", result.checkpoint_lag_s, MetricUnit.Seconds, Source=source)
