"""What the demo asks about the sound of its calls: one row for each recording, and a named query over them."""

from collections.abc import Collection
from datetime import date, timedelta

from call_lake_cli.console.errors import say
from call_lake_cli.console.output import Format, print_rows
from call_lake_cli.stack.athena import run_query
from call_lake_cli.stack.handle import Stack
from call_lake_local.named_queries import query_files, title_of

QUERY = "Talk ratio and interruptions"
MOST_ROWS = 10


def print_sound(stack: Stack, since: date, until: date, recording_ids: Collection[str]) -> list[str]:
    """Ask Athena the named query QUERY as if ``until`` was today. What is wrong, if anything is: it has to have one row
    of sound for each of these recordings."""
    wanted = set(recording_ids)
    found = _measured(stack, since)
    say(f"sound measured: {len(wanted & set(found))} of {len(wanted)} recordings")
    answer = run_query(stack, _query(until))
    print_rows(answer.columns, answer.rows[:MOST_ROWS], Format.TABLE, QUERY)
    wrong = [] if answer.rows else [f"no answer to {QUERY}"]
    if set(found) != wanted or len(found) != len(wanted):
        wrong.append(f"{len(found)} rows of sound for {len(wanted)} recordings")
    return wrong


def _measured(stack: Stack, since: date) -> list[str]:
    sql = f"SELECT recording_id FROM sound WHERE call_date >= DATE '{since}' AND audio_s > 0"  # noqa: S608 - a day
    return [row[0] for row in run_query(stack, sql).rows]


def _query(until: date) -> str:
    """The demo's calls are of certain days, whenever it runs."""
    text = next(file for file in query_files() if title_of(file) == QUERY).read_text()
    return text.replace("current_date", f"DATE '{until + timedelta(days=1)}'")
