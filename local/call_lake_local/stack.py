"""Run Call Lake on this machine: the emulator, the providers and the deployed template.

``up`` takes a ``Plan`` and gives a ``LocalStack``; ``down`` ends what runs. Each stack has a state directory with its
processes' logs and pid files. All errors are ``LocalError``.
"""

import json
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from call_lake.settings import SourceSettings
from call_lake_local import deploy, emulator, engine, private_folder, processes
from call_lake_local.emulator import NAME as EMULATOR
from call_lake_local.endpoint import Endpoint
from call_lake_local.engine import LocalEngine
from call_lake_local.errors import LocalError
from call_lake_local.preflight import check_source
from call_lake_local.processes import Process
from call_lake_local.project import check_simulators, project
from call_lake_local.simulators.faults import FaultPlan
from call_lake_local.template_sources import TemplateSource, active_sources

STACK_NAME = "call-lake"
SIMULATORS = "simulators"
SIMULATOR_SETTINGS = '{"requests_per_second": 200}'
SECRET_POLL_S = 0.1
LAPTOP_PARAMETERS = {
    "PollEvery": "rate(1 minute)",
    "CompactEvery": "rate(1 minute)",
    "RetryBaseSeconds": "1",
    "RetryCeilingSeconds": "30",
    "QueueDelayMaxSeconds": "20",
    "NotReadyDeadlineSeconds": "120",
    "SettleSeconds": "0",
    "CollectionGraceSeconds": "600",
    "AnalyzeSound": "true",
}
"""Template parameters that make hours into seconds: nobody waits 48 hours for a recording on a laptop. Sound costs
nothing there."""


@dataclass(frozen=True, slots=True)
class LocalSource:
    """One source of the stack: where its provider is, and the secret that logs in there (docs/providers.md)."""

    name: str
    provider: str
    url: str
    secret: dict[str, str]

    @property
    def prefix(self) -> str:
        """What the names of this source's template parameters begin with."""
        return TemplateSource(self.name, self.provider).id


@dataclass(frozen=True, slots=True)
class SimulatedCalls:
    """The calls that each simulated provider has: ``count`` of them over ``days`` days up to ``until``. The same
    ``seed`` makes the same calls. ``faults``: what goes wrong, ``NAME,NAME:RATE`` (docs/local-stack.md)."""

    until: date
    count: int = 200
    days: int = 30
    seed: int = 7
    faults: str = ""

    def arguments(self) -> list[str]:
        """For ``python -m call_lake_local.simulators``."""
        values = {"until": self.until, "count": self.count, "days": self.days, "seed": self.seed, "faults": self.faults}
        return [f"--{name}={value}" for name, value in values.items()]


@dataclass(frozen=True, slots=True)
class Plan:
    """What ``up`` starts. ``sources``: your own providers, or ``simulated`` calls of two invented ones.

    ``engine``: transcribes on this machine. ``parameters`` are the template's. ``port``: of the emulator, any free one
    by default. ``detach``: the processes go on when this one ends.
    """

    sources: tuple[LocalSource, ...] = ()
    simulated: SimulatedCalls | None = None
    engine: LocalEngine | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    port: int | None = None
    detach: bool = False

    def check(self, say: Callable[[str], None]) -> None:
        """Find what was mistyped before anything is started: ask each of your own providers once. Raises LocalError,
        ConfigError."""
        deploy.check_parameters(self.parameters)
        if self.engine:
            self.engine.check(self.parameters)
        if self.simulated:
            check_simulators()
            try:
                FaultPlan.parse(self.simulated.faults)
            except ValueError as error:
                raise LocalError(str(error)) from None
        for source in self.sources:
            check_source(self._settings(source), source.secret, say)
        try:
            engine.check_engines(STACK_NAME, self.parameters.get("TranscriptEngines", ""))
        except ValueError as error:
            raise LocalError(str(error)) from None
        deploy.check_values(self.parameters)  # after the sources' settings, of which their own check says more

    def _settings(self, source: LocalSource) -> SourceSettings:
        """Settings as the template will write them. Raises LocalError, ConfigError."""
        parameter = f"{source.prefix}Settings"
        try:
            more = json.loads(self.parameters.get(parameter, "{}"))
        except ValueError as error:
            raise LocalError(f"{parameter} is no JSON: {error}") from None
        document = {
            "provider": source.provider,
            "base_url": source.url,
            "time_zone": self.parameters.get(f"{source.prefix}TimeZone", ""),
            "country": self.parameters.get(f"{source.prefix}Country", ""),
            "more": more,
        }
        return SourceSettings.from_json(source.name, json.dumps(document))


@dataclass(frozen=True, slots=True)
class LocalStack:
    """A stack that runs: ``outputs`` are those of template.yaml by name, ``pids`` the processes by name."""

    name: str
    endpoint: Endpoint
    outputs: Mapping[str, str]
    sources: tuple[LocalSource, ...]
    pids: Mapping[str, int]


