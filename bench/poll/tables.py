"""The tables of a run."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median

from bench.harness.tables import ratio, table
from bench.poll.provider import Client, Judged, Polled

type Found = Mapping[Client, tuple[Judged, Judged, list[Polled]]]
"""The first poll, both polls together, and the polls themselves."""


def costs(runs: Mapping[Client, Sequence[Polled]], judged: Mapping[Client, Judged], count: int) -> str:
    floor = next(iter(runs.values()))

    def line(client: Client, polls: Sequence[Polled]) -> list[str]:
        def middle(of: Callable[[Polled], float], form: str) -> str:
            return format(median(map(of, polls)), form)

        def times(of: Callable[[Polled], float]) -> str:
            return f"{ratio(polls, floor, of):.2f}"

        return [
            client.name,
            f"{count / median(poll.wall_s for poll in polls):,.0f}",
            middle(lambda poll: poll.wall_s, ".2f"),
            times(lambda poll: poll.wall_s),
            middle(lambda poll: poll.cpu_s, ".2f"),
            times(lambda poll: poll.cpu_s),
            middle(lambda poll: poll.process_cpu_s, ".2f"),
            times(lambda poll: poll.process_cpu_s),
            middle(lambda poll: poll.peak_mb, ".0f"),
            middle(lambda poll: poll.requests, ",.0f"),
            times(lambda poll: poll.requests),
            middle(lambda poll: poll.rows_walked / count, ".1f"),
            str(judged[client].lost),
            str(judged[client].twice),
        ]

    head = ["", "rec/s", "wall s", "×", "CPU s", "×", "process CPU s", "×", "peak MB", "requests", "×"]
    return f"""#### Nothing moves

Medians of {len(floor)} interleaved rounds; × is the median of the rounds' ratios to the bare loop. Wall and CPU are of
the listing, process CPU includes the start of the program. Rows walked: offset + rows returned, for each recording.

{table([*head, "rows walked", "lost", "twice"], [line(*run) for run in runs.items()])}
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
            client.name,
            *map(str, (first.lost, first.twice, both.lost, both.twice)),
            " + ".join(f"{poll.requests:,}" for poll in polls),
        ]
        for client, (first, both, polls) in found.items()
    ]
    return table(["", "lost at first", "twice at first", "lost in the end", "twice in the end", "requests"], rows)
