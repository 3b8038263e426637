"""The tables of a run: medians over the rounds, ratios from the runs of the same round."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median

from bench.copy.clients import Client, Sample
from bench.harness.tables import ratio, table

type Rounds = Mapping[Client, Sequence[Sample]]

SPEED = ("client", "rec/s", "MB/s", "CPU s", "peak MB", "GETs", "S3 requests")
TRUST = ("client", "recordings", "wrong ever stored", "lost", "stored twice", "downloaded again", "GETs", "S3 requests")


def speed(rounds: Rounds, ours: Client) -> str:
    def line(client: Client, samples: Sequence[Sample]) -> list[str]:
        def middle(of: Callable[[Sample], float], form: str) -> str:
            return format(median(map(of, samples)), form)

        return [
            client.name + (f" ({samples[0].recordings} recordings)" if client.limit else ""),
            middle(lambda one: one.recordings_per_s, ".1f"),
            middle(lambda one: one.mb_per_s, ".0f"),
            middle(lambda one: one.cpu_s, ".2f"),
            f"{max(one.peak_mb for one in samples):.0f}",
            middle(lambda one: one.gets, ".0f"),
            middle(lambda one: one.s3_requests, ".0f"),
            f"{ratio(rounds[ours], samples, lambda one: one.recordings_per_s):.2f} x",
            f"{ratio(samples, rounds[ours], lambda one: one.cpu_s / one.recordings):.2f} x",
        ]

    head = [*SPEED, "Call Lake is faster by", "CPU of Call Lake's"]
    return table(head, [line(*run) for run in rounds.items()])


def trust(rounds: Rounds) -> str:
    """The worst of each count over the rounds."""
    names = ("recordings", "wrong", "lost", "twice", "repeated", "gets", "s3_requests")
    rows = [
        [client.name, *(str(max(getattr(sample, name) for sample in samples)) for name in names)]
        for client, samples in rounds.items()
    ]
    return table(TRUST, rows)
