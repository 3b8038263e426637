"""The tables of a run, in Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.compact.judge import Judged, Kept
from bench.compact.reads import Reads
from bench.compact.stage import Answer, Contender
from bench.poll.tables import write_section

__all__ = ["Run", "growth", "keeping", "reading", "table", "trust", "work", "write_section"]

EDGE = 10  # increments at either end, whose medians tell the growth
FEWEST = 5


@dataclass(frozen=True, slots=True)
class Run:
    """One contender's."""

    load: Answer
    grow: Answer
    judged: Judged
    kept: Kept
    tidied: Kept
    reads: Reads


def growth(seconds: Sequence[float]) -> float | None:
    """The last increments' time in the first ones'; None where they are too few."""
    edge = min(EDGE, len(seconds) // 2)
    return median(seconds[-edge:]) / median(seconds[:edge]) if edge >= FEWEST else None


def work(runs: Mapping[Contender, Run], floor: Answer, ours: Contender, load_rows: int) -> str:
    least_s, ours_s = floor.seconds[0], median(runs[ours].grow.seconds)
    rows = [
        ["bare Parquet write", f"{load_rows / least_s:,.0f}", "1.00", f"{floor.peak_mb:.0f}", *["" for _ in range(6)]]
    ]
    for contender, run in runs.items():
        grown = growth(run.grow.seconds)
        rows.append(
            [
                contender.name,
                f"{load_rows / run.load.seconds[0]:,.0f}",
                f"{least_s / run.load.seconds[0]:.2f}",
                f"{run.load.peak_mb:.0f}",
                str(len(run.grow.seconds)),
                f"{median(run.grow.seconds):.2f}",
                f"{median(run.grow.seconds) / ours_s:.1f}",
                f"{median(run.grow.cpu_s):.2f}",
                "" if grown is None else f"{grown:.2f}",
                f"{run.grow.peak_mb:.0f} ({run.grow.idle_mb:.0f})",
            ]
        )
    head = ["", "load rows/s", "× of bare", "peak MB", "increments", "s each", "× of ours", "CPU s each", "growth"]
    return table([*head, "peak MB (idle)"], rows)


def keeping(runs: Mapping[Contender, Run]) -> str:
    rows = [
        [
            contender.name,
            str(run.judged.twice),
            str(run.judged.lost),
            str(run.judged.stale),
            f"{run.kept.live_bytes / 1e6:.1f}",
            str(run.kept.live_files),
            f"{run.kept.stored_bytes / run.kept.live_bytes:.2f}",
            f"{run.tidied.live_bytes / 1e6:.1f}",
            str(run.tidied.live_files),
            str(run.tidied.most_files),
            f"{run.tidied.stored_bytes / run.tidied.live_bytes:.2f}",
        ]
        for contender, run in runs.items()
    ]
    head = ["", "twice", "lost", "stale", "live MB", "files", "stored ÷ live"]
    return table([*head, "tidied: live MB", "files", "most in a closed day", "stored ÷ live"], rows)


def reading(runs: Mapping[Contender, Run], ideal: Reads) -> str:
    rows = [["one sorted file a day", *_amounts(ideal), "1.00", ""]]
    for contender, run in runs.items():
        week = f"{run.reads.week / ideal.week:.2f}"
        rows.append([contender.name, *_amounts(run.reads), week, f"{run.reads.recording / ideal.recording:.2f}"])
    head = ["", "a week, MB", "one recording, MB", "one number, MB", "week × ideal", "recording × ideal"]
    return table(head, rows)


def _amounts(reads: Reads) -> list[str]:
    return [f"{count / 1e6:.2f}" for count in (reads.week, reads.recording, reads.number)]


def trust(found: Mapping[Contender, tuple[Judged, int, Judged, int]]) -> str:
    """After kills: what was judged, and how many of the kills struck; after two writers: what was judged, and how many
    increments were refused."""
    rows = [
        [
            contender.name,
            str(kills),
            f"{killed.twice} / {killed.lost} / {killed.stale}",
            f"{raced.twice} / {raced.lost} / {raced.stale}",
            str(refused),
        ]
        for contender, (killed, kills, raced, refused) in found.items()
    ]
    head = ["", "kills", "killed and repeated: twice / lost / stale", "two writers: twice / lost / stale", "refused"]
    return table(head, rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
