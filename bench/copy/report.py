"""A run's tables: medians over the rounds, ratios from the runs of the same round, as Markdown."""

import platform
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from bench.copy import wav
from bench.copy.contenders import Contender, Sample

type Rounds = Mapping[Contender, Sequence[Sample]]

SPEED_HEAD = (
    "| contender | rec/s | MB/s | CPU s | peak MB | GETs | S3 requests | Call Lake is faster by | CPU of Call Lake's |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
)
TRUST_HEAD = (
    "| contender | recordings | wrong ever stored | lost | stored twice | downloaded again | GETs | S3 requests |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
)


def ratio(ours: Sequence[Sample], other: Sequence[Sample]) -> float:
    """How much faster ours is: the median over the rounds of the ratio of recordings a second."""
    return median(a.recordings_per_s / b.recordings_per_s for a, b in zip(ours, other, strict=True))


def cpu_ratio(ours: Sequence[Sample], other: Sequence[Sample]) -> float:
    """The other's CPU time a recording, in ours: above 1, ours takes less."""
    return median((b.cpu_s / b.recordings) / (a.cpu_s / a.recordings) for a, b in zip(ours, other, strict=True))


def speed(rounds: Rounds, ours: Contender) -> list[str]:
    lines = list(SPEED_HEAD)
    for contender, samples in rounds.items():
        middle = [
            f"{median(s.recordings_per_s for s in samples):.1f}",
            f"{median(s.mb_per_s for s in samples):.0f}",
            f"{median(s.cpu_s for s in samples):.2f}",
            f"{max(s.peak_mb for s in samples):.0f}",
            f"{median(s.gets for s in samples):.0f}",
            f"{median(s.s3_requests for s in samples):.0f}",
        ]
        last = [f"{ratio(rounds[ours], samples):.2f} x", f"{cpu_ratio(rounds[ours], samples):.2f} x"]
        lines.append("| " + " | ".join([_named(contender, samples), *middle, *last]) + " |")
    return lines


def trust(rounds: Rounds) -> list[str]:
    """The worst of each count over the rounds."""
    lines = list(TRUST_HEAD)
    for contender, samples in rounds.items():
        names = ("recordings", "wrong", "lost", "twice", "repeated", "gets", "s3_requests")
        worst = [str(max(getattr(sample, name) for sample in samples)) for name in names]
        lines.append("| " + " | ".join([contender.name, *worst]) + " |")
    return lines


def _named(contender: Contender, samples: Sequence[Sample]) -> str:
    return contender.name + (f" ({samples[0].recordings} recordings)" if contender.limit else "")


def title(work: wav.Work, rounds: int) -> str:
    times = "1 round" if rounds == 1 else f"{rounds} rounds"
    return f"### {work.count} recordings of {work.size_bytes / 1e6:g} MB ({work.name}), {times}"


def machine(load_before: float, load_after: float, cores: int | None) -> str:
    return (
        f"Python {platform.python_version()}, Linux {platform.machine()}, {cores} cores. "
        f"Load average of the machine before and after: {load_before:.1f}, {load_after:.1f}."
    )


def keep(page: Path, section: str, lines: Sequence[str]) -> None:
    """Put the lines in place of the page's section of that name; the other sections stay."""
    text = page.read_text(encoding="utf-8") if page.exists() else "# Results\n"
    body = f"## {section}\n\n" + "\n".join(lines).strip() + "\n"
    pattern = re.compile(rf"^## {re.escape(section)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    if not pattern.search(text):
        text = text.rstrip() + f"\n\n## {section}\n"
    text = pattern.sub(lambda _: body + "\n", text)
    page.write_text(text.rstrip() + "\n", encoding="utf-8")
