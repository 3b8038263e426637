"""Read a long stretch of time in sub-windows that suit the provider (design rules 2, 3, 4).

Paging by offset makes a provider walk all rows before the offset, so a window of n rows in pages of p costs it about
n²/2p rows. ``Stride`` keeps the windows at about two pages: some 1.5 rows walked for each row returned.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from call_lake.errors import Drifted, Reason, StepFailed, TooWide, Transient
from call_lake.ports import Clock
from call_lake.providers.base import Page, Provider
from call_lake.recording import Window

COMFORTABLE = 1.1  # this much above the target is still read in one piece
READS_BEFORE_SPLIT = 2  # a window that failed is read again once before it is split
READS_AT_SMALLEST = 5
HOLES_IN_A_ROW = 8  # neighbours touch each other by a unit, so one bad row makes two or three; more is an outage
PAUSE_MAX_S = 60.0  # the longest Retry-After that is waited for within one poll
WHOLE_PROVIDER = {Reason.UNAUTHORIZED, Reason.RATE_LIMITED, Reason.CONNECTION, Reason.AWS, Reason.BUSY}
"""Trouble that no splitting of the window mends."""


class Stride:
    """Where the next sub-window should end to hold about ``target`` rows.

    Counts that the provider gave for windows that were too wide are kept until their end is reached: what is left of
    such a window is known, however unevenly its rows lie.
    """

    def __init__(self, unit: timedelta, target: int) -> None:
        self._unit = unit
        self._target = target
        self._guess: timedelta | None = None  # None: try all that is left
        self._known: list[tuple[datetime, int]] = []  # (end, rows left before it), the nearest end last

    def next_end(self, position: datetime, end: datetime) -> datetime:
        width = self._guess or end - position
        if self._known:
            until, rows = self._known[-1]
            width = until - position
            if rows > self._target * COMFORTABLE:
                width = width * (self._target / rows)
        return min(position + max(width, self._unit), end)

    def too_wide(self, tried: Window, rows: int | None, seen: int) -> None:
        """``rows``: the provider's count, or None; ``seen``: rows that came before it was given up."""
        self._known.append((tried.end, max(rows or seen * 2, round(self._target * COMFORTABLE) + 1)))

    def failed(self, tried: Window) -> None:
        self._known.append((tried.start + tried.width / 2, 0))

    def skipped(self, hole: Window) -> None:
        """Nothing is known of what comes next but that it may fail, too."""
        self._known = [(end, left) for end, left in self._known if end > hole.end]
        self._guess = self._unit

    def read(self, done: Window, rows: int) -> None:
        """A sub-window was read: its density is the best guess for the next one; never more than four times wider."""
        self._known = [(end, max(left - rows, 0)) for end, left in self._known if end > done.end]
        ideal = done.width * (self._target / rows) if rows else done.width * 4
        self._guess = max(min(ideal, done.width * 4), done.width / 4, self._unit)


@dataclass(frozen=True, slots=True)
class Hole:
    """A sub-window of the smallest width that cannot be read."""

    window: Window
    error: StepFailed


@dataclass(frozen=True, slots=True)
class Done:
    """A sub-window that was read completely, ``rows`` rows with repeats."""

    window: Window
    rows: int


def read_forward(
    provider: Provider,
    window: Window,
    sink: Callable[[Page], None],
    *,
    target: int,
    clock: Clock,
    until_s: float,
) -> Iterator[Done | Hole]:
    """Read ``window`` from its start on, giving each sub-window as it is done, until ``clock.monotonic() > until_s``.

    Every page goes to ``sink`` at once: repeats are harmless. Raises what stands for the provider as a whole
    (Transient, Terminal, SecretEmpty), also when many neighbouring sub-windows fail at their smallest.
    """
    stride = Stride(provider.unit, target)
    position, reads, holes = window.start, 0, 0
    while clock.monotonic() < until_s:
        # Behind a hole the steps grow: many minutes may be one and the same question (the repeated hour of autumn).
        step = provider.unit * 2**holes
        sub = Window(position, min(max(stride.next_end(position, window.end), position + step), window.end))
        smallest = sub.width <= step
        seen = 0
        try:
            for page in provider.list_window(sub, may_be_wide=smallest):
                seen += len(page.recordings) + len(page.bad)
                sink(page)
            outcome: Done | Hole = Done(sub, seen)
            stride.read(sub, seen)
        except TooWide as error:
            stride.too_wide(sub, error.rows, seen)
            continue
        except (Drifted, Transient) as error:
            failure = _as_failure(error)
            reads += 1
            if reads < (READS_AT_SMALLEST if smallest else READS_BEFORE_SPLIT) and _pause(failure, clock, until_s):
                continue
            if failure.reason in WHOLE_PROVIDER or holes >= HOLES_IN_A_ROW:
                raise failure from error
            reads = 0
            if not smallest:
                stride.failed(sub)
                continue
            outcome = Hole(sub, failure)
            stride.skipped(sub)
        reads, holes = 0, holes + 1 if isinstance(outcome, Hole) else 0
        yield outcome
        position = sub.end
        if position >= window.end:
            return


def _pause(failure: Transient, clock: Clock, until_s: float) -> bool:
    """Wait before the same window is read again; False where that makes no sense within this poll."""
    if failure.reason in (Reason.UNAUTHORIZED, Reason.TIMEOUT, Reason.AWS):
        return False
    wait_s = failure.retry_after_s or (1.0 if failure.reason in WHOLE_PROVIDER else 0.0)
    if wait_s > PAUSE_MAX_S or clock.monotonic() + wait_s >= until_s:
        return False
    clock.sleep(wait_s)
    return True


def _as_failure(error: Drifted | Transient) -> Transient:
    if isinstance(error, Transient):
        return error
    return Transient(Reason.BAD_LISTING, f"rows moved at every reading: {error}")
