"""One page of a listing, with the faults that pages can have."""

from collections.abc import Sequence
from dataclasses import dataclass

from call_lake_local.simulators.catalog import subject
from call_lake_local.simulators.faults import FaultPlan
from call_lake_local.simulators.world import SimRecording

_OVERSIZE = 7
_LOW_CAP = 37


@dataclass(frozen=True, slots=True)
class Asked:
    """``attempt`` counts the same request from 0; ``nonce`` differs at every request."""

    limit: int
    offset: int
    attempt: int
    nonce: int


@dataclass(frozen=True, slots=True)
class Listed:
    """``total`` counts the window's rows as this request sees them."""

    total: int
    rows: tuple[SimRecording, ...]


class Pager:
    """Cuts windows into pages. It remembers which held-back rows have appeared since."""

    def __init__(self) -> None:
        self._appeared: set[int] = set()

    def page(self, window: Sequence[SimRecording], asked: Asked, plan: FaultPlan) -> Listed:
        rows = self._drifted(_arranged(window, asked, plan), asked, plan)
        limit = asked.limit
        if "low_cap" in plan.active:
            limit = min(limit, _LOW_CAP)
        if "oversized_page" in plan.active:
            limit += _OVERSIZE
        return Listed(len(rows), tuple(rows[asked.offset : asked.offset + limit]))

    def _drifted(self, rows: Sequence[SimRecording], asked: Asked, plan: FaultPlan) -> Sequence[SimRecording]:
        if "insert_between_pages" in plan.active:
            held = {r.index for r in rows if plan.hits("insert_between_pages", subject(r))} - self._appeared
            if asked.offset == 0 and len(rows) - len(held) > asked.limit:  # what fits one page has no between
                rows = [r for r in rows if r.index not in held]
            else:
                self._appeared |= held
        if "delete_between_pages" in plan.active and asked.offset > 0 and asked.attempt < plan.faulty_attempts:
            given = rows[: asked.offset]
            kept = [r for r in given if not plan.hits("delete_between_pages", subject(r))]
            rows = [*kept, *rows[asked.offset :]]
        return rows


def _arranged(window: Sequence[SimRecording], asked: Asked, plan: FaultPlan) -> Sequence[SimRecording]:
    rows = window
    if "duplicate_rows" in plan.active:
        rows = [copy for r in rows for copy in [r] * (1 + plan.hits("duplicate_rows", subject(r)))]
    if "newest_first" in plan.active:
        rows = rows[::-1]
    if "unsorted" in plan.active:
        rows = sorted(rows, key=lambda r: plan.luck("order", subject(r)))
    if "unsorted_per_request" in plan.active:
        rows = sorted(rows, key=lambda r: plan.luck("order", asked.nonce, subject(r)))
    return rows
