"""What a whole body is: its format, and whether it is complete (rule 12)."""

from collections.abc import Collection

from call_lake.audio.header import HEAD_BYTES, read_header
from call_lake.audio.sniff import sniff
from call_lake.audio.spool import Spooled
from call_lake.errors import Reason, Transient
from call_lake.model.recording import AudioFacts

SETTLED_S = 300.0
"""A file whose length has not changed for so long is not being written any more."""


def inspect(body: Spooled, content_type: str | None = None, seen: Collection[str] = ()) -> AudioFacts:
    """What the bytes are. ``content_type`` is the provider's word: named in errors, never believed. ``seen``: what
    earlier attempts said of this body, SETTLED_S ago or longer.

    Some encoders never mark the end of an OGG, so one without the mark is taken once it has ceased to grow.

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
