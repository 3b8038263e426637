"""``call-lake verify``: list the provider again and compare it with ledger, audio and rows."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Annotated, Any

import botocore.exceptions
import typer
from rich.progress import BarColumn, TaskProgressColumn

from call_lake.lake.registration import tables_of
from call_lake.model.layout import AUDIO
from call_lake.model.retention import first_kept_day
from call_lake.operations.days import Days
from call_lake.operations.verify.findings import Finding, FindingGroup, Kind, TableRow, grouped
from call_lake.operations.verify.listing import VerifyProgress
from call_lake.operations.verify.redownload import Redownloader
from call_lake.operations.verify.repair import Repairer
from call_lake.operations.verify.transcripts import TranscriptReport, TranscriptVerifier, read_again
from call_lake.operations.verify.verifier import StackData, Verifier, VerifyReport
from call_lake.wiring.operator import (
    CLOCK,
    catalog_of,
    compactor_settings,
    documents_queue,
    ids_of,
    ledger_of,
    provider_of,
    queue_of,
    transcripts_of,
)
from call_lake_cli.console.errors import Found, UsageError, err, explained
from call_lake_cli.console.manner import manner
from call_lake_cli.console.options import AsJson, SourceName, StackName, parse_days
from call_lake_cli.console.output import Format, print_json, print_rows, progress
from call_lake_cli.console.words import counted
from call_lake_cli.stack.athena import run_query
from call_lake_cli.stack.handle import Stack, find_stack, select_sources
from call_lake_cli.stack.version import refuse_other_version

COLUMNS = ("source", "listed", "checked", "right", "erased", "differences", "for information")
FINDING_COLUMNS = ("source", "recording", "call date", "finding", "what", "as the ledger knows it", "to do")
GROUP_COLUMNS = (
    "source", "finding", "count", "first day", "last day", "example", "what", "as the ledger knows it", "to do"
)  # fmt: skip


def verify(
    from_: Annotated[str, typer.Option("--from", help="First day to verify, YYYY-MM-DD, in each source's time zone.")],
    to: Annotated[str, typer.Option("--to", help="Last day to verify, included.")],
    source: SourceName = None,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Publish what is missing, fetch lost audio again, write lost rows again, have transcripts read "
            "again, register what queries do not see, mark what expired.",
        ),
    ] = False,
    redownload: Annotated[
        int | None,
        typer.Option(
            "--redownload",
            metavar="N",
            min=1,
            help="Also download N stored recordings of each source again, chosen at random, and compare their bytes.",
        ),
    ] = None,
    json_: AsJson = False,
    stack: StackName = None,
) -> None:
    """List the provider again and compare it with ledger, audio, rows and transcripts; exit code 3 if anything differs.

    Runs with your own credentials: they have to read the stack's settings and secrets, ledger, bucket and Athena, and
    this machine has to reach the provider. Audio that is shorter than its header is downloaded once more after a day;
    to note the answer, they have to write the ledger.

    Examples:
      call-lake verify --from 2026-10-01 --to 2026-10-31
      call-lake verify --from 2026-10-20 --to 2026-10-20 --repair
    """
    with explained():
        days = parse_days(from_, to)
        here = find_stack(stack)
        if repair:
            refuse_other_version(here, "verify --repair")
        ledger, ids = ledger_of(here), ids_of(here)
        sources = select_sources(here, source)
        compactor = compactor_settings(here)
        days = kept_days(days, first_kept_day(CLOCK.now(), compactor.row_retention_days))
        catalog, tables = catalog_of(here), tables_of(open_table=compactor.open_table)
        read = partial(rows_of, here)
        data = StackData(ledger, here.store, catalog, read, audio_kept(here), tables)
        with progress(BarColumn(), TaskProgressColumn()) as bar:
            task = bar.add_task("reading the ledger", total=None)
            in_ledger: dict[str, dict[str, date]] = {name: {} for name in sources}
            for id, name, called in ledger.days(days.first, days.last):
                if name in in_ledger:
                    in_ledger[name][id] = called
            reports, done = [], dict[str, str]()
            for name, settings in sources.items():

                def show(step: str, completed: float, total: float, name: str = name) -> None:
                    bar.update(task, description=f"{name}: {step}", completed=completed, total=total)

                provider = provider_of(here, settings)
                reports.append(Verifier(settings, provider, data, CLOCK, ids).verify(days, in_ledger[name], show))
                heard = verify_transcripts(here, name, days, in_ledger[name], show)
                reports[-1].findings.extend(heard.findings)
                again = Redownloader(settings, provider, ledger, CLOCK)
                again.ask_again(reports[-1], show)
                if redownload:
                    again.compare(reports[-1], redownload, show)
                if repair:
                    bar.update(task, description=f"{name}: repairing", total=None)
                    queue = queue_of(here, settings)
                    done |= Repairer(ledger, here.store, catalog, queue, CLOCK).repair(reports[-1])
                    done |= repair_transcripts(here, heard)
        _print(days, reports, done if repair else None, json_)
        if differences := sum(len(report.differences) for report in reports):
            raise Found(f"{counted(differences, 'difference')}; docs/runbook.md says what to do about each")


def verify_transcripts(
    stack: Stack, source: str, days: Days, in_ledger: Mapping[str, date], show: VerifyProgress
) -> TranscriptReport:
    """Compare documents, ledger and rows of each engine of the stack; nothing where it has none."""
    from call_lake.lake.spoken import transcript_keys

    if not stack.engines:
        return TranscriptReport()
    verifier = TranscriptVerifier(stack.store, transcripts_of(stack), partial(transcript_keys, stack.store), CLOCK)
    total = len(days.all())
    return verifier.verify(source, days, in_ledger, lambda done: show("transcripts", done, total))


def repair_transcripts(stack: Stack, report: TranscriptReport) -> dict[str, str]:
    """Have unread documents read, and return what was done by recording id."""
    if report.unread:
        documents = [info for _, info in report.unread]
        read_again(stack.store, transcripts_of(stack), documents, documents_queue(stack))
    return {id: "its document was sent to the reader again" for id, _ in report.unread}


def kept_days(days: Days, first: date | None) -> Days:
    """The days without those before ``first``, of which RowRetentionDays has removed the rows. Raises UsageError where
    none is left."""
    if first is None or days.first >= first:
        return days
    if days.last < first:
        raise UsageError(f"the rows of calls before {first} were removed after RowRetentionDays: verify later days")
    err.print(f"the rows of calls before {first} were removed after RowRetentionDays: verifying from that day on")
    return Days(first, days.last)


def rows_of(stack: Stack, source: str, days: Sequence[date]) -> list[TableRow]:
    """The rows of these partitions, as Athena reads them now."""
    wanted = ", ".join(f"DATE '{day.isoformat()}'" for day in days)
    # Both come from us: a source's name is [a-z0-9-], a day has digits.
    sql = f"""SELECT recording_id, call_date, audio_uri, audio_sha256 FROM calls
              WHERE source = '{source}' AND call_date IN ({wanted})"""  # noqa: S608
    return [
        TableRow(row["recording_id"], date.fromisoformat(row["call_date"]), row["audio_uri"], row["audio_sha256"])
        for row in run_query(stack, sql).as_dicts()
    ]


def audio_kept(stack: Stack) -> timedelta | None:
    """How long the bucket's own rules keep audio (AudioRetentionDays); None for ever."""
    try:
        rules = stack.client("s3").get_bucket_lifecycle_configuration(Bucket=stack.bucket)["Rules"]
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchLifecycleConfiguration":
            return None
        raise
    found = [
        rule["Expiration"]["Days"]
        for rule in rules
        if rule["Status"] == "Enabled"
        and "Days" in rule.get("Expiration", {})
        and AUDIO.startswith(rule.get("Filter", {}).get("Prefix", rule.get("Prefix", "")))
    ]
    return timedelta(days=min(found)) if found else None


