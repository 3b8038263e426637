"""The tables of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.compact.bucket import Client
from bench.compact.judge import Judged, Kept
from bench.compact.reads import Reads
from bench.compact.worker import Done
from bench.harness.tables import table

EDGE = 10  # increments at either end, whose medians tell the growth
FEWEST = 5


@dataclass(frozen=True, slots=True)
class Run:
    """One client's."""

    load: Done
    grow: Done
    judged: Judged
    kept: Kept
    tidied: Kept
    reads: Reads


def growth(seconds: Sequence[float]) -> float | None:
    """The last increments' time in the first ones'; None where they are too few."""
    edge = min(EDGE, len(seconds) // 2)
    return median(seconds[-edge:]) / median(seconds[:edge]) if edge >= FEWEST else None


def work(runs: Mapping[Client, Run], floor: Done, ours: Client, load_rows: int) -> str:
    least_s, ours_s = floor.seconds[0], median(runs[ours].grow.seconds)

    def loaded(name: str, load: Done) -> list[str]:
        each_s = load.seconds[0]
        return [name, f"{load_rows / each_s:,.0f}", f"{least_s / each_s:.2f}", f"{load.peak_mb:.0f}"]

    def grown(grow: Done) -> list[str]:
        each_s, more = median(grow.seconds), growth(grow.seconds)
        return [
            str(len(grow.seconds)),
            f"{each_s:.2f}",
            f"{each_s / ours_s:.1f}",
            f"{median(grow.cpu_s):.2f}",
            "" if more is None else f"{more:.2f}",
            f"{grow.peak_mb:.0f} ({grow.idle_mb:.0f})",
        ]

    rows = [loaded("bare Parquet write", floor) + [""] * 6]
    rows += [loaded(client.name, run.load) + grown(run.grow) for client, run in runs.items()]
    head = ["", "load rows/s", "× of bare", "peak MB", "increments", "s each", "× of ours", "CPU s each", "growth"]
    return table([*head, "peak MB (idle)"], rows)


def keeping(runs: Mapping[Client, Run]) -> str:
    rows = [
        [
            client.name,
            *map(str, (run.judged.twice, run.judged.lost, run.judged.stale)),
            f"{run.kept.live_bytes / 1e6:.1f}",
            str(run.kept.live_files),
            f"{run.kept.stored_bytes / run.kept.live_bytes:.2f}",
            f"{run.tidied.live_bytes / 1e6:.1f}",
            *map(str, (run.tidied.live_files, run.tidied.most_files)),
            f"{run.tidied.stored_bytes / run.tidied.live_bytes:.2f}",
        ]
        for client, run in runs.items()
    ]
    head = ["", "twice", "lost", "stale", "live MB", "files", "stored ÷ live"]
    return table([*head, "tidied: live MB", "files", "most in a closed day", "stored ÷ live"], rows)


def reading(runs: Mapping[Client, Run], ideal: Reads) -> str:
    def amounts(reads: Reads) -> list[str]:
        return [f"{count / 1e6:.2f}" for count in (reads.week, reads.recording, reads.number)]

    rows = [["one sorted file a day", *amounts(ideal), "1.00", ""]]
    for client, run in runs.items():
        week = f"{run.reads.week / ideal.week:.2f}"
        rows.append([client.name, *amounts(run.reads), week, f"{run.reads.recording / ideal.recording:.2f}"])
    head = ["", "a week, MB", "one recording, MB", "one number, MB", "week × ideal", "recording × ideal"]
    return table(head, rows)


def trust(found: Mapping[Client, tuple[Judged, int, Judged, int]]) -> str:
    """After kills: what was judged, and how many of the kills struck; after two writers: what was judged, and how many
    increments were refused."""
    rows = [
        [client.name, str(kills), killed.counts(), raced.counts(), str(refused)]
        for client, (killed, kills, raced, refused) in found.items()
    ]
    head = ["", "kills", "killed and repeated: twice / lost / stale", "two writers: twice / lost / stale", "refused"]
    return table(head, rows)
