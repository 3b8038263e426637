"""`python -m bench.compact`: a first load and increments into Call Lake's lake, beside what one would use instead."""

import argparse
import os
import platform
import random
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.compact import dataset, peers, tables
from bench.compact.ideal import write_ideal
from bench.compact.judge import judge, kept
from bench.compact.reads import reads
from bench.compact.stage import Contender, Stage, serving
from bench.compact.tables import Run
from call_lake_local.bootstrap import SetupError

SOME, FEW = 12, 2  # increments, where each takes seconds
OURS = Contender("lake", "Call Lake", is_peer=False, is_ours=True)
CONTENDERS = (
    OURS,
    Contender("compactor", "Call Lake, whole compactor", is_peer=False, is_ours=True, most=SOME),
    Contender("pyarrow_merge", "pyarrow", is_peer=False, most=SOME),
    Contender("duckdb_merge", "DuckDB", most=SOME),
    Contender("polars_merge", "Polars", most=SOME),
    Contender("deltalake_merge", "delta-rs", most=SOME),
    Contender("pyiceberg_upsert", "pyiceberg", most=FEW),
    Contender("awswrangler_merge", "awswrangler", most=FEW),
    Contender("dlt_merge", "dlt (Delta)", most=FEW),
)
FLOOR = Contender("floor", "bare Parquet write", is_peer=False)
KILLS = (1, 9, 20)  # writes that pass before the one at which an increment is killed
TROUBLE_ROWS = 30_000
LOOKED_UP = 20  # recordings by their ids
RACE = 4  # increments of each of two writers


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.compact", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the first load")
    parser.add_argument("--increments", type=int, default=100, help="of 2,000 rows each")
    parser.add_argument("--only", nargs="*", help="contenders, by their modules' names")
    parser.add_argument("--no-trouble", action="store_true", help="leave out the kills and the races")
    parser.add_argument("--write", type=Path, help="file whose section 'compact' is to hold the tables")
    asked = parser.parse_args(arguments)
    try:
        peers.make()
    except SetupError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    chosen = [one for one in CONTENDERS if not asked.only or one.module in asked.only or one is OURS]
    with tempfile.TemporaryDirectory(prefix="bench-compact-") as name, serving() as s3_url:
        folder = Path(name)
        _say("the rows")
        (folder / "rows").mkdir()
        rows = dataset.make(folder / "rows", asked.rows, asked.increments, 2000)
        text = "\n".join([_about(rows), _Bench(s3_url, folder, rows).work(chosen)])
        if not asked.no_trouble:
            (folder / "fewer").mkdir()
            fewer = dataset.make(folder / "fewer", TROUBLE_ROWS, len(KILLS) + 2 * RACE, 2000)
            text += _Bench(s3_url, folder / "fewer", fewer).trouble(chosen)
    print(text)
    if asked.write:
        tables.write_section(asked.write, "compact", text)
    return 0


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def _about(rows: dataset.Dataset) -> str:
    names = ("duckdb", "polars", "deltalake", "pyiceberg", "awswrangler", "dlt")
    versions = ", ".join(f"{name} {version}" for name, version in peers.versions(*names).items())
    return f"""Written by `make bench-compact` on {datetime.now(UTC):%Y-%m-%d}: {rows.load_rows:,} rows over
60 partitions, then {rows.increments} increments of {rows.increment_rows:,} rows over 22
partitions each, on one S3 on loopback, all with zstd; {os.cpu_count()} cores, {platform.machine()}. {versions}.
"""


class _Bench:
    def __init__(self, s3_url: str, folder: Path, rows: dataset.Dataset) -> None:
        self._s3_url, self._folder, self._rows = s3_url, folder, rows
        self._buckets = 0

    def stage(self, contender: Contender) -> Stage:
        self._buckets += 1
        bucket = f"{self._folder.name}-{self._buckets}"  # each bench of a run has its own
        folder = self._folder / bucket
        folder.mkdir()
        return Stage(self._s3_url, contender, self._rows, folder, bucket)

    def work(self, chosen: Sequence[Contender]) -> str:
        floor = self.stage(FLOOR).do("load")
        runs = {contender: self._run(contender) for contender in chosen}
        ideal_stage = self.stage(FLOOR)
        files = write_ideal(ideal_stage, range(self._rows.increments))
        ideal = reads(ideal_stage, files, *self._wanted())
        return f"""### Load and increments

{tables.work(runs, floor, OURS, self._rows.load_rows)}

### What stands then, and a day later

{tables.keeping(runs)}

### Bytes that queries must read

{tables.reading(runs, ideal)}
"""

    def _run(self, contender: Contender) -> Run:
        stage = self.stage(contender)
        _say(f"{contender.name}: load")
        load = stage.do("load")
        numbers = range(min(contender.most, self._rows.increments))
        _say(f"{contender.name}: {len(numbers)} increments")
        grow = stage.do("grow", numbers)
        judged = judge(stage, grow.files, self._rows.truth(numbers))
        closed = [one for one in dataset.partitions() if one.call_date < dataset.NOW.date() - timedelta(days=1)]
        before = kept(stage, grow.files, closed)
        _say(f"{contender.name}: {grow.seconds[0]:.2f} s at first, {grow.seconds[-1]:.2f} s at last; tidying")
        tidied = stage.do("tidy")
        read = reads(stage, tidied.files, *self._wanted())
        return Run(load, grow, judged, before, kept(stage, tidied.files, closed), read)

    def _wanted(self) -> tuple[list[str], str]:
        """Recordings that stand since the load, several, for filters may fail for one; and a stranger's number."""
        return random.Random(11).sample(sorted(self._rows.load_truth), LOOKED_UP), "000000042"

    def trouble(self, chosen: Sequence[Contender]) -> str:
        found = {}
        for contender in (one for one in chosen if one.most > FEW):
            _say(f"{contender.name}: kills and two writers")
            stage = self.stage(contender)
            stage.do("load")
            kills = sum(stage.killed_in(number, writes) for number, writes in enumerate(KILLS))
            last = stage.do("grow", range(len(KILLS)))
            killed = judge(stage, last.files, self._rows.truth(range(len(KILLS))))
            first, second = range(3, 3 + RACE), range(3 + RACE, 3 + 2 * RACE)
            answers = [stage.answer(*started) for started in [stage.start("grow", part) for part in (first, second)]]
            refused = [number for answer in answers for number in answer.refused]
            kept_promises = [number for number in range(3 + 2 * RACE) if number not in refused]
            raced = judge(stage, stage.do("grow").files, self._rows.truth(kept_promises))
            found[contender] = (killed, kills, raced, len(refused))
        return f"""### Killed in the middle, and two at once

On {self._rows.load_rows:,} rows, without the slowest: three increments, each killed at another of its writes and then
run again from its start; then two writers at once with {RACE} increments each. A conflict is tried again up to five
times; what is refused even so counts as refused, not as lost.

{tables.trust(found)}
"""


if __name__ == "__main__":
    sys.exit(main())