# -- printing


def _print(days: Days, reports: Sequence[VerifyReport], done: dict[str, str] | None, as_json: bool) -> None:
    if as_json:
        print_json(_as_json(days, reports, done))
        return
    listed = [finding for report in reports for finding in report.findings if finding.is_listed]
    if manner().output is Format.CSV:
        print_rows(FINDING_COLUMNS, [_line(finding, done or {}) for finding in listed], Format.TABLE, ends="")
    else:
        groups = grouped(listed)
        several = any(len(group.findings) > 1 for group in groups)
        ends = "One line for each cause; --output csv lists each recording." if several else ""
        print_rows(GROUP_COLUMNS, [_group_line(group, done or {}) for group in groups], Format.TABLE, ends=ends)
    again = ("downloaded again",) if any(report.redownloaded for report in reports) else ()
    rows = [_summary(report)[: len(COLUMNS + again)] for report in reports]
    print_rows((*COLUMNS, *again), rows, Format.TABLE, ends=_sentence(reports), beside=True)
    if done:
        err.print(f"repaired: {len(done)}; verify again when they went through")


def _line(finding: Finding, done: dict[str, str]) -> tuple[object, ...]:
    said = (finding.kind, finding.what, finding.cause, _to_do([finding], done))
    return (finding.source, finding.recording_id, finding.call_date, *said)


