"""Go through the dead-letter queue once: look at every message, delete some, and show the others again."""

from collections.abc import Callable
from contextlib import suppress

from call_lake.errors import Transient
from call_lake.ports import DeadLetter, DeadLetters


def drain(dead: DeadLetters, settle: Callable[[DeadLetter], bool]) -> list[DeadLetter]:
    """Receive every dead letter and call ``settle`` for it. Delete those for which it returns True; return the others.

    SQS hides a received message from other readers for ``HIDDEN_S`` seconds. When this function returns or raises, the
    letters that were not deleted are visible again. Raises what ``settle`` and the queue raise; the letters that were
    deleted by then stay deleted.
    """
    kept: dict[str, DeadLetter] = {}
    seen: set[str] = set()
    try:
        while letters := dead.receive():
            received = {letter.message_id: letter for letter in letters}
            if seen.issuperset(received):  # the first ones are visible again, so all were looked at
                kept |= {id: received[id] for id in kept.keys() & received.keys()}  # the newest receipt counts
                break
            seen |= received.keys()
            kept |= received
            for letter in received.values():
                if settle(letter):
                    dead.delete(letter.receipt_handle)
                    del kept[letter.message_id]
    finally:
        for letter in kept.values():
            with suppress(Transient):  # its receipt is too old, so it is visible already
                dead.release(letter.receipt_handle)
    return list(kept.values())
