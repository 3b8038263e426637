"""``call-lake get``: download recordings' audio, and play it. Each download is noted in the access log."""

from functools import cache, partial
from pathlib import Path
from typing import Annotated

import typer

from call_lake.ledger.entry import Entry
from call_lake.model.recording import StoredAudio
from call_lake.wiring.operator import ids_of, ledger_of
from call_lake_cli.commands.show import find_entries
from call_lake_cli.console.errors import Found, UserError, err, explained
from call_lake_cli.console.files import make_folder, make_ignored_folder, refuse_existing, whole_file
from call_lake_cli.console.options import StackName
from call_lake_cli.console.output import print_line
from call_lake_cli.stack.audio import access_log_of, copy_audio, file_name, stored_audio
from call_lake_cli.stack.handle import Stack, find_stack

FOLDER = Path(".call-lake") / "audio"


def get(
    names: Annotated[
        list[str],
        typer.Argument(metavar="RECORDING_ID|PROVIDER_KEY", help="Recording ids, or the provider's own keys."),
    ],
    folder: Annotated[
        Path | None, typer.Option("--folder", "-o", help=f"Where to write; without it {FOLDER}, which git ignores.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over files that exist.")] = False,
    play: Annotated[bool, typer.Option("--play", help="Then open each with this machine's player.")] = False,
    stack: StackName = None,
) -> None:
    """Download recordings' audio, each checked against its SHA-256. Prints the files' names.

    The bucket keeps a line of who took which recordings (access-log/).

    Examples:
      call-lake get thulium-0123456789abcdef0123456789abcdef
      call-lake get thulium-0123456789abcdef0123456789abcdef --play
    """
    with explained():
        here = find_stack(stack)
        problems: list[UserError] = []
        found = _found(here, names, problems)
        if found:
            make_folder(folder) if folder else make_ignored_folder(FOLDER)
            for entry, audio in found:
                if not force:
                    refuse_existing((folder or FOLDER) / file_name(here, entry, audio), "--force does it")
            access_log_of(here).note("get", [entry.recording_id for entry, _ in found])
        for entry, audio in found:
            file = (folder or FOLDER) / file_name(here, entry, audio)
            try:
                with whole_file(file, force=force, instead="--force does it") as out:
                    copy_audio(here, audio, out)
                print_line(str(file))
                if play and typer.launch(str(file)) != 0:
                    raise UserError(f"no player opened {file}; the file is there")
            except UserError as error:
                problems.append(error)
        if len(names) == 1 and problems:
            raise problems[0]
        for problem in problems:
            err.print(str(problem))
        if problems:
            raise Found(f"{len(problems)} of {len(names)} recordings have a problem, see above")


def _found(stack: Stack, names: list[str], problems: list[UserError]) -> list[tuple[Entry, StoredAudio]]:
    """The recordings with audio, each once, and why the others have none."""
    ledger, ids = ledger_of(stack), cache(partial(ids_of, stack))
    found: dict[str, tuple[Entry, StoredAudio]] = {}
    for name in names:
        try:
            one = stored_audio(stack, name, find_entries(ledger, list(stack.sources), name, ids))
            found[one[0].recording_id] = one
        except UserError as error:
            problems.append(error)
    return list(found.values())
