"""``call-lake local up | settle | down``: the whole stack on this machine."""

import os
import re
import signal
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from call_lake_cli.console.errors import UserError, err, explained, say
from call_lake_cli.console.output import Format, print_json, print_rows
from call_lake_cli.stack.census import SourceCensus, total
from call_lake_cli.stack.handle import find_stack

app = typer.Typer(no_args_is_help=True, help="Call Lake on this machine: no Docker, no AWS account.")

CENSUS_COLUMNS = ("source", "listed", "stored", "rows", "failed", "waiting", "in queue", "in inbox")
LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")


@app.command()
def up(
    detach: Annotated[
        bool, typer.Option("--detach", help="Return when it runs; `call-lake local down` ends it.")
    ] = False,
    port: Annotated[
        int | None, typer.Option(help="Port of the local AWS on 127.0.0.1; any free one if not given.")
    ] = None,
    thulium_url: Annotated[str | None, typer.Option(help="API of your Thulium, https://NAME.thulium.com/api")] = None,
    thulium_user: Annotated[
        str | None, typer.Option(help="API user there; the password comes from THULIUM_PASSWORD or a prompt.")
    ] = None,
    conpeek_url: Annotated[
        str | None, typer.Option(help="API of your Conpeek; the key comes from CONPEEK_KEY or a prompt.")
    ] = None,
    poll_every: Annotated[str, typer.Option(help="How often each source is polled: 60s, 5m, 1h.")] = "60s",
    compact_every: Annotated[str, typer.Option(help="How often rows are written to the lake.")] = "60s",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PARAMETER=VALUE", help="A parameter of template.yaml; may be repeated."),
    ] = None,
    faults: Annotated[
        str | None,
        typer.Option(help="Troubles that the simulated providers make, by name, with commas (docs/local-stack.md)."),
    ] = None,
    recordings: Annotated[
        int | None, typer.Option(help="Recordings of each simulated provider; 200 if not given.", min=1)
    ] = None,
    days: Annotated[int | None, typer.Option(help="Days over which they lie; 30 if not given.", min=1)] = None,
    until: Annotated[str | None, typer.Option(help="Their last day, YYYY-MM-DD; today if not given.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed makes the same calls; 7 if not given.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print what .call-lake/local.json holds.")] = False,
) -> None:
    """Build, start and deploy; without URLs with simulated providers."""
    from call_lake_local import stack as local_stack

    with explained():
        real = bool(thulium_url or conpeek_url)
        simulated = {"faults": faults, "recordings": recordings, "days": days, "until": until, "seed": seed}
        plan = local_stack.Plan(
            simulator_arguments=_simulators(simulated, real=real),
            sources=_real_sources(thulium_url, thulium_user, conpeek_url),
            port=port,
            poll_every=_rate(poll_every),
            compact_every=_rate(compact_every),
            detach=detach,
            parameters=_parameters(set_ or []),
        )
        stack = local_stack.up(plan, Path.cwd(), say)
        file = Path.cwd() / ".call-lake/local.json"
        if json_:
            sys.stdout.write(file.read_text())
        err.print(f"running: bucket {stack.bucket}, all names in .call-lake/local.json", highlight=False)
        err.print(
            "next: call-lake local settle, call-lake status, call-lake query 'SELECT count(*) FROM calls'",
            highlight=False,
        )
        if not detach:
            _wait_for_the_end(Path.cwd())


