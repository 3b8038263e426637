"""``call-lake pause`` and ``call-lake resume``: stop and restart a source, without losing a recording.

The flag is kept in the ledger, beside the checkpoint. A disabled schedule would not last: the next deployment enables
it again. Polls see the flag at once, warm copiers within half a minute.
"""

from typing import Annotated

import typer

from call_lake.ledger.source_state import SourceState
from call_lake.model.times import iso
from call_lake.wiring.operator import CLOCK
from call_lake_cli.console.errors import err, explained
from call_lake_cli.console.options import StackName
from call_lake_cli.stack.handle import Stack, find_source, find_stack

Source = Annotated[str, typer.Argument(help="The source, as `call-lake status` names it.")]


def pause(source: Source, stack: StackName = None) -> None:
    """Stop listing, publishing and copying a source's recordings; `call-lake resume` goes on where it stopped.

    Examples:
      call-lake pause thulium
    """
    with explained():
        state = _state_of(find_stack(stack), source)
        since = state.paused_since()
        if since is None:
            state.pause()
            err.print(f"{source} is paused; call-lake resume {source} goes on, and nothing is lost meanwhile")
        else:
            err.print(f"{source} was paused at {iso(since)} already")


def resume(source: Source, stack: StackName = None) -> None:
    """Go on with a paused source: the next poll lists everything that was recorded meanwhile.

    Examples:
      call-lake resume thulium
    """
    with explained():
        state = _state_of(find_stack(stack), source)
        if state.paused_since() is None:
            err.print(f"{source} is not paused")
        else:
            state.resume()
            err.print(f"{source} goes on with its next poll")


def _state_of(stack: Stack, source: str) -> SourceState:
    find_source(stack, source)
    return SourceState(stack.table, CLOCK, source)
