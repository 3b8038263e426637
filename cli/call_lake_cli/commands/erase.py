"""``call-lake erase``: delete everything that is stored of a caller, an agent or a recording, and prove it."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, Progress

from call_lake.ports import HIDDEN_S
from call_lake.wiring.operator import CLOCK, compactor_settings, dead_letters_of, ledger_of, transcriptions_of
from call_lake_cli.console.errors import Found, NothingMatched, UsageError, err, explained, say
from call_lake_cli.console.options import AsJson, StackName
from call_lake_cli.console.output import Format, print_json, print_rows, progress
from call_lake_cli.console.words import counted
from call_lake_cli.erasure import filing, question
from call_lake_cli.stack.handle import Stack, find_stack
from call_lake_cli.stack.version import refuse_other_version

if TYPE_CHECKING:  # pyarrow takes longer to load than most commands to run
    from call_lake.operations.erase.eraser import Eraser, ErasureReport
    from call_lake.operations.erase.targets import ErasureRequest, Target

STDIN = "-"
Number = Annotated[
    list[str] | None,
    typer.Option("--number", help="Calls from or to this number, written in any way; - reads numbers from stdin."),
]
Agent = Annotated[
    list[str] | None,
    typer.Option("--agent", help="Calls of this agent, with or without accents; - reads names from stdin."),
]
RecordingId = Annotated[list[str] | None, typer.Option("--recording-id", help="This recording.")]
Again = Annotated[
    list[Path] | None,
    typer.Option("--again", help="The proof of an earlier erasure: erase its recordings again, after a restore."),
]
AgainAll = Annotated[
    bool, typer.Option("--again-all", help="Erase again what all proofs in the bucket name, after a restore.")
]
Also = Annotated[
    list[str] | None, typer.Option("--also", help="A stored number that is listed as perhaps theirs: it is theirs.")
]
Mentioned = Annotated[
    bool, typer.Option("--mentioned", help="Also calls whose record or file name alone holds the number's digits.")
]
Exact = Annotated[
    bool, typer.Option("--exact", help="Leave out what is only perhaps theirs; compare names letter by letter.")
]
ProofFile = Annotated[Path | None, typer.Option("--proof", help="Write the proof to this new file.")]
Reference = Annotated[
    str | None,
    typer.Option("--reference", help="Your reference of the request, for the proof; no name or number."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Erase without asking.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be erased, and where it is; change nothing.")]
Now = Annotated[
    bool, typer.Option("--now", help="Do not wait half an hour for queries that may still read the old files.")
]


def erase(
    number: Number = None,
    agent: Agent = None,
    recording_id: RecordingId = None,
    again: Again = None,
    again_all: AgainAll = False,
    also: Also = None,
    mentioned: Mentioned = False,
    exact: Exact = False,
    proof: ProofFile = None,
    reference: Reference = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    now: Now = False,
    json_: AsJson = False,
    stack: StackName = None,
) -> None:
    """Erase recordings permanently: audio, rows, transcripts and every copy. Ends with a proof.

    Options may be repeated; everything that any of them names is erased. The command shows what it found, and asks. If
    it is interrupted, type it again: it goes on from there. Exit code 0 means that nothing is left, 5 that nothing
    matched.

    With - a number or a name stays out of the shell's history: one a line, until Ctrl-D.

    Examples:
      call-lake erase --number - --dry-run
      call-lake erase --recording-id thulium-0123456789abcdef0123456789abcdef
    """
    with explained():
        given = {"--number": number or [], "--agent": agent or [], "--recording-id": recording_id or []}
        _refuse_blank({**given, "--also": also or []})
        if dry_run and proof:
            raise UsageError("--dry-run erases nothing, so there is nothing that --proof could prove")
        filing.must_be_writable(proof)
        named = with_stdin(given)
        proved = read_proofs(again or [])
        if not (any(named.values()) or proved or again_all):
            raise UsageError(
                "whom or what to erase? name --number, --agent, --recording-id or --again, each as often as needed"
            )
        if not dry_run:
            question.must_be_able_to_ask(yes=yes)
        here = find_stack(stack)
        refuse_other_version(here, "erase")
        if again_all:
            proved |= filing.kept_targets(here)
        request = _request(here, named, proved, also or [], exact=exact, mentioned=mentioned)
        filed: dict[str, Any] = {}
        with progress(BarColumn()) as bar:
            shown = _ProgressBar(bar)
            eraser = _eraser(here, shown.show)
            if dry_run:
                report = eraser.dry_run(request)
            else:
                report = eraser.erase(
                    request,
                    None if now else shown.wait,
                    lambda targets, results: question.approve(targets, results, yes=yes, bar=bar),
                    lambda report: filed.update(_file(here, report, proof, reference)),
                )
        _print(report, filed, as_json=json_)
        check(report, erased_before=bool(filed.get("earlier")))


def _refuse_blank(given: Mapping[str, Sequence[str]]) -> None:
    for option, texts in given.items():
        if not all(text.strip() for text in texts):
            raise UsageError(f"{option} is blank, which names nobody: nothing was erased")


def _request(
    stack: Stack,
    named: Mapping[str, Sequence[str]],
    proved: "frozenset[Target]",
    also: Sequence[str],
    *,
    exact: bool,
    mentioned: bool,
) -> "ErasureRequest":
    from call_lake.operations.erase.targets import ErasureRequest

    numbers, agents, ids = map(frozenset, named.values())
    countries = {name: source.country for name, source in stack.sources.items()}
    return ErasureRequest(numbers, agents, ids, proved, frozenset(also), exact, mentioned, countries)


def _file(stack: Stack, report: "ErasureReport", file: Path | None, reference: str | None) -> dict[str, Any]:
    """Keep the proof, and return it with its ``key`` in the bucket and the ``earlier`` ones of the same people. Where
    nothing was found, now or earlier, only the file gets one."""
    from call_lake.operations.erase.proofs import proof_of

    stamp = filing.stamp_of(stack, report, reference)
    proof, earlier = proof_of(report, stamp), filing.earlier_proofs(stack, stamp)
    if report.targets.all or earlier:
        return {**proof, "key": filing.keep(stack, proof, file), "earlier": earlier}
    filing.write(proof, file)
    return {**proof, "key": None, "earlier": []}


def with_stdin(given: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The texts by option, with the lines of stdin for the one that is ``-``. Raises UsageError."""
    asked = [option for option, texts in given.items() if STDIN in texts]
    if len(asked) > 1:
        raise UsageError(f"stdin can be read once: give - to {asked[0]} or to {asked[1]}")
    return {
        option: [text for text in texts if text != STDIN] + (read_lines(option) if option in asked else [])
        for option, texts in given.items()
    }


