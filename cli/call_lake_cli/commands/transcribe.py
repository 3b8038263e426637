"""``call-lake transcribe``: have an engine transcribe what was stored before, or what failed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn

from call_lake.ledger.transcribed_hours import HOUR_S, TranscribedHours
from call_lake.ledger.transcripts import TranscriptEntry, TranscriptLedger, TranscriptState
from call_lake.model.transcripts import AWS_ENGINE
from call_lake.operations.days import Days
from call_lake.operations.send_stored import send_stored
from call_lake.operations.transcribe_past import Survey, stored_lengths, survey
from call_lake.wiring.operator import CLOCK, engine_queue, transcriber_settings
from call_lake_cli.console import questions
from call_lake_cli.console.errors import NothingMatched, UsageError, UserError, err, explained
from call_lake_cli.console.options import AsJson, SourceName, StackName, parse_days
from call_lake_cli.console.output import Format, print_json, print_rows, progress
from call_lake_cli.console.words import counted
from call_lake_cli.stack.calls import countries_of
from call_lake_cli.stack.handle import Stack, find_stack, select_sources
from call_lake_cli.stack.prices import TRANSCRIBE_AS_OF, transcription_usd
from call_lake_cli.stack.version import refuse_other_version

NOT_SENT = "nothing was asked for"
COLUMNS = ("recording_id", "audio_uri", "audio_s")
FAILED_MOST = 10_000
"""So many failures are listed, and asked for again, at once."""

type Lengths = dict[str, float | None]
"""Recordings, each with the seconds of its audio, None if unknown."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a transcription of ``recordings`` takes. ``unknown``: recordings whose length is unknown; they count as the
    mean of the others. ``usd`` and ``days`` are None for an engine of yours, and where no length is known. ``days``:
    how many the ceiling makes of it."""

    recordings: int
    seconds: float
    unknown: int
    usd: float | None = None
    hours_per_day: int | None = None
    days: int | None = None

    def to_json(self) -> dict[str, Any]:
        hours = round(self.seconds / HOUR_S, 2)
        usd = None if self.usd is None else round(self.usd, 2)
        return {"recordings": self.recordings, "hours": hours, "usd": usd, "days": self.days}


def transcribe(
    from_: Annotated[str | None, typer.Option("--from", help="First day of the calls, YYYY-MM-DD.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="Last day, included.")] = None,
    source: SourceName = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Ask again for what failed; lists it, with the reasons.")
    ] = False,
    engine: Annotated[
        str, typer.Option("--engine", help="The engine to ask: aws, or one of TranscriptEngines.")
    ] = AWS_ENGINE,
    yes: Annotated[bool, typer.Option("--yes", help="Send without asking.")] = False,
    json_: AsJson = False,
    stack: StackName = None,
) -> None:
    """Transcribe recordings that were stored before transcription was switched on, after an estimate and a question.

    Amazon Transcribe costs money for each second of audio. No more than MaxTranscribedHoursPerDay begin on one day; the
    others wait. What has a transcript already, or waits for one, is not asked for again.

    Examples:
      call-lake transcribe --from 2026-10-01 --to 2026-10-31
      call-lake transcribe --failed
      call-lake transcribe --from 2026-10-01 --to 2026-10-31 --engine local --yes
    """
    with explained():
        if not failed and not (from_ and to):
            raise UsageError("give --from and --to, or --failed")
        days = parse_days(from_, to)
        here = find_stack(stack)
        refuse_other_version(here, "transcribe")
        _refuse_unknown(here, engine)
        queue = engine_queue(here, engine)
        sources = list(select_sources(here, source))
        transcripts = TranscriptLedger(here.table, CLOCK, engine)
        found = _failed(here, transcripts, sources, days) if failed else _missing(here, transcripts, sources, days)
        guess = _estimate(here, engine, list(found.values()))
        _print_estimate(here, engine, guess)
        if not yes:
            questions.agree(f"Transcribe {counted(guess.recordings, 'recording')}?", NOT_SENT)
        again_at = CLOCK.now() if failed else None
        with progress(BarColumn(), MofNCompleteColumn()) as bar:
            task = bar.add_task("asking", total=len(found))
            sent = send_stored(here.table, queue, list(found), again_at, lambda n: bar.update(task, completed=n))
        _print(engine, guess, sent, json_)


def _refuse_unknown(stack: Stack, engine: str) -> None:
    """Raises UserError where the stack does not transcribe, UsageError for an engine that it does not have."""
    if engine in stack.engines:
        return
    if engine == AWS_ENGINE:
        raise UserError(
            f"{stack.name} does not transcribe, so nothing was asked for: switch Amazon Transcribe on with "
            f"call-lake deploy --stack {stack.name} --set EnableTranscription=true"
        )
    known = ", ".join(sorted(stack.engines)) or "none"
    raise UsageError(f"there is no engine {engine!r}; there are: {known} (parameter TranscriptEngines)")


def _missing(stack: Stack, transcripts: TranscriptLedger, sources: Sequence[str], days: Days) -> Lengths:
    """The recordings of these days that the engine was never asked for. Raises NothingMatched where there is none."""
    from call_lake.lake.calls import CallFilter, CallReader

    wanted = CallFilter(days.first, days.last, sources=frozenset(sources))
    reader = CallReader(stack.store, countries_of(stack), COLUMNS)
    with progress() as bar:
        bar.add_task("reading the calls", total=None)
        found = survey(reader.calls(wanted), transcripts)
    if told := _others(found):
        err.print(told)
    if not found.missing:
        raise NothingMatched(f"no recording of these days waits to be asked for: engine {transcripts.engine}")
    return found.missing


def _others(found: Survey) -> str:
    """Why the other recordings of these days are left out; empty where there are none."""
    words = {
        TranscriptState.READY: "have a transcript",
        TranscriptState.WAITING: "wait for their day",
        TranscriptState.RUNNING: "are being transcribed",
        TranscriptState.FAILED: "failed (--failed asks again)",
        TranscriptState.SKIPPED: "the engine cannot take",
        TranscriptState.EXPIRED: "had one that was too old",
    }
    parts = [f"{found.states[state]:,} {text}" for state, text in words.items() if found.states[state]]
    parts += [f"{found.no_audio:,} have no audio any more"] if found.no_audio else []
    return f"not asked for: {', '.join(parts)}" if parts else ""


def _failed(stack: Stack, transcripts: TranscriptLedger, sources: Sequence[str], days: Days) -> Lengths:
    """The recordings of which the engine failed. Prints them. Raises NothingMatched where there is none."""
    ids = transcripts.listed(TranscriptState.FAILED, FAILED_MOST)
    chosen = [one for one in transcripts.entries(ids).values() if _is_meant(one, sources, days)]
    if not chosen:
        raise NothingMatched(f"no transcript of engine {transcripts.engine} has failed")
    chosen.sort(key=lambda one: (one.source, one.call_date, one.recording_id))
    for one in chosen:
        err.print(f"{one.recording_id}: {one.reason}")
    if len(ids) == FAILED_MOST:
        err.print(f"these are {FAILED_MOST:,}, and there may be more: type the same again later")
    lengths = stored_lengths(stack.table, [one.recording_id for one in chosen if one.seconds is None])
    return {one.recording_id: lengths.get(one.recording_id, one.seconds) for one in chosen}


def _is_meant(entry: TranscriptEntry, sources: Sequence[str], days: Days) -> bool:
    is_failed = entry.state is TranscriptState.FAILED  # the index is eventually consistent
    return is_failed and entry.source in sources and days.first <= entry.call_date <= days.last


# -- what it takes


def _estimate(stack: Stack, engine: str, lengths: Sequence[float | None]) -> Estimate:
    known = [length for length in lengths if length is not None]
    mean = sum(known) / len(known) if known else 0.0
    seconds = [mean if length is None else length for length in lengths]
    whole = (len(lengths), sum(seconds), len(lengths) - len(known))
    if engine != AWS_ENGINE or not known:
        return Estimate(*whole)
    per_day = transcriber_settings(stack).hours_per_day
    days = ceil(sum(seconds) / HOUR_S / per_day) if per_day else None
    return Estimate(*whole, transcription_usd(seconds), per_day, days)


def _print_estimate(stack: Stack, engine: str, guess: Estimate) -> None:
    if guess.recordings and guess.unknown == guess.recordings:
        err.print(f"{counted(guess.recordings, 'recording')}, all of unknown length, so time and cost are unknown")
        return
    unknown = f"; {guess.unknown:,} of unknown length count as the mean of the others" if guess.unknown else ""
    err.print(f"{counted(guess.recordings, 'recording')}, {guess.seconds / HOUR_S:,.1f} hours of audio{unknown}")
    if guess.usd is None:
        err.print(f"cost: what your engine {engine} takes; Call Lake does not know it")
        return
    err.print(
        f"cost: about {guess.usd:,.2f} USD at Amazon Transcribe (list prices of {TRANSCRIBE_AS_OF} in us-east-1, if "
        "nothing else was transcribed this month; without redaction's own price)"
    )
    if guess.hours_per_day is not None:
        today = TranscribedHours(stack.table, CLOCK, guess.hours_per_day).today()
        err.print(
            f"time: {counted(guess.days or 0, 'day')} at least, as MaxTranscribedHoursPerDay is "
            f"{guess.hours_per_day:,}; {today.used_s / HOUR_S:,.1f} hours of today are used"
        )


def _print(engine: str, guess: Estimate, sent: int, as_json: bool) -> None:
    if as_json:
        print_json({"engine": engine, "sent": sent, "estimate": guess.to_json()})
        return
    told: Mapping[str, Any] = {"engine": engine, "sent": sent} | guess.to_json()
    ends = f"{counted(sent, 'recording')} sent to the queue of {engine}; call-lake status tells how many wait."
    print_rows(list(told), [tuple(told.values())], Format.TABLE, ends=ends)
