import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

import pytest

from call_lake.audio import spool as spool_module
from call_lake.audio.spool import spool
from call_lake.concurrency import BytesBudget
from call_lake.errors import NotReady, Reason, Terminal, Transient

MIB = 1024 * 1024


class Stream:
    content_type: str | None = None
    other_host: str | None = None

    def __init__(self, chunks: Any, declared: int | None = None) -> None:
        self.declared_length, self._chunks = declared, chunks

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks


def used_bytes(budget: BytesBudget) -> int:
    return budget._used


def test_a_body_is_counted_and_hashed_while_it_arrives():
    budget = BytesBudget(MIB)
    with spool(Stream([b"ab", b"c"], 3), budget, 100) as body:
        assert (body.size, body.sha256) == (3, sha256(b"abc").hexdigest())
        body.file.seek(0)
        assert body.file.read() == b"abc"
        assert used_bytes(budget) == 3
    assert used_bytes(budget) == 0


@pytest.mark.parametrize("declared", [True, False])
def test_a_large_body_moves_to_disk(declared):
    chunks = [bytes([number]) * MIB for number in range(20)]
    with spool(Stream(chunks, 20 * MIB if declared else None), BytesBudget(100 * MIB), 2**40) as body:
        assert body.size == 20 * MIB
        assert body.sha256 == sha256(b"".join(chunks)).hexdigest()
        assert body.file.fileno() > 0


@pytest.mark.parametrize(
    ("chunks", "declared", "kind", "reason"),
    [
        ([b"ab"], 3, Transient, Reason.TRUNCATED),
        ([b"abcd"], 3, Transient, Reason.TRUNCATED),
        ([], 3, Transient, Reason.TRUNCATED),
        ([], 0, NotReady, Reason.EMPTY),
        ([], None, NotReady, Reason.EMPTY),
        ([b"x" * 101], None, Terminal, Reason.TOO_LARGE),
        ([b"x"], 101, Terminal, Reason.TOO_LARGE),
    ],
)
def test_a_body_that_is_not_whole_is_refused_and_its_claim_ends(chunks, declared, kind, reason):
    budget = BytesBudget(MIB)
    with pytest.raises(kind) as caught, spool(Stream(chunks, declared), budget, 100):
        pass
    assert caught.value.reason is reason
    assert used_bytes(budget) == 0


def test_trouble_of_the_stream_passes_and_its_claim_ends():
    def broken() -> Iterator[bytes]:
        yield b"x"
        raise Transient(Reason.TIMEOUT, "slow")

    budget = BytesBudget(MIB)
    with pytest.raises(Transient, match="slow"), spool(Stream(broken()), budget, 100):
        pass
    assert used_bytes(budget) == 0


class Full(io.RawIOBase):
    def write(self, data: Any) -> int:
        raise OSError(28, "No space left on device")


def no_file() -> Full:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("disk", [Full, no_file])
@pytest.mark.parametrize("declared", [True, False])
def test_a_full_disk_is_busy(monkeypatch, disk, declared):
    monkeypatch.setattr(spool_module, "TemporaryFile", disk)
    budget = BytesBudget(100 * MIB)
    stream = Stream([b"x" * MIB] * 9, 9 * MIB if declared else None)
    with pytest.raises(Transient, match="No space left") as caught, spool(stream, budget, 2**40):
        pass
    assert caught.value.reason is Reason.BUSY
    assert used_bytes(budget) == 0


# The budget


def test_bytes_in_flight_never_exceed_the_budget():
    budget, most, lock = BytesBudget(10 * MIB, wait_s=60), [0], threading.Lock()

    def one(number: int) -> None:
        size = (number % 4 + 1) * MIB
        with spool(Stream([b"x" * MIB] * (size // MIB), size), budget, 2**40), lock:
            most[0] = max(most[0], used_bytes(budget))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(one, range(60)))
    assert 0 < most[0] <= 10 * MIB
    assert used_bytes(budget) == 0


def test_who_waits_in_vain_is_busy():
    budget = BytesBudget(10, wait_s=0.05)
    with budget.claim(10):
        with pytest.raises(Transient) as caught, budget.claim(1):
            pass
        assert caught.value.reason is Reason.BUSY
        assert used_bytes(budget) == 10
    with budget.claim(10):
        assert used_bytes(budget) == 10


def test_a_body_larger_than_the_budget_is_let_in_alone():
    budget = BytesBudget(10, wait_s=0.05)
    with budget.claim(50), pytest.raises(Transient), budget.claim(1):
        pass
    with budget.claim(1), pytest.raises(Transient), budget.claim(50):
        pass


def test_small_bodies_do_not_overtake_a_large_one_for_ever():
    budget, order = BytesBudget(10, wait_s=60), []
    first = budget.claim(6)
    first.__enter__()

    def take(size: int) -> None:
        with budget.claim(size):
            order.append(size)

    waiting = []
    for size in (9, 4):
        waiting.append(threading.Thread(target=take, args=(size,)))
        waiting[-1].start()
        while len(budget._queue) < len(waiting):
            threading.Event().wait(0.001)
    assert order == [], "four would fit, but nine came first"
    first.__exit__(None, None, None)
    for thread in waiting:
        thread.join()
    assert sorted(order) == [4, 9]


def test_bodies_that_all_wait_to_grow_do_not_wait_for_ever():
    budget, ready = BytesBudget(20 * MIB, wait_s=60), threading.Barrier(2)

    def growing() -> Iterator[bytes]:
        yield b"x" * 8 * MIB
        ready.wait()
        for _ in range(8):
            yield b"x" * MIB

    def one(_: int) -> str:
        try:
            with spool(Stream(growing()), budget, 2**40) as body:
                return str(body.size)
        except Transient as error:
            return error.reason

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(one, range(2))) == [str(16 * MIB), Reason.BUSY]
    assert used_bytes(budget) == 0


def test_a_body_under_way_grows_before_new_ones_are_let_in():
    budget, begun = BytesBudget(16 * MIB, wait_s=10), threading.Event()

    def growing() -> Iterator[bytes]:
        yield b"x" * 8 * MIB
        begun.set()
        while not budget._queue:
            threading.Event().wait(0.001)
        yield b"x" * 8 * MIB

    def newcomer() -> None:
        begun.wait()
        with budget.claim(16 * MIB):
            pass

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(newcomer)
        with spool(Stream(growing()), budget, 2**40) as body:
            assert body.size == 16 * MIB
        waiting.result()
