"""Read a long stretch of time in sub-windows that suit the provider (design rules 2, 3, 4).

Paging by offset makes a provider walk all rows before the offset, so a window of n rows in pages of p costs it about
n²/2p rows. ``Stride`` keeps the windows at about two pages: some 1.6 rows walked for each row of a long backfill. What
a provider can read better than by offset (docs/adr/0008) it is asked for in wider windows.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from call_lake.errors import Drifted, Reason, StepFailed, TooWide, Transient
from call_lake.model.recording import Recording
from call_lake.model.windows import Window
from call_lake.polling.window_sizing import Stride
from call_lake.ports import Clock, Page, Provider

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
    return _Reading(provider, window, sink, target, clock, until_s).outcomes()


class _Reading:
    """One ``read_forward``."""

    def __init__(
        self,
        provider: Provider,
        window: Window,
        sink: Callable[[Page], None],
        target: int,
        clock: Clock,
        until_s: float,
    ) -> None:
        self._provider, self._window, self._sink = provider, window, sink
        self._clock, self._until_s = clock, until_s
        self._stride = Stride(provider.unit, target)
        self._position, self._reads = window.start, 0
        self._page_s = self._failure_s = 0.0  # the slowest page, the slowest failure
        self._reserve_s = 0.0  # what is begun has to end in time
        self._holes: list[Window] = []  # in a row, up to the position

    def outcomes(self) -> Iterator[Done | Hole]:
        while self._clock.monotonic() + self._reserve_s < self._until_s:
            sub, smallest = self._next()
            came = _Came(self._clock, self._until_s)
            outcome: Done | Hole
            try:
                if not came.all_of(self._provider.list_window(sub, may_be_wide=smallest), self._sink):
                    return
                outcome = Done(sub, sum(came.rows))
                self._stride.read(sub, came.moments)
            except TooWide as error:
                if error.read_to is None:
                    self._stride.too_wide(sub, error, came.rows)
                    continue
                outcome = Done(Window(sub.start, error.read_to), sum(came.rows))
                self._stride.read_beginning(error.read_to)
            except (Drifted, Transient) as error:
                failure = self._failed(sub, smallest, came, error)
                if failure is None:
                    continue
                outcome = Hole(sub, failure)
            self._passed(outcome, came)
            yield outcome
            if self._position >= self._window.end:
                return

    def _next(self) -> tuple[Window, bool]:
        """The next sub-window, and whether it is as small as they get."""
        # Behind a hole the steps grow: a stretch of hours is passed in a few questions (docs/adr/0014).
        step = self._provider.unit * 2 ** min(len(self._holes), HOLE_DOUBLINGS)
        end = max(self._stride.next_end(self._position, self._window.end), self._position + step)
        sub = Window(self._position, min(end, self._window.end))
        return sub, sub.width <= step

    def _failed(self, sub: Window, smallest: bool, came: "_Came", error: Drifted | Transient) -> Transient | None:
        """What makes ``sub`` a hole; None where it, or a part of it, is to be read again. Raises what stands for the
        provider as a whole."""
        failure = _as_failure(error)
        self._failure_s = max(self._failure_s, came.silence_s)
        self._reserve_s = max(self._reserve_s, self._failure_s)
        self._reads += 1
        enough = self._reads >= (READS_AT_SMALLEST if smallest else READS_BEFORE_SPLIT) or failure.reason in ONCE
        for_all = enough and failure.reason in WHOLE_PROVIDER
        if for_all or not _wait(failure, self._clock, self._until_s):
            raise failure from error
        if not enough:
            return None
        if not (isinstance(error, Drifted) or _answers(self._provider, self._clock, self._sink)):
            raise failure from error
        self._reads = 0
        if not smallest:
            in_silence = not came.rows and failure.reason is Reason.TIMEOUT
            self._stride.failed(sub, PARTS_OF_A_TIMEOUT if in_silence else PARTS)
            return None
        self._stride.skipped(sub)
        return failure

    def _passed(self, outcome: Done | Hole, came: "_Came") -> None:
        if isinstance(outcome, Hole):
            self._holes.append(outcome.window)
        elif self._holes:
            _read_back(self._provider, self._holes[-1], self._sink, self._clock, self._until_s - self._reserve_s)
            self._holes.clear()
        self._page_s = max(self._page_s, came.page_s)
        self._reads, self._reserve_s = 0, max(PAGES * self._page_s, self._failure_s)
        self._position = outcome.window.end


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
