"""``call-lake get``: download one recording's audio, and play it."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import botocore.exceptions
import typer

from call_lake.ledger.entry import Entry, State
from call_lake.model.recording import StoredAudio
from call_lake.wiring.operator import ids_of, ledger_of
from call_lake_cli.commands.show import find_entries, where_it_waits
from call_lake_cli.console.errors import NothingMatched, UserError, err, explained
from call_lake_cli.console.options import StackName
from call_lake_cli.console.output import print_line
from call_lake_cli.stack.handle import Stack, find_stack

CHUNK_BYTES = 1024 * 1024


def get(
    name: Annotated[
        str, typer.Argument(metavar="RECORDING_ID|PROVIDER_KEY", help="A recording id, or the provider's own key.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--folder", "-o", help="Folder or file to write; without it RECORDING_ID.EXTENSION in this folder."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that exists.")] = False,
    play: Annotated[bool, typer.Option("--play", help="Then open it with this machine's player.")] = False,
    stack: StackName = None,
) -> None:
    """Download one recording's audio, checked against its SHA-256. Prints the file's name.

    Examples:
      call-lake get thulium-0123456789abcdef0123456789abcdef
      call-lake get thulium-0123456789abcdef0123456789abcdef --play
    """
    with explained():
        here = find_stack(stack)
        audio = stored_audio(here, find_entries(ledger_of(here), list(here.sources), name, partial(ids_of, here)))
        file = target_of(audio, output)
        save(chunks_of(here, audio), audio, file, force=force)
        if misnamed(audio, file):
            err.print(f"the bytes are {audio.facts.format}, whatever the name {file} says")
        print_line(str(file))
        if play and typer.launch(str(file)) != 0:
            raise UserError(f"no player opened {file}; the file is there")


def stored_audio(stack: Stack, found: list[Entry]) -> StoredAudio:
    """The audio of the one recording that was found. Raises UserError for none, several, or one without audio."""
    if not found:
        raise NothingMatched("the ledger knows no such recording, neither as a recording id nor as a provider's key")
    if len(found) > 1:
        ids = ", ".join(entry.recording_id for entry in found)
        raise UserError(f"several sources have this key; give one of the recording ids: {ids}")
    entry = found[0]
    if entry.state is State.EXPIRED:
        raise UserError(
            f"the audio of {entry.recording_id} has expired: it was older than AudioRetentionDays, and gone when that "
            f"was noticed at {entry.expired_at}; what it was stays in the table"
        )
    if entry.state is not State.STORED or entry.audio is None:
        where = where_it_waits(stack.store, entry)
        waits = f"; it waits {where}" if where else ""
        raise UserError(f"{entry.recording_id} is {entry.state}: there is no audio{waits}")
    return entry.audio


def target_of(audio: StoredAudio, output: Path | None) -> Path:
    """Where the file goes. The extension is what the bytes are, whatever the provider's name says."""
    name = audio.key.rpartition("/")[2]
    if output is None:
        return Path(name)
    return output / name if output.is_dir() else output


def misnamed(audio: StoredAudio, file: Path) -> bool:
    """Whether the file name's extension, if it has one, differs from the format of the bytes."""
    return bool(file.suffix) and file.suffix.lower() != f".{audio.facts.format}"


def chunks_of(stack: Stack, audio: StoredAudio) -> Iterator[bytes]:
    """Raises UserError where the object is gone."""
    try:
        body = stack.client("s3").get_object(Bucket=audio.bucket, Key=audio.key)["Body"]
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] not in ("NoSuchKey", "404"):
            raise
        raise UserError(
            f"the object {audio.key} is gone: it has expired, or somebody deleted it; call-lake verify --repair "
            "fetches it again, if the provider still has it"
        ) from None
    chunks: Iterator[bytes] = body.iter_chunks(CHUNK_BYTES)
    return chunks


def save(chunks: Iterator[bytes], audio: StoredAudio, file: Path, *, force: bool) -> None:
    """Write the whole file or nothing: into a temporary file, renamed once the SHA-256 is right. Raises UserError.

    Only this user may read it, as it is somebody's voice.
    """
    if file.exists() and not force:
        raise UserError(f"{file} exists already: --force writes over it, -o chooses another")
    try:
        handle, partial = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name[:100]}.")
        try:
            with os.fdopen(handle, "wb") as out:
                _copy(chunks, out, audio)
            if not force:
                os.close(os.open(file, os.O_CREAT | os.O_EXCL))  # not over a file that somebody made meanwhile
            Path(partial).replace(file)
        finally:
            Path(partial).unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {file}: {error.strerror}; -o chooses another place") from None


def _copy(chunks: Iterator[bytes], out: Any, audio: StoredAudio) -> None:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
        out.write(chunk)
    if digest.hexdigest() != audio.facts.sha256:
        raise UserError(
            f"the bytes of {audio.key} are not those that were stored (SHA-256): nothing was written; "
            "call-lake verify tells more"
        )
