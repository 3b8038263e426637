"""Count what became of a source's recordings in the index ``due``, without a scan of the ledger (ADR 0032).

Each count stops at ``most``, so it costs the same however large the ledger is. The index may be some seconds behind.
"""

from collections import Counter
from datetime import date

from call_lake.ledger.entry import LAST_DUE, NEVER, State, erased_list
from call_lake.ports import Table


def count_waiting(table: Table, source: str, most: int) -> int:
    """Recordings of any day that are neither stored nor failed nor erased."""
    return len(table.query_due(source, LAST_DUE, most))


def count_failed(table: Table, source: str, most: int) -> Counter[str]:
    """Recordings of any day that have FAILED, by reason."""
    found = table.query_due(source, NEVER, most, due_from=NEVER)
    return Counter(item.get("reason", "unknown") for item in found if item.get("state") == State.FAILED)


def count_erased(table: Table, source: str, since: date, most: int) -> int:
    """Erased recordings of the calls of this day and of later ones."""
    return len(table.query_due(erased_list(source), NEVER, most, due_from=since.isoformat()))
