"""List a source again, and find out which of its recordings the ledger knows (``call-lake verify``)."""

import math
from collections.abc import Callable, Sequence
from datetime import date, datetime

from call_lake.errors import SecretEmpty, StepFailed
from call_lake.ledger.entry import day_of
from call_lake.ledger.identity import under_its_own_id
from call_lake.ledger.ledger import Ledger
from call_lake.ledger.source_state import ReadTimes, SourceState
from call_lake.model.recording import Recording
from call_lake.model.recording_ids import RecordingIds
from call_lake.model.times import iso
from call_lake.model.windows import Window
from call_lake.operations.days import Days
from call_lake.operations.verify.findings import Finding, Kind
from call_lake.polling.window_reader import Hole, read_forward
from call_lake.ports import Clock, Page, Provider
from call_lake.settings import SourceSettings

type VerifyProgress = Callable[[str, float, float], None]
"""Called at each step with what it is, how far it is, and of how much."""


class SourceListing:
    """What a source lists for some days. ``known``: ids of the recordings that the ledger has too, with the ledger's
    call date. ``unknown``: recordings that the ledger does not have. ``is_complete``: the whole window could be
    read."""

    def __init__(
        self,
        settings: SourceSettings,
        provider: Provider,
        ledger: Ledger,
        clock: Clock,
        days: Days,
        ids: RecordingIds,
    ) -> None:
        self.known: dict[str, date] = {}
        self.unknown: dict[str, Recording] = {}
        self._unusable: dict[str, str] = {}
        self._unread: list[tuple[Window, Exception]] = []
        self._settings = settings
        self._provider = provider
        self._ledger = ledger
        self._clock = clock
        self._days = days
        self._ids = ids

    @property
    def is_complete(self) -> bool:
        return not self._unread

    def read(self, on_progress: VerifyProgress) -> None:
        """List the days. What cannot be listed, and records that are not recordings, become findings."""
        window = self._days.window(self._settings.zone)
        target = self._provider.rows_per_window
        position = window.start
        try:
            for outcome in read_forward(
                self._provider, window, self._take, rows_per_window=target, clock=self._clock, until_s=math.inf
            ):
                position = outcome.window.end
                on_progress("listing", (position - window.start).total_seconds(), window.width.total_seconds())
                if isinstance(outcome, Hole):
                    self._unread.append((outcome.window, outcome.error))
        except (SecretEmpty, StepFailed) as error:
            self._unread.append((Window(position, window.end), error))

    def findings(self, *, is_used: bool) -> list[Finding]:
        """What the listing alone shows. ``is_used``: the ledger knows recordings of this source, so that an empty
        secret is a difference."""
        source = self._settings.name
        found = []
        for window, error in self._unread:
            if isinstance(error, SecretEmpty) and not is_used:
                found.append(Finding(source, Kind.UNUSED, "its secret is empty, so nothing was listed"))
            else:
                found.append(Finding(source, Kind.UNREADABLE, f"cannot list {window}", str(error), group=str(error)))
        what = "a listed record is no recording"
        found += [Finding(source, Kind.UNUSABLE, what, why, group=why) for why in self._unusable.values()]
        if not self.unknown:
            return found
        state = SourceState(self._ledger.table, self._clock, source)
        checkpoint, times = state.checkpoint(), state.read_times()
        return found + [_unknown(recording, checkpoint, times) for recording in self.unknown.values()]

    # -- one page

    def _take(self, page: Page) -> None:
        self._unusable |= {bad.raw: bad.why for bad in page.bad}
        self._identify([self._ids.identified(one) for one in page.recordings])

    def _identify(self, recordings: Sequence[Recording]) -> None:
        """Sort recordings into known and unknown. A known key with another connection id is another one (rule 6)."""
        items = self._ledger.table.get_many([recording.recording_id for recording in recordings])
        collisions = []
        for recording in recordings:
            id = recording.recording_id
            item, other = items.get(id), self.unknown.get(id)
            if item is None and other is None:
                if self._belongs(recording, recording.call_date) and self._settings.rules.wanted([recording]):
                    self.unknown[id] = recording
                continue
            connection = item.get("connection_id") if item else other.connection_id if other else None
            if collision := under_its_own_id(connection, recording):
                collisions.append(collision)
            elif item and self._belongs(recording, day := day_of(item) or recording.call_date):
                self.known[id] = day
        if collisions:
            self._identify(collisions)

    def _belongs(self, recording: Recording, day: date) -> bool:
        """Whether it was called or listed on one of the days: one date alone does not exclude a recording (rule 4)."""
        listed_at = recording.listed_at
        return day in self._days or listed_at is None or listed_at.astimezone(self._settings.zone).date() in self._days


def _unknown(recording: Recording, checkpoint: datetime | None, times: ReadTimes) -> Finding:
    kind = Kind.UNKNOWN
    if checkpoint is None:
        cause = "its source was never polled"
    elif recording.listed_at is not None and not times.has(recording.listed_at):
        kind, cause = Kind.BEFORE_FIRST, f"polls began at {times.polled_from}: only a backfill reads what is older"
    elif recording.listed_at is not None and recording.listed_at > checkpoint:
        kind, cause = Kind.ON_ITS_WAY, f"the checkpoint is at {iso(checkpoint)}, before it was listed: a poll takes it"
    else:
        cause = f"the checkpoint, at {iso(checkpoint)}, has passed it: listed too late, or its item is lost"
    what = "the provider lists it, the ledger does not have it"
    return Finding(recording.source, kind, what, cause, recording.recording_id, recording.call_date, group=cause)
