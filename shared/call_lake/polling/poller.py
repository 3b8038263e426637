"""One poll of one source (design rules 1 to 8)."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from call_lake.errors import CeilingReached, Drifted, KeyRefused, Reason, SecretEmpty, StepFailed
from call_lake.ledger.ceiling import Ceiling
from call_lake.ledger.expiry import AudioExpiry
from call_lake.ledger.id_key import IdKey
from call_lake.ledger.jobs import Job, JobKind
from call_lake.ledger.ledger import Ledger
from call_lake.ledger.source_state import PAUSED, SourceState
from call_lake.model.retention import first_kept_day
from call_lake.model.times import iso
from call_lake.model.windows import Window
from call_lake.observability import log
from call_lake.polling.publisher import Publisher, without_ceiling
from call_lake.polling.window_reader import Hole, ReadWindow, TakePage, read_forward
from call_lake.ports import Clock, Page, Provider, Queue
from call_lake.settings import RETRY_AFTER_MAX_S, PollerSettings, SourceSettings

DUE_PER_POLL = 2_000
DUE_WHILE_DOWN = 10  # while the listing fails, try a few recordings, not the whole backlog
EXPIRED_PER_POLL = 1_000  # some 280,000 a day: they must not crowd out what is new
GAP_RETRY = timedelta(days=1)
REASONS_LOGGED = 3  # of the unusable records of a page


@dataclass(slots=True)
class PollResult:
    """What one poll did: the function's answer and its metrics.

    ``gaps``: those that this poll noted; ``gaps_unfinished``: all that are still to be read. ``trouble`` is None when
    the listing worked and the ceiling is not reached. ``is_well``: the listing worked, or the source has never been set
    up, which is no reason to wake anybody. ``checkpoint_lag_s``: how many seconds the checkpoint is behind now; None
    before the first poll.
    """

    source: str
    listed: int = 0
    published: int = 0
    republished: int = 0
    bad_records: int = 0
    shortened: int = 0  # published without the longest values of their records
    too_long: int = 0
    excluded: int = 0  # listed rows that the source's rules or RowRetentionDays leave out, repeats included
    collisions: int = 0
    gaps: int = 0
    gaps_unfinished: int = 0
    is_ceiling_reached: bool = False
    is_well: bool = False
    trouble: str | None = None
    caught_up: bool = False
    jobs_due: int = 0
    checkpoint_lag_s: float | None = None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PolledSource:
    """One source, and what belongs to it alone. ``id_key`` is the stack's, which all sources share.

    ``known``: recording ids with their connection ids, see ``Publisher``. A warm function keeps them between polls.
    """

    settings: SourceSettings
    provider: Provider
    queue: Queue
    id_key: IdKey
    known: dict[str, str | None] = field(default_factory=dict)


class Poller:
    """Polls one source once, until ``until_s`` of the clock's monotonic time. Keeps all that it finished by then."""

    def __init__(
        self,
        source: PolledSource,
        ledger: Ledger,
        clock: Clock,
        settings: PollerSettings,
        until_s: float,
        threads: int = 8,
    ) -> None:
        self._source = source.settings
        self._provider = source.provider
        self._id_key = source.id_key
        self._ledger = ledger
        self._state = SourceState(ledger.table, clock, source.settings.name)
        self._clock = clock
        self._settings = settings
        self._until_s = until_s
        self._expiry = AudioExpiry(ledger.table, clock, settings.retention_days)
        self._ceiling = Ceiling(ledger.table, clock, self._source.name, self._source.new_per_day)
        self._publisher = Publisher(ledger, source.queue, source.known, threads, self._is_in_time)
        self._result = PollResult(source.settings.name)

    def poll(self, sweep: bool = False, backfill: Window | None = None) -> PollResult:
        """Read the newest calls, publish what is due or may have expired, then work on jobs.

        ``sweep`` starts the daily job that reads the last days again, ``backfill`` one that reads a window of the past.
        Raises what the ledger's table raises; failures of the provider are the result's ``trouble``.
        """
        self._today = self._ceiling.today()
        now = self._clock.now()
        horizon = now - timedelta(seconds=self._settings.settle_s)
        if sweep:
            # Of what the last one has seen, too: we may have been down for longer than a sweep is long.
            swept_to = min(horizon, self._state.swept_to() or horizon)
            self._state.jobs.start_sweep(Window(swept_to - timedelta(days=self._settings.sweep_days), horizon))
        if backfill:
            end = max(min(backfill.end, now), backfill.start)
            self._state.jobs.start(JobKind.BACKFILL, Window(backfill.start, end))
        if self._is_paused():
            return self._finish(now, listing_works=False)
        if not self._try(self._check_id_key):
            return self._finish(now, listing_works=False)
        listing_works = self._may_ask(now) and self._try(lambda: self._newest(horizon))
        self._try(lambda: self._publish_due(DUE_PER_POLL if listing_works else DUE_WHILE_DOWN))
        self._try(self._ask_what_expired)
        if listing_works:
            self._try(self._jobs)
        return self._finish(now, listing_works)

    # -- the parts

    def _check_id_key(self) -> None:
        """Nothing is published under a key that is not the ledger's (ADR 0026)."""
        self._id_key.ids(first_use=True)

    def _newest(self, horizon: datetime) -> None:
        """Read the newest calls. While the ceiling is reached, only ask for one page, to see that listing works."""
        if not self._today.is_reached:
            self._regular(horizon)
            return
        with suppress(Drifted):
            next(self._provider.list_window(Window(horizon - self._provider.unit, horizon), may_be_wide=True), None)

    def _regular(self, horizon: datetime) -> None:
        """Read from the checkpoint, less the look-back, to the horizon. The checkpoint follows what was read whole."""
        lookback = timedelta(seconds=self._settings.lookback_s)
        checkpoint = self._state.checkpoint()
        if checkpoint is None:  # kept at once, so that a first poll that fails loses nothing
            checkpoint = self._first_from(horizon)
            self._state.begin(checkpoint, min(checkpoint, horizon) - lookback)
        start = min(checkpoint, horizon) - lookback
        pending: list[Hole] = []
        read_to = None
        for outcome in self._read(Window(start, horizon), self._take):
            read_to = outcome.window.end
            self._result.caught_up = read_to >= horizon
            if isinstance(outcome, Hole):
                pending.append(outcome)
                continue
            # What comes after can be read, so the holes are no outage: they are counted from now on.
            pending = [hole for hole in pending if not self._given_up(hole)]
            if not pending and read_to > checkpoint:
                self._state.advance(read_to)
        if pending:
            self._result.trouble = f"cannot read {pending[0].window}: {pending[0].error}"
        elif read_to is None:
            self._result.trouble = f"cannot read so much as a part of {Window(start, horizon)} in the time of a poll"

    def _publish_due(self, limit: int) -> None:
        self._publisher.publish_due(self._ledger.due(self._source.name, limit))

    def _ask_what_expired(self) -> None:
        """Ask the copier about stored audio that may have expired. Needs no provider, so its trouble is no reason to
        wait."""
        stored = self._expiry.to_ask(self._source.name, EXPIRED_PER_POLL)
        self._publisher.publish_stored(stored, self._expiry.asked)

    def _jobs(self) -> None:
        for job in self._state.jobs.due():
            if self._may_run(job) and not self._run(job):
                return  # the time is over: a gap would be put off by a day unread

    def _may_run(self, job: Job) -> bool:
        """Jobs wait for the newest calls to be read. At the ceiling those stay unread, and only what an operator asked
        for goes on."""
        if self._today.is_reached:
            return job.kind is JobKind.BACKFILL
        return self._result.caught_up

    def _run(self, job: Job) -> bool:
        """Work on one job. Returns whether it has come to its end, by this poll or by another one meanwhile."""
        if job.kind is JobKind.GAP:
            return self._run_gap(job)
        again = job.again
        for outcome in self._read(job.rest, self._publish if job.kind is JobKind.BACKFILL else self._take):
            if isinstance(outcome, Hole):
                self._open_gap(outcome)
            if outcome.window.end >= job.window.end:
                self._state.note_read(job.window)
                if job.kind is JobKind.SWEEP:
                    self._state.note(swept_to=iso(job.window.end))
            job = self._state.jobs.progress(job, outcome.window.end)
            if job.done or job.again != again:
                return True
        return False

    def _run_gap(self, job: Job) -> bool:
        """Read what can be read of a gap now. The job moves up to what still fails, and ends when nothing does.

        Returns whether the gap was read to its end, readable or not.
        """
        self._state.jobs.postpone(job, GAP_RETRY)
        read_to, whole = job.position, True
        for outcome in self._read(job.rest, self._take):
            read_to, whole = outcome.window.end, whole and isinstance(outcome, ReadWindow)
            if whole:
                job = self._state.jobs.progress(job, read_to)
        return read_to >= job.window.end

    # -- helpers

    def _read(self, window: Window, take: TakePage) -> Iterator[ReadWindow | Hole]:
        rows = self._provider.rows_per_window
        return read_forward(
            self._provider, window, take, rows_per_window=rows, clock=self._clock, until_s=self._until_s
        )

    def _take(self, page: Page) -> None:
        """Publish what a page holds, up to the ceiling. Raises CeilingReached where it is reached."""
        self._publish(page, self._admit)
        if self._today.is_reached:
            raise CeilingReached(str(self._today))

    def _admit(self, number: int) -> int:
        admitted, self._today = self._ceiling.admit(number)
        return admitted

    def _publish(self, page: Page, admit: Callable[[int], int] = without_ceiling) -> None:
        """Publish what a page holds, as far as the source's rules want it."""
        if page.bad:  # one line for all of them: a page may have thousands
            self._result.bad_records += len(page.bad)
            reasons = Counter(bad.why for bad in page.bad).most_common(REASONS_LOGGED)
            why = "; ".join(f"{why} ({records})" for why, records in reasons)
            log.warning("a listed record is unusable", source=self._source.name, records=len(page.bad), why=why)
        first = first_kept_day(self._clock.now(), self._settings.row_retention_days)
        kept = page.recordings if first is None else [one for one in page.recordings if one.call_date >= first]
        wanted = self._source.rules.wanted(kept)
        self._result.excluded += len(page.recordings) - len(wanted)
        self._publisher.publish_listed(wanted, self._id_key.ids(), admit)

    def _given_up(self, hole: Hole) -> bool:
        """Whether a hole has existed for so long that it is a gap, which the checkpoint may pass."""
        now = self._clock.now()
        since = self._state.hole_since(hole.window, now)
        if now - since < timedelta(seconds=self._settings.gap_after_s):
            return False
        self._open_gap(hole)
        return True

    def _open_gap(self, hole: Hole) -> None:
        if not self._state.jobs.start_gap(hole.window, GAP_RETRY):
            return
        self._result.gaps += 1
        log.error(
            "GAP: a window cannot be read; it is tried again daily, later calls flow",
            source=self._source.name,
            window=str(hole.window),
            error=str(hole.error),
        )

    def _is_in_time(self) -> bool:
        return self._clock.monotonic() < self._until_s

    def _first_from(self, horizon: datetime) -> datetime:
        if not self._settings.first_poll_from:
            return horizon
        first = datetime.fromisoformat(self._settings.first_poll_from)
        return first if first.tzinfo else first.replace(tzinfo=self._source.zone).astimezone(UTC)

    def _is_paused(self) -> bool:
        since = self._state.paused_since()
        if since is None:
            return False
        self._result.trouble = f"{PAUSED} since {iso(since)}"
        return True

    def _may_ask(self, now: datetime) -> bool:
        quiet_until = self._state.quiet_until()
        if quiet_until is None or quiet_until <= now:
            return True
        self._result.trouble = f"{Reason.RATE_LIMITED}: the provider asked for no request before {iso(quiet_until)}"
        return False

    def _try(self, part: Callable[[], None]) -> bool:
        try:
            part()
        except CeilingReached:
            return True
        except SecretEmpty as error:
            self._result.trouble = f"secret_empty: {error}"
            self._result.is_well = "last_ok_at" not in self._state.facts()
            return False
        except KeyRefused as error:
            self._result.trouble = f"key_refused: {error}"
            return False
        except StepFailed as error:
            self._result.trouble = f"{error.reason}: {error.detail}"
            if error.retry_after_s:
                wait = timedelta(seconds=min(error.retry_after_s, RETRY_AFTER_MAX_S))
                self._state.note(quiet_until=iso(self._clock.now() + wait))
            return False
        return True

    def _finish(self, now: datetime, listing_works: bool) -> PollResult:
        result, counts = self._result, self._publisher.counts
        result.listed = counts.listed + result.excluded
        result.published, result.republished = counts.new, counts.due
        result.collisions, result.shortened, result.too_long = counts.collisions, counts.shortened, len(counts.too_long)
        result.is_well = result.is_well or listing_works
        result.is_ceiling_reached = self._today.is_reached
        if result.is_ceiling_reached:
            result.trouble = "; ".join(filter(None, (result.trouble, str(self._today))))
        result.gaps_unfinished = self._state.jobs.unfinished_gaps()
        result.notes += [f"{id}: its record is longer than a message may be" for id in counts.too_long]
        result.jobs_due = len(self._state.jobs.due())
        self._state.note(
            last_poll_at=iso(now), trouble=result.trouble, **({"last_ok_at": iso(now)} if listing_works else {})
        )
        checkpoint = self._state.checkpoint()
        result.checkpoint_lag_s = (now - checkpoint).total_seconds() if checkpoint else None
        return result
