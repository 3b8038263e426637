"""Read a long stretch of time in sub-windows that suit the provider (design rules 2, 3, 4).

Paging by offset makes a provider walk all rows before the offset, so a window of n rows in pages of p costs it about
n²/2p rows. ``Stride`` keeps the windows at about two pages: some 1.6 rows walked for each row of a long backfill. What
a provider can read better than by offset (docs/adr/0008) it is asked for in wider windows.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from call_lake.errors import Drifted, Reason, StepFailed, TooWide, Transient
from call_lake.ports import Clock
from call_lake.providers.base import Page, Provider
from call_lake.recording import Recording, Window
from call_lake.stride import Stride

READS_BEFORE_SPLIT = 2  # a window that failed is read again once before it is split
READS_AT_SMALLEST = 5
SUB_WINDOW_S = 100.0  # a poll has time for two: what takes longer is split, and is a hole where it cannot be
PAGES = 2  # of most sub-windows: so many are waited for, and the next one is not begun without the time for them
PARTS, PARTS_OF_A_TIMEOUT = 2, 64  # a window that failed; an answer costs little beside half a minute of silence
HOLE_DOUBLINGS = 10  # a hole is 1,024 units at most: a gap has to be read within one poll
PAUSE_MAX_S = 60.0  # the longest Retry-After that is waited for within one poll
WHOLE_PROVIDER = {Reason.UNAUTHORIZED, Reason.RATE_LIMITED, Reason.AWS, Reason.BUSY}
"""Trouble that no splitting of the window mends."""
ONCE = {Reason.UNAUTHORIZED, Reason.TIMEOUT, Reason.AWS}
"""Trouble that is the same a moment later."""


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

    Every page goes to ``sink`` at once: repeats are harmless. A sub-window that is not read to its end in time is not
    given. Raises what stands for the provider as a whole (Transient, Terminal, SecretEmpty): also when it lists nothing
    else either, and when it asks for a longer wait than a poll has.
    """
    stride = Stride(provider.unit, target)
    position, reads, page_s, failure_s = window.start, 0, 0.0, 0.0  # the slowest page, the slowest failure
    reserve_s = 0.0  # what is begun has to end in time
    holes: list[Window] = []  # in a row, up to the position
    while clock.monotonic() + reserve_s < until_s:
        # Behind a hole the steps grow: a stretch of hours is passed in a few questions (docs/adr/0014).
        step = provider.unit * 2 ** min(len(holes), HOLE_DOUBLINGS)
        sub = Window(position, min(max(stride.next_end(position, window.end), position + step), window.end))
        smallest = sub.width <= step
        came = _Came(clock, until_s)
        try:
            if not came.all_of(provider.list_window(sub, may_be_wide=smallest), sink):
                return
            outcome: Done | Hole = Done(sub, sum(came.rows))
            stride.read(sub, came.moments)
        except TooWide as error:
            if error.read_to is None:
                stride.too_wide(sub, error, came.rows)
                continue
            sub = Window(position, error.read_to)
            outcome = Done(sub, sum(came.rows))
            stride.read_beginning(sub.end)
        except (Drifted, Transient) as error:
            failure = _as_failure(error)
            failure_s = max(failure_s, came.silence_s)
            reserve_s = max(reserve_s, failure_s)
            reads += 1
            enough = reads >= (READS_AT_SMALLEST if smallest else READS_BEFORE_SPLIT) or failure.reason in ONCE
            if (enough and failure.reason in WHOLE_PROVIDER) or not _wait(failure, clock, until_s):
                raise failure from error
            if not enough:
                continue
            if not (isinstance(error, Drifted) or _answers(provider, clock, sink)):
                raise failure from error
            reads = 0
            if not smallest:
                stride.failed(sub, PARTS if came.rows or failure.reason is not Reason.TIMEOUT else PARTS_OF_A_TIMEOUT)
                continue
            outcome = Hole(sub, failure)
            stride.skipped(sub)
        if isinstance(outcome, Hole):
            holes.append(sub)
        elif holes:
            _read_back(provider, holes[-1], sink, clock, until_s - reserve_s)
            holes.clear()
        page_s = max(page_s, came.page_s)
        reads, reserve_s = 0, max(PAGES * page_s, failure_s)
        yield outcome
        position = sub.end
        if position >= window.end:
            return


class _Came:
    """What came of one sub-window so far, and how fast."""

    def __init__(self, clock: Clock, until_s: float) -> None:
        self.rows: list[int] = []  # of each page
        self.moments: list[datetime] = []
        self.page_s = 0.0  # the slowest page, with what became of it
        self._clock, self._until_s = clock, until_s
        self._began_s = self._last_s = clock.monotonic()

    @property
    def silence_s(self) -> float:
        """Since the last page."""
        return self._clock.monotonic() - self._last_s

    def all_of(self, pages: Iterator[Page], sink: Callable[[Page], None]) -> bool:
        """Whether it came to its end; False where the time is over. Raises Transient(TIMEOUT) where it takes all of a
        poll's time."""
        for page in pages:
            self.rows.append(len(page.recordings) + len(page.bad))
            self.moments += map(_moment, page.recordings)
            sink(page)
            self.page_s, self._last_s = max(self.page_s, self.silence_s), self._clock.monotonic()
            if len(self.rows) <= PAGES:
                continue
            if self._last_s >= self._until_s:
                return False
            if self._last_s - self._began_s > SUB_WINDOW_S:
                raise Transient(Reason.TIMEOUT, f"{sum(self.rows)} rows in {SUB_WINDOW_S:.0f} s, and more to come")
        return True


def _moment(recording: Recording) -> datetime:
    """What the provider's filter compares, or what is near to it."""
    return recording.listed_at or recording.started_at


def _answers(provider: Provider, clock: Clock, sink: Callable[[Page], None]) -> bool:
    """Whether the provider lists anything at all: of its last moments, which another poll asks for anew, a page. To
    split a window until its smallest parts fail, too, would be a hundred requests to a provider that is down, at every
    poll; and where it is down, no hole is one."""
    now = clock.now()
    try:
        for page in provider.list_window(Window(now - provider.unit, now), may_be_wide=True):
            sink(page)
            break
    except Drifted:
        return True
    except Transient:
        return False
    return True


def _read_back(provider: Provider, hole: Window, sink: Callable[[Page], None], clock: Clock, until_s: float) -> None:
    """Read what can be read of a wide hole, from its end: all but its beginning may lie behind what is bad."""
    bad, good = hole.start, hole.end
    while good - bad > provider.unit and clock.monotonic() < until_s:
        middle = bad + (good - bad) / 2
        try:
            for page in provider.list_window(Window(middle, good), may_be_wide=True):
                sink(page)
        except (Drifted, Transient):
            bad = middle
        else:
            good = middle


def _wait(failure: Transient, clock: Clock, until_s: float) -> bool:
    """Wait as long as the provider asks before its next request; False where that is longer than this poll may."""
    wait_s = failure.retry_after_s or (1.0 if failure.reason in WHOLE_PROVIDER else 0.0)
    if wait_s > PAUSE_MAX_S or (wait_s and clock.monotonic() + wait_s >= until_s):
        return False
    clock.sleep(wait_s)
    return True


def _as_failure(error: Drifted | Transient) -> Transient:
    if isinstance(error, Transient):
        return error
    return Transient(Reason.BAD_LISTING, f"rows moved at every reading: {error}")
