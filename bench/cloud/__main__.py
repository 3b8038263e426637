"""How fast the copier, a poll and the compactor are in AWS's time: `python -m bench.cloud`.

Each request takes what it takes in AWS, by the assumptions, which are options. Nothing here was measured in AWS.
"""

import argparse
import logging
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields, replace
from textwrap import wrap

from bench.cloud.cloud import Times
from bench.cloud.runs import BATCH, Measured, Setup, beyond_audio, compactor, copier, ideal, one_batch, poll, usd
from bench.cost.bill import COPIER_GB, POLLER_GB
from bench.cost.prices import Prices
from bench.harness.runner import bench, say
from bench.harness.tables import table

KINDS = {
    "download": "provider.audio",
    "S3 PUT": "store.put",
    "S3 LIST": "store.list",
    "S3 HEAD, GET": "store.",
    "DynamoDB read": "table.",
    "DynamoDB write": "table.update",
    "DynamoDB batch write": "table.insert",
    "EventBridge": "bus.publish",
    "SQS": "queue:",
}


def measure(asked: argparse.Namespace) -> str:
    logging.disable(logging.CRITICAL)
    times = Times(**{one.name: getattr(asked, one.name) for one in fields(Times)})
    setup = Setup(times, asked.threads, asked.recordings, asked.recording_mb, asked.poll, asked.seed)
    prices = Prices.load()
    say("the ideal and the copier")
    pairs = [(given, ideal(given), copier(given)) for given in (setup, replace(setup, threads=BATCH))]
    say("single batches")
    one, ten = one_batch(setup, 1), one_batch(setup, BATCH)
    say("a poll")
    polled = poll(setup)
    say("the compactor")
    compacted = compactor(setup)
    computed = compactor(replace(setup, times=times.without_latency()))
    parts = [
        _assumed(setup),
        _speed(pairs, prices),
        _requests(setup, pairs[0][2], one, ten),
        _rest(setup, polled, compacted, computed, prices),
    ]
    return "\n\n".join(parts)


def _assumed(setup: Setup) -> str:
    given = ", ".join(f"`{one.name}` {getattr(setup.times, one.name):g}" for one in fields(Times))
    text = (
        f"Assumed, not measured in AWS: {given}. Recordings of {setup.recording_mb:g} MB; seed {setup.seed}. The "
        "processor is the share that Lambda gives for the function's memory."
    )
    return "\n".join(wrap(text, 116))


def _speed(pairs: Sequence[tuple[Setup, Measured, Measured]], prices: Prices) -> str:
    rows = []
    for setup, best, copied in pairs:
        number = setup.recordings - BATCH
        ideal_rate, rate = setup.recordings / best.wall_s, number / copied.wall_s
        dollars = usd(copied, number, COPIER_GB, prices)
        rows.append(
            [
                f"{setup.threads} threads",
                f"{ideal_rate:.1f}",
                f"{rate:.1f}",
                f"{rate / ideal_rate:.2f}",
                f"{dollars:.2f}",
            ]
        )
    head = ["one copier, full queue", "ideal, recordings/s", "copier, recordings/s", "× (goal 0.85)", "USD a million"]
    return table(head, rows)


def _requests(setup: Setup, copied: Measured, one: Measured, ten: Measured) -> str:
    all_of, alone, batch = (_by_kind(found) for found in (copied.requests, one.row, ten.row))
    number = setup.recordings - BATCH
    rows = [
        [kind, f"{all_of[kind] / number:.2f}", f"{alone[kind]}", f"{batch[kind]}"]
        for kind in KINDS
        if all_of[kind] or batch[kind]
    ]
    beyond = [beyond_audio(found, 1) for found in (one.row, ten.row)]
    rows.append(["beyond download and PUT (goal 4)", "", *(f"**{count}**" for count in beyond)])
    head = ["copier's requests", "for a recording", "in a row, batch of 1", f"in a row, batch of {BATCH}"]
    return table(head, rows)


def _rest(setup: Setup, polled: Measured, compacted: Measured, computed: Measured, prices: Prices) -> str:
    listing_s = polled.requests["provider.list"] * setup.times.first_byte_ms / 1000
    waited_s = compacted.wall_s - computed.wall_s
    rows = [
        [
            f"poll of {setup.poll:,} new recordings",
            f"{polled.wall_s:.2f}",
            f"{polled.requests.total()}",
            f"{polled.wall_s / listing_s:.2f} × the provider's {listing_s:.2f} s (goal 1.3)",
            f"{usd(polled, setup.poll, POLLER_GB, prices):.2f}",
        ],
        [
            "compactor, 2,000 rows of 22 partitions",
            f"{compacted.wall_s:.2f}",
            f"{compacted.requests.total()}",
            f"{waited_s:.2f} s of round trips (goal 0.5)",
            "",
        ],
    ]
    return table(["", "s", "requests", "", "USD a million"], rows, text=(0, 3))


def _by_kind(made: Counter[str]) -> Counter[str]:
    found: Counter[str] = Counter()
    for what, count in made.items():
        kinds = [kind for kind, prefix in KINDS.items() if what.startswith(prefix)]
        found[max(kinds, key=lambda kind: len(KINDS[kind]), default=what)] += count
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.cloud", description=__doc__)
    parser.add_argument("--recordings", type=int, default=160, help="that the copier copies")
    parser.add_argument("--recording-mb", type=float, default=1.0)
    parser.add_argument("--threads", type=int, default=8, help="of the copier and of the ideal")
    parser.add_argument("--poll", type=int, default=1000, help="new recordings of the poll")
    parser.add_argument("--seed", type=int, default=1, help="of the jitter")
    for one in fields(Times):
        parser.add_argument(f"--{one.name.replace('_', '-')}", type=float, default=one.default)
    return bench("cloud", parser, measure)


if __name__ == "__main__":
    sys.exit(main())
