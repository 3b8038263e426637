"""Read a long window in smaller ones that suit the provider (design rules 2, 3, 4).

Paging by offset makes a provider walk all rows before the offset, so a window of n rows in pages of p costs it about
n²/2p rows. ``WindowSizer`` keeps the windows at about two pages: the provider walks some 1.6 rows for each row of a
long backfill.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from call_lake.errors import Drifted, Reason, StepFailed, TooWide, Transient
from call_lake.model.recording import ListedRecording
from call_lake.model.windows import Window
from call_lake.polling.window_sizing import WindowSizer
from call_lake.ports import Clock, Page, Provider

READS_BEFORE_SPLIT = 2  # a window that failed is read again once before it is split
READS_AT_SMALLEST = 5
WINDOW_S = 100.0  # a poll has time for two such windows; one that takes longer is split, or is a hole
PAGES = 2  # of most windows: a window is begun only if the poll has time for so many, and is not given up before
PARTS, PARTS_OF_A_TIMEOUT = 2, 64  # of a window that failed; a request is cheap beside half a minute of silence
HOLE_DOUBLINGS = 10  # a hole is 1,024 units wide at most, so that one poll can read its gap
PAUSE_MAX_S = 60.0  # the longest Retry-After that one poll waits for
WHOLE_PROVIDER = {Reason.UNAUTHORIZED, Reason.RATE_LIMITED, Reason.AWS, Reason.BUSY}
"""Failures that a smaller window does not mend."""
ONCE = {Reason.UNAUTHORIZED, Reason.TIMEOUT, Reason.AWS}
"""Failures that are the same a moment later."""

type TakePage = Callable[[Page], None]


@dataclass(frozen=True, slots=True)
class ReadWindow:
    """A window that was read completely. ``rows``: how many came, repeats included."""

    window: Window
    rows: int


@dataclass(frozen=True, slots=True)
class Hole:
    """A window of the smallest width that cannot be read, while others can (docs/adr/0014)."""

    window: Window
    error: StepFailed


def read_forward(
    provider: Provider,
    window: Window,
    take: TakePage,
    *,
    rows_per_window: int,
    clock: Clock,
    until_s: float,
) -> Iterator[ReadWindow | Hole]:
    """Read ``window`` from its start on in small windows, and yield each one until ``clock.monotonic() > until_s``.

    Every page goes to ``take`` at once, for repeats are harmless. A small window that is not read to its end in time is
    not yielded.

    Raises Transient, Terminal, SecretEmpty where the provider as a whole fails: it lists nothing else either, or asks
    for a longer wait than a poll has.
    """
    return _WindowReader(provider, window, take, rows_per_window, clock, until_s).read()


class _WindowReader:
    """One ``read_forward``."""

    def __init__(
        self, provider: Provider, window: Window, take: TakePage, rows_per_window: int, clock: Clock, until_s: float
    ) -> None:
        self._provider, self._window, self._take = provider, window, take
        self._clock, self._until_s = clock, until_s
        self._sizer = WindowSizer(provider.unit, rows_per_window)
        self._position, self._reads = window.start, 0
        self._page_s = self._failure_s = 0.0  # the slowest page, the slowest failure
        self._reserve_s = 0.0  # what is begun has to end in time
        self._holes: list[Window] = []  # in a row, up to the position

    def read(self) -> Iterator[ReadWindow | Hole]:
        while self._clock.monotonic() + self._reserve_s < self._until_s:
            window, is_smallest = self._next()
            attempt = _Attempt(self._clock, self._until_s)
            outcome: ReadWindow | Hole
            try:
                pages = self._provider.list_window(window, may_be_wide=is_smallest)
                if not attempt.take_all(pages, self._take):
                    return
            except TooWide as error:
                self._sizer.too_wide(window, error, attempt.rows, attempt.moments)
                continue
            except (Drifted, Transient) as error:
                failure = self._failed(window, is_smallest, attempt, error)
                if failure is None:
                    continue
                outcome = Hole(window, failure)
            else:
                self._sizer.read(window, attempt.moments)
                outcome = ReadWindow(window, sum(attempt.rows))
            self._pass(outcome, attempt)
            yield outcome
            if self._position >= self._window.end:
                return

    def _next(self) -> tuple[Window, bool]:
        """The next window, and whether it is as small as they get."""
        # Behind a hole the steps grow: a stretch of hours is passed in a few requests (docs/adr/0014).
        step = self._provider.unit * 2 ** min(len(self._holes), HOLE_DOUBLINGS)
        end = max(self._sizer.next_end(self._position, self._window.end), self._position + step)
        window = Window(self._position, min(end, self._window.end))
        return window, window.width <= step

    def _failed(
        self, window: Window, is_smallest: bool, attempt: "_Attempt", error: Drifted | Transient
    ) -> Transient | None:
        """Return the failure that makes ``window`` a hole, or None where it, or a part of it, is to be read again.

        Raises the failure where the provider as a whole fails.
        """
        failure = _as_failure(error)
        self._failure_s = max(self._failure_s, attempt.silence_s)
        self._reserve_s = max(self._reserve_s, self._failure_s)
        self._reads += 1
        is_enough = self._reads >= (READS_AT_SMALLEST if is_smallest else READS_BEFORE_SPLIT) or failure.reason in ONCE
        is_for_all = is_enough and failure.reason in WHOLE_PROVIDER
        if is_for_all or not _wait(failure, self._clock, self._until_s):
            raise failure from error
        if not is_enough:
            return None
        if not (isinstance(error, Drifted) or _answers(self._provider, self._clock, self._take)):
            raise failure from error
        self._reads = 0
        if not is_smallest:
            in_silence = not attempt.rows and failure.reason is Reason.TIMEOUT
            self._sizer.failed(window, PARTS_OF_A_TIMEOUT if in_silence else PARTS)
            return None
        self._sizer.skipped(window)
        return failure

    def _pass(self, outcome: ReadWindow | Hole, attempt: "_Attempt") -> None:
        """Move the position to the end of a window that was read, or is a hole."""
        if isinstance(outcome, Hole):
            self._holes.append(outcome.window)
        elif self._holes:
            _read_back(self._provider, self._holes[-1], self._take, self._clock, self._until_s - self._reserve_s)
            self._holes.clear()
        self._page_s = max(self._page_s, attempt.page_s)
        self._reads, self._reserve_s = 0, max(PAGES * self._page_s, self._failure_s)
        self._position = outcome.window.end


class _Attempt:
    """One attempt to read a window: what came so far, and how fast."""

    def __init__(self, clock: Clock, until_s: float) -> None:
        self.rows: list[int] = []  # of each page
        self.moments: list[datetime] = []
        self.page_s = 0.0  # the slowest page, with the time that it took to take it
        self._clock, self._until_s = clock, until_s
        self._began_s = self._last_s = clock.monotonic()

    @property
    def silence_s(self) -> float:
        """Seconds since the last page."""
        return self._clock.monotonic() - self._last_s

    def take_all(self, pages: Iterator[Page], take: TakePage) -> bool:
        """Give every page to ``take``. Return whether the last page came before the poll's time was over.

        Raises Transient(TIMEOUT) where one window takes longer than ``WINDOW_S``.
        """
        for page in pages:
            self.rows.append(len(page.recordings) + len(page.bad))
            self.moments += map(_moment, page.recordings)
            take(page)
            self.page_s, self._last_s = max(self.page_s, self.silence_s), self._clock.monotonic()
            if len(self.rows) <= PAGES:
                continue
            if self._last_s >= self._until_s:
                return False
            if self._last_s - self._began_s > WINDOW_S:
                raise Transient(Reason.TIMEOUT, f"{sum(self.rows)} rows in {WINDOW_S:.0f} s, and more to come")
        return True


def _moment(recording: ListedRecording) -> datetime:
    """What the provider's filter compares, or what is near to it."""
    return recording.listed_at or recording.started_at


