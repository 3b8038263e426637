"""Which recordings may have killed the function that copied them, and what is done about them (ADR 0024).

A dead function gives no verdict, so its whole batch comes again. The receive count only makes a *suspect*: a pause or
an empty secret raises it, too. A suspect is tried alone, after a mark in the ledger. So a mark that stays accuses one
recording.
"""

from datetime import datetime, timedelta

from call_lake.errors import Reason, StepFailed, Terminal, Transient
from call_lake.ledger.entry import Entry
from call_lake.model.times import parse_iso

MARKS_MAX = 3
ALONE_S = 60.0  # no suspect begins with less time left: the function's end would be taken for its own
LONGEST_RUN = timedelta(minutes=15)
"""No function runs longer: https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html"""


def is_suspect(entry: Entry, receive_count: int) -> bool:
    """Whether its message was delivered before without a counted attempt, or an attempt has killed its function."""
    if entry.marks or entry.reason == Reason.POISON:  # sent again by ``redrive``
        return True
    counted = sum(entry.published_at is None or parse_iso(note["at"]) >= entry.published_at for note in entry.history)
    return receive_count - 1 > counted


def objection(entry: Entry, now: datetime) -> StepFailed | None:
    """Why a marked recording is not downloaded now: the last attempt may still run, or there were MARKS_MAX."""
    if not entry.marks:
        return None
    if now - parse_iso(entry.history[-1]["at"]) < LONGEST_RUN:
        return Transient(Reason.BUSY, "its last attempt may still run")
    if entry.marks < MARKS_MAX:
        return None
    return Terminal(
        Reason.POISON,
        f"the copier died in {entry.marks} attempts at this recording alone: out of memory or time, or crashed. The "
        "copier's log of these times says how. It is not tried again until you type "
        f"`call-lake redrive --reason {Reason.POISON}`",
    )
