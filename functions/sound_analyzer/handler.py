"""Measure the sound of stored recordings. Optional (AnalyzeSound). Event: a batch of SQS, each an event of EventBridge.

Separate processes read the samples. They alone load numpy (call_lake/sound/reader.py).
"""

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes import SQSEvent
from aws_lambda_powertools.utilities.typing import LambdaContext

from call_lake.observability import log
from call_lake.settings import SoundAnalyzerSettings, from_environment
from call_lake.wiring.sound_analyzer import CLOCK, make_sound_analyzer

ANSWER_MARGIN_S = 5.0

analyzer = make_sound_analyzer(from_environment(SoundAnalyzerSettings))


@log.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Measure the batch; return the messages that have to come again (``ReportBatchItemFailures``)."""
    messages = {record.message_id: record.body for record in SQSEvent(event).records}
    until_s = CLOCK.monotonic() + context.get_remaining_time_in_millis() / 1000 - ANSWER_MARGIN_S
    report = analyzer.analyze(messages, until_s)
    log.info("sound measured", **asdict(report))
    return {"batchItemFailures": [{"itemIdentifier": id} for id in report.again]}
