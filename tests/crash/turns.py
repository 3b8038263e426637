"""Two processes that take turns, call by call, exactly as told."""

import threading
from collections.abc import Callable, Iterable
from typing import Any

from tests.support.fakes import Call, Calls

STUCK_AFTER_S = 60.0  # a defect of the test: nothing here waits for anything but its turn


class _Process(threading.Thread):
    """Stands still before each of its calls until it is its turn."""

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self.ended = False
        self.calls: list[Call] = []
        self._work = work
        self._error: BaseException | None = None
        self._go = threading.Semaphore(0)
        self._stands = threading.Semaphore(0)

    def run(self) -> None:
        self._wait(self._go)
        try:
            self._work()
        except BaseException as error:
            self._error = error
        self.ended = True
        self._stands.release()

    def turn(self) -> None:
        """Let it make the call that it stands before, and come to the next one or to its end."""
        self._go.release()
        self._wait(self._stands)
        if self._error is not None:
            raise self._error

    def stand(self, call: Call) -> None:
        """Called by the process itself, before a call."""
        self.calls.append(call)
        self._stands.release()
        self._wait(self._go)

    def _wait(self, signal: threading.Semaphore) -> None:
        if not signal.acquire(timeout=STUCK_AFTER_S):
            raise RuntimeError("a process never came to its next call")


def take_turns(
    calls: Calls, first: Callable[[], object], second: Callable[[], object], turns: Iterable[bool]
) -> tuple[list[Call], list[Call]]:
    """Run both to their ends; ``turns`` says whose call is next (True: the first's); behind them, and where the one
    whose turn it is has ended, the first goes before the second. Give the calls that each made."""
    processes = (_Process(first), _Process(second))

    def hook(call: Call, proceed: Callable[[], Any]) -> Any:
        current = threading.current_thread()
        if isinstance(current, _Process):
            current.stand(call)
        return proceed()

    remove = calls.on_call(hook)
    try:
        for process in processes:
            process.start()
            process.turn()  # to its first call
        for firsts in turns:
            process = processes[0 if firsts else 1]
            if not process.ended:
                process.turn()
        for process in processes:
            while not process.ended:
                process.turn()
    finally:
        remove()
    return processes[0].calls, processes[1].calls
