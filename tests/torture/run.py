"""Start writers and readers on a local AWS, stop them after a while, hold what was seen against what was promised."""

import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3

from call_lake.model.lake_tables import TABLES
from call_lake_local.emulator import Emulator
from tests.torture.job import Job, notes_in
from tests.torture.model import Anomaly, Committed, Erased, History, Note, QuerySeen, WriterTotals

ROOT = Path(__file__).resolve().parents[2]
WRITERS = 3
READERS = 2
START_S = END_S = 60.0


@dataclass(frozen=True, slots=True)
class Readers:
    """What the readers run: the module of each, the ``tables`` of the lake that it can read, the ``engine`` that it
    asks, and what has to be there before it starts; ``prepare`` is given the run's name, which is the bucket's."""

    module: str = "tests.torture.reader"
    tables: tuple[str, ...] = tuple(table.name for table in TABLES)
    engine: str = ""
    prepare: Callable[[str], None] = lambda name: None


@dataclass(frozen=True, slots=True)
class Result:
    """Counts of a whole run. ``overlong``: queries that took longer than the grace period."""

    commits: int
    rows: int
    erased: int
    queries: dict[str, int]
    overlong: int
    collected: int
    conflicts: int
    anomalies: list[Anomaly]

    def counts(self) -> dict[str, int]:
        return dict(Counter(anomaly.kind for anomaly in self.anomalies))

    def __str__(self) -> str:
        queries = ", ".join(f"{count} with {reader}" for reader, count in sorted(self.queries.items()))
        wrong = ", ".join(f"{count} {kind}" for kind, count in sorted(self.counts().items())) or "none"
        return (
            f"{self.commits} commits of {self.rows} rows, {self.erased} erasures, {self.collected} files "
            f"collected, {self.conflicts} races lost; "
            f"queries: {queries} ({self.overlong} longer than the grace); anomalies: {wrong}"
        )


def torture(
    emulator: Emulator, *, seconds: float, grace_s: float, naive: bool = False, readers: Readers | None = None
) -> Result:
    """``grace_s`` has to be longer than a query. Raises RuntimeError where a writer or reader broke."""
    root = emulator.endpoint
    session = boto3.Session(root.access_key_id, root.secret_access_key, region_name=root.region)
    name = f"torture-{uuid.uuid4().hex[:12]}"
    _make(session, emulator, name)
    asking = readers or Readers()
    asking.prepare(name)
    with tempfile.TemporaryDirectory(prefix="torture-") as text:
        folder = Path(text)
        _run(emulator, name, folder, seconds, grace_s, naive, asking)
        notes = list(notes_in(folder))
    return _judged(notes, grace_s)


def _make(session: boto3.Session, emulator: Emulator, name: str) -> None:
    s3: Any = session.client("s3", endpoint_url=emulator.endpoint.url)
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": emulator.endpoint.region})
    dynamodb: Any = session.client("dynamodb", endpoint_url=emulator.endpoint.url)
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )


def _run(
    emulator: Emulator, name: str, folder: Path, seconds: float, grace_s: float, naive: bool, readers: Readers
) -> None:
    stop = folder / "stop"
    roles = [("writer", number) for number in range(WRITERS)] + [("reader", number) for number in range(READERS)]
    path = os.pathsep.join(str(ROOT / folder) for folder in ("shared", "local", "."))
    environment = emulator.environment() | {"PATH": os.environ["PATH"], "PYTHONPATH": path}
    processes = []
    try:
        for role, number in roles:
            today = datetime.now(UTC).date().isoformat()
            job = Job(
                role=role,
                number=number,
                writers=WRITERS,
                naive=naive,
                endpoint_url=emulator.endpoint.url,
                bucket=name,
                table=name,
                today=today,
                grace_s=grace_s,
                notes=str(folder),
                stop=str(stop),
                engine=readers.engine,
                tables=readers.tables,
            )
            module = readers.module if role == "reader" else f"tests.torture.{role}"
            command = [sys.executable, "-m", module, job.text()]
            with (folder / f"{role}-{number}.log").open("wb") as log:
                processes.append(subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=log))

        def lives() -> bool:
            return all(process.poll() is None for process in processes)

        ready = [folder / f"{role}-{number}.ready" for role, number in roles]
        _wait(START_S, lambda: not lives() or all(file.exists() for file in ready))
        _wait(seconds, lambda: not lives())
        stop.touch()
        codes = [process.wait(END_S) for process in processes]
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.wait()
    for (role, number), code in zip(roles, codes, strict=True):
        if code:
            raise RuntimeError(f"{role} {number} broke:\n{(folder / f'{role}-{number}.log').read_text()[-3000:]}")


def _wait(seconds: float, is_over: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not is_over():
        time.sleep(0.05)


def _judged(notes: list[Note], grace_s: float) -> Result:
    committed = [note for note in notes if isinstance(note, Committed)]
    erased = [note for note in notes if isinstance(note, Erased)]
    seen = [note for note in notes if isinstance(note, QuerySeen)]
    history = History(committed, erased)
    return Result(
        commits=len(committed),
        rows=sum(len(one.versions) for one in committed),
        erased=len(erased),
        queries=dict(Counter(one.reader for one in seen)),
        overlong=sum(one.read_s >= grace_s for one in seen),
        collected=sum(note.collected for note in notes if isinstance(note, WriterTotals)),
        conflicts=sum(note.conflicts for note in notes if isinstance(note, WriterTotals)),
        anomalies=[anomaly for one in seen for anomaly in history.anomalies(one, grace_s)],
    )
