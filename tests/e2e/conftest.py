"""What a person types, as a separate process."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from call_lake_local import stack

REPO = Path(__file__).parents[2]
CALL_LAKE = REPO / ".venv/bin/call-lake"
LAST_CALL = datetime.now(UTC).date() - timedelta(days=3)
"""Of the laptop's calls. Lately: `call-lake probe` looks at the last 30 days."""
DAYS = ("--from", str(LAST_CALL - timedelta(days=12)), "--to", str(LAST_CALL + timedelta(days=1)))


@dataclass(frozen=True)
class Typed:
    """One command that was typed: what it printed, and its exit code."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Shell:
    """Types ``call-lake`` in one folder, with its environment."""

    folder: Path

    def type(self, *arguments: str, timeout_s: float = 300, environment: Mapping[str, str] | None = None) -> Typed:
        done = subprocess.run(
            [CALL_LAKE, *arguments],
            cwd=self.folder,
            env=_environment() | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        return Typed(done.returncode, done.stdout, done.stderr)

    def break_off(self, *arguments: str, until: str) -> str:
        """Type a command and press Ctrl-C when it prints ``until`` on stderr; what it printed there."""
        said: list[str] = []
        with subprocess.Popen(
            [CALL_LAKE, *arguments],
            cwd=self.folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as running:
            assert running.stderr is not None
            for line in running.stderr:
                said.append(line)
                if until in line:
                    running.send_signal(signal.SIGINT)
            assert running.wait(timeout=60) != 0
        assert until in "".join(said), said
        return "".join(said)

    def running(self) -> list[str]:
        """The local stack's processes that are left in this folder."""
        return sorted(process.name for process in stack.running(self.folder / ".call-lake"))


def _environment() -> dict[str, str]:
    kept = {
        name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG", "XDG_STATE_HOME") if name in os.environ
    }
    return kept | {"COLUMNS": "200", "NO_COLOR": "1"}


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    here = Shell(tmp_path)
    yield here
    stack.down(tmp_path / ".call-lake")


@pytest.fixture(scope="session")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A folder in which `call-lake local up` was typed and has settled."""
    here = Shell(tmp_path_factory.mktemp("laptop"))
    try:
        made = ("--recordings", "30", "--days", "12", "--until", str(LAST_CALL), "--set", "EnableTranscription=true")
        up = here.type("local", "up", "--detach", *made)
        assert up.code == 0, up.err
        settled = here.type("local", "settle", *DAYS)
        assert settled.code == 0, settled.err + settled.out
        yield here
    finally:
        here.type("local", "down")
        assert here.running() == []
