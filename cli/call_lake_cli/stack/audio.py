"""A recording's audio, as commands hand it out: which object it is, its bytes, the name of its file, and the line in
the access log."""

import hashlib
import re
from collections.abc import Iterator
from typing import BinaryIO
from zoneinfo import ZoneInfo

from call_lake.bucket.access_log import AccessLog
from call_lake.ledger.entry import Entry, State
from call_lake.model.recording import StoredAudio
from call_lake.wiring.operator import CLOCK
from call_lake_cli.commands.show import where_it_waits
from call_lake_cli.console.errors import NothingMatched, UserError
from call_lake_cli.stack.calls import zone_of_source
from call_lake_cli.stack.handle import Stack
from call_lake_cli.stack.version import this_version

CHUNK_BYTES = 4 * 1024 * 1024
EXTENSION = re.compile(r"[a-z0-9]{1,8}")


def program() -> str:
    """What hands audio out, for the access log and for an export's cover sheet."""
    return f"call-lake {this_version()}"


def access_log_of(stack: Stack) -> AccessLog:
    """Write a line of it before any audio is handed out."""
    return AccessLog(stack.store, CLOCK, stack.caller(), program())


def stored_audio(stack: Stack, name: str, found: list[Entry]) -> tuple[Entry, StoredAudio]:
    """The one recording that was found under a name, and its audio. Raises NothingMatched for none, UserError for
    several, or for one without audio."""
    if not found:
        raise NothingMatched(
            f"the ledger knows no such recording: {name!r} is neither a recording id nor a provider's key"
        )
    if len(found) > 1:
        ids = ", ".join(entry.recording_id for entry in found)
        raise UserError(f"several sources have this key; give one of the recording ids: {ids}")
    entry = found[0]
    if entry.state is not State.STORED or entry.audio is None:
        raise UserError(f"{entry.recording_id} {why_none(stack, entry)}")
    return entry, entry.audio


def why_none(stack: Stack, entry: Entry) -> str:
    """Why a recording has no audio, as the end of a sentence about it."""
    if entry.state is State.EXPIRED:
        return (
            "has expired: its audio was older than AudioRetentionDays, and gone when that was noticed at "
            f"{entry.expired_at}; what it was stays in the table"
        )
    where = where_it_waits(stack.store, entry)
    return f"is {entry.state}: there is no audio" + (f"; it waits {where}" if where else "")


def file_name(stack: Stack, entry: Entry, audio: StoredAudio) -> str:
    """``2026-10-20-100002-thulium-….wav``: sorted by time, without numbers and names, whatever the provider said. The
    extension is what the bytes are."""
    zone = zone_of_source(stack, entry.source) if entry.recording else ZoneInfo("UTC")
    start = entry.recording.started_at.astimezone(zone).strftime("%Y-%m-%d-%H%M%S-") if entry.recording else ""
    extension = audio.facts.format if EXTENSION.fullmatch(audio.facts.format) else "bin"
    return f"{start}{entry.recording_id}.{extension}"


def copy_audio(stack: Stack, audio: StoredAudio, out: BinaryIO) -> None:
    """Write the audio's bytes to ``out``. Raises UserError where the object is gone, or where the bytes are not those
    that were stored: throw away what was written then."""
    digest = hashlib.sha256()
    for chunk in _chunks(stack, audio):
        digest.update(chunk)
        out.write(chunk)
    if digest.hexdigest() != audio.facts.sha256:
        raise UserError(
            f"the bytes of {audio.key} are not those that were stored (SHA-256): nothing was written; "
            "call-lake verify tells more"
        )


def _chunks(stack: Stack, audio: StoredAudio) -> Iterator[bytes]:
    for start in range(0, audio.facts.bytes, CHUNK_BYTES):
        try:
            chunk = stack.store.get_range(audio.key, start, min(CHUNK_BYTES, audio.facts.bytes - start))
        except KeyError:
            raise UserError(
                f"the object {audio.key} is gone: it has expired, or somebody deleted it; call-lake verify --repair "
                "fetches it again, if the provider still has it"
            ) from None
        if not chunk:
            return  # it is shorter than the ledger says
        yield chunk
