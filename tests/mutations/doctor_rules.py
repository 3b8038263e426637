"""Rules 16 to 18 as ``call-lake doctor --canary`` proves them in an account, and what it must not leave behind."""

from tests.mutations.mutation import Mutation, at
from tests.mutations.operations import always, becoming, giving, ignoring, never, skipping, swapping

CANARY = "call_lake_cli.doctor.canary"
DAY = ("unit/cli/doctor/canary/test_day.py",)
SWAPS = ("unit/cli/doctor/canary/test_swaps.py",)
QUESTIONS = ("unit/cli/doctor/canary/test_questions.py",)
RUN = ("unit/cli/doctor/canary/test_run.py",)
REPORT = ("unit/cli/doctor/canary/test_report.py",)

MUTATIONS = (
    Mutation(
        16,
        "an answer without a committed row is right",
        at(f"{CANARY}.swaps", "is_whole"),
        ignoring("before", "after"),
        SWAPS,
    ),
    Mutation(16, "an answer of two commits is right", at(f"{CANARY}.swaps", "verdict"), never("broken"), SWAPS),
    Mutation(16, "a query that failed meanwhile is right", at(f"{CANARY}.swaps", "verdict"), never("failed"), SWAPS),
    Mutation(16, "one query at a time", at(f"{CANARY}.swaps", "QUERIES_AT_ONCE"), becoming("1"), SWAPS),
    Mutation(16, "times are not compared", at(f"{CANARY}.questions", "check_times"), ignoring("wrong"), QUESTIONS),
    Mutation(18, "the view is not compared", at(f"{CANARY}.questions", "check_daily"), always("wanted"), QUESTIONS),
    Mutation(17, "a canary writes no note", at(f"{CANARY}.run", "begin"), skipping("leave_note"), DAY),
    Mutation(17, "a canary's note stays", at(f"{CANARY}.day", "CanaryDay.remove"), skipping("canary_note"), DAY),
    Mutation(
        23,
        "a canary's day is unregistered while it has a manifest",
        at(f"{CANARY}.day", "CanaryDay.remove"),
        swapping("manifest", "unregister"),
        DAY,
    ),
    Mutation(
        17,
        "a canary's note goes before its rows",
        at(f"{CANARY}.day", "CanaryDay.remove"),
        swapping("_is_invented", "canary_note"),
        DAY,
    ),
    Mutation(
        17,
        "a canary removes the calls of its day",
        at(f"{CANARY}.day", "CanaryDay.remove"),
        always("_rows"),
        DAY,
    ),
    Mutation(
        17, "rows come while they are being removed", at(f"{CANARY}.day", "CanaryDay.commit"), never("_removed"), DAY
    ),
    Mutation(
        17,
        "a canary that still runs is removed by another",
        at(f"{CANARY}.run", "remove_leftovers"),
        never("may_run"),
        DAY,
    ),
    Mutation(
        17,
        "a report names an account",
        at(f"{CANARY}.report", "publishable"),
        giving(("sub", "PRIVATE"), "text"),
        REPORT,
    ),
)
