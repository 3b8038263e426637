"""Rule 7, as far as ``call-lake status`` relies on it: what is unfinished, failed or erased is in the index."""

from tests.mutations.mutation import Mutation, at
from tests.mutations.operations import before, giving, passing, rewriting, storing, without

CENSUS = ("unit/cli/stack/test_census.py",)
LEDGER = ("unit/ledger/test_ledger.py",)

MUTATIONS = (
    Mutation(
        7,
        "erased recordings are not counted",
        at("ledger.ledger", "Ledger._bury"),
        storing("due_list", "None"),
        LEDGER,
    ),
    Mutation(
        7,
        "an erased recording is counted on the day of its erasure",
        at("ledger.ledger", "Ledger._bury"),
        rewriting("(day_of(item) or call_date).isoformat()", "iso(self._clock.now())"),
        LEDGER,
    ),
    Mutation(
        7,
        "a day that somebody changed keeps a recording from being erased",
        at("ledger.ledger", "Ledger._bury"),
        storing("due_at", "item.get('call_date', call_date.isoformat())"),
        LEDGER,
    ),
    Mutation(
        7,
        "the list of failures reads all that waits",
        at("ledger.ledger", "Ledger.failures"),
        without("query_due", "due_from"),
        ("unit/cli/commands/test_failed.py",),
    ),
    Mutation(
        7,
        "failures behind ten thousand waiting recordings are not counted",
        at("ledger.counts", "count_failed"),
        without("query_due", "due_from"),
        CENSUS,
    ),
    Mutation(
        7,
        "what has failed counts as waiting, too",
        at("ledger.counts", "count_waiting"),
        passing("query_due", 1, "NEVER"),
        CENSUS,
    ),
    Mutation(
        7,
        "erased recordings are counted since the first day",
        at("ledger.counts", "count_erased"),
        without("query_due", "due_from"),
        CENSUS,
    ),
    Mutation(
        7,
        "status reads the whole ledger",
        at("call_lake_cli.stack.census", "take_status"),
        before("_read_sources", "list(stack.table.scan(['id']))"),
        CENSUS,
    ),
    Mutation(
        7,
        "status counts a first fill to its end",
        at("call_lake_cli.stack.census", "take_status"),
        passing("count_waiting", 2, "10**9"),
        CENSUS,
    ),
    Mutation(
        7,
        "status lists a full inbox to its end",
        at("call_lake_cli.stack.census", "_count_waiting_elsewhere"),
        giving("islice", 0),
        CENSUS,
    ),
    Mutation(
        7,
        "the last 31 days are those of UTC",
        at("call_lake_cli.stack.census", "_first_day"),
        rewriting("CLOCK.now().astimezone(zone)", "CLOCK.now()"),
        CENSUS,
    ),
    Mutation(
        7,
        "a source counts the days of another time zone",
        at("call_lake_cli.stack.census", "_count_rows"),
        rewriting("days[one.source]", "min(days.values())"),
        CENSUS,
    ),
)