def read_proofs(files: Sequence[Path]) -> "frozenset[Target]":
    """The recordings of these proofs. Raises UsageError."""
    from call_lake.operations.erase.targets import NoProof, proved_by

    found: frozenset[Target] = frozenset()
    for file in files:
        try:
            found |= proved_by(file.read_text(encoding="utf-8"))
        except (NoProof, OSError, UnicodeDecodeError) as error:
            raise UsageError(f"--again {file}: {error}; nothing was erased") from None
    return found


def read_lines(option: str) -> list[str]:
    """The lines of stdin that are not blank, each exactly as it is. Raises UsageError, which never repeats them."""
    if sys.stdin.isatty():
        err.print(f"{option}: one a line, then Ctrl-D")
    try:
        text = sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{option} - reads UTF-8, and stdin is something else: nothing was erased") from None
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if not any(line.strip() for line in lines):
        raise UsageError(f"{option} - found nothing on stdin: nothing was erased")
    return [line for line in lines if line.strip()]


def check(report: "ErasureReport", *, erased_before: bool) -> None:
    """Raises Found for an erasure that is not proven, and NothingMatched where there was nothing to erase, neither now
    nor when the same people were ``erased_before``."""
    if not report.dry_run and report.hits:
        raise Found(
            f"{report.hits} hits in: {', '.join(name for name, p in report.places.items() if p.hits)}; "
            "type the same command again"
        )
    if not report.dry_run and report.hidden and report.targets.all:
        raise Found(
            f"{report.hidden} dead letters are hidden, as another reader has just received them, so they were not "
            f"searched. Nothing else is left; type the same command again in {HIDDEN_S // 60} minutes"
        )
    if not report.targets.all and not erased_before:
        near = question.what_is_near(report.targets.near)
        raise NothingMatched(f"nothing is stored of whom you named{f'; {near}' if near else ''}")


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


def _print(report: "ErasureReport", filed: Mapping[str, Any], *, as_json: bool) -> None:
    """``filed``: the proof as it was kept; empty after a dry run."""
    if as_json:
        print_json({**report.to_json(), **filed, "near": report.targets.near.to_json()})
    else:
        recordings = [tuple(target.to_json().values()) for target in report.targets.all]
        print_rows(("recording_id", "source", "call_date", "state before"), recordings, Format.TABLE, ends="")
        columns = ("place", "looked into", "to delete" if report.dry_run else "left", "hidden")
        places = [(name, p.searched, p.hits, p.hidden) for name, p in report.places.items()]
        print_rows(columns, places, Format.TABLE, ends="", beside=True)
        if "rows" in report.places:
            err.print("rows: so many files were looked into, and so many rows of them were found")
        for place in report.to_json()["not_searched"]:
            err.print(f"not searched: {place}")
        _print_filed(filed)
    question.print_near(report.targets.near)
    if report.dry_run and report.targets.all:
        for line in question.summary(report.targets, report.places["query_results"].searched):
            err.print(line)
    what = "would be erased; nothing was changed" if report.dry_run else "erased"
    err.print(f"{counted(len(report.targets.ids), 'recording')} {what}")


def _print_filed(filed: Mapping[str, Any]) -> None:
    earlier = filed.get("earlier") or []
    if earlier:
        names = ("ended_at", "reference", "erased", "hits", "by", "key")
        print_rows(
            names, [[one.get(name) for name in names] for one in (*earlier, filed)], Format.TABLE, "proofs", beside=True
        )
    if filed.get("key"):
        err.print(f"the proof is kept as {filed['key']}")
