"""Rules 1 to 10 as the operator's reports tell them: what is called lost, waiting, failed or settled."""

from tests.mutations.mutation import Mutation, at
from tests.mutations.operations import always, giving, ignoring, never, passing, returning, rewriting, skipping, without

LISTING = ("unit/operations/verify/test_listing.py",)
VERIFIER = ("unit/operations/verify/test_verifier.py",)
SETTLE = ("unit/cli/stack/test_settle.py",)
FAILED = ("unit/cli/commands/test_failed.py",)
LOGS = ("unit/cli/commands/test_logs.py",)
JOBS = ("unit/cli/commands/test_alarms_and_jobs.py",)
DOCTOR = ("unit/cli/doctor/test_doctor.py",)

MUTATIONS = (
    Mutation(
        4,
        "what no poll was asked to read is called lost",
        at("ledger.source_state", "ReadTimes.has"),
        returning("True"),
        LISTING,
    ),
    Mutation(
        4,
        "what a backfill has read and lost is called unread",
        at("ledger.source_state", "SourceState.note_read"),
        skipping("note"),
        LISTING,
    ),
    Mutation(
        4,
        "a backfill of some days counts for all days before the first poll",
        at("ledger.source_state", "ReadTimes.has"),
        ignoring("end"),
        LISTING,
    ),
    Mutation(
        4,
        "findings of one kind and other causes are one line",
        at("operations.verify.findings", "grouped"),
        giving("setdefault", "groups.setdefault((one.source, one.kind, ''), [])"),
        LISTING,
    ),
    Mutation(
        8,
        "an erased recording is counted as right",
        at("operations.verify.verifier", "VerifyReport.right"),
        ignoring("erased"),
        VERIFIER,
    ),
    Mutation(
        8,
        "a document of an erased recording makes another one wrong",
        at("operations.verify.verifier", "VerifyReport.right"),
        rewriting("{*self.known, *self.unknown}.difference(self.gone)", "{one.recording_id for one in self.findings}"),
        VERIFIER,
    ),
    Mutation(
        9,
        "a settle gives up in the middle of steady work",
        at("call_lake_cli.stack.settle", "_Patience.sees_progress"),
        skipping("_until"),
        SETTLE,
    ),
    Mutation(
        9,
        "one recording that waits keeps all rows out of the table",
        at("call_lake_cli.stack.settle", "settle"),
        passing("_step", "copies_rest", "False"),
        SETTLE,
    ),
    Mutation(
        9,
        "a settle that gives up leaves rows in the inbox",
        at("call_lake_cli.stack.settle", "settle"),
        giving("_compact_all", "census"),
        SETTLE,
    ),
    Mutation(
        7,
        "a list of what waits has what was stored since",
        at("ledger.ledger", "Ledger.waiting"),
        always("state"),
        FAILED,
    ),
    Mutation(
        9,
        "doctor does not see what call-lake failed lists",
        at("call_lake_cli.doctor.checks", "failures"),
        always("number"),
        DOCTOR,
    ),
    Mutation(
        9,
        "a run that Lambda ended is no error",
        at("call_lake_cli.stack.log_lines", "parse"),
        never("BROKEN"),
        LOGS,
    ),
    Mutation(
        9,
        "a log of one source has another's lines",
        at("call_lake_cli.stack.log_lines", "LogLine.is_about"),
        returning("True"),
        LOGS,
    ),
    Mutation(
        9,
        "a backfill's second reading looks like its first",
        at("call_lake_cli.commands.jobs", "_readings"),
        never("again"),
        JOBS,
    ),
    Mutation(
        9,
        "another stack's transcriptions are counted",
        at("call_lake_cli.commands.jobs", "_transcriptions"),
        giving("compile", "re.compile(r'.*(thulium|conpeek).*')"),
        JOBS,
    ),
    Mutation(
        9,
        "only the first page of transcriptions is counted",
        at("call_lake_cli.commands.jobs", "_listed"),
        always("NextToken"),
        JOBS,
    ),
    Mutation(
        9,
        "a job does not tell since when it exists",
        at("ledger.jobs", "_job"),
        without("Job", "started_at"),
        JOBS,
    ),
)
