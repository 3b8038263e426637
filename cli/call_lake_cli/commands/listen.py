"""``call-lake listen``: a page on this machine to find calls and hear them (ADR 0037)."""

import signal
from collections.abc import Callable
from contextlib import ExitStack
from typing import Annotated

import typer

from call_lake_cli.console.errors import err, explained
from call_lake_cli.console.options import SourceName, StackName
from call_lake_cli.console.output import print_line
from call_lake_cli.stack.handle import find_stack, select_sources


def listen(
    source: SourceName = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in this machine's browser.")] = False,
    stack: StackName = None,
) -> None:
    """Serve a page on this machine to find calls and hear them, until Ctrl-C. Prints its address.

    Each play, and each file that is saved, is noted in the bucket: who, when, and which recording.

    Examples:
      call-lake listen --open
      call-lake listen --stack call-lake --source thulium
    """
    from call_lake_cli.listening.desk import desk_of  # no other command waits for a web server to load
    from call_lake_cli.listening.server import listening, opened

    with explained():
        here = find_stack(stack)
        desk = desk_of(here, select_sources(here, source))
        with ExitStack() as until_the_end:
            server = until_the_end.enter_context(listening(desk))
            print_line(server.url)
            err.print("open this address in a browser of this machine; who knows it can listen in your name")
            err.print(
                f"each play is noted in the bucket under access-log/ as {desk.about['who']}; Ctrl-C ends the page"
            )
            if open_ and not until_the_end.enter_context(opened(server.url, typer.launch)):
                err.print("no browser opened: open the address above yourself")
            _run(server.run)


def _run(serve: Callable[[], None]) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # else the browser's private file would stay
    try:
        serve()
    except KeyboardInterrupt:  # the server has ended in order, and hands the signal on
        err.print("the page has ended")
