"""Poll one source. Events: ``{"source"}``, ``{"source", "mode": "sweep"}``, ``{"source", "from", "to"}``."""

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from call_lake.errors import ConfigError
from call_lake.model.times import parse_iso
from call_lake.model.windows import Window
from call_lake.observability import log, measure
from call_lake.polling.poller import PollResult
from call_lake.settings import PollerSettings, from_environment
from call_lake.wiring.poller import PollerParts
from call_lake.wiring.sources import CLOCK

ANSWER_MARGIN_S = 20.0

parts = PollerParts(from_environment(PollerSettings))


@log.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Poll until shortly before the time limit; return the counts (``PollResult``). Raises ConfigError."""
    source = parts.source(str(event.get("source", "")))
    until_s = CLOCK.monotonic() + context.get_remaining_time_in_millis() / 1000 - ANSWER_MARGIN_S
    result = parts.poller(source, until_s).poll(sweep=event.get("mode") == "sweep", backfill=_window(event))
    _log_and_measure(result)
    return asdict(result)


def _window(event: dict[str, Any]) -> Window | None:
    if "from" not in event and "to" not in event:
        return None
    try:
        return Window(parse_iso(event["from"]), parse_iso(event["to"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f'a backfill needs "from" and "to" as ISO 8601 times with a zone: {error}') from None


def _log_and_measure(result: PollResult) -> None:
    log.info("polled", **asdict(result))
    values: dict[str, float] = {"PollSucceeded": int(result.is_well)}
    if result.checkpoint_lag_s is not None:
        values["CheckpointLag"] = result.checkpoint_lag_s
    rare = {
        "GapsOpen": result.gaps_unfinished,
        "CeilingReached": int(result.is_ceiling_reached),
        "RecordsUnusable": result.bad_records + result.too_long,
        "RecordsShortened": result.shortened,
        "RecordingsExcluded": result.excluded,
    }
    values |= {name: value for name, value in rare.items() if value}
    measure(values, Source=result.source)
    if result.collisions:
        measure({"Collisions": result.collisions}, Function="poller")
