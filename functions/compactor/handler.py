"""Write the rows that wait in the inbox into the lake. Event: ``{}``."""

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from call_lake.aws.client import client
from call_lake.aws.clock import SystemClock
from call_lake.aws.dynamodb import DynamoTable
from call_lake.aws.s3 import S3ObjectStore
from call_lake.lake.compactor import Compactor
from call_lake.observability import log, measure
from call_lake.settings import CompactorSettings, from_environment

ANSWER_MARGIN_S = 20.0

settings = from_environment(CompactorSettings)
clock = SystemClock()
# A warm function knows the files that it has read.
compactor = Compactor(
    S3ObjectStore(client("s3"), settings.bucket),
    DynamoTable(client("dynamodb"), settings.ledger_table),
    clock,
    settings,
)


@log.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    until_s = clock.monotonic() + context.get_remaining_time_in_millis() / 1000 - ANSWER_MARGIN_S
    result = compactor.run(until_s)
    answer = asdict(result)
    log.info("compacted", **answer)
    measure(
        {
            "RowsCommitted": result.rows,
            "RowsInQuarantine": result.in_quarantine,
            "PartitionsFailed": len(result.failed),
            "CommitConflicts": result.conflicts,
        },
        Function="compactor",
    )
    return answer
