"""Inspect a whole body: what format it is, and whether it is complete (rule 12)."""

from collections.abc import Collection

from call_lake.audio.header import HEAD_BYTES, read_header
from call_lake.audio.mpeg import tag_bytes
from call_lake.audio.sniff import sniff
from call_lake.audio.spool import Spooled
from call_lake.errors import Reason, Transient
from call_lake.model.recording import AudioFacts

SETTLED_S = 300.0
"""A file whose length has not changed for so long is no longer being written."""
SHORTER_THAN_HEADER = "shorter_than_header"
"""``audio_note`` of audio whose header promises more than there is, and was overruled (ADR 0020)."""
MAX_TAGS = 10


def inspect(
    body: Spooled, content_type: str | None = None, seen: Collection[str] = (), *, overrules_header: bool = False
) -> AudioFacts:
    """What the bytes are. ``content_type``: what the provider says; it is named in errors and never believed.
    ``seen``: the errors of attempts of SETTLED_S ago or longer at this body. ``overrules_header``: whether it is proven
    that the provider has no more than this (``copying/fetcher.py``).

    Some encoders never mark the end of an OGG. One without the mark is accepted once it has stopped growing.

    Raises NotReady (EMPTY, HEADER_ONLY, UNFINISHED, HTML, JSON), Transient(TRUNCATED), Terminal (ENCRYPTED, NOT_AUDIO).
    """
    start, head = _behind_tags(body)
    kind = sniff(head, content_type, has_tag=start > 0) if head or not start else "mp3"
    header = read_header(kind, body.file, body.size, start)
    if header.missing and not overrules_header:
        raise Transient(Reason.TRUNCATED, header.missing, sha256=body.sha256)
    unfinished = f"the {kind} is not marked as finished, and may still grow ({body.size} bytes)"
    if not header.missing and not header.is_finished and unfinished not in seen:
        raise Transient(Reason.TRUNCATED, unfinished, retry_after_s=SETTLED_S)
    note = SHORTER_THAN_HEADER if header.missing else None
    return AudioFacts(kind, body.size, body.sha256, header.channels, header.sample_rate, header.seconds, note)


def _behind_tags(body: Spooled) -> tuple[int, bytes]:
    """Where the tags before the audio end, and the first HEAD_BYTES from there."""
    start, head = 0, b""
    for _ in range(MAX_TAGS):
        body.file.seek(start)
        head = body.file.read(HEAD_BYTES)
        tag = tag_bytes(head)
        if not tag:
            break
        start += tag
    return start, head
