"""``call-lake export``: calls as one ZIP file, for a lawyer or for somebody who asks for their data."""

import os
import tempfile
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any, BinaryIO, cast

import typer
from rich.progress import BarColumn, MofNCompleteColumn

from call_lake.errors import ItemChanged
from call_lake.ledger.entry import Entry, State
from call_lake.ledger.ledger import Ledger
from call_lake.model.recording import RECORDING_ID
from call_lake.model.table import COLUMNS, Row, row_of
from call_lake.wiring.operator import CLOCK, ids_of, ledger_of
from call_lake_cli.commands.find import Agent, Day, DirectionOption, From, LongerThan, Number, To
from call_lake_cli.commands.show import facts_of, find_entries, where_it_waits
from call_lake_cli.console.errors import Found, NothingMatched, UsageError, UserError, err, explained
from call_lake_cli.console.files import whole_file
from call_lake_cli.console.options import SourceName, StackName
from call_lake_cli.console.output import print_line, progress
from call_lake_cli.stack.audio import access_log_of, copy_audio, file_name, program, why_none
from call_lake_cli.stack.calls import Asked, Wanted, as_json, clock_text, countries_of, find_calls, wanted_of
from call_lake_cli.stack.export_file import SPOOL_BYTES, ExportFile
from call_lake_cli.stack.handle import Stack, find_stack

