"""``make demo``: deploy on this machine, move simulated calls of both providers, and ask Athena about them.

The exit code is 0 only if the recordings that were listed, that were stored and that Athena sees are the same, with the
same SHA-256, and each of them was announced on the bus and has a row of sound.
"""

import json
import os
import shutil
import sys
import time
from datetime import date, timedelta
from pathlib import Path
from typing import NoReturn

import requests
import typer

from call_lake.lake.calls import CallFilter
from call_lake.model.layout import AUDIO, DOCUMENTS, LAKE
from call_lake.wiring.operator import ids_of
from call_lake_cli.commands.status import ProgressLines, print_counts
from call_lake_cli.console.errors import UserError, explained, say
from call_lake_cli.console.output import Format, print_rows
from call_lake_cli.demo_sound import print_sound
from call_lake_cli.demo_words import DEMO_ENGINE, print_mentions, wrong_documents
from call_lake_cli.listening.desk import finder_of
from call_lake_cli.listening.library import READ
from call_lake_cli.listening.overview import static_page
from call_lake_cli.stack import laptop
from call_lake_cli.stack.athena import run_query
from call_lake_cli.stack.handle import Stack
from call_lake_cli.stack.settle import settle
from call_lake_local import private_folder
from call_lake_local.stack import Plan, SimulatedCalls

RECORDINGS = 200
DAYS = 30
UNTIL = date(2026, 11, 15)  # the autumn clock change of 2026-10-25 lies within
FIRST = UNTIL - timedelta(days=DAYS)
ROOT = Path(".call-lake") / "demo"
OVERVIEW = "overview.html"
SCHEDULE_DEADLINE_S = 150.0
INTERRUPTED = 130

SINCE = FIRST - timedelta(days=1)  # a provider may list calls of the day before
CALLS_PER_DAY = f"""
SELECT call_date, source, count(*) AS calls, round(sum(talk_s) / 60, 1) AS talk_minutes
FROM calls WHERE call_date >= DATE '{SINCE}' GROUP BY call_date, source ORDER BY call_date DESC, source LIMIT 10"""  # noqa: S608 - a day
TALK_PER_AGENT = f"""
SELECT agent, count(*) AS calls, round(sum(talk_s) / 3600, 2) AS talk_hours, round(avg(talk_s), 1) AS average_s
FROM calls WHERE call_date >= DATE '{SINCE}' GROUP BY agent ORDER BY talk_hours DESC LIMIT 10"""  # noqa: S608
LONGEST_CALLS = f"""
SELECT started_at, source, agent, talk_s, audio_uri
FROM calls WHERE call_date >= DATE '{SINCE}' ORDER BY talk_s DESC NULLS LAST LIMIT 10"""  # noqa: S608
EVERY_ROW = f"SELECT source, recording_id, audio_sha256, audio_uri FROM calls WHERE call_date >= DATE '{SINCE}'"  # noqa: S608


def main() -> None:
    keep = os.environ.get("KEEP", "") not in ("", "0")
    with explained():
        private_folder.make(ROOT.parent)
        private_folder.make(ROOT)
        shutil.rmtree(ROOT / "bucket", ignore_errors=True)
        calls = SimulatedCalls(UNTIL, count=RECORDINGS, days=DAYS)
        parameters = {"FirstPollFrom": FIRST.isoformat()}
        plan = Plan(simulated=calls, engine=DEMO_ENGINE, parameters=parameters, detach=keep)
        try:
            stack = laptop.start(plan, ROOT, say)
        except KeyboardInterrupt:
            _interrupted()
        try:
            wrong = _run(stack)
        except KeyboardInterrupt:
            keep = False
            _interrupted()
        finally:
            if not keep:
                laptop.end(ROOT)
        say("done")
        if wrong:
            raise UserError("the demo found differences: " + "; ".join(wrong))
        _say_what_is_next(kept=keep)


def _say_what_is_next(*, kept: bool) -> None:
    say(f"to look at: open {ROOT / OVERVIEW} in a browser: calls and talk time per day and hour")
    if kept:
        say(f"it still runs: cd {ROOT}, then call-lake listen or call-lake query; call-lake local down ends it")
    else:
        say("to hear the calls and ask about them: KEEP=1 make demo, which leaves it running")
    say("to read your own calls: README.md, Try it on your own calls")


def _interrupted() -> NoReturn:
    say("ending …")
    raise typer.Exit(INTERRUPTED) from None


