"""Inspect a whole body: what format it is, and whether it is complete (rule 12)."""

from collections.abc import Collection

from call_lake.audio.header import HEAD_BYTES, read_header
from call_lake.audio.sniff import sniff
from call_lake.audio.spool import Spooled
from call_lake.errors import Reason, Transient
from call_lake.model.recording import AudioFacts

SETTLED_S = 300.0
"""A file whose length has not changed for so long is no longer being written."""


def inspect(body: Spooled, content_type: str | None = None, seen: Collection[str] = ()) -> AudioFacts:
    """What the bytes are. ``content_type``: what the provider says; it is named in errors and never believed.
    ``seen``: the errors of attempts of SETTLED_S ago or longer at this body.

    Some encoders never mark the end of an OGG. One without the mark is accepted once it has stopped growing.

    Raises NotReady (EMPTY, HEADER_ONLY, HTML, JSON), Transient(TRUNCATED), Terminal (ENCRYPTED, NOT_AUDIO).
    """
    body.file.seek(0)
    head = body.file.read(HEAD_BYTES)
    kind = sniff(head, content_type)
    header = read_header(kind, body.file, body.size, head)
    unfinished = f"the {kind} is not marked as finished, and may still grow ({body.size} bytes)"
    if not header.is_finished and unfinished not in seen:
        raise Transient(Reason.TRUNCATED, unfinished, retry_after_s=SETTLED_S)
    return AudioFacts(kind, body.size, body.sha256, header.channels, header.sample_rate, header.seconds)
