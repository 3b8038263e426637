"""A stack in memory that commands can be typed in."""

import sys
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from call_lake.settings import SourceSettings
from call_lake_cli.main import app
from call_lake_cli.stack.handle import Stack
from tests.support.fakes import World
from tests.support.pipeline import URLS

RETENTION = {"Attributes": {"MessageRetentionPeriod": "86400"}}


class _Client:
    meta = SimpleNamespace(region_name="eu-central-1")

    def get_queue_attributes(self, **_: Any) -> dict[str, Any]:
        return RETENTION


@dataclass(frozen=True)
class MemoryStack(Stack):
    """Of a world, with both sources. AWS answers what a ledger's handle asks, and nothing else."""

    world: World = None  # type: ignore[assignment]  # a field behind ones with defaults

    def client(self, service: str) -> Any:
        return _Client()

    def caller(self) -> str:
        return "arn:aws:iam::000000000000:user/invented"

    @property
    def table(self) -> Any:
        return self.world.table

    @property
    def store(self) -> Any:
        return self.world.store

    @property
    def sources(self) -> dict[str, SourceSettings]:
        return {name: SourceSettings(name, name, url, queue_url="queue") for name, url in URLS.items()}


def stack_of(world: World) -> MemoryStack:
    names = ("call-lake", world.store.bucket, "ledger", "/sources", "dlq", "bus", "call_lake", "call-lake")
    return MemoryStack(*names, {}, world=world)


def use(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every command find this stack."""
    for name, module in list(sys.modules.items()):
        if name.startswith("call_lake_cli.") and hasattr(module, "find_stack"):
            monkeypatch.setattr(module, "find_stack", lambda name=None: stack)


def typed(*words: str, width: int = 1000, stdin: str | None = None) -> Result:
    """What a command prints on a terminal of this width."""
    return CliRunner(env={"COLUMNS": str(width)}).invoke(app, list(words), input=stdin)
