"""What the run found: one line for each check."""

import platform
from collections.abc import Iterable
from dataclasses import dataclass

from bench.harness.tables import table


@dataclass(frozen=True, slots=True)
class Check:
    """``result`` is what was counted; it is the finding where the check is not ``ok``."""

    what: str
    result: str
    ok: bool = True

    def __str__(self) -> str:
        return f"{'ok' if self.ok else 'WRONG'}: {self.what}: {self.result}"


def compared(what: str, ours: list, theirs: list) -> Check:
    """Whether two answers have the same rows in the same order; ``ours`` is the Athena adapter's, the other Trino's."""
    if ours == theirs:
        return Check(what, f"{len(ours):,} rows, the same")
    pairs = (
        f"row {number}: adapter {one!r}, Trino {other!r}"
        for number, (one, other) in enumerate(zip(ours, theirs, strict=False), 1)
        if one != other
    )
    return Check(what, next(pairs, f"adapter {len(ours)} rows, Trino {len(theirs)} rows"), ok=False)


def markdown(checks: Iterable[Check], trino: str) -> str:
    head = f"Trino {trino}, Linux {platform.machine()}."
    return f"{head}\n\n{table(['what', 'result'], [[check.what, check.result] for check in checks], text=(0, 1))}"