SHORT = (
    *(
        "recording_id",
        "source",
        "call_date",
        "local_start",
        "time_zone",
        "started_at",
        "length_s",
        "audio_s",
        "direction",
    ),
    *("caller", "callee", "agent", "disposition", "audio_format", "audio_file", "audio_sha256"),
)
SHOWN = 10


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The recordings to export. ``wanted``: where their rows are. ``said``: how they were chosen, for the cover sheet.
    ``unknown``: names that no recording has. ``doubtful``: recordings that are left out,
    as they may be of another number."""

    ids: frozenset[str]
    wanted: Wanted
    said: str
    unknown: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()


def export(
    file: Annotated[
        Path, typer.Option("--file", "-o", help="The ZIP file to write, like calls.zip. It must not exist.")
    ],
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RECORDING_ID|PROVIDER_KEY]...", help="These recordings, instead of find's options."),
    ] = None,
    purpose: Annotated[
        str | None,
        typer.Option("--for", help="For whom or what, for the cover sheet and the access log. A case number, no name."),
    ] = None,
    number: Number = None,
    agent: Agent = None,
    day: Day = None,
    from_: From = None,
    to: To = None,
    source: SourceName = None,
    direction: DirectionOption = None,
    longer_than: LongerThan = None,
    stack: StackName = None,
) -> None:
    """Write calls into a ZIP file: audio, a list, the story of each, SHA-256 sums and a cover sheet.

    Name recordings, or choose calls with the options of find; without days, of all days. The cover sheet names
    recordings without audio, and the exit code is 3 then. The bucket keeps a line of who took which recordings
    (access-log/).

    Examples:
      call-lake export --number "800 000 003" --for DSR-17 -o calls.zip
      call-lake export thulium-0123456789abcdef0123456789abcdef -o call.zip
    """
    with explained():
        asked = Asked(number or (), agent or (), day, from_, to, source, direction, longer_than)
        if bool(names) == asked.anything:
            raise UsageError("which calls? name recording ids, or find's options like --number, but not both")
        if os.path.lexists(file):
            raise UserError(f"{file} exists already, and is not written over: choose another name")
        here = find_stack(stack)
        chosen = _by_name(here, names) if names else _by_options(here, asked)
        access_log_of(here).note("export", sorted(chosen.ids), purpose=purpose)
        with whole_file(file) as out, ExportFile(out, CLOCK.now(), SHORT) as made:
            _write(here, chosen, made, purpose)
        print_line(str(file))
        if chosen.doubtful:
            err.print(
                f"{len(chosen.doubtful)} calls that may be of another number are left out: call-lake find shows them; "
                "export them by their recording ids"
            )
        _tell(made)


def _by_options(stack: Stack, asked: Asked) -> _Chosen:
    """Raises NothingMatched."""
    wanted = wanted_of(stack, asked, all_days=True)
    countries = countries_of(stack)
    doubtful, ids = list[str](), set[str]()
    for row in find_calls(stack, wanted, ("caller", "callee")):
        if wanted.may_be_another(row, countries.get(row["source"], "")):
            doubtful.append(row["recording_id"])
        else:
            ids.add(row["recording_id"])
    left_out = f"; {len(doubtful)} may be of the number: call-lake find shows them" * bool(doubtful)
    if not ids:
        raise NothingMatched(f"no call fits ({wanted.days}): no file was written{left_out}")
    return _Chosen(frozenset(ids), wanted, f"{asked.words} ({wanted.days})", doubtful=tuple(doubtful))


def _by_name(stack: Stack, names: list[str]) -> _Chosen:
    """Raises NothingMatched."""
    from call_lake.lake.calls import CallFilter

    ledger, ids = ledger_of(stack), cache(partial(ids_of, stack))
    found = {name: find_entries(ledger, list(stack.sources), name, ids) for name in names}
    entries = [entry for some in found.values() for entry in some]
    if not entries:
        raise NothingMatched(f"the ledger knows no such recording: {', '.join(names)}; no file was written")
    chosen = frozenset(entry.recording_id for entry in entries)
    days = [entry.call_date for entry in entries]
    where = CallFilter(min(days), max(days), frozenset(entry.source for entry in entries), ids=chosen)
    unknown = tuple(name for name, some in found.items() if not some)
    return _Chosen(chosen, Wanted(where, default_days=False), f"{len(names)} named recordings", unknown)


def _write(stack: Stack, chosen: _Chosen, export: ExportFile, purpose: str | None) -> None:
    ledger = ledger_of(stack)
    export.missing += [(name, "the ledger knows no such recording") for name in chosen.unknown]
    left = set(chosen.ids)
    with progress(BarColumn(), MofNCompleteColumn()) as bar:
        task = bar.add_task("exporting", total=len(chosen.ids))
        for row in find_calls(stack, chosen.wanted, tuple(COLUMNS)):
            if row["recording_id"] in left:  # else it came after the line in the access log
                left.remove(row["recording_id"])
                _add(stack, ledger, export, row["recording_id"], row)
                bar.advance(task)
        for recording_id in sorted(left):
            _add(stack, ledger, export, recording_id, None)
            bar.advance(task)
    doubtful = {"Left out": f"perhaps of the number: {', '.join(chosen.doubtful)}"} if chosen.doubtful else {}
    export.finish(
        {
            "For": purpose or "not said",
            "Chosen by": chosen.said,
            **doubtful,
            "Made by": stack.caller(),
            "Made at": f"{clock_text(CLOCK.now())} UTC",
            "Stack": f"{stack.name}, {'on a laptop' if stack.local else 'in AWS'}",
            "Made with": program(),
        }
    )


def _add(stack: Stack, ledger: Ledger, export: ExportFile, recording_id: str, row: Row | None) -> None:
    """Add one call. ``row`` None: the table does not have it, at least not yet."""
    try:
        entry = ledger.entry(recording_id) if RECORDING_ID.fullmatch(recording_id) else None
    except ItemChanged as error:
        entry, why = None, error.why
    else:
        why = "the ledger does not know it"
    if entry is not None and entry.state is State.ERASED:
        export.missing.append((recording_id, "it was erased"))
        return
    file = _add_audio(stack, export, entry) if entry else None
    if entry is None:
        export.missing.append((recording_id, why))
    listed = row
    if listed is None and entry and entry.recording and entry.audio:
        listed = row_of(entry.recording, entry.audio, expired=entry.state is State.EXPIRED)
    if listed is not None:
        of_audio = {"audio_file": file, **{name: listed[name] for name in ("audio_s", "audio_sha256")}}
        short = as_json(stack, listed) | of_audio
        export.add_call(short, listed | {"audio_file": file})
    if entry is not None:
        export.add_story(recording_id, _story(stack, entry, row))


def _story(stack: Stack, entry: Entry, row: Row | None) -> dict[str, Any]:
    waits = None if row else where_it_waits(stack.store, entry)
    return facts_of(stack, entry, [row] if row else [], waits)


def _add_audio(stack: Stack, export: ExportFile, entry: Entry) -> str | None:
    """The name of its file in the export; None where there is none, which is noted."""
    if entry.state is not State.STORED or entry.audio is None:
        export.missing.append((entry.recording_id, f"it {why_none(stack, entry)}"))
        return None
    with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as body:  # nothing goes into the file before its SHA-256 is right
        try:
            copy_audio(stack, entry.audio, cast(BinaryIO, body))
        except UserError as error:
            export.missing.append((entry.recording_id, str(error)))
            return None
        return export.add_audio(file_name(stack, entry, entry.audio), body)


def _tell(export: ExportFile) -> None:
    """Say what the file holds. Raises Found where audio is missing."""
    err.print(f"{export.calls} calls, {export.audio} with audio")
    for name, why in export.missing[:SHOWN]:
        err.print(f"without audio: {name}: {why}")
    if export.missing:
        more = f"; {len(export.missing) - SHOWN} more are on the cover sheet" * (len(export.missing) > SHOWN)
        raise Found(f"{len(export.missing)} recordings are without audio{more}")
