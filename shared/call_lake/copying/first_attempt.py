"""Whether an attempt at a recording is certainly the first (ADR 0048). Then no audio can be stored yet, and S3 need not
be asked for it.
"""

from datetime import datetime, timedelta

from call_lake.ledger.entry import Entry, State
from call_lake.model.times import iso

CLOCKS_DIFFER = timedelta(days=1)
"""So much may be wrong with the start of a call, as a provider lists it."""


def is_first(entry: Entry, receive_count: int, ledger_since: datetime, now: datetime) -> bool:
    """Whether the ledger proves that the recording was never tried before.

    The poller made the item and sent one message, which is delivered for the first time. No attempt has ended. An
    attempt under an earlier ledger, which was lost, could only have been at a call that began before this one was made.
    """
    recording = entry.recording
    if recording is None or entry.is_claimed or entry.state is not State.PUBLISHED:
        return False
    if receive_count != 1 or entry.history or entry.marks:
        return False
    is_published_once = entry.published_at == entry.first_published_at and (entry.due_at or "") > iso(now)
    return is_published_once and ledger_since + CLOCKS_DIFFER <= recording.started_at <= now
