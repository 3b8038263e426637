"""Shorten a record that is too long for a message: leave out its longest values, and copy its recording all the same.

What is left of the record goes into message, ledger and row alike, so that none of them differs from the others.
"""

import json
from collections.abc import Iterator, Set
from dataclasses import replace
from typing import Any

from call_lake.model import json_values
from call_lake.model.messages import message_of
from call_lake.model.recording import Recording

MESSAGE_MAX_BYTES = 250_000  # every queue takes 256 KiB (262,144), new ones more: call_lake/aws/messages.py
SHORT_BYTES = 150_000
"""Of a message whose record was cut. The ledger's item holds what the message holds, the connection id once more, and
20 failures: less than DynamoDB's 400 KB, however long the connection id is
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html)."""
LEFT_OUT = "call_lake_left_out"
"""In ``raw``: how many values were left out of it. A record without it is whole."""
NAME_LENGTH = 1_000  # a longer key or connection id may be left out like any value
MARK_BYTES = 100  # more than LEFT_OUT takes in a message


def shortened(recording: Recording) -> Recording | None:
    """The recording with as much of its record as fits into a message; None where its other fields alone are too long.

    Leaves out the longest values one after another, but never the key or the connection id, for the download may need
    them. An object is not a value, but what is in it is. A list is one value.
    """
    try:
        record = json_values.parse(recording.raw.encode())
    except ValueError:
        return None
    if not isinstance(record, dict):
        return None
    too_many = len(message_of(recording)) - SHORT_BYTES + MARK_BYTES
    names = (json_values.text(recording.provider_key), recording.connection_id)
    known_by = {name for name in names if name is not None and len(name) <= NAME_LENGTH}
    values, left_out = sorted(_values(record, known_by), key=lambda value: value[0]), 0
    while too_many > 0 and values:
        length, holder, name = values.pop()
        del holder[name]
        too_many, left_out = too_many - length, left_out + 1
    short = replace(recording, raw=json_values.compact(record | {LEFT_OUT: left_out}))
    return short if len(message_of(short)) <= SHORT_BYTES else None


def _values(record: dict[str, Any], known_by: Set[str]) -> Iterator[tuple[int, dict[str, Any], str]]:
    """Each value that may be left out: its bytes in a message, the object that holds it, and its name there."""
    objects = [record]
    while objects:
        holder = objects.pop()
        for name, value in holder.items():
            if isinstance(value, dict):
                objects.append(value)
            elif json_values.text(value) not in known_by:
                # As it is written there: JSON within JSON, so that a quote takes four bytes and an emoji twelve.
                yield len(json.dumps(json_values.compact(value))) - len('""'), holder, name
