"""Copy the recordings of one SQS batch; every message gets its own verdict."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes import SQSEvent
from aws_lambda_powertools.utilities.typing import LambdaContext

from call_lake.config import CopierSettings, from_environment
from call_lake.copying import Copier, Message, Verdict
from call_lake.observability import count, log
from call_lake.wiring import CLOCK, CopierParts

ANSWER_MARGIN_S = 5.0

parts = CopierParts(from_environment(CopierSettings))


@log.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    messages = [Message(record.message_id, record.body, record.receipt_handle) for record in SQSEvent(event).records]
    until_s = CLOCK.monotonic() + context.get_remaining_time_in_millis() / 1000 - ANSWER_MARGIN_S
    copier = parts.copier(until_s)
    verdicts = copier.copy_batch(messages)
    _report(copier)
    return {"batchItemFailures": [{"itemIdentifier": id} for id, v in verdicts.items() if v is Verdict.AGAIN]}


def _report(copier: Copier) -> None:
    counts = copier.counts
    log.info("copied", stored=counts.stored, already=counts.already, retried=counts.retried, failed=counts.failed)
    count("RecordingsStored", counts.stored)
    count("BytesStored", counts.stored_bytes, MetricUnit.Bytes)
    for (source, reason), number in copier.failures.items():
        count("AttemptsFailed", number, Source=source, Reason=reason)
