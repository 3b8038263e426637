"""``call-lake doctor``: check that everything is as it should be, and say what to do where it is not."""

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from typing import Annotated

import requests
import typer

from call_lake.ports import Clock
from call_lake.wiring.operator import CLOCK
from call_lake_cli.console.errors import Found, explained
from call_lake_cli.console.options import AsJson, StackName
from call_lake_cli.console.output import Format, Level, print_json, print_line, print_rows, progress
from call_lake_cli.console.words import counted
from call_lake_cli.doctor import alarms, checks, regions
from call_lake_cli.doctor.canary.notes import leftovers
from call_lake_cli.doctor.canary.report import Report
from call_lake_cli.doctor.checks import Check, guarded
from call_lake_cli.stack.handle import Stack, find_stack

SWAPPING_S = 60.0


def doctor(
    canary: Annotated[
        bool,
        typer.Option(
            "--canary", help="Also commit invented rows, query them while their files are swapped, and remove them."
        ),
    ] = False,
    canary_seconds: Annotated[
        float, typer.Option(min=0, max=300, help="How long the canary swaps files.")
    ] = SWAPPING_S,
    json_: AsJson = False,
    stack: StackName = None,
) -> None:
    """Check credentials, rights, regions, secrets, providers, clocks, quotas, triggers, schedules, polls and alarms.

    Without --canary it only reads. Each line is ok, warning or failed, with what to do; exit code 3 if anything fails.

    Examples:
      call-lake doctor
      call-lake doctor --canary --stack call-lake
    """
    with explained():
        here = find_stack(stack)
        report = None
        with progress() as bar:
            task = bar.add_task("checking", total=None)
            found = []
            for check in run_checks(here, CLOCK):
                bar.update(task, description=check.name)
                found.append(check)
            if canary:
                bar.update(task, description=f"canary, {canary_seconds:g} s of swaps and some queries")
                report = _canary(here, canary_seconds)
                found += report.checks
        if json_:
            answer = {"ok": not any_failed(found), "checks": [asdict(check) for check in found]}
            print_json(answer | ({"canary": report.to_json()} if report else {}))
        else:
            lines = [(check.level, check.name, check.found, check.to_do or None) for check in found]
            print_rows(("result", "what", "found", "to do"), lines, Format.TABLE, ends=sentence_of(found))
            if report:
                print_line("The canary's report names no account and no number, so you can paste it into an issue:")
                for line in report.lines():
                    print_line(line)
        if failed := sum(check.level is Level.FAIL for check in found):
            raise Found(f"{failed} of {counted(len(found), 'check')} failed")


def sentence_of(found: list[Check]) -> str:
    """What all checks say together; empty where some failed, for the error says that."""
    warnings = sum(check.level is Level.WARN for check in found)
    if any_failed(found):
        return ""
    if warnings:
        return f"No check failed; {counted(warnings, 'warning')} among {counted(len(found), 'check')}."
    return f"All {counted(len(found), 'check')} passed."


def any_failed(found: list[Check]) -> bool:
    return any(check.level is Level.FAIL for check in found)


def run_checks(stack: Stack, clock: Clock, *, session: requests.Session | None = None) -> Iterator[Check]:
    """Run every check but the canary, in the order in which one depends on another. The emulator has no quotas and no
    alarms. ``session``: for tests, reaches the providers."""
    yield from guarded("credentials", lambda: checks.account(stack, clock))
    yield from guarded("region", lambda: regions.regions(stack))
    yield from guarded("storage", lambda: checks.storage(stack))
    yield from guarded("query", lambda: checks.query(stack, clock))
    yield from guarded("canary", lambda: leftovers(stack.store, clock))
    yield from guarded("recording ids", lambda: checks.recording_ids(stack, clock))
    yield from guarded("functions", lambda: checks.functions(stack))
    yield from guarded("partitions", lambda: checks.partitions(stack))
    yield from guarded("compactor", lambda: checks.schedule(stack, f"{stack.name}-compact", "compactor: schedule"))
    if "transcriber" in stack.functions:
        take = partial(checks.mapping, stack, "transcriber", f"{stack.name}-transcriptions", "transcriptions")
        yield from guarded("transcriptions", take)
    if "transcript-reader" in stack.functions:
        documents = f"{stack.name}-transcript-documents"
        read = partial(checks.mapping, stack, "transcript-reader", documents, "transcripts")
        yield from guarded("transcripts", read)
    if "sound-analyzer" in stack.functions:
        measure = partial(checks.mapping, stack, "sound-analyzer", f"{stack.name}-sound", "sound")
        yield from guarded("sound", measure)
    yield from guarded("settings", lambda: _sources(stack, clock, session))
    yield from guarded("failed recordings", lambda: checks.failures(stack))
    yield from guarded("dead letters", lambda: checks.dead_letters(stack))
    if not stack.local:
        yield from guarded("Lambda quota", lambda: checks.concurrency(stack))
        yield from guarded("alarms", lambda: alarms.alarms(stack))
        yield from guarded("alarm topic", lambda: alarms.topics(stack))


def _canary(stack: Stack, seconds: float) -> Report:
    from call_lake_cli.doctor.canary.run import run_canary  # loads pyarrow, which no other check needs

    return run_canary(stack, CLOCK, seconds)


def _sources(stack: Stack, clock: Clock, session: requests.Session | None) -> Iterator[Check]:
    for name, settings in stack.sources.items():
        yield from guarded(name, partial(checks.source, stack, settings, clock, session))
