"""``call-lake probe``: what a vendor leaves undocumented, found out on the customer's own account, read-only."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

import requests
import typer

from call_lake.aws.parameters import SecretsManagerSecrets
from call_lake.ports import Clock
from call_lake.providers import VENDORS
from call_lake.providers.probe import ProbeResult, load_probe
from call_lake.settings import SourceSettings
from call_lake.wiring.operator import CLOCK
from call_lake_cli.commands.secrets import Secret, read_secret
from call_lake_cli.console.errors import Found, UsageError, UserError, err, explained
from call_lake_cli.console.options import AsJson, StackName
from call_lake_cli.console.output import Format, print_json, print_rows, progress
from call_lake_cli.stack.handle import Stack, find_source, find_stack

DOCUMENT_MAX_BYTES = 4096  # the standard tier of Parameter Store (ADR 0005)


def probe(
    provider: Annotated[
        str | None, typer.Argument(help=f"The vendor, {' or '.join(VENDORS)}, with --base-url; not with --source.")
    ] = None,
    base_url: Annotated[str | None, typer.Option("--base-url", help="The API of an account that no stack has.")] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="A source of the stack, with its settings and its secret.")
    ] = None,
    stdin: Annotated[
        bool, typer.Option("--stdin", help="With --base-url: read the credentials' JSON object from a pipe.")
    ] = False,
    write_: Annotated[
        bool, typer.Option("--write", help="With --source: write what should be set into the stack's configuration.")
    ] = False,
    json_: AsJson = False,
    stack: StackName = None,
) -> None:
    """Try an account's listing and downloads, and print the settings to use. Reads only, some 15 requests.

    It finds out what the vendors do not document: order, time zone, page limit, the download's address and format,
    redirects, rights and rate limits. Prints no number, no name and no file name. Exit code 3 if listing or downloading
    does not work.

    Examples:
      call-lake probe --source thulium
      call-lake probe thulium --base-url https://example.thulium.com/api
    """
    with explained():
        here: Stack | None = None
        if source:
            if provider or base_url or stdin:
                raise UsageError("--source knows its vendor, address and secret: give it alone")
            here = find_stack(stack)
            settings = find_source(here, source)
            secret = SecretsManagerSecrets(here.client("secretsmanager")).get(settings.secret)
        else:
            if write_:
                raise UsageError("--write goes with --source: it writes into a stack")
            settings = _unknown(provider, base_url)
            secret = read_secret(settings.provider, settings.base_url, from_pipe=stdin)
        with progress() as bar:
            task = bar.add_task("", total=None)
            found = run_probe(settings, secret, CLOCK, lambda step: bar.update(task, description=step))
        print_result(found, as_json=json_)
        if write_ and here and source and found.settings:
            write_settings(here, source, found.settings)
        if not found.works:
            raise Found("listing or downloading does not work yet: the lines above say why")


def _unknown(provider: str | None, base_url: str | None) -> SourceSettings:
    if provider is None or provider not in VENDORS or not base_url:
        raise UsageError(f"say what to probe: --source S, or one of {', '.join(VENDORS)} with --base-url URL")
    return SourceSettings(provider, provider, base_url.rstrip("/"))


def run_probe(
    settings: SourceSettings,
    secret: Secret,
    clock: Clock,
    announce: Callable[[str], None],
    session: requests.Session | None = None,
) -> ProbeResult:
    """Probe the account that ``settings`` and ``secret`` open. ``announce`` is called with the name of each step.

    Raises Transient where no answer comes, UserError for a secret without its fields.
    """
    if missing := VENDORS[settings.provider].missing_from(secret):
        raise UserError(f"the secret of {settings.name} has no {missing!r}: call-lake secrets set {settings.name}")
    probe = load_probe(settings)
    return probe.run(probe.prober(settings, secret, clock, announce, session))


def print_result(found: ProbeResult, *, as_json: bool) -> None:
    if as_json:
        facts = [asdict(fact) for fact in found.facts]
        print_json({"works": found.works, "settings": found.settings, "facts": facts})
        return
    lines = [(fact.topic, fact.found, fact.to_do or None) for fact in found.facts]
    if found.settings:
        ends = f"Settings to use: {json.dumps(found.settings, ensure_ascii=False)}"
    else:
        ends = "Settings to use: those that are set." if found.works else "No settings were found."
    print_rows(("what", "found", "to do"), lines, Format.TABLE, ends=ends)


def write_settings(stack: Stack, source: str, wanted: dict[str, Any]) -> None:
    """Write the ``wanted`` settings into the source's document in Parameter Store. Raises UserError, ConfigError; then
    nothing was written."""
    name = f"{stack.sources_path.rstrip('/')}/{source}"
    client = stack.client("ssm")
    document = with_settings(json.loads(client.get_parameter(Name=name)["Parameter"]["Value"]), wanted)
    text = json.dumps(document, ensure_ascii=False)
    SourceSettings.from_json(source, text).checked(VENDORS)
    if len(text.encode()) > DOCUMENT_MAX_BYTES:
        raise UserError(f"the settings of {source} would have more than {DOCUMENT_MAX_BYTES} bytes: not written")
    client.put_parameter(Name=name, Value=text, Type="String", Overwrite=True)
    more = {key: value for key, value in wanted.items() if key != "time_zone"}
    err.print(f"written to {name}: in force within five minutes")
    err.print("a deployment that changes this source writes over it: keep them as its template parameters")
    if more:
        kept = json.dumps(document["more"], ensure_ascii=False, separators=(",", ":"))
        err.print(f"  <Source>Settings={kept}")
    if "time_zone" in wanted:
        err.print(f"  <Source>TimeZone={wanted['time_zone']}")


def with_settings(document: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """A source's document with the ``wanted`` settings: ``time_zone`` beside ``more``, everything else in it."""
    more = dict(document.get("more", {})) | {key: value for key, value in wanted.items() if key != "time_zone"}
    more = {key: value for key, value in more.items() if value != ""}  # an empty value means the default
    zone = {"time_zone": wanted["time_zone"]} if "time_zone" in wanted else {}
    return document | zone | {"more": more}
