"""File the proof of an erasure: in a file, and in the bucket. No failure here undoes or hides what was erased."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore.exceptions

from call_lake.errors import CallLakeError
from call_lake.plain_text import json_text
from call_lake.ports import PreconditionFailed, WriteConflict
from call_lake.wiring.operator import CLOCK, ids_of
from call_lake_cli.console.errors import UsageError, UserError, err
from call_lake_cli.stack.handle import Stack
from call_lake_cli.stack.version import this_version

if TYPE_CHECKING:  # pyarrow takes longer to load than most commands to run
    from call_lake.operations.erase.eraser import ErasureReport
    from call_lake.operations.erase.proofs import Stamp
    from call_lake.operations.erase.targets import Target

FAILURES = (
    CallLakeError,
    PreconditionFailed,
    WriteConflict,
    botocore.exceptions.BotoCoreError,
    botocore.exceptions.ClientError,
)


def must_be_writable(file: Path | None) -> None:
    """Raises UsageError for a file that the proof cannot be written to, before anything is erased."""
    if file is None:
        return
    if file.exists():
        raise UsageError(f"--proof {file}: it exists, and a proof overwrites nothing; nothing was erased")
    if not file.parent.is_dir():
        raise UsageError(f"--proof {file}: there is no folder {file.parent}; nothing was erased")


def stamp_of(stack: Stack, report: "ErasureReport", reference: str | None) -> "Stamp":
    """Where the erasure runs, who runs it, and whom it is about. What cannot be found out is said on stderr."""
    from call_lake.operations.erase.proofs import Stamp, people_of

    by, people = "unknown", None
    try:
        by = stack.caller()
    except FAILURES as error:
        err.print(f"the proof does not say who erased: {error}")
    try:
        people = people_of(report, ids_of(stack))
    except FAILURES as error:
        err.print(f"the proof does not say whom it is about, and no later erasure will find it: {error}")
    account = by.split(":")[4] if by.startswith("arn:") else "unknown"
    region = str(stack.client("s3").meta.region_name)
    return Stamp(stack.name, "local" if stack.local else account, region, this_version(), by, reference, people)


def earlier_proofs(stack: Stack, stamp: "Stamp") -> list[dict[str, Any]]:
    """The proofs in the bucket that are about the same people, oldest first."""
    from call_lake.operations.erase.proofs import Proofs

    try:
        return Proofs(stack.store, CLOCK).about(stamp.people or ())
    except FAILURES as error:
        err.print(f"earlier proofs could not be read: {error}")
        return []


def kept_targets(stack: Stack) -> "frozenset[Target]":
    """The recordings of all proofs in the bucket."""
    from call_lake.operations.erase.proofs import Proofs

    return Proofs(stack.store, CLOCK).targets()


def keep(stack: Stack, proof: dict[str, Any], file: Path | None) -> str | None:
    """Write the proof to the file and to the bucket. Return its key there, or None where S3 does not take it. Raises
    UserError where the file cannot be written."""
    from call_lake.operations.erase.proofs import Proofs

    key = None
    try:
        key = Proofs(stack.store, CLOCK).keep(proof)
    except FAILURES as error:
        err.print(f"no copy of the proof is in the bucket: {error}; what was erased is erased")
        if file is None:
            err.print(json_text(proof, err.encoding))
    write(proof, file)
    return key


def write(proof: dict[str, Any], file: Path | None) -> None:
    """Raises UserError."""
    if file is None:
        return
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(json_text(proof, "utf-8", indent=2) + "\n")
    except OSError as error:
        err.print(json_text(proof, err.encoding))
        raise UserError(
            f"--proof {file}: {error.strerror}; what was erased is erased, and the proof is printed above"
        ) from None
