"""Read a long stretch of time in sub-windows that suit the provider (design rules 2, 3, 4).

Paging by offset makes a provider walk all rows before the offset, so a window of n rows in pages of p costs it about
n²/2p rows. ``Stride`` keeps the windows at about two pages: some 1.6 rows walked for each row of a long backfill.
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
HOLES_IN_A_ROW = 8  # neighbours touch each other by a unit, so one bad row makes two or three; more is an outage
PAUSE_MAX_S = 60.0  # the longest Retry-After that is waited for within one poll
WHOLE_PROVIDER = {Reason.UNAUTHORIZED, Reason.RATE_LIMITED, Reason.CONNECTION, Reason.AWS, Reason.BUSY}
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

    Every page goes to ``sink`` at once: repeats are harmless. Raises what stands for the provider as a whole
    (Transient, Terminal, SecretEmpty): also when nothing else can be read either, when many neighbouring sub-windows
    fail at their smallest, and when the provider asks for a longer wait than a poll has.
    """
    stride = Stride(provider.unit, target)
    position, reads, holes, answers = window.start, 0, 0, False
    while clock.monotonic() < until_s:
        # Behind a hole the steps grow: many minutes may be one and the same question (the repeated hour of autumn).
        step = provider.unit * 2**holes
        sub = Window(position, min(max(stride.next_end(position, window.end), position + step), window.end))
        smallest = sub.width <= step
        rows: list[int] = []  # of each page
        moments: list[datetime] = []
        try:
            for page in provider.list_window(sub, may_be_wide=smallest):
                rows.append(len(page.recordings) + len(page.bad))
                moments += map(_moment, page.recordings)
                sink(page)
            outcome: Done | Hole = Done(sub, sum(rows))
            stride.read(sub, moments)
            answers = True
        except TooWide as error:
            stride.too_wide(sub, error, rows)
            continue
        except (Drifted, Transient) as error:
            failure = _as_failure(error)
            reads += 1
            enough = reads >= (READS_AT_SMALLEST if smallest else READS_BEFORE_SPLIT) or failure.reason in ONCE
            hopeless = failure.reason in WHOLE_PROVIDER or holes >= HOLES_IN_A_ROW
            if (enough and hopeless) or not _wait(failure, clock, until_s):
                raise failure from error
            if not enough:
                continue
            answers = answers or isinstance(error, Drifted) or _answers(provider, clock, sink)
            if not answers:
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


def _moment(recording: Recording) -> datetime:
    """What the provider's filter compares, or what is near to it."""
    return recording.listed_at or recording.started_at


def _answers(provider: Provider, clock: Clock, sink: Callable[[Page], None]) -> bool:
    """Whether the provider lists anything at all: its last moments, which another poll asks for anew. To split a window
    until its smallest parts fail, too, would be a hundred requests to a provider that is down, at every poll."""
    now = clock.now()
    try:
        for page in provider.list_window(Window(now - provider.unit, now), may_be_wide=True):
            sink(page)
    except Drifted:
        return True
    except Transient:
        return False
    return True


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