def _run(stack: Stack) -> list[str]:
    _wait_for_the_schedules(stack)
    ok, census = settle(stack, None, 300.0, ProgressLines().show)
    expected = _expected(stack)
    wrong = ([] if ok else ["not everything settled"]) + wrong_documents(stack, expected)
    rows = run_query(stack, EVERY_ROW).as_dicts()
    print_counts(census, "What became of the recordings")
    for title, sql in (
        ("Calls per day and source", CALLS_PER_DAY),
        ("Talk time per agent", TALK_PER_AGENT),
        ("The ten longest calls", LONGEST_CALLS),
    ):
        answer = run_query(stack, sql)
        print_rows(answer.columns, answer.rows, Format.TABLE, title)
    wrong += print_mentions(stack, SINCE.isoformat())
    wrong += print_sound(stack, SINCE, UNTIL, expected)
    events = _events(stack)
    copied = _copy_out(stack)
    _draw(stack)
    say(f"events seen on the bus: {len(events)} Recording Stored, of {len(set(events))} recordings")
    say(f"everything lies in {ROOT / 'bucket'}: {copied} objects, audio/, lake/ and transcripts/")
    return wrong + _differences(stack, expected, rows, events)


def _wait_for_the_schedules(stack: Stack) -> None:
    """Wait until EventBridge Scheduler has polled each source: the demo itself starts no poll before."""
    say("waiting for the schedules to poll each source (every minute)")
    deadline = time.monotonic() + SCHEDULE_DEADLINE_S
    while time.monotonic() < deadline:
        items = [stack.table.get(f"source#{name}") or {} for name in stack.sources]
        if all(item.get("last_poll_at") for item in items):
            return
        time.sleep(0.5)
    raise UserError(f"no schedule fired within {SCHEDULE_DEADLINE_S:g} s; {ROOT}/.call-lake/emulator.log says more")


def _expected(stack: Stack) -> dict[str, str]:
    """SHA-256 by recording id, as the simulated providers know it."""
    found: dict[str, str] = {}
    ids = ids_of(stack)
    for name, source in stack.sources.items():
        base = source.base_url.removesuffix("/api")
        answer = requests.get(f"{base}/_sim/truth", timeout=60)
        answer.raise_for_status()
        found |= {ids.of_key(name, one["provider_key"]): one["sha256"] for one in answer.json()}
    return found


def _differences(stack: Stack, expected: dict[str, str], rows: list[dict[str, str]], events: list[str]) -> list[str]:
    wrong = []
    in_lake = {row["recording_id"]: row["audio_sha256"] for row in rows}
    if len(rows) != len(in_lake):
        wrong.append(f"{len(rows) - len(in_lake)} rows are there twice")
    if in_lake != expected:
        wrong.append(f"{len(set(expected.items()) ^ set(in_lake.items()))} rows differ from what the providers hold")
    prefix = f"s3://{stack.bucket}/"
    stored = {info.key: info for info in stack.store.list(AUDIO)}
    for row in rows:
        head = stack.store.head(row["audio_uri"].removeprefix(prefix))
        if head is None or head.sha256 != row["audio_sha256"]:
            wrong.append(f"{row['audio_uri']} is not what its row says")
    if len(stored) != len(expected):
        wrong.append(f"{len(stored)} audio objects for {len(expected)} recordings")
    if set(events) != set(expected):
        wrong.append(f"{len(set(expected) ^ set(events))} recordings without an event, or events without a recording")
    return wrong


def _events(stack: Stack) -> list[str]:
    """Recording ids of the events that the laptop's tap queue has caught."""
    sqs = stack.client("sqs")
    found: list[str] = []
    while True:
        answer = sqs.receive_message(QueueUrl=stack.tap_url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        messages = answer.get("Messages", [])
        if not messages:
            return found
        for message in messages:
            found.append(json.loads(message["Body"])["detail"]["recording_id"])
        entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
        sqs.delete_message_batch(QueueUrl=stack.tap_url, Entries=entries)


def _draw(stack: Stack) -> None:
    """The listening page's overview as a file that needs no server."""
    last = UNTIL + timedelta(days=1)
    rows = finder_of(stack.store, stack.sources)(CallFilter(SINCE, last), READ)
    zones = {name: source.zone for name, source in stack.sources.items()}
    page = static_page("The demo's invented calls", rows, SINCE, last, zones)
    (ROOT / OVERVIEW).write_text(page, encoding="utf-8")


def _copy_out(stack: Stack) -> int:
    """The bucket's audio, lake and transcripts as plain files, to look at after the emulator is gone."""
    number = 0
    s3 = stack.client("s3")
    for prefix in (AUDIO, LAKE, DOCUMENTS):
        for info in stack.store.list(prefix):
            file = ROOT / "bucket" / info.key
            file.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(stack.bucket, info.key, str(file))
            number += 1
    return number


if __name__ == "__main__":
    try:
        main()
    except typer.Exit as end:
        sys.exit(end.exit_code)
