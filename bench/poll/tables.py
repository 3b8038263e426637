"""The tables of a run, in Markdown."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench.poll.listing import Listing
from bench.poll.stage import Contender, Judged, Poll

type Found = Mapping[Contender, tuple[Judged, Judged, list[Poll]]]
"""The first poll, both polls together, and the polls themselves."""


def about(count: int, rounds: int, machine: str, cores: int, versions: Callable[..., dict[str, str]]) -> str:
    peers = ", ".join(f"{name} {version}" for name, version in versions("dlt", "singer-sdk", "airbyte-cdk").items())
    return f"""Written by `make bench-poll` on {datetime.now(UTC):%Y-%m-%d}: {count:,} recordings over thirty days on
each simulated provider, in a process of its own on loopback; {cores} cores, {machine}. {peers}.
"""


def heading(listing: Listing) -> str:
    return f"""### {listing}

In pages of {listing.page} rows.
"""


def costs(runs: Mapping[Contender, list[Poll]], judged: Mapping[Contender, Judged], count: int) -> str:
    floor = next(iter(runs.values()))
    rounds = len(floor)
    rows = []
    for contender, polls in runs.items():
        answers = [poll.answer for poll in polls]
        wall_s = median(answer.wall_s for answer in answers)
        rows.append(
            [
                contender.name,
                f"{count / wall_s:,.0f}",
                f"{wall_s:.2f}",
                _ratio(polls, floor, lambda poll: poll.answer.wall_s),
                f"{median(answer.cpu_s for answer in answers):.2f}",
                _ratio(polls, floor, lambda poll: poll.answer.cpu_s),
                f"{median(answer.process_cpu_s for answer in answers):.2f}",
                _ratio(polls, floor, lambda poll: poll.answer.process_cpu_s),
                f"{median(answer.peak_mb for answer in answers):.0f}",
                f"{median(poll.requests for poll in polls):,.0f}",
                _ratio(polls, floor, lambda poll: poll.requests),
                f"{median(poll.rows_walked for poll in polls) / count:.1f}",
                str(judged[contender].lost),
                str(judged[contender].twice),
            ]
        )
    head = ["", "rec/s", "wall s", "×", "CPU s", "×", "process CPU s", "×", "peak MB", "requests", "×"]
    return f"""#### Nothing moves

Medians of {rounds} interleaved rounds; × is the median of the rounds' ratios to the bare loop. Wall and CPU are of the
listing, process CPU includes the start of the program. Rows walked: offset + rows returned, for each recording.

{_table([*head, "rows walked", "lost", "twice"], rows)}
"""


def drift(found: Found, period: int) -> str:
    return f"""#### Rows come and go while the first poll pages

Every {period} listing requests one row vanishes anywhere and one appears somewhere in the last nine days, at most
forty in all. Lost at first: of the rows that stood all the time. The second poll is a day later and at rest; Call
Lake's has the daily sweep with it, the others go on from the cursor that they kept.

{_two_polls(found)}
"""


def late(found: Found, appeared: int) -> str:
    return f"""#### Late arrivals

One row in ten is listed only 3 to 30 hours after its own creation time. Between the polls, 31 hours, {appeared}
recordings appear: new ones, and late ones whose creation time lies before the first poll.

{_two_polls(found)}
"""


def _two_polls(found: Found) -> str:
    rows = [
        [
            contender.name,
            str(first.lost),
            str(first.twice),
            str(both.lost),
            str(both.twice),
            " + ".join(f"{poll.requests:,}" for poll in polls),
        ]
        for contender, (first, both, polls) in found.items()
    ]
    return _table(["", "lost at first", "twice at first", "lost in the end", "twice in the end", "requests"], rows)


def _ratio(polls: Sequence[Poll], floor: Sequence[Poll], of: Callable[[Poll], float]) -> str:
    return f"{median(of(poll) / of(least) for poll, least in zip(polls, floor, strict=True)):.2f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_section(file: Path, name: str, text: str) -> None:
    """Replace the section ``## name`` of a Markdown file, or add it; other sections stay as they are."""
    before = file.read_text(encoding="utf-8") if file.exists() else "# Results\n"
    head, _, rest = (before.rstrip() + "\n").partition(f"\n## {name}\n")
    after = rest.partition("\n## ")[2]
    tail = f"\n## {after}" if after else ""
    file.write_text(f"{head.rstrip()}\n\n## {name}\n\n{text.strip()}\n{tail}", encoding="utf-8")
