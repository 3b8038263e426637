"""Swap a day's manifest again and again while several queries count its rows: is every answer that of one commit?

AWS documents symlink manifests only for lists that never change (docs/limits.md). It does not say what a query sees
while a manifest is swapped.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from call_lake.ports import Clock
from call_lake_cli.doctor.checks import Check, fail, ok
from call_lake_cli.stack.athena import QueryFailed

QUERIES_AT_ONCE = 5
SWAP_EVERY_S = 1.0

type Count = Callable[[], tuple[int, int, float]]
"""Asks for the day's rows, different recordings, and the highest number among them."""


@dataclass(frozen=True, slots=True)
class Counted:
    """One answer: its rows, the different recordings among them, and the highest number. ``before`` and ``after``: how
    many rows were committed when the question began and when the answer came."""

    before: int
    rows: int
    recordings: int
    highest: float
    after: int

    @property
    def is_whole(self) -> bool:
        """Whether these are the rows of one commit that was there meanwhile: rows 1 to n, each once."""
        return self.before <= self.rows <= self.after and self.rows == self.recordings == self.highest


@dataclass(slots=True)
class Swapped:
    """What the queries saw. ``failed``: Athena's reasons for those that it failed. ``last``: rows at the end."""

    last: int
    swaps: int = 0
    answers: list[Counted] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def swap_and_ask(commit: Callable[[int], None], count: Count, first: int, clock: Clock, seconds: float) -> Swapped:
    """Commit the rows after ``first`` one by one for so many seconds, while queries count. Each thread asks at least
    once. Ends at once where a commit fails, or a question other than by QueryFailed; raises that error."""
    seen = Swapped(first)
    over = threading.Event()
    until = clock.monotonic() + seconds

    def swap() -> None:
        while clock.monotonic() < until and not over.is_set():
            commit(seen.last + 1)
            seen.last += 1
            seen.swaps += 1
            clock.sleep(SWAP_EVERY_S)

    def ask() -> None:
        while True:
            before = seen.last
            try:
                answer = count()
            except QueryFailed as error:
                seen.failed.append(error.reason)
            else:
                # One more than is known: a commit may be visible before its writer has returned.
                seen.answers.append(Counted(before, *answer, seen.last + 1))
            if over.is_set():
                return

    def ending(work: Callable[[], None], always: bool) -> None:
        try:
            work()
        except BaseException:
            over.set()
            raise
        if always:
            over.set()

    with ThreadPoolExecutor(QUERIES_AT_ONCE + 1) as pool:
        running = [pool.submit(ending, swap, True), *(pool.submit(ending, ask, False) for _ in range(QUERIES_AT_ONCE))]
        try:
            for one in running:
                one.result()
        finally:
            over.set()
    return seen


def verdict(name: str, seen: Swapped) -> Iterator[Check]:
    """The check that these answers come to."""
    broken = [one for one in seen.answers if not one.is_whole]
    asked = len(seen.answers) + len(seen.failed)
    if broken:
        one = broken[0]
        yield fail(
            name,
            f"{len(broken)} of {asked} answers were of no commit: {one.rows} rows of {one.recordings} recordings, "
            f"while {one.before} to {one.after} were committed",
            "see docs/limits.md, and report it",
        )
    elif seen.failed:
        yield fail(
            name,
            f"{len(seen.failed)} of {asked} queries failed meanwhile: {seen.failed[0]}",
            "see docs/limits.md, and report it",
        )
    else:
        yield ok(name, f"{asked} answers over {seen.swaps} swaps, each of them one commit's rows")
