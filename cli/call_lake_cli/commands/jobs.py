"""``call-lake jobs``: which stretches of the past polls still read, and Amazon Transcribe's jobs."""

import re
from collections.abc import Iterator
from typing import Any

from call_lake.ledger.source_state import SourceState
from call_lake.model.times import iso
from call_lake.wiring.operator import CLOCK
from call_lake_cli.console.errors import explained
from call_lake_cli.console.options import AsJson, SourceName, StackName
from call_lake_cli.console.output import Format, print_json, print_rows
from call_lake_cli.console.words import counted
from call_lake_cli.stack.handle import Stack, find_stack, select_sources, zone_of

COLUMNS = ("source", "job", "state", "from", "to", "read_to", "recordings", "since", "next_try")
TRANSCRIPTIONS = {"QUEUED": "queued", "IN_PROGRESS": "running", "FAILED": "failed"}
"""The states that are listed. Amazon Transcribe keeps a job for 90 days:
https://docs.aws.amazon.com/transcribe/latest/dg/limits-guidelines.html"""
AT_ONCE = 100
DONE = "done"


def jobs(source: SourceName = None, json_: AsJson = False, stack: StackName = None) -> None:
    """List unfinished sweeps, backfills and gaps, each source's last sweep, and Amazon Transcribe's jobs that run or
    failed.

    Engines of yours have no jobs: call-lake status counts what waits for them and what failed.

    Examples:
      call-lake jobs
      call-lake jobs --source thulium
    """
    with explained():
        here = find_stack(stack)
        names = list(select_sources(here, source))
        found = [line for name in names for line in _readings(here, name)]
        if "transcriber" in here.functions:
            found += _transcriptions(here, names)
        if json_:
            print_json(found)
            return
        unfinished = sum(line["state"] not in (DONE, TRANSCRIPTIONS["FAILED"]) for line in found)
        heads = [name.replace("_", " ") for name in COLUMNS]
        rows = [tuple(line[name] for name in COLUMNS) for line in found]
        ends = f"{counted(unfinished, 'unfinished job')}." if unfinished else "No job is unfinished."
        print_rows(heads, rows, Format.TABLE, ends=ends, zone=zone_of(here))


def _readings(stack: Stack, source: str) -> Iterator[dict[str, Any]]:
    """What polls of the source read of the past."""
    state = SourceState(stack.table, CLOCK, source)
    for job in state.jobs.unfinished():
        yield _line(
            source,
            job.kind,
            "second reading" if job.again else "first reading",
            **{"from": iso(job.window.start), "to": iso(job.window.end), "read_to": iso(job.position)},
            since=job.started_at,
            next_try=job.due_at,
        )
    if swept_to := state.swept_to():
        yield _line(source, "sweep", DONE, to=iso(swept_to), read_to=iso(swept_to))


def _transcriptions(stack: Stack, sources: list[str]) -> Iterator[dict[str, Any]]:
    """One line for each source and state. ``since``: when the oldest of them began. Jobs of other stacks are left out:
    all stacks of an account share the names."""
    mine = re.compile(rf"{re.escape(stack.name)}-({'|'.join(sources)})-[0-9a-f]{{32}}")
    for status, state in TRANSCRIPTIONS.items():
        began: dict[str, list[str]] = {}
        for job in _listed(stack, status):
            if named := mine.fullmatch(job["TranscriptionJobName"]):
                began.setdefault(named[1], []).append(iso(job["CreationTime"]))
        for source, times in sorted(began.items()):
            yield _line(source, "transcription", state, recordings=len(times), since=min(times))


def _listed(stack: Stack, status: str) -> Iterator[dict[str, Any]]:
    client = stack.client("transcribe")
    asked: dict[str, Any] = {"Status": status, "JobNameContains": f"{stack.name}-", "MaxResults": AT_ONCE}
    while True:
        answer = client.list_transcription_jobs(**asked)
        yield from answer["TranscriptionJobSummaries"]
        if not answer.get("NextToken"):
            return
        asked["NextToken"] = answer["NextToken"]


def _line(source: str, job: str, state: str, **more: Any) -> dict[str, Any]:
    return dict.fromkeys(COLUMNS) | {"source": source, "job": job, "state": state} | more
