"""Copy the recordings of one SQS batch; every message gets its own verdict."""

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes import SQSEvent
from aws_lambda_powertools.utilities.typing import LambdaContext

from call_lake.copying.copier import Copier, Message, Verdict
from call_lake.observability import log, measure
from call_lake.settings import CopierSettings, from_environment
from call_lake.wiring.functions import CLOCK, CopierParts

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
    log.info("copied", **asdict(counts))
    for source, sizes_bytes in copier.stored.items():
        measure({"RecordingsStored": len(sizes_bytes), "BytesStored": sum(sizes_bytes)}, Source=source)
    for (source, reason), number in copier.failures.items():
        measure({"AttemptsFailed": number}, Source=source, Reason=reason)