def _answers(provider: Provider, clock: Clock, take: TakePage) -> bool:
    """Whether the provider lists anything at all: one page of its last moments, which a later poll asks for again.

    Where the provider is down, no window is a hole. Splitting windows until the smallest ones fail would be a hundred
    requests to a provider that is down, at every poll.
    """
    now = clock.now()
    try:
        for page in provider.list_window(Window(now - provider.unit, now), may_be_wide=True):
            take(page)
            break
    except Drifted:
        return True
    except Transient:
        return False
    return True


def _read_back(provider: Provider, hole: Window, take: TakePage, clock: Clock, until_s: float) -> None:
    """Read what can be read of a wide hole, from its end: perhaps only its beginning is bad."""
    bad, good = hole.start, hole.end
    while good - bad > provider.unit and clock.monotonic() < until_s:
        middle = bad + (good - bad) / 2
        try:
            for page in provider.list_window(Window(middle, good), may_be_wide=True):
                take(page)
        except (Drifted, Transient):
            bad = middle
        else:
            good = middle


def _wait(failure: Transient, clock: Clock, until_s: float) -> bool:
    """Wait as long as the provider asks before its next request. Return False where this poll has not that time."""
    wait_s = failure.retry_after_s or (1.0 if failure.reason in WHOLE_PROVIDER else 0.0)
    if wait_s > PAUSE_MAX_S or (wait_s and clock.monotonic() + wait_s >= until_s):
        return False
    clock.sleep(wait_s)
    return True


def _as_failure(error: Drifted | Transient) -> Transient:
    if isinstance(error, Transient):
        return error
    return Transient(Reason.BAD_LISTING, f"rows moved at every reading: {error}")