@app.command()
def settle(
    from_: Annotated[
        str | None,
        typer.Option("--from", help="First day to list, YYYY-MM-DD; calls of the day before and after may come along."),
    ] = None,
    to: Annotated[str | None, typer.Option("--to", help="Last day to list.")] = None,
    timeout: Annotated[int, typer.Option(help="Seconds after which no further step is begun.", min=1)] = 300,
    json_: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Poll, wait until every listed recording is stored and queryable or has failed for good, and count."""
    from call_lake_local.settle import settle as run

    with explained():
        if bool(from_) != bool(to):
            raise UserError("--from and --to belong together: give both, or neither for the newest recordings alone")
        first, last = (_day(from_), _day(to)) if from_ and to else (None, None)
        if first and last and last < first:
            raise UserError(f"--to {to} is before --from {from_}")
        stack = find_stack()
        if not stack.local:
            raise UserError("settle is for the local stack")
        with Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=err,
            transient=True,
        ) as bar:
            task = bar.add_task("listing", total=None)

            def tell(step: str, census: "list[SourceCensus] | tuple[SourceCensus, ...]") -> None:
                bar.update(task, description=step, total=total(census, "listed"), completed=total(census, "rows"))

            ok, census = run(stack, first, last, float(timeout), lambda step, counts: tell(step, list(counts)))
        if json_:
            print_json({"settled": ok, "sources": [one.to_json() for one in census]})
        else:
            print_rows(CENSUS_COLUMNS, [census_row(one) for one in census], Format.TABLE)
        if not ok:
            raise UserError("not settled: " + "; ".join(stuck(one) for one in census if stuck(one)))


def stuck(one: SourceCensus) -> str:
    """What keeps a source from rest, in one phrase; empty if nothing does."""
    if one.unused:
        return ""
    found = [
        one.trouble or "",
        f"{one.waiting} recordings wait for another attempt (`call-lake status`)" if one.waiting else "",
        f"{one.inbox} objects wait in the inbox" if one.inbox else "",
        f"{one.jobs_open} windows are still to be listed (`call-lake verify` tells which cannot be read, and why)"
        if one.jobs_open
        else "",
        f"{one.stored} stored but {one.rows} rows (`call-lake quarantine list` shows rows that were set aside)"
        if one.stored != one.rows
        else "",
    ]
    phrases = ", ".join(text for text in found if text)
    return f"{one.source}: {phrases}" if phrases else ""


@app.command()
def down() -> None:
    """End the local stack; what it stored is gone."""
    from call_lake_local import stack as local_stack

    with explained():
        ended = local_stack.down(Path.cwd())
        err.print(f"ended: {', '.join(ended)}" if ended else "nothing was running here")


def census_row(one: SourceCensus) -> tuple[object, ...]:
    failed = ", ".join(f"{reason} {number}" for reason, number in sorted(one.failed.items())) or 0
    return (one.source, one.listed, one.stored, one.rows, failed, one.waiting, one.queue, one.inbox)


def _simulators(given: Mapping[str, Any], *, real: bool) -> tuple[str, ...]:
    """Their arguments; none beside real providers. Raises UserError for what would be ignored, or fail late."""
    from call_lake_local.simulators.faults import FaultPlan

    typed = {name: value for name, value in given.items() if value is not None}
    if real:
        if typed:
            raise UserError(f"--{next(iter(typed))} is for the simulated providers: leave it out, or the URL")
        return ()
    try:
        FaultPlan.parse(typed.get("faults", ""))
    except ValueError as error:
        raise UserError(str(error)) from None
    until = _day(typed["until"]) if "until" in typed else datetime.now(UTC).date()
    values = {"days": 30, "seed": 7, "count": typed.pop("recordings", 200)} | typed | {"until": until.isoformat()}
    return tuple(text for name, value in values.items() for text in (f"--{name}", str(value)))


def _real_sources(thulium_url: str | None, thulium_user: str | None, conpeek_url: str | None) -> tuple:  # type: ignore[type-arg]
    from call_lake_local.stack import RealSource

    sources = []
    for option, url in (("--thulium-url", thulium_url), ("--conpeek-url", conpeek_url)):
        _check_that_it_is_private(option, url or "")
    if thulium_url:
        user = thulium_user or os.environ.get("THULIUM_USER") or ""
        if not user:
            raise UserError("--thulium-url needs --thulium-user, the name of the API user there")
        secret = {"username": user, "password": _secret("THULIUM_PASSWORD", f"Password of {user} at {thulium_url}")}
        sources.append(RealSource("thulium", thulium_url.rstrip("/"), secret))
    elif thulium_user:
        raise UserError("--thulium-user goes with --thulium-url")
    if conpeek_url:
        secret = {"key": _secret("CONPEEK_KEY", f"API key at {conpeek_url}")}
        sources.append(RealSource("conpeek", conpeek_url.rstrip("/"), secret))
    return tuple(sources)


def _check_that_it_is_private(option: str, url: str) -> None:
    """Raises UserError for an address to which credentials would go unencrypted, beyond this machine."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise UserError(f"{option} {url}: {error}") from None
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS:
        raise UserError(f"{option} {url}: it has to begin with https://, for credentials and recordings go through it")


def _secret(variable: str, question: str) -> str:
    value = os.environ.get(variable, "")
    if not value and sys.stdin.isatty():
        value = typer.prompt(question, hide_input=True)
    if not value:
        raise UserError(f"no secret: set {variable} in the environment, or run this in a terminal to be asked")
    return value


def _parameters(texts: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    for name, equals, _ in pairs:
        if not (name and equals):
            raise UserError(f"--set {name!r} must be PARAMETER=VALUE, like --set ThuliumTimeZone=Europe/Warsaw")
    return {name: value for name, _, value in pairs}


def _rate(text: str) -> str:
    """``60s`` as a schedule; EventBridge Scheduler knows whole minutes alone."""
    match = re.fullmatch(r"(\d+)\s*(s|m|h)?", text)
    seconds = int(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2] or "s"] if match else 0
    if seconds < 60 or seconds % 60:
        raise UserError(f"{text!r}: schedules run every whole number of minutes, at least one: 60s, 5m, 1h")
    minutes = seconds // 60
    return "rate(1 minute)" if minutes == 1 else f"rate({minutes} minutes)"


def _day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a calendar day
    except ValueError:
        raise UserError(f"{text!r} is no day: write it like 2026-10-25") from None


def _wait_for_the_end(root: Path) -> None:
    from call_lake_local import stack as local_stack

    err.print("Ctrl-C ends it")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        signal.pause()
    except KeyboardInterrupt:
        err.print("ending …")
    finally:
        local_stack.down(root)
