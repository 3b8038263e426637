"""Rule 26: a search that leaves nothing out, and audio that nobody gets without a line in the access log."""

from tests.mutations.mutation import Mutation, at
from tests.mutations.operations import always, never, rewriting, skipping, without

SEARCH = ("unit/lake/test_calls.py",)
READING = ("unit/lake/test_reading.py",)
GET = ("unit/cli/commands/test_get.py",)
EXPORT = ("unit/cli/commands/test_export.py",)

MUTATIONS = (
    Mutation(
        26,
        "a number is compared at one end alone",
        at("lake.calls", "_fits"),
        rewriting("pc.or_(caller, callee)", "caller"),
        SEARCH,
    ),
    Mutation(
        26,
        "a stored number is read as one of Poland",
        at("lake.calls", "CallReader._fitting"),
        rewriting("self._countries.get(partition.source, DEFAULT_COUNTRY)", "DEFAULT_COUNTRY"),
        SEARCH,
    ),
    Mutation(
        26,
        "days are listed by the first one alone",
        at("lake.manifest", "_of_days"),
        rewriting("commonprefix([first.isoformat(), last.isoformat()])", "first.isoformat()"),
        SEARCH,
    ),
    Mutation(
        26,
        "what is no day is taken as it is",
        at("__init__", "_day"),
        always("isoformat"),
        READING,
    ),
    Mutation(
        26,
        "a line of the access log replaces another",
        at("bucket.access_log", "AccessLog.note"),
        without("put", "if_none_match"),
        ("unit/bucket/test_access_log.py",),
    ),
    Mutation(
        26,
        "get hands out audio without a line",
        at("call_lake_cli.commands.get", "get"),
        skipping("note"),
        GET,
    ),
    Mutation(
        26,
        "export hands out audio without a line",
        at("call_lake_cli.commands.export", "export"),
        skipping("note"),
        EXPORT,
    ),
    Mutation(
        26,
        "other bytes than the stored ones are handed out",
        at("call_lake_cli.stack.audio", "copy_audio"),
        never("hexdigest"),
        (*GET, *EXPORT),
    ),
    Mutation(
        26,
        "an export has calls that are not in its line",
        at("call_lake_cli.commands.export", "_write"),
        rewriting("row['recording_id'] in left", "True"),
        EXPORT,
    ),
    Mutation(
        26,
        "an export has calls that may be another person's",
        at("call_lake_cli.commands.export", "_by_options"),
        never("may_be_another"),
        EXPORT,
    ),
    Mutation(
        26,
        "an export has rows of what was erased",
        at("call_lake_cli.commands.export", "_add"),
        rewriting("entry.state is State.ERASED", "False"),
        EXPORT,
    ),
    Mutation(
        26,
        "a file that came meanwhile is written over",
        at("call_lake_cli.console.files", "whole_file"),
        rewriting("os.O_CREAT | os.O_EXCL", "os.O_CREAT"),
        GET,
    ),
)
