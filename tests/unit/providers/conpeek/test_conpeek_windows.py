"""Wide windows are read in parts of a few pages, in whatever order the rows stand (design rules 2, 3, 4)."""

import json
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from math import inf
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from call_lake.model.windows import Window
from call_lake.polling.window_reader import Hole, ReadWindow, read_forward
from tests.support.fakes.clock import FakeClock
from tests.support.stub_conpeek import NOON, Tenant, row
from tests.support.stub_web import Reply, Seen, keys

DAY = Window(NOON, NOON + timedelta(days=1))
PAGE = 20

type Rows = list[dict[str, Any]]


def ended(number: int, second: float) -> dict[str, Any]:
    return row(number, hangup_time=f"{NOON + timedelta(seconds=second):%Y-%m-%d %H:%M:%S}")


class Dated(Tenant):
    """Filters by the end of the dialog. ``moves`` may change the rows before any request is answered, by its number
    from 1."""

    def __init__(self, rows: Rows, **chosen: Any) -> None:
        super().__init__(rows, **chosen)
        self.all_rows = rows
        self.moves: dict[int, Callable[[Rows], Any]] = {}

    def answer(self, seen: Seen) -> Reply:
        if move := self.moves.get(len(self.web.seen)):
            move(self.all_rows)
        first, last = (item["value"] for item in json.loads(seen.query["filter"]))
        self.rows = [item for item in self.all_rows if first <= item["hangup_time"] <= last]
        return super().answer(seen)

    def read(self, window: Window, **chosen: Any) -> tuple[list[str], list[ReadWindow | Hole]]:
        """All of a window, in as many lists as it takes."""
        found: list[str] = []
        provider = self.provider(**({"page_size": PAGE, "requests_per_second": 100} | chosen))
        parts = list(
            read_forward(
                provider,
                window,
                lambda page: found.extend(keys([page])),
                rows_per_window=36,
                clock=FakeClock(),
                until_s=inf,
            )
        )
        return found, parts


def evenly(n: int) -> Rows:
    return [ended(number, number * 86_000 / n) for number in range(n)]


def ids(rows: Rows) -> set[str]:
    return {item["dialog_uuid"] for item in rows}


@settings(max_examples=60, deadline=None)
@given(
    seconds=st.lists(st.integers(0, 86_400), max_size=400),
    burst=st.integers(0, 50),
    cap=st.integers(12, 30),
    order=st.sampled_from(["oldest first", "newest first", "none"]),
    random=st.randoms(use_true_random=False),
)
def test_every_row_is_read_whatever_the_order(
    seconds: list[int], burst: int, cap: int, order: str, random: Any
) -> None:
    rows = [ended(number, second) for number, second in enumerate(sorted([*seconds, *[700] * burst]))]
    if order == "newest first":
        rows.reverse()
    if order == "none":
        random.shuffle(rows)
    found, parts = Dated(rows, cap=cap).read(DAY)
    assert set(found) == ids(rows)
    assert parts[-1].window.end == DAY.end
    assert all(one.window.end == other.window.start for one, other in pairwise(parts))


@settings(max_examples=60, deadline=None)
@given(
    at=st.dictionaries(st.integers(2, 40), st.tuples(st.booleans(), st.floats(0, 1)), max_size=8),
    n=st.integers(100, 500),
)
def test_rows_that_stand_all_the_time_are_read_whatever_comes_and_goes(
    at: dict[int, tuple[bool, float]], n: int
) -> None:
    server = Dated(evenly(n))
    stood = ids(server.all_rows)

    def move(number: int, comes: bool, share: float) -> Callable[[Rows], None]:
        def change(rows: Rows) -> None:
            index = int(share * (len(rows) - 1))
            if comes:
                rows.insert(index, rows[index] | {"dialog_uuid": f"new-{number}"})
            else:
                stood.discard(rows.pop(index)["dialog_uuid"])

        return change

    server.moves = {number: move(number, *what) for number, what in at.items()}
    found, parts = server.read(DAY)
    assert all(isinstance(part, ReadWindow) for part in parts)
    assert stood <= set(found)


def test_a_second_that_fills_pages_is_read_to_its_end() -> None:
    rows = sorted([*evenly(200), *[ended(1000 + number, 500) for number in range(70)]], key=lambda r: r["hangup_time"])
    found, parts = Dated(rows).read(DAY)
    assert set(found) == ids(rows)
    assert all(isinstance(part, ReadWindow) for part in parts)
