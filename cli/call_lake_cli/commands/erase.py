"""``call-lake erase``: delete everything that is stored of a caller, an agent or a recording, and prove it."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress

from call_lake.ports import HIDDEN_S
from call_lake.wiring.operator import CLOCK, compactor_settings, dead_letters_of, ledger_of, transcriptions_of
from call_lake_cli.console.errors import UserError, err, explained, say
from call_lake_cli.console.options import AsJson, StackName
from call_lake_cli.console.output import Format, print_json, print_rows, progress
from call_lake_cli.stack.handle import Stack, find_stack
from call_lake_cli.stack.version import refuse_other_version

if TYPE_CHECKING:  # pyarrow takes longer to load than most commands to run
    from call_lake.operations.erase.eraser import Eraser, ErasureReport
    from call_lake.operations.erase.targets import Target, Targets

STDIN = "-"


def erase(
    number: Annotated[
        list[str] | None,
        typer.Option(
            "--number", help="Calls from or to this number, exactly as it is stored; - reads them from stdin."
        ),
    ] = None,
    agent: Annotated[
        list[str] | None,
        typer.Option("--agent", help="Calls of this agent, exactly as the name is stored; - reads them from stdin."),
    ] = None,
    recording_id: Annotated[list[str] | None, typer.Option("--recording-id", help="This recording.")] = None,
    proof: Annotated[
        list[Path] | None,
        typer.Option(
            "--proof", help="What an earlier erasure printed with --json: erase its recordings again, after a restore."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be erased, and where it is; change nothing.")
    ] = False,
    now: Annotated[
        bool, typer.Option("--now", help="Do not wait half an hour for queries that may still read the old files.")
    ] = False,
    json_: AsJson = False,
    stack: StackName = None,
) -> None:
    """Erase recordings permanently: audio, rows, transcripts and every copy. Ends with a proof.

    Options may be repeated; everything that any of them names is erased, and nothing asks again: try --dry-run first.
    If the command is interrupted, type it again: it goes on from there. Exit code 0 means that nothing is left.

    With - a number or a name stays out of the shell's history: one a line, until Ctrl-D.
    """
    from call_lake.operations.erase.targets import ErasureRequest

    with explained():
        given = {"--number": number or [], "--agent": agent or [], "--recording-id": recording_id or []}
        for option, texts in given.items():
            if not all(text.strip() for text in texts):
                raise UserError(f"{option} is blank, which names nobody: give the text as it is stored")
        numbers, agents, ids = map(frozenset, with_stdin(given).values())
        request = ErasureRequest(numbers, agents, ids, read_proofs(proof or []))
        if request == ErasureRequest():
            raise UserError(
                "whom or what to erase? name --number, --agent, --recording-id or --proof, each as often as needed"
            )
        here = find_stack(stack)
        refuse_other_version(here, "erase")
        with progress(BarColumn()) as bar:
            shown = _ProgressBar(bar)
            eraser = _eraser(here, shown.show)
            report = eraser.dry_run(request) if dry_run else eraser.erase(request, None if now else shown.wait)
        _print(report, as_json=json_)
        if not dry_run:
            check(report)


def with_stdin(given: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The texts by option, with the lines of stdin for the one that is ``-``. Raises UserError."""
    asked = [option for option, texts in given.items() if STDIN in texts]
    if len(asked) > 1:
        raise UserError(f"stdin can be read once: give - to {asked[0]} or to {asked[1]}")
    return {
        option: [text for text in texts if text != STDIN] + (read_lines(option) if option in asked else [])
        for option, texts in given.items()
    }


def read_proofs(files: Sequence[Path]) -> "frozenset[Target]":
    """The recordings of these proofs. Raises UserError."""
    from call_lake.operations.erase.targets import NoProof, proved_by

    found: frozenset[Target] = frozenset()
    for file in files:
        try:
            found |= proved_by(file.read_text(encoding="utf-8"))
        except (NoProof, OSError, UnicodeDecodeError) as error:
            raise UserError(f"--proof {file}: {error}; nothing was erased") from None
    return found


def read_lines(option: str) -> list[str]:
    """The lines of stdin that are not blank, each exactly as it is. Raises UserError, which never repeats them."""
    if sys.stdin.isatty():
        err.print(f"{option}: one a line, then Ctrl-D")
    try:
        text = sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{option} - reads UTF-8, and stdin is something else: nothing was erased") from None
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if not any(line.strip() for line in lines):
        raise UserError(f"{option} - found nothing on stdin: nothing was erased")
    return [line for line in lines if line.strip()]


def check(report: "ErasureReport") -> None:
    """Raises UserError for an erasure that is not proven."""
    if report.hits:
        raise UserError(
            f"{report.hits} hits in: {', '.join(name for name, p in report.places.items() if p.hits)}; "
            "type the same command again"
        )
    if report.hidden:
        raise UserError(
            f"{report.hidden} dead letters are hidden, as another reader has just received them, so they were not "
            f"searched. Nothing else is left; type the same command again in {HIDDEN_S // 60} minutes"
        )


def _eraser(stack: Stack, show: Callable[[str], None]) -> "Eraser":
    from call_lake.operations.erase.eraser import Eraser, OtherServices

    services = OtherServices(dead_letters_of(stack), transcriptions_of(stack))
    return Eraser(ledger_of(stack), stack.store, services, CLOCK, compactor_settings(stack).grace_s, show)


class _ProgressBar:
    """Show on stderr what is being done, and how long it still waits."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("searching", total=None)

    def show(self, line: str) -> None:
        self._bar.update(self._task, description=line)

    def wait(self, until: datetime) -> None:
        """Wait in steps of a second, so that a machine that slept notices when the time has come."""
        total_s = (until - CLOCK.now()).total_seconds()
        if total_s <= 0:
            return
        say(
            f"the table does not show them any more; waiting until {until.astimezone(UTC):%H:%M:%S} UTC for queries "
            "that began before. You may interrupt it: the same command goes on from here"
        )
        self._bar.update(self._task, description="waiting", total=total_s)
        while (left_s := (until - CLOCK.now()).total_seconds()) > 0:
            self._bar.update(self._task, completed=total_s - left_s)
            time.sleep(min(1.0, left_s))
        self._bar.update(self._task, total=None)


def _print(report: "ErasureReport", *, as_json: bool) -> None:
    if as_json:
        print_json(report.to_json())
    else:
        recordings = [tuple(target.to_json().values()) for target in report.targets.all]
        print_rows(("recording_id", "source", "call_date", "state before"), recordings, Format.TABLE)
        columns = ("place", "searched", "to delete" if report.dry_run else "left", "hidden")
        print_rows(columns, [(name, p.searched, p.hits, p.hidden) for name, p in report.places.items()], Format.TABLE)
        for place in report.to_json()["not_searched"]:
            err.print(f"not searched: {place}")
    what = "would be erased; nothing was changed" if report.dry_run else "erased"
    err.print(f"{len(report.targets.all)} recordings {what}")
    _print_near(report.targets)


def _print_near(targets: "Targets") -> None:
    for number, recordings in sorted(targets.near.items()):
        err.print(
            f"also stored, and another text: {number} ({recordings} recordings); name it with --number if it is theirs",
        )
