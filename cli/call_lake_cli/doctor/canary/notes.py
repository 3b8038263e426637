"""The note of a canary: an object that says which day has invented rows. It is written before the first row and deleted
after the last one. So the rows of a canary that was killed, or whose machine went down, are found again."""

from collections.abc import Iterator
from datetime import timedelta

from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import Partition
from call_lake.ports import Clock, ObjectStore, PreconditionFailed, WriteConflict
from call_lake_cli.console.errors import UserError
from call_lake_cli.doctor.checks import Check, warn

NAME = "canary"
LONGEST = timedelta(hours=1)
"""A canary takes minutes. After an hour even one whose every query ran into its time limit has ended."""
TEXT = b'{"what": "call-lake doctor --canary writes invented rows to this day, and removes them with this note"}\n'


def leave_note(store: ObjectStore, partition: Partition) -> None:
    """Raises UserError where another canary has just begun on this day."""
    try:
        store.put(CALLS.at(partition).canary_note, TEXT, if_none_match=True, content_type="application/json")
    except (PreconditionFailed, WriteConflict):
        raise UserError(f"another canary has just begun on {partition}: wait until it ends") from None


def notes(store: ObjectStore, clock: Clock) -> Iterator[tuple[Partition, bool]]:
    """The days that canaries noted, each with whether its canary may still run."""
    for info in store.list(CALLS.canary):
        if partition := Partition.of_key(info.key, CALLS.canary):
            yield partition, clock.now() - info.last_modified < LONGEST


def leftovers(store: ObjectStore, clock: Clock) -> Iterator[Check]:
    """Has a canary that was killed left invented rows?"""
    for partition, may_run in notes(store, clock):
        if may_run:
            found = f"one began on {partition} less than an hour ago and has not ended"
            yield warn(NAME, found, "wait until it ends; if it was killed: call-lake doctor --canary, in an hour")
        else:
            found = f"one was killed and left invented rows on {partition}"
            yield warn(NAME, found, "call-lake doctor --canary removes them")
