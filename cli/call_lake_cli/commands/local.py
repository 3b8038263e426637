"""``call-lake local up | settle | down``: the whole stack on this machine."""

import json
import os
import re
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
from rich.progress import BarColumn, MofNCompleteColumn

from call_lake.model.transcripts import AWS_ENGINE
from call_lake_cli.commands.status import ProgressLines, print_counts
from call_lake_cli.console.app import App
from call_lake_cli.console.errors import Found, UsageError, err, explained, say
from call_lake_cli.console.options import AsJson, parse_day, parse_days, parse_parameters
from call_lake_cli.console.output import print_json, progress
from call_lake_cli.stack import laptop
from call_lake_cli.stack.census import SourceCensus, total
from call_lake_cli.stack.handle import LOCAL_FILE, Stack, elsewhere, find_stack
from call_lake_cli.stack.settle import failures_in, why_behind, why_unsettled
from call_lake_cli.stack.settle import settle as settle_stack
from call_lake_local.engine import ENGINE, LocalEngine
from call_lake_local.stack import LocalSource, Plan, SimulatedCalls

app = App(name="local", help="Call Lake on this machine: no Docker, no AWS account.")

LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")


@app.command()
def up(
    detach: Annotated[
        bool, typer.Option("--detach", help="Return once it runs; `call-lake local down` ends it.")
    ] = False,
    port: Annotated[
        int | None, typer.Option(help="Port of the local AWS on 127.0.0.1; by default any free one.")
    ] = None,
    thulium_url: Annotated[str | None, typer.Option(help="API of your Thulium, https://NAME.thulium.com/api.")] = None,
    thulium_user: Annotated[
        str | None, typer.Option(help="API user there; the password comes from THULIUM_PASSWORD or a prompt.")
    ] = None,
    conpeek_url: Annotated[
        str | None, typer.Option(help="API of your Conpeek; the key comes from CONPEEK_KEY or a prompt.")
    ] = None,
    poll_every: Annotated[str, typer.Option(help="How often each source is polled: 60s, 5m, 10m.")] = "60s",
    compact_every: Annotated[str, typer.Option(help="How often rows are written to the lake.")] = "60s",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PARAMETER=VALUE", help="A parameter of template.yaml; may be repeated."),
    ] = None,
    faults: Annotated[
        str | None,
        typer.Option(help="Faults of the simulated providers, NAME,NAME (docs/local-stack.md)."),
    ] = None,
    recordings: Annotated[
        int | None, typer.Option(help="Recordings of each simulated provider; by default 200.", min=1)
    ] = None,
    days: Annotated[int | None, typer.Option(help="Days over which they are spread; by default 30.", min=1)] = None,
    until: Annotated[str | None, typer.Option(help="Their last day, YYYY-MM-DD; by default today.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed makes the same calls; by default 7.")] = None,
    transcribe: Annotated[
        bool, typer.Option("--transcribe", help="Transcribe the recordings here, with a small English model.")
    ] = False,
    speech_model: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Transcribe with this model for faster-whisper instead.")
    ] = None,
    json_: AsJson = False,
) -> None:
    """Build, start and deploy Call Lake on this machine; without URLs, with simulated providers.

    Examples:
      call-lake local up
      call-lake local up --transcribe
      call-lake local up --detach --recordings 50 --days 7
    """
    with explained():
        calls = {"faults": faults, "count": recordings, "days": days, "until": until, "seed": seed}
        given = {name: value for name, value in calls.items() if value is not None}
        if given and (thulium_url or conpeek_url):
            option = next(iter(given)).replace("count", "recordings")
            raise UsageError(f"--{option} is for the simulated providers: leave it out, or the URL")
        sources = _own_sources(thulium_url, thulium_user, conpeek_url)
        schedules = {"PollEvery": _rate(poll_every), "CompactEvery": _rate(compact_every)}
        plan = Plan(
            sources=sources,
            simulated=None if sources else _simulated(given),
            engine=LocalEngine(model=speech_model) if transcribe or speech_model else None,
            parameters=schedules | parse_parameters(set_ or []),
            port=port,
            detach=detach,
        )
        stack = laptop.start(plan, Path.cwd(), say)
        if json_:
            print_json(json.loads(LOCAL_FILE.read_text()))
        err.print(f"running: bucket {stack.bucket}, all names in {LOCAL_FILE}")
        for line in _queues_to_serve(stack, plan):
            err.print(line)
        err.print(f"next: {_settle_line(stack)}, which brings the calls of these days")
        err.print("then: call-lake status, call-lake listen")
        if not detach:
            _wait_for_the_end(Path.cwd())


