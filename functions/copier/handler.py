"""Copy the recordings of one SQS batch; every message gets its own verdict."""

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes import SQSEvent
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from call_lake.copying.outcome import CopyReport, Message, Verdict
from call_lake.observability import log, measure
from call_lake.settings import CopierSettings, from_environment
from call_lake.wiring.copier import make_copier
from call_lake.wiring.sources import CLOCK

ANSWER_MARGIN_S = 5.0

copier = make_copier(from_environment(CopierSettings))


@log.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Copy the batch; return the messages that have to come again (``ReportBatchItemFailures``)."""
    messages = [_message_of(record) for record in SQSEvent(event).records]
    until_s = CLOCK.monotonic() + context.get_remaining_time_in_millis() / 1000 - ANSWER_MARGIN_S
    report = copier.copy_batch(messages, until_s)
    _log_and_measure(report)
    again = [id for id, verdict in report.verdicts.items() if verdict is Verdict.AGAIN]
    return {"batchItemFailures": [{"itemIdentifier": id} for id in again]}


def _message_of(record: SQSRecord) -> Message:
    receive_count = int(record.attributes.approximate_receive_count)
    return Message(record.message_id, record.body, record.receipt_handle, receive_count)


def _log_and_measure(report: CopyReport) -> None:
    log.info("copied", **asdict(report.counts))
    for source, number in report.stored.items():
        measure({"RecordingsStored": number}, Source=source)
    for (source, reason), number in report.failures.items():
        measure({"AttemptsFailed": number}, Source=source, Reason=reason)