def _group_line(group: FindingGroup, done: dict[str, str]) -> tuple[object, ...]:
    one = group.example
    said = (one.recording_id, one.what, one.cause, _to_do(group.findings, done))
    return (one.source, one.kind, len(group.findings), *group.days, *said)


def _to_do(findings: Sequence[Finding], done: dict[str, str]) -> str:
    """What to type about findings with one cause, or what the repair has done about the first of them."""
    group = FindingGroup(findings)
    one = group.example
    first, last = group.days
    if repaired := done.get(one.recording_id or one.what):
        return repaired
    if one.kind is Kind.BEFORE_FIRST and first:
        return f"call-lake backfill --source {one.source} --from {first} --to {last}"
    return one.to_do


def _sentence(reports: Sequence[VerifyReport]) -> str:
    """Empty where there are differences: the error says how many."""
    if any(report.differences for report in reports):
        return ""
    return f"No differences in {counted(sum(report.listed for report in reports), 'recording')}."


def _summary(report: VerifyReport) -> tuple[object, ...]:
    differences = Counter(f.kind for f in report.findings if f.is_difference)
    others = Counter(f.kind for f in report.findings if not f.is_difference)
    texts = [", ".join(f"{kind} {n}" for kind, n in sorted(one.items())) or 0 for one in (differences, others)]
    chosen, same = report.redownloaded or (0, 0)
    counts = (report.listed, report.checked, report.right, report.erased)
    return (report.source, *counts, *texts, f"{same} of {chosen} the same")


def _as_json(days: Days, reports: Sequence[VerifyReport], done: dict[str, str] | None) -> dict[str, Any]:
    return {
        "from": days.first.isoformat(),
        "to": days.last.isoformat(),
        "differences": sum(len(report.differences) for report in reports),
        "sources": [
            {
                "source": report.source,
                "listed": report.listed,
                "checked": report.checked,
                "right": report.right,
                "erased": report.erased,
                "findings": dict(Counter(f.kind for f in report.findings)),
                "redownloaded": _redownloaded(report),
            }
            for report in reports
        ],
        "findings": [finding.to_json() for report in reports for finding in report.findings],
        "repaired": done,
    }


def _redownloaded(report: VerifyReport) -> dict[str, int] | None:
    return dict(zip(("chosen", "same"), report.redownloaded, strict=True)) if report.redownloaded else None
