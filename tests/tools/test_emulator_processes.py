"""Child processes of the local stack, with real ones: this interpreter running a few lines."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from call_lake_local import emulator, processes
from call_lake_local.errors import LocalError
from call_lake_local.processes import Process

REPOSITORY = Path(__file__).parents[2]
DEADLINE_S = 20.0
WAIT = "import time; time.sleep(600)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); {WAIT}"
WITH_CHILD = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {DEAF!r}])
print("child", child.pid, flush=True)
{WAIT}
"""
IMPORTED = f"import sys; sys.path.insert(0, {str(REPOSITORY / 'local')!r}); from call_lake_local import processes"
TIED = f"{IMPORTED}; processes.exit_with_parent(); print('tied', flush=True); {WAIT}"
PARENT = f"""
{IMPORTED}
import os
from pathlib import Path
command, state_dir = [sys.executable, "-c", {TIED!r}], Path(sys.argv[1])
child = processes.start("child", command, state_dir=state_dir, environment={{}}, attached=sys.argv[2] == "attached")
processes.wait_until_ready(child, lambda: "tied" in child.log.read_text(), deadline_s=20)
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    started = []

    def start(code: str, *, name: str = "child", attached: bool = True) -> Process:
        command = [sys.executable, "-c", code]
        started.append(
            processes.start(name, command, state_dir=tmp_path, environment={"GIVEN": "yes"}, attached=attached)
        )
        return started[-1]

    yield start
    for process in started:
        processes.end(process)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Not gone, and not a zombie that its parent did not collect yet."""
    answer = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(answer.stdout.strip()) and not answer.stdout.strip().startswith("Z")


def says(process: Process, text: str) -> Callable[[], bool]:
    return lambda: text in process.log.read_text()


def test_a_process_is_found_again_by_its_name_until_it_ends(run: Callable[..., Process], tmp_path: Path) -> None:
    process = run(WAIT)
    assert processes.find("child", tmp_path) == process
    processes.end(process)
    assert processes.find("child", tmp_path) is None
    assert not is_alive(process.pid)


def test_a_process_sees_exactly_the_environment_it_is_given(run: Callable[..., Process]) -> None:
    process = run("import os; print(sorted(k for k in os.environ if k != 'LC_CTYPE'))", attached=False)
    until(says(process, "]"))
    assert process.log.read_text().strip() == "['GIVEN']"


def test_two_processes_of_one_name_are_refused(run: Callable[..., Process]) -> None:
    run(WAIT)
    with pytest.raises(LocalError, match="child runs already"):
        run(WAIT)


def test_a_name_is_free_again_when_its_process_has_ended_by_itself(run: Callable[..., Process]) -> None:
    first = run("pass")
    until(lambda: not processes.is_running(first))
    assert run(WAIT).pid != first.pid


def test_a_pid_file_that_was_left_behind_names_nobody(tmp_path: Path) -> None:
    (tmp_path / "child.pid").write_text(str(os.getpid()))
    assert processes.find("child", tmp_path) is None
    processes.end(Process("child", os.getpid(), tmp_path))  # would end this very test run


def test_a_process_that_ignores_term_is_killed_with_its_children(run: Callable[..., Process]) -> None:
    process = run(WITH_CHILD)
    until(says(process, "deaf"))
    child = int(process.log.read_text().split()[1])
    processes.end(process, grace_s=5)
    until(lambda: not is_alive(child))
    deaf = run(DEAF)
    until(says(deaf, "deaf"))
    processes.end(deaf, grace_s=0.2)
    assert not is_alive(deaf.pid)


@pytest.mark.parametrize(("how", "outlives"), [("attached", False), ("detached", True)])
def test_only_a_detached_process_outlives_the_death_of_its_parent(tmp_path: Path, how: str, outlives: bool) -> None:
    parent = subprocess.run([sys.executable, "-c", PARENT, str(tmp_path), how], check=False)
    assert parent.returncode == -signal.SIGKILL
    child = Process("child", int((tmp_path / "child.pid").read_text()), tmp_path)
    if outlives:
        assert processes.is_running(child)
        processes.end(child)
    until(lambda: not processes.is_running(child))


def test_waiting_returns_when_the_process_is_ready(run: Callable[..., Process]) -> None:
    process = run(f"print('ready', flush=True); {WAIT}")
    processes.wait_until_ready(process, says(process, "ready"), deadline_s=DEADLINE_S)


def test_a_process_that_ends_while_it_starts_is_reported_with_its_last_words(run: Callable[..., Process]) -> None:
    process = run("print('early'); raise SystemExit('no such licence')")
    with pytest.raises(LocalError, match=r"child ended while it started(?s:.)*no such licence"):
        processes.wait_until_ready(process, lambda: False, deadline_s=DEADLINE_S)


def test_a_process_that_is_not_ready_in_time_is_reported(run: Callable[..., Process]) -> None:
    process = run(WAIT)
    with pytest.raises(LocalError, match=r"child is not ready after 0\.1 s"):
        processes.wait_until_ready(process, lambda: False, deadline_s=0.1)


def test_a_command_that_does_not_exist_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match=r"cannot start child: .*nowhere"):
        processes.start("child", [tmp_path / "nowhere"], state_dir=tmp_path, environment={}, attached=True)
    assert processes.find("child", tmp_path) is None


def test_a_wanted_port_that_is_busy_is_one_clear_line() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        with pytest.raises(LocalError, match=rf"port {port} of 127\.0\.0\.1 cannot be used .*--port") as caught:
            processes.free_port(port)
    assert "\n" not in str(caught.value)


SQUATTER = """#!{python}
import http.server, os
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_): open({asked!r}, "w").close()
http.server.HTTPServer(("127.0.0.1", int(os.environ["GATEWAY_PORT"])), Answer).serve_forever()
"""


def test_another_process_that_answers_on_its_port_is_not_taken_for_the_emulator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = tmp_path / "asked"
    python = tmp_path / "python"
    python.write_text(SQUATTER.format(python=sys.executable, asked=str(asked)))
    python.chmod(0o700)
    monkeypatch.setattr(emulator, "READY_DEADLINE_S", 1.0)
    with (
        pytest.raises(LocalError, match="emulator is not ready"),
        emulator.start_emulator(python, tmp_path / "state"),
    ):
        pass
    assert not asked.exists()
    assert processes.find("emulator", tmp_path / "state") is None
