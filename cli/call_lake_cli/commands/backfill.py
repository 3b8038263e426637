"""``call-lake backfill``: have the polls read a stretch of a source's past, and watch them."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, TaskProgressColumn

from call_lake.ledger.jobs import Job, JobKind
from call_lake.ledger.source_state import SourceState
from call_lake.model.times import iso
from call_lake.operations.backfill_estimate import Estimate, estimate
from call_lake.operations.days import Days
from call_lake.ports import Clock
from call_lake.settings import SourceSettings
from call_lake.wiring.operator import CLOCK, provider_of
from call_lake_cli.console import questions
from call_lake_cli.console.errors import UsageError, UserError, err, explained
from call_lake_cli.console.options import AsJson, StackName, parse_days
from call_lake_cli.console.output import Format, print_json, print_rows, progress
from call_lake_cli.stack.athena import run_query
from call_lake_cli.stack.handle import Stack, find_source, find_stack
from call_lake_cli.stack.prices import AS_OF, Bill, bill_of

LOOK_EVERY_S = 2.0
EMPTY_LOOKS = 3  # SQS counts only roughly: believe an empty queue after so many looks in a row
ASSUMED_BYTES_PER_S = 16_000.0  # WAV of 8 kHz, 16 bit, mono: the largest of the usual formats
INTERRUPTED = 130
NOT_BEGUN = "nothing was begun"

type ShowProgress = Callable[[str, float], None]
"""Receives what happens now, and which part of the window is read, 0 to 1."""


@dataclass(frozen=True, slots=True)
class BackfillState:
    """How far a backfill is. ``messages``: recordings that wait in the queue to be copied."""

    job: Job
    messages: int
    trouble: str | None

    @property
    def listed(self) -> bool:
        return self.job.done or self.job.again

    @property
    def share(self) -> float:
        if self.listed or not self.job.window.width:
            return 1.0
        return (self.job.position - self.job.window.start) / self.job.window.width


def backfill(
    source: Annotated[str, typer.Option("--source", help="The source, as `call-lake status` names it.")],
    from_: Annotated[str, typer.Option("--from", help="First day, YYYY-MM-DD, in the source's time zone.")],
    to: Annotated[str, typer.Option("--to", help="Last day, included.")],
    yes: Annotated[bool, typer.Option("--yes", help="Begin without asking, and without an estimate.")] = False,
    json_: AsJson = False,
    stack: StackName = None,
) -> None:
    """Read a stretch of a source's past: estimate it, ask, and watch until all of it is listed and copied.

    The scheduled polls do the work, beside the newest recordings, at the source's own requests_per_second. Ctrl-C ends
    only the watching; the same command watches again. Known recordings are not copied twice. A day later the polls read
    the stretch once more, for recordings that moved while it was read.

    Examples:
      call-lake backfill --source thulium --from 2026-01-01 --to 2026-06-30
    """
    with explained():
        days = parse_days(from_, to)
        here = find_stack(stack)
        settings = find_source(here, source)
        state = SourceState(here.table, CLOCK, source)
        _check(state, settings, days)
        window = days.window(settings.zone)
        job = state.jobs.find(JobKind.BACKFILL, window)
        guess: dict[str, Any] | None = None
        if job is None or job.done or job.again:
            if not yes:
                guess = _ask(here, settings, days, as_json=json_)
            job = state.jobs.start(JobKind.BACKFILL, window)
        else:
            err.print("it is under way already: watching it")
        last = _watch(here, settings, state, job)
        print_result(settings, days, last, guess, as_json=json_)


def _check(state: SourceState, settings: SourceSettings, days: Days) -> None:
    if days.first > CLOCK.now().astimezone(settings.zone).date():
        raise UsageError(f"{days.first} is still to come")
    if state.paused_since() is not None:
        raise UserError(f"{settings.name} is paused, so that nothing would be read: call-lake resume {settings.name}")


# -- before it


def _ask(stack: Stack, settings: SourceSettings, days: Days, *, as_json: bool) -> dict[str, Any]:
    """The estimate, once the user agreed to it. Raises UsageError where nobody can be asked."""
    questions.need_terminal(NOT_BEGUN)
    with progress(BarColumn(), TaskProgressColumn()) as bar:
        task = bar.add_task("estimating: listing some of the days", total=None)
        guessed = estimate(
            provider_of(stack, settings),
            days,
            settings.zone,
            CLOCK,
            lambda done, of: bar.update(task, completed=done, total=of),
        )
    bytes_per_s, known = bytes_per_second(stack, settings.name)
    bill = bill_of(guessed.recordings, round(guessed.recordings * (guessed.mean_talk_s or 0) * bytes_per_s))
    minutes = transcribed_minutes(stack, guessed)
    print_estimate(guessed, bill, minutes, known=known)
    agree(guessed.recordings, settings.new_per_day)
    return estimate_json(guessed, bill, minutes) | {"ceiling": settings.new_per_day}


def agree(recordings: int, ceiling: int) -> None:
    """Raises typer.Exit where the user does not say yes. ``ceiling``: new recordings of a day that polls may publish
    unasked; a backfill does not count towards it (docs/adr/0023)."""
    question = "Read them?"
    if recordings > ceiling:
        times = recordings / ceiling
        err.print(
            f"ceiling: {ceiling:,} new recordings a day; this is {times:,.1f} times as many, and is not held back"
        )
        question = f"Read about {recordings:,} recordings, beyond the ceiling?"
    questions.agree(question, NOT_BEGUN)


def transcribed_minutes(stack: Stack, guessed: Estimate) -> int | None:
    """Minutes of talk that Amazon Transcribe would bill; None where the stack does not transcribe."""
    if "transcriber" not in stack.functions:
        return None
    return round(guessed.recordings * (guessed.mean_talk_s or 0) / 60)


def bytes_per_second(stack: Stack, source: str) -> tuple[float, bool]:
    """How many bytes a second of this source's audio takes so far, and whether that was measured (else assumed)."""
    # The name comes from us: a source's name is [a-z0-9-].
    sql = f"""SELECT sum(audio_bytes) AS total_bytes, sum(audio_s) AS total_s FROM calls
              WHERE source = '{source}' AND audio_s IS NOT NULL
              AND call_date >= current_date - interval '30' day"""  # noqa: S608
    try:
        row = run_query(stack, sql).as_dicts()[0]
    except UserError:  # no more than a better guess is lost
        return ASSUMED_BYTES_PER_S, False
    known = bool(row["total_bytes"] and row["total_s"])
    return (row["total_bytes"] / row["total_s"], True) if known else (ASSUMED_BYTES_PER_S, False)


