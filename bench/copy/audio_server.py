"""The provider of the bench: ``GET /<set>/<count>/<size>/<name>`` gives the recording of that name and size.

In the set ``faulty`` the first one or two answers of some recordings are wrong, each in one of the ways of ``FAULTS``.
A path that ends in a slash is the set's index, for tools that copy folders. ``/-/found`` gives how often each
recording was asked for since ``/-/reset``.
"""

import json
import random
import threading
from collections import Counter
from functools import cache

from bench.copy import wav
from bench.harness.http_server import Exchange, serve

HTML = b"<!DOCTYPE html>\n<html><body><h1>Przerwa techniczna</h1></body></html>\n"
FAULTS = ("truncated", "short_file", "html", "empty", "header_only", "http_503", "reset")
FAULTY_OF_100 = 40
SEED = 7

_lock = threading.Lock()
_asked: Counter[str] = Counter()


@cache
def fault_plan(work: wav.Work) -> dict[str, tuple[str, int]]:
    """Which recordings are faulty: name to (fault, number of answers that are)."""
    rng = random.Random(SEED)
    faulty = rng.sample(work.names, work.count * FAULTY_OF_100 // 100)
    return {name: (FAULTS[n % len(FAULTS)], rng.choice((1, 1, 2))) for n, name in enumerate(faulty)}


def handle(exchange: Exchange) -> None:
    folder, _, name = exchange.path.strip("/").rpartition("/")
    if folder == "-":
        _tell(exchange, name)
    elif exchange.path.endswith("/"):
        _index(exchange)
    elif exchange.method == "HEAD":
        exchange.send(200, _work(folder).size_bytes, [], {"Content-Type": "audio/wav"})
    else:
        work = _work(folder)
        with _lock:
            _asked[name] += 1
            attempt = _asked[name]
        fault, times = fault_plan(work).get(name, ("", 0)) if work.name == "faulty" else ("", 0)
        _send(exchange, name, work.size_bytes, fault if attempt <= times else "")


@cache
def _work(folder: str) -> wav.Work:
    name, count, size = folder.split("/")
    return wav.Work(name, int(count), int(size))


def _tell(exchange: Exchange, what: str) -> None:
    with _lock:
        told = json.dumps(_asked).encode()
        if what == "reset":
            _asked.clear()
    exchange.answer(200, told)


def _index(exchange: Exchange) -> None:
    links = "\n".join(f'<a href="{name}">{name}</a>' for name in _work(exchange.path.strip("/")).names)
    exchange.answer(200, f"<html><body>\n{links}\n</body></html>\n".encode(), {"Content-Type": "text/html"})


def _send(exchange: Exchange, name: str, size: int, fault: str) -> None:
    kind = {"Content-Type": "audio/wav"}
    match fault:
        case "":
            exchange.send(200, size, wav.pieces(name, size), kind)
        case "truncated" | "reset":  # the promised length does not come
            first = next(iter(wav.pieces(name, size)))
            exchange.send(200, size, [first[: size // 2]], kind)
            exchange.hang_up(reset=fault == "reset")
        case "short_file":  # HTTP is content; only the file's own header knows
            cut = b"".join(wav.pieces(name, size))[: size * 2 // 3]
            exchange.send(200, len(cut), [cut], kind)
        case "html":
            exchange.answer(200, HTML, {"Content-Type": "text/html"})
        case "empty":
            exchange.answer(200, b"", kind)
        case "header_only":
            exchange.answer(200, wav.head(name, wav.HEADER_BYTES)[: wav.HEADER_BYTES], kind)
        case "http_503":
            exchange.answer(503)


if __name__ == "__main__":
    serve(handle)
