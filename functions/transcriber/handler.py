"""Start Amazon Transcribe jobs, and see each to its end. Optional (EnableTranscription).

Events: batches of its queue with ``Recording Stored`` and with the ends of jobs; ``{"sweep": true}`` of a schedule.

The events wait in a queue, because Amazon Transcribe runs some hundred jobs of an account at once
(https://docs.aws.amazon.com/transcribe/latest/dg/limits-guidelines.html) and a backfill stores more than that.
"""

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from call_lake.observability import log, measure
from call_lake.settings import TranscriberSettings, from_environment
from call_lake.transcribing.parts import Counts
from call_lake.transcribing.transcriber import Message
from call_lake.wiring.transcriber import CLOCK, make_transcriber

ANSWER_MARGIN_S = 15.0

transcriber = make_transcriber(from_environment(TranscriberSettings))


@log.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take a batch, and return which messages come again; or sweep, and return the counts (``SweepResult``)."""
    if event.get("sweep"):
        until_s = CLOCK.monotonic() + context.get_remaining_time_in_millis() / 1000 - ANSWER_MARGIN_S
        swept = transcriber.sweep(until_s)
        _log_and_measure("swept", swept)
        measure({"TranscriptionCeilingReached": swept.over_ceiling}, Function="transcriber")
        return asdict(swept)
    messages = [
        Message(one["messageId"], one["body"], int(one["attributes"]["ApproximateReceiveCount"]))
        for one in event["Records"]
    ]
    again, counts = transcriber.take(messages)
    _log_and_measure("taken", counts)
    if counts.over_ceiling:
        measure({"TranscriptionCeilingReached": 1}, Function="transcriber")
    return {"batchItemFailures": [{"itemIdentifier": id} for id in again]}


def _log_and_measure(what: str, counts: Counts) -> None:
    log.info(what, **asdict(counts))
    if counts.failed:
        measure({"TranscriptionsFailed": counts.failed}, Function="transcriber")