def estimate_json(guessed: Estimate, bill: Bill, minutes: int | None) -> dict[str, Any]:
    return asdict(guessed) | asdict(bill) | {"prices_as_of": AS_OF, "transcribed_minutes": minutes}


def print_estimate(guessed: Estimate, bill: Bill, minutes: int | None, *, known: bool) -> None:
    how = "counted by the provider" if guessed.counted else f"scaled from {guessed.sampled_days} days"
    size = "as this source's audio is now" if known else "if it is uncompressed: less, if it is OGG or MP3"
    err.print(f"recordings: about {guessed.recordings:,} ({how}); known ones are not copied again")
    err.print(f"audio: about {bill.gigabytes:.1f} GB ({size})")
    err.print(
        f"cost: about {bill.once_usd:.2f} USD once, {bill.monthly_usd:.2f} USD a month to keep it "
        f"(list prices of {AS_OF}; without the provider's own, a NAT gateway, a KMS key of yours)",
    )
    if minutes is not None:
        err.print(
            f"not in this cost: Amazon Transcribe, at its price for about {minutes:,} minutes of talk "
            "(EnableTranscription is true)",
        )


# -- while it goes on


def _watch(stack: Stack, settings: SourceSettings, state: SourceState, job: Job) -> BackfillState:
    with progress(BarColumn(), TaskProgressColumn()) as bar:
        task = bar.add_task("waiting for the next poll", total=1.0)
        try:
            return watch(
                lambda: look(stack, settings, state, job),
                CLOCK,
                lambda text, share: bar.update(task, description=text, completed=share),
            )
        except KeyboardInterrupt:
            bar.stop()
            err.print("it goes on by itself; the same command watches it again")
            raise typer.Exit(INTERRUPTED) from None


def look(stack: Stack, settings: SourceSettings, state: SourceState, job: Job) -> BackfillState:
    """Ask ledger and queue how far the backfill is."""
    visible = "ApproximateNumberOfMessages"
    found = stack.client("sqs").get_queue_attributes(QueueUrl=settings.queue_url, AttributeNames=[visible])
    now = state.jobs.find(JobKind.BACKFILL, job.window) or job
    return BackfillState(now, int(found["Attributes"].get(visible, 0)), state.facts().get("trouble"))


def watch(look: Callable[[], BackfillState], clock: Clock, show: ShowProgress) -> BackfillState:
    """Wait until the whole window is listed and no recording waits in the queue any more."""
    empty = 0
    while True:
        seen = look()
        empty = empty + 1 if seen.listed and seen.messages == 0 else 0
        if empty >= EMPTY_LOOKS:
            return seen
        show(_phrase(seen), seen.share)
        clock.sleep(LOOK_EVERY_S)


def _phrase(seen: BackfillState) -> str:
    trouble = f"; trouble: {seen.trouble}" if seen.trouble else ""
    if seen.listed:
        return f"copying: {seen.messages:,} recordings wait{trouble}"
    if seen.share == 0:
        return f"waiting for the next poll{trouble}"
    return f"listing: at {seen.job.position:%Y-%m-%d}, {seen.messages:,} recordings wait{trouble}"


def print_result(
    settings: SourceSettings, days: Days, last: BackfillState, guess: dict[str, Any] | None, *, as_json: bool
) -> None:
    result = {
        "source": settings.name,
        "from": days.first.isoformat(),
        "to": days.last.isoformat(),
        "job": last.job.id,
        "listed": True,
        "read_again": None if last.job.done else "within a day or so",
        "trouble": last.trouble,
    }
    if as_json:
        print_json(result | {"estimate": guess, "window": [iso(last.job.window.start), iso(last.job.window.end)]})
        return
    ends = "All of it is listed and copied, or waits for another attempt: call-lake status, call-lake verify."
    print_rows(("source", "from", "to", "read again", "trouble"), [tuple(_line(result))], Format.TABLE, ends=ends)


def _line(result: dict[str, Any]) -> list[Any]:
    return [result[name] for name in ("source", "from", "to", "read_again", "trouble")]
