"""Write the rows that wait in the inbox into the lake. Event: ``{}``."""

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from call_lake.lake.compactor import CompactionResult
from call_lake.observability import log, measure
from call_lake.settings import CompactorSettings, from_environment
from call_lake.wiring.compactor import CLOCK, make_compactor

ANSWER_MARGIN_S = 20.0

compact = make_compactor(from_environment(CompactorSettings))


@log.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Compact until shortly before the time limit; return the counts (``CompactionResult``)."""
    result = compact(CLOCK.monotonic() + context.get_remaining_time_in_millis() / 1000 - ANSWER_MARGIN_S)
    _log_and_measure(result)
    return asdict(result)


def _log_and_measure(result: CompactionResult) -> None:
    log.info("compacted", **asdict(result))
    values: dict[str, float] = {"RowsCommitted": result.rows, "PartitionsFailed": len(result.failed)}
    if result.in_quarantine:
        values["RowsInQuarantine"] = result.in_quarantine
    measure(values, Function="compactor")
