"""The laptop's stack: emulator, providers and the deployed template (``call-lake local up`` and ``down``)."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from call_lake.settings import SourceSettings
from call_lake_cli.console.errors import UserError
from call_lake_cli.stack.handle import LOCAL_FILE, Stack, read_local, stack_from_outputs
from call_lake_local import deploy, processes
from call_lake_local.emulator import NAME as EMULATOR
from call_lake_local.emulator import Emulator, start_emulator
from call_lake_local.preflight import check_source
from call_lake_local.processes import Process

REPO = Path(__file__).resolve().parents[2]
STACK_NAME = "call-lake"
SIMULATORS = "simulators"
SIMULATOR_SETTINGS = {f"{name}Settings": '{"requests_per_second": 200}' for name in ("Thulium", "Conpeek")}
SECRET_POLL_S = 0.1
SECONDS_FOR_HOURS = {
    "RetryBaseSeconds": "1",
    "RetryCeilingSeconds": "30",
    "QueueDelayMaxSeconds": "20",
    "NotReadyDeadlineSeconds": "120",
    "SettleSeconds": "0",
    "CollectionGraceSeconds": "600",
}
"""Template parameters of the laptop: nobody waits 48 hours there."""


@dataclass(frozen=True, slots=True)
class RealSource:
    """A provider that the user has: where it is and how to log in."""

    provider: str
    url: str
    secret: dict[str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """What ``up`` is asked for. Without real sources the simulators are started."""

    sources: tuple[RealSource, ...] = ()
    port: int | None = None
    poll_every: str = "rate(1 minute)"
    compact_every: str = "rate(1 minute)"
    detach: bool = False
    parameters: Mapping[str, str] = field(default_factory=dict)
    simulator_arguments: tuple[str, ...] = ()

    def settings(self, source: RealSource) -> SourceSettings:
        """Settings as the template will write them. Raises ConfigError for what the user has mistyped."""
        prefix = source.provider.capitalize()
        document = {
            "provider": source.provider,
            "base_url": source.url,
            "time_zone": self.parameters.get(f"{prefix}TimeZone", ""),
            "more": self._more(f"{prefix}Settings"),
        }
        return SourceSettings.from_json(source.provider, json.dumps(document))

    def _more(self, parameter: str) -> object:
        try:
            return json.loads(self.parameters.get(parameter, "{}"))
        except ValueError as error:
            raise UserError(f"{parameter} is no JSON: {error}") from None


def check_parameters(names: Iterable[str]) -> None:
    """Raises UserError for a parameter that the template does not have."""
    if unknown := sorted(set(names) - template_parameters()):
        raise UserError(f"template.yaml has no parameter {unknown[0]}; its section Parameters lists them")


def template_parameters() -> set[str]:
    text = (REPO / "template.yaml").read_text()
    section = text.partition("\nParameters:\n")[2].partition("\nConditions:\n")[0]
    return set(re.findall(r"^  (\w+):$", section, re.MULTILINE))


def up(plan: Plan, root: Path, say: Callable[[str], None]) -> Stack:
    """Start everything below ``root/.call-lake`` and deploy. What was started is ended again if anything fails."""
    root = root.resolve()
    check_parameters(plan.parameters)
    for source in plan.sources:
        check_source(plan.settings(source), source.secret, say)
    _prepare_tools(say)
    state_dir = root / LOCAL_FILE.parent
    file = root / LOCAL_FILE
    emulator = start_emulator(REPO / ".tools/ministack/bin/python", state_dir, plan.port, attached=not plan.detach)
    started = [emulator.process]
    try:
        say(f"emulator: {emulator.endpoint_url} (pid {emulator.pid})")
        sources = plan.sources
        if not sources:
            simulators, sources = _start_simulators(plan, state_dir)
            started.append(simulators)
            plan = replace(plan, parameters={**SIMULATOR_SETTINGS, **plan.parameters})
            say("providers: " + ", ".join(f"{s.provider} at {s.url}" for s in sources))
        stack = _deploy(plan, sources, emulator, state_dir, say)
        _write(file, stack, emulator, sources, started)
    except BaseException:
        for process in reversed(started):
            processes.end(process)
        file.unlink(missing_ok=True)
        raise
    return stack


def down(root: Path) -> list[str]:
    """End every process of the stack below ``root``; the names of those that ran."""
    state_dir = root / LOCAL_FILE.parent
    ended = []
    for name in (SIMULATORS, EMULATOR):
        process = processes.find(name, state_dir)
        if process is None:
            continue
        if name == EMULATOR:
            Emulator(process, "").stop()
        else:
            processes.end(process)
        ended.append(name)
    (root / LOCAL_FILE).unlink(missing_ok=True)
    return ended


def _prepare_tools(say: Callable[[str], None]) -> None:
    command = [sys.executable, "-m", "call_lake_local.bootstrap", "--only", "sam", "--only", "ministack"]
    if subprocess.run(command, cwd=REPO, stdin=subprocess.DEVNULL).returncode != 0:
        raise UserError("the tools of the local stack could not be installed; the line above says why")


def _start_simulators(plan: Plan, state_dir: Path) -> tuple[Process, tuple[RealSource, ...]]:
    ready = state_dir / "simulators.json"
    ready.unlink(missing_ok=True)
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    environment["PYTHONPATH"] = os.pathsep.join([str(REPO / "local"), str(REPO / "shared")])
    process = processes.start(
        SIMULATORS,
        [sys.executable, "-m", "call_lake_local.simulators", "--ready-file", ready, *plan.simulator_arguments],
        state_dir=state_dir,
        environment=environment,
        attached=not plan.detach,
    )
    try:
        processes.wait_until_ready(process, ready.exists, deadline_s=60)
        facts = json.loads(ready.read_text())
    except BaseException:
        processes.end(process)
        raise
    thulium = RealSource(
        "thulium", facts["thulium_url"], {"username": facts["thulium_user"], "password": facts["thulium_password"]}
    )
    return process, (thulium, RealSource("conpeek", facts["conpeek_url"], {"key": facts["conpeek_key"]}))


def _deploy(
    plan: Plan, sources: tuple[RealSource, ...], emulator: Emulator, state_dir: Path, say: Callable[[str], None]
) -> Stack:
    parameters = {"PollEvery": plan.poll_every, "CompactEvery": plan.compact_every, **SECONDS_FOR_HOURS}
    parameters |= {f"{source.provider.capitalize()}BaseUrl": source.url for source in sources}
    parameters |= plan.parameters
    credentials = deploy.Credentials(emulator.access_key_id, emulator.secret_access_key)
    with _secrets_filled(sources, emulator, credentials):
        outputs = deploy.deploy(
            REPO,
            emulator.endpoint_url,
            credentials,
            emulator.region,
            STACK_NAME,
            parameters,
            REPO / ".tools/sam/bin/sam",
            REPO / ".aws-sam",
            say=say,
        )
    connection = {
        "endpoint_url": emulator.endpoint_url,
        "region_name": emulator.region,
        "aws_access_key_id": emulator.access_key_id,
        "aws_secret_access_key": emulator.secret_access_key,
    }
    return stack_from_outputs(STACK_NAME, outputs, connection, local=True)


@contextmanager
def _secrets_filled(
    sources: tuple[RealSource, ...], emulator: Emulator, credentials: deploy.Credentials
) -> Iterator[None]:
    """Fill each secret as soon as the deployment has made it: the schedules fire before that is over."""
    client = deploy.client("secretsmanager", emulator.endpoint_url, credentials, emulator.region)
    with ThreadPoolExecutor(max(1, len(sources))) as pool:
        over = threading.Event()
        filling = [pool.submit(_fill, client, source, over) for source in sources]
        try:
            yield
        finally:
            over.set()
        for future in filling:
            future.result()


def _fill(client: Any, source: RealSource, over: threading.Event) -> None:
    name = f"call-lake/{STACK_NAME}/sources/{source.provider}"
    while True:
        last_try = over.is_set()
        try:
            deploy.fill_secret(name, source.secret, client)
        except client.exceptions.ResourceNotFoundException:
            if last_try:
                raise UserError(f"the deployment made no secret {name}") from None
            over.wait(SECRET_POLL_S)
        else:
            return


def _write(
    file: Path, stack: Stack, emulator: Emulator, sources: tuple[RealSource, ...], started: list[Process]
) -> None:
    """``local.json``: for this command and for anybody's own tools. It holds the emulator's credentials alone."""
    facts = asdict(stack)
    connection = facts.pop("connection")
    del facts["local"]
    facts |= {
        "stack": facts.pop("name"),
        "endpoint_url": connection["endpoint_url"],
        "region": connection["region_name"],
        "access_key_id": connection["aws_access_key_id"],
        "secret_access_key": connection["aws_secret_access_key"],
        "queues": {name: settings.queue_url for name, settings in stack.sources.items()},
        "thulium_url": next((s.url for s in sources if s.provider == "thulium"), None),
        "conpeek_url": next((s.url for s in sources if s.provider == "conpeek"), None),
        "pids": {process.name: process.pid for process in started},
    }
    partial = file.with_suffix(".tmp")
    partial.write_text(json.dumps(facts, indent=2) + "\n")
    partial.chmod(0o600)
    partial.replace(file)
    read_local(file)
