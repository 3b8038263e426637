"""Make rows of the documents that engines write. Events: a batch of SQS, or ``{"sweep": true, "first", "last"}``."""

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from call_lake.observability import log, measure
from call_lake.settings import ReaderSettings, from_environment
from call_lake.transcripts.reader import DocumentMessage, Outcome, ReadReport
from call_lake.transcripts.sweep import SweepDays
from call_lake.wiring.transcript_reader import CLOCK, TranscriptReaderParts

ANSWER_MARGIN_S = 60.0
"""A document of 64 MiB takes a function of this size less."""

parts = TranscriptReaderParts(from_environment(ReaderSettings))


@log.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Read a batch, and return the messages that have to come again; or sweep, and return what was found. Raises
    ConfigError."""
    until_s = CLOCK.monotonic() + context.get_remaining_time_in_millis() / 1000 - ANSWER_MARGIN_S
    if "Records" not in event:
        swept = asdict(parts.sweep.run(SweepDays.of_request(event, CLOCK.now().date()), until_s))
        log.info("swept", **swept)
        return swept
    messages = [DocumentMessage(record["messageId"], record["body"]) for record in event["Records"]]
    report = parts.reader.read_batch(messages, until_s)
    _log_and_measure(report)
    return {"batchItemFailures": [{"itemIdentifier": id} for id in sorted(report.again)]}


def _log_and_measure(report: ReadReport) -> None:
    log.info("read", again=len(report.again), outcomes=report.outcomes)
    values: dict[str, float] = {
        "TranscriptsRead": report.outcomes[Outcome.READY],
        "TranscriptsFailed": report.outcomes[Outcome.FAILED],
    }
    rare = {"TranscriptsUnknown": report.outcomes[Outcome.UNKNOWN]}
    measure(values | {name: value for name, value in rare.items() if value}, Function="transcript-reader")
