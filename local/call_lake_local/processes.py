"""Start, find and end the child processes of the local stack, by pid and never by name.

Each process has two files in the state directory: ``<name>.log`` and ``<name>.pid``. The process inherits a descriptor
that locks the pid file, so the lock is free exactly when the process is gone. A stale file, or a pid that the system
has given to another program, can therefore never make us signal that program.

Standard library only: the emulator's launcher imports this in ministack's own environment.
"""

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from call_lake_local import private_folder
from call_lake_local.errors import LocalError

LOOPBACK = "127.0.0.1"
_LIFELINE = "CALL_LAKE_LIFELINE_FD"
_POLL_S = 0.02

_children: dict[int, subprocess.Popen[bytes]] = {}  # those of this process, to be reaped
_lifelines: dict[int, int] = {}  # pid: our end of the pipe whose closing tells the child that we are gone


@dataclass(frozen=True, slots=True)
class Process:
    """A process that this package started, now or in an earlier run. It leads its own process group."""

    name: str
    pid: int
    state_dir: Path

    @property
    def log(self) -> Path:
        return self.state_dir / f"{self.name}.log"

    @property
    def pid_file(self) -> Path:
        return self.state_dir / f"{self.name}.pid"


def start(
    name: str, command: Sequence[str | Path], *, state_dir: Path, environment: Mapping[str, str], attached: bool
) -> Process:
    """Start ``command`` in ``state_dir`` with exactly this environment, both outputs going to ``<name>.log``.

    An attached process ends when this one does, even if this one is killed; for that it calls ``exit_with_parent``. A
    detached process keeps running. Raises LocalError where a process of this name runs already, the folder is another
    user's, or the command cannot be started.
    """
    private_folder.make(state_dir)
    pid_file = os.open(state_dir / f"{name}.pid", os.O_RDWR | os.O_CREAT, 0o600)
    read_end, write_end = os.pipe()
    try:
        if not _lock(pid_file):
            raise LocalError(f"{name} runs already, with its state in {state_dir}: end it first")
        with (state_dir / f"{name}.log").open("wb") as log:
            child = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**environment, **({_LIFELINE: str(read_end)} if attached else {})},
                cwd=state_dir,
                pass_fds=(pid_file, *((read_end,) if attached else ())),
                start_new_session=True,
            )
        os.truncate(pid_file, 0)
        os.pwrite(pid_file, str(child.pid).encode(), 0)
    except OSError as error:
        os.close(write_end)
        raise LocalError(f"cannot start {name}: {error}") from None
    except BaseException:
        os.close(write_end)
        raise
    finally:
        os.close(pid_file)
        os.close(read_end)
    _children[child.pid] = child
    if attached:
        _lifelines[child.pid] = write_end
    else:
        os.close(write_end)
    return Process(name, child.pid, state_dir)


def find(name: str, state_dir: Path) -> Process | None:
    """The running process of this name, from whichever run, or None. Raises LocalError where the folder is another
    user's: a pid that somebody else wrote must not make us signal a process."""
    private_folder.check(state_dir)
    try:
        process = Process(name, int((state_dir / f"{name}.pid").read_text()), state_dir)
    except (FileNotFoundError, ValueError):
        return None
    return process if is_running(process) else None


def is_running(process: Process) -> bool:
    if child := _children.get(process.pid):
        return child.poll() is None
    try:
        descriptor = os.open(process.pid_file, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not _lock(descriptor) and int(os.pread(descriptor, 20, 0) or b"0") == process.pid
    finally:
        os.close(descriptor)


def end(process: Process, *, grace_s: float = 5.0) -> None:
    """End the process and its whole group: TERM, then KILL after ``grace_s`` seconds. Does nothing if it is gone.

    Raises LocalError where the process survives the KILL.
    """
    if is_running(process):
        _signal_group(process.pid, signal.SIGTERM)
        if not _gone(process, grace_s):
            _signal_group(process.pid, signal.SIGKILL)
            if not _gone(process, grace_s):
                raise LocalError(f"{process.name} (pid {process.pid}) does not end: end it by hand")
        _signal_group(process.pid, signal.SIGKILL)  # children of it that ignored TERM
    if child := _children.pop(process.pid, None):
        child.wait()
    if (lifeline := _lifelines.pop(process.pid, None)) is not None:
        os.close(lifeline)
    _forget(process)


def wait_until_ready(process: Process, ready: Callable[[], bool], *, deadline_s: float) -> None:
    """Return as soon as ``ready()`` holds. Raises LocalError with the log's last lines where the process ends
    before that, or where ``deadline_s`` seconds pass."""
    deadline = time.monotonic() + deadline_s
    while not ready():
        if not is_running(process):
            raise LocalError(f"{process.name} ended while it started. {_log_tail(process)}")
        if time.monotonic() > deadline:
            raise LocalError(f"{process.name} is not ready after {deadline_s:g} s. {_log_tail(process)}")
        time.sleep(_POLL_S)


def _log_tail(process: Process) -> str:
    end_of_log = "\n".join(process.log.read_text(errors="replace").splitlines()[-15:])
    return f"The last lines of {process.log}:\n{end_of_log}"


def free_port(wanted: int | None = None) -> int:
    """A TCP port of 127.0.0.1 that nothing listens on: ``wanted`` if given.

    Raises LocalError where that one cannot be had.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one whose last owner just left is free
        try:
            probe.bind((LOOPBACK, wanted or 0))
        except (OSError, OverflowError) as error:
            why = error.strerror if isinstance(error, OSError) else "a port is 1 to 65535"
            raise LocalError(
                f"port {wanted} of {LOOPBACK} cannot be used ({why}): choose another with --port, or leave it out"
            ) from None
        return int(probe.getsockname()[1])


def exit_with_parent() -> None:
    """End this process and its group once its parent is gone. A child calls this first; started detached, it does
    nothing.

    The parent holds the other end of a pipe, which the system closes even if the parent is killed.
    """
    descriptor = os.environ.pop(_LIFELINE, None)
    if descriptor is None:
        return
    os.set_inheritable(int(descriptor), False)

    def watch() -> None:
        os.read(int(descriptor), 1)
        os.killpg(0, signal.SIGTERM)
        time.sleep(2.0)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


def _forget(process: Process) -> None:
    """Remove the pid file, unless another process of this name has it by now."""
    with contextlib.suppress(FileNotFoundError):
        descriptor = os.open(process.pid_file, os.O_RDWR)
        if _lock(descriptor):
            process.pid_file.unlink()
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: EPERM where only zombies are left
        os.killpg(pid, number)


def _gone(process: Process, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while is_running(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True