@app.command()
def settle(
    from_: Annotated[
        str | None,
        typer.Option("--from", help="First day to list, YYYY-MM-DD; calls of the day before and after may come along."),
    ] = None,
    to: Annotated[str | None, typer.Option("--to", help="Last day to list.")] = None,
    timeout: Annotated[int, typer.Option(help="Seconds without progress after which it gives up.", min=1)] = 300,
    json_: AsJson = False,
) -> None:
    """Poll, wait until every listed recording is stored and queryable or has failed permanently, and count.

    Where sound is measured, or engines transcribe, it waits until they have taken every recording.

    Exit code 3 if a recording failed, or if it gave up; then what is stored is queryable. Also if no call was ever
    listed: without days, it lists new calls alone.

    Examples:
      call-lake local settle
      call-lake local settle --from 2026-11-01 --to 2026-11-30
    """
    with explained():
        if bool(from_) != bool(to):
            raise UsageError("--from and --to belong together: give both, or neither for the newest recordings alone")
        days = parse_days(from_, to) if from_ else None
        stack = find_stack()
        if not stack.local:
            raise UsageError("settle is for the local stack")
        with progress(BarColumn(), MofNCompleteColumn()) as bar:
            task, lines = bar.add_task("listing", total=None), ProgressLines()

            def show(step: str, census: Sequence[SourceCensus]) -> None:
                if not err.is_terminal:
                    lines.show(step, census)
                bar.update(task, description=step, total=total(census, "listed"), completed=total(census, "rows"))

            ok, census = settle_stack(stack, days, float(timeout), show)
        if json_:
            print_json({"settled": ok, "sources": [one.to_json() for one in census]})
        else:
            print_counts(census)
        if ok and not days and not total(census, "listed"):
            raise Found(f"no call has been listed yet, as polls look for new calls alone: {_settle_line(stack)}")
        if not ok:
            reasons = [*map(why_unsettled, census), failures_in(census), why_behind(stack)]
            raise Found("not settled: " + "; ".join(filter(None, reasons)))
        if failed := failures_in(census):
            raise Found(f"settled, but {failed}: `call-lake failed` lists them")


@app.command()
def down() -> None:
    """End the local stack and delete what it stored.

    Examples:
      call-lake local down
    """
    with explained():
        ended = laptop.end(Path.cwd())
        err.print(f"ended: {', '.join(ended)}" if ended else f"nothing was running here{elsewhere()}")


def _simulated(given: dict[str, Any]) -> SimulatedCalls:
    """Raises UsageError."""
    until = parse_day(given["until"]) if "until" in given else datetime.now(UTC).date()
    return SimulatedCalls(**(given | {"until": until}))


def _settle_line(stack: Stack) -> str:
    """What brings the calls that were there before the stack."""
    first, last = stack.days
    return f"call-lake local settle --from {first} --to {last}"


def _queues_to_serve(stack: Stack, plan: Plan) -> list[str]:
    """The queue of each engine that you start yourself (docs/transcribe-elsewhere.md)."""
    served = {AWS_ENGINE} | ({ENGINE} if plan.engine else set())
    return [f"engine {name}: queue {url}" for name, url in sorted(stack.engines.items()) if name not in served]


def _own_sources(thulium_url: str | None, thulium_user: str | None, conpeek_url: str | None) -> tuple[LocalSource, ...]:
    """The providers that the options name, each with its secret from the environment or a prompt. Raises UsageError."""
    sources = []
    for option, url in (("--thulium-url", thulium_url), ("--conpeek-url", conpeek_url)):
        _check_url(option, url or "")
    if thulium_url:
        user = thulium_user or os.environ.get("THULIUM_USER") or ""
        if not user:
            raise UsageError("--thulium-url needs --thulium-user, the name of the API user there")
        secret = {"username": user, "password": _secret("THULIUM_PASSWORD", f"Password of {user} at {thulium_url}")}
        sources.append(LocalSource("thulium", "thulium", thulium_url.rstrip("/"), secret))
    elif thulium_user:
        raise UsageError("--thulium-user goes with --thulium-url")
    if conpeek_url:
        secret = {"key": _secret("CONPEEK_KEY", f"API key at {conpeek_url}")}
        sources.append(LocalSource("conpeek", "conpeek", conpeek_url.rstrip("/"), secret))
    return tuple(sources)


def _check_url(option: str, url: str) -> None:
    """Refuse an address off this machine that would get the credentials unencrypted. Raises UsageError."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise UsageError(f"{option} {url}: {error}") from None
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS:
        raise UsageError(f"{option} {url}: it has to begin with https://, for credentials and recordings go through it")


def _secret(variable: str, question: str) -> str:
    value = os.environ.get(variable, "")
    if not value and sys.stdin.isatty():
        value = typer.prompt(question, hide_input=True)
    if not value:
        raise UsageError(f"no secret: set {variable} in the environment, or run this in a terminal to be asked")
    return value


def _rate(text: str) -> str:
    """``60s`` as a schedule. EventBridge Scheduler takes whole minutes, and the template ten of them at most. Raises
    UsageError."""
    match = re.fullmatch(r"(\d+)\s*(s|m|h)?", text)
    seconds = int(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2] or "s"] if match else 0
    if not 60 <= seconds <= 600 or seconds % 60:
        raise UsageError(f"{text!r}: schedules run every whole number of minutes, from one to ten: 60s, 5m, 10m")
    minutes = seconds // 60
    return "rate(1 minute)" if minutes == 1 else f"rate({minutes} minutes)"


def _wait_for_the_end(root: Path) -> None:
    err.print("Ctrl-C ends it")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        signal.pause()
    except KeyboardInterrupt:
        err.print("ending …")
    finally:
        laptop.end(root)
