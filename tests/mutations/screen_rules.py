"""Rule 9 for people and scripts: a command's exit code says what happens next. And what no screen may do to data."""

from tests.mutations.mutation import Mutation, at
from tests.mutations.operations import always, giving, never, returning

CONSOLE = "call_lake_cli.console"
CODES = ("unit/cli/test_exit_codes.py",)
TABLES = ("unit/cli/console/test_tables.py",)
OUTPUT = ("unit/cli/console/test_output.py",)
SOURCE = ("unit/cli/commands/test_source.py",)

MUTATIONS = (
    Mutation(
        9,
        "AWS that is overloaded reads like AWS that refuses a right",
        at(f"{CONSOLE}.errors", "_code_of"),
        returning("ExitCode.FAILED"),
        CODES,
    ),
    Mutation(
        9,
        "every failure reads the same to a script",
        at(f"{CONSOLE}.errors", "fail"),
        giving("Exit", "typer.Exit(1)"),
        CODES,
    ),
    Mutation(
        9,
        "a column is narrower than an id in its prose",
        at(f"{CONSOLE}.tables", "_longest_word"),
        returning("1"),
        TABLES,
    ),
    Mutation(9, "a pipe gets what is made for people", at(f"{CONSOLE}.output", "print_rows"), never("width"), OUTPUT),
    Mutation(
        9,
        "a script that cannot answer removes a source",
        at(f"{CONSOLE}.questions", "agree"),
        always("confirm"),
        SOURCE,
    ),
    Mutation(
        9,
        "a command without a terminal waits for an answer",
        at(f"{CONSOLE}.questions", "need_terminal"),
        never("at_terminal"),
        SOURCE,
    ),
)