def up(plan: Plan, state_dir: Path, say: Callable[[str], None]) -> LocalStack:
    """Start everything and deploy. Ends what it started if anything fails. Raises LocalError, ConfigError."""
    private_folder.make(state_dir)
    state_dir = state_dir.resolve()
    plan.check(say)
    deploy.prepare_tools("sam", "ministack", *(["engine"] if plan.engine else []))
    python = project() / ".tools/ministack/bin/python"
    aws = emulator.start_emulator(python, state_dir, plan.port, attached=not plan.detach)
    started = [aws.process]
    try:
        say(f"emulator: {aws.endpoint.url} (pid {aws.process.pid})")
        sources, parameters = plan.sources, dict(LAPTOP_PARAMETERS)
        if plan.simulated:
            sources = _start_simulators(plan.simulated, state_dir, started, attached=not plan.detach)
            parameters |= {f"{source.prefix}Settings": SIMULATOR_SETTINGS for source in sources}
            say("providers: " + ", ".join(f"{source.name} at {source.url}" for source in sources))
        parameters |= {f"{source.prefix}BaseUrl": source.url for source in sources} | dict(plan.parameters)
        parameters |= {"TranscriptEngines": engine.ENGINE} if plan.engine else {}
        with _filled_secrets(sources, aws.endpoint):
            outputs = deploy.deploy(deploy.SamBuild(), aws.endpoint, STACK_NAME, parameters, say=say)
        if plan.engine:
            attached = not plan.detach
            started.append(engine.start_engine(plan.engine, aws.endpoint, outputs, state_dir, attached=attached))
            say(f"speech engine: {engine.ENGINE} (pid {started[-1].pid})")
    except BaseException:
        for process in reversed(started):
            processes.end(process)
        raise
    return LocalStack(STACK_NAME, aws.endpoint, outputs, sources, {one.name: one.pid for one in started})


def running(state_dir: Path) -> list[Process]:
    """The stack's processes that run now."""
    names = [engine.NAME, *sorted(file.stem for file in state_dir.glob(f"{SIMULATORS}*.pid")), EMULATOR]
    return [process for name in names if (process := processes.find(name, state_dir))]


def down(state_dir: Path) -> list[str]:
    """End every process of the stack; the names of those that ran. What the stack stored is deleted."""
    found = running(state_dir)
    for process in found:
        if process.name == EMULATOR:
            emulator.stop(process)
        else:
            processes.end(process)
    return [process.name for process in found]


def _start_simulators(
    calls: SimulatedCalls, state_dir: Path, started: list[Process], *, attached: bool
) -> tuple[LocalSource, ...]:
    """A simulated provider for each source of the template. One process has one account of every vendor, so a second
    source of a vendor needs a second process, with its own calls. Adds the processes to ``started``."""
    sources: list[LocalSource] = []
    accounts: list[dict[str, tuple[str, dict[str, str]]]] = []
    seen: Counter[str] = Counter()
    for source in active_sources():
        number = seen[source.provider]
        seen[source.provider] += 1
        if number == len(accounts):
            name = SIMULATORS if number == 0 else f"{SIMULATORS}-{number + 1}"
            own_calls = replace(calls, seed=calls.seed + number)
            accounts.append(_start_accounts(name, own_calls, state_dir, started, attached=attached))
        url, secret = accounts[number][source.provider]
        sources.append(LocalSource(source.name, source.provider, url, secret))
    return tuple(sources)


def _start_accounts(
    name: str, calls: SimulatedCalls, state_dir: Path, started: list[Process], *, attached: bool
) -> dict[str, tuple[str, dict[str, str]]]:
    """Start one process of simulators; the address and the secret of each vendor's account there."""
    ready = state_dir / f"{name}.json"
    ready.unlink(missing_ok=True)
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    environment["PYTHONPATH"] = os.pathsep.join(str(project() / name) for name in ("local", "shared"))
    process = processes.start(
        name,
        [sys.executable, "-m", "call_lake_local.simulators", "--ready-file", ready, *calls.arguments()],
        state_dir=state_dir,
        environment=environment,
        attached=attached,
    )
    started.append(process)
    processes.wait_until_ready(process, ready.exists, deadline_s=60)
    facts = json.loads(ready.read_text())
    return {
        "thulium": (
            facts["thulium_url"],
            {"username": facts["thulium_user"], "password": facts["thulium_password"]},
        ),
        "conpeek": (facts["conpeek_url"], {"key": facts["conpeek_key"]}),
    }


@contextmanager
def _filled_secrets(sources: Sequence[LocalSource], endpoint: Endpoint) -> Iterator[None]:
    """Fill each secret as soon as the deployment has made it: the first schedules fire before the deployment ends."""
    client = endpoint.client("secretsmanager")
    with ThreadPoolExecutor(max(1, len(sources))) as pool:
        deployed = threading.Event()
        filling = [pool.submit(_fill_secret, client, source, deployed) for source in sources]
        try:
            yield
        finally:
            deployed.set()
        for future in filling:
            future.result()


def _fill_secret(client: Any, source: LocalSource, deployed: threading.Event) -> None:
    name = f"call-lake/{STACK_NAME}/sources/{source.name}"
    while True:
        last_try = deployed.is_set()
        try:
            client.put_secret_value(SecretId=name, SecretString=json.dumps(source.secret))
        except client.exceptions.ResourceNotFoundException:
            if last_try:
                raise LocalError(f"the deployment made no secret {name}") from None
            deployed.wait(SECRET_POLL_S)
        else:
            return
