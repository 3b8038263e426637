"""What is not left in time is acted upon, by one thread for all."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from call_lake.providers.http.watchdog import Watchdog

LONG_S = 1000.0
DEADLINE_S = 20.0


def test_a_block_that_is_not_left_in_time_is_acted_upon():
    acted = threading.Event()
    with Watchdog().watch(0.01, acted.set):
        assert acted.wait(DEADLINE_S)


def test_a_block_that_was_left_in_time_is_not():
    watchdog, left, other = Watchdog(), threading.Event(), threading.Event()
    with watchdog.watch(0.05, left.set):
        pass
    with watchdog.watch(0.1, other.set):  # later than the first would have been
        assert other.wait(DEADLINE_S)
    assert not left.is_set()


def test_a_shorter_time_that_is_watched_later_still_ends_first():
    watchdog, short = Watchdog(), threading.Event()
    with watchdog.watch(LONG_S, pytest.fail), watchdog.watch(0.01, short.set):
        assert short.wait(DEADLINE_S)


def test_an_act_that_fails_or_hangs_takes_no_other_watch_with_it(monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda raised: None)
    watchdog, release, acted = Watchdog(), threading.Event(), threading.Event()

    def fails() -> None:
        raise RuntimeError

    def hangs() -> None:
        release.wait()

    with watchdog.watch(0.0, fails), watchdog.watch(0.0, hangs), watchdog.watch(0.05, acted.set):
        assert acted.wait(DEADLINE_S)
    release.set()


def test_many_threads_share_one_watchdog():
    watchdog, before = Watchdog(), threads()

    def wait_for_it(_: int) -> bool:
        acted = threading.Event()
        with watchdog.watch(LONG_S, pytest.fail), watchdog.watch(0.02, acted.set):
            return acted.wait(DEADLINE_S)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(wait_for_it, range(64)))
    assert threads() == before + 1


def threads() -> int:
    return sum(thread.name == "watchdog" for thread in threading.enumerate())
