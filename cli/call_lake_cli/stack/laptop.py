"""Start and end the laptop's stack below one folder, and describe it in ``.call-lake/local.json``."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from call_lake_cli.stack.handle import LOCAL_FILE, Stack, stack_from_outputs
from call_lake_local import private_folder, registry
from call_lake_local import stack as local_stack
from call_lake_local.stack import LocalStack, Plan


def start(plan: Plan, root: Path, say: Callable[[str], None]) -> Stack:
    """Start and deploy what ``plan`` says. Raises LocalError and ConfigError; nothing of it is left running then."""
    file = root / LOCAL_FILE
    try:
        running = local_stack.up(plan, file.parent, say)
    except BaseException:
        if not local_stack.running(file.parent):  # another stack may run in this folder
            file.unlink(missing_ok=True)
        raise
    try:
        stack = replace(_stack_of(running), days=[str(day) for day in days_of(plan)])
        _write(file, stack, running)
    except BaseException:
        end(root)
        raise
    registry.note(file.parent)
    return stack


def days_of(plan: Plan) -> tuple[date, date]:
    """The days of the simulated calls; of your own providers' calls the last seven."""
    if plan.simulated:
        calls = plan.simulated
        return calls.until - timedelta(days=calls.days - 1), calls.until
    today = datetime.now(UTC).date()
    return today - timedelta(days=6), today


def end(root: Path) -> list[str]:
    """End the stack; the names of the processes that ran."""
    ended = local_stack.down((root / LOCAL_FILE).parent)
    (root / LOCAL_FILE).unlink(missing_ok=True)
    registry.forget((root / LOCAL_FILE).parent)
    return ended


def _stack_of(running: LocalStack) -> Stack:
    connection = {
        "endpoint_url": running.endpoint.url,
        "region_name": running.endpoint.region,
        "aws_access_key_id": running.endpoint.access_key_id,
        "aws_secret_access_key": running.endpoint.secret_access_key,
    }
    return stack_from_outputs(running.name, dict(running.outputs), connection, local=True)


def _write(file: Path, stack: Stack, running: LocalStack) -> None:
    """For every other command and for your own tools. The credentials in it open everything in this stack."""
    urls = {source.name: source.url for source in running.sources}
    facts = asdict(stack)
    del facts["connection"], facts["local"]
    facts |= {
        "stack": facts.pop("name"),
        "endpoint_url": running.endpoint.url,
        "region": running.endpoint.region,
        "access_key_id": running.endpoint.access_key_id,
        "secret_access_key": running.endpoint.secret_access_key,
        "queues": {name: settings.queue_url for name, settings in stack.sources.items()},
        "urls": urls,
        "pids": dict(running.pids),
    }
    private_folder.write(file, json.dumps(facts, indent=2) + "\n")
