"""`python -m bench.compact`: a first load and increments into Call Lake's lake, beside what one would use instead."""

import argparse
import random
import sys
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from bench.compact import dataset, tables
from bench.compact.bucket import PEERS, Bucket, Client
from bench.compact.ideal import write_ideal
from bench.compact.judge import judge, kept
from bench.compact.reads import reads
from bench.harness.runner import bench, say, serving

SOME, FEW = 12, 2  # increments, where each takes seconds
OURS = Client("call_lake_commits", "Call Lake", is_peer=False, is_ours=True)
CLIENTS = (
    OURS,
    Client("whole_compactor", "Call Lake, whole compactor", is_peer=False, is_ours=True, most=SOME),
    Client("pyarrow_merge", "pyarrow", is_peer=False, most=SOME),
    Client("duckdb_merge", "DuckDB", most=SOME),
    Client("polars_merge", "Polars", most=SOME),
    Client("deltalake_merge", "delta-rs", most=SOME),
    Client("pyiceberg_upsert", "pyiceberg", most=FEW),
    Client("awswrangler_merge", "awswrangler", most=FEW),
    Client("dlt_merge", "dlt (Delta)", most=FEW),
)
FLOOR = Client("floor", "bare Parquet write", is_peer=False)
KILLS = (1, 9, 20)  # writes that pass before the one at which an increment is killed
TROUBLE_ROWS = 30_000
INCREMENT_ROWS = 2000
LOOKED_UP = 20  # recordings by their ids
RACE = 4  # increments of each of two writers
NUMBER = "000000042"  # a stranger's


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.compact", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the first load")
    parser.add_argument("--increments", type=int, default=100, help="of 2,000 rows each")
    parser.add_argument("--only", nargs="*", help="clients beside Call Lake, by their modules' names")
    parser.add_argument("--no-trouble", action="store_true", help="leave out the kills and the races")
    packages = ("duckdb", "polars", "deltalake", "pyiceberg", "awswrangler", "dlt")
    return bench("compact", parser, measure, PEERS, lambda: PEERS.versions(*packages))


def measure(asked: argparse.Namespace) -> str:
    chosen = [one for one in CLIENTS if not asked.only or one.module in asked.only or one is OURS]
    with tempfile.TemporaryDirectory(prefix="bench-compact-") as name:
        folder = Path(name)
        with serving("bench.harness.s3_server", _made(folder / "s3")) as s3_url:
            say("the rows")
            rows = dataset.make(Path(_made(folder / "rows")), asked.rows, asked.increments, INCREMENT_ROWS)
            text = Comparison(s3_url, folder / "buckets", rows).work(chosen)
            if not asked.no_trouble:
                increments = len(KILLS) + 2 * RACE
                fewer = dataset.make(Path(_made(folder / "fewer")), TROUBLE_ROWS, increments, INCREMENT_ROWS)
                text += Comparison(s3_url, folder / "troubled", fewer).trouble(chosen)
    return text


def _made(folder: Path) -> str:
    folder.mkdir()
    return str(folder)


class Comparison:
    """Of all clients on the same rows, each in its own buckets."""

    def __init__(self, s3_url: str, folder: Path, rows: dataset.Dataset) -> None:
        self._s3_url, self._folder, self._rows = s3_url, folder, rows
        self._buckets = 0

    def _bucket(self, client: Client) -> Bucket:
        self._buckets += 1
        name = f"{self._folder.name}-{self._buckets}"
        folder = self._folder / name
        folder.mkdir(parents=True)
        return Bucket(self._s3_url, client, self._rows, folder, name)

    def work(self, chosen: Sequence[Client]) -> str:
        floor = self._bucket(FLOOR).do("load")
        runs = {client: self._run(client) for client in chosen}
        ideal = self._bucket(FLOOR)
        ideal_reads = reads(ideal, write_ideal(ideal, range(self._rows.increments)), self._looked_up(), NUMBER)
        return f"""{self._rows.load_rows:,} rows over 60 partitions, then {self._rows.increments} increments of
{INCREMENT_ROWS:,} rows over 22 partitions each, on one S3 on loopback, all with zstd.

### Load and increments

{tables.work(runs, floor, OURS, self._rows.load_rows)}

### What is there then, and a day later

{tables.keeping(runs)}

### Bytes that queries must read

{tables.reading(runs, ideal_reads)}

"""

    def _run(self, client: Client) -> tables.Run:
        bucket = self._bucket(client)
        say(f"{client}: load")
        load = bucket.do("load")
        numbers = range(min(client.most, self._rows.increments))
        say(f"{client}: {len(numbers)} increments")
        grow = bucket.do("grow", numbers)
        judged = judge(bucket, grow.files, self._rows.truth(numbers))
        closed = [one for one in dataset.partitions() if one.call_date < dataset.NOW.date() - timedelta(days=1)]
        before = kept(bucket, grow.files, closed)
        say(f"{client}: {grow.seconds[0]:.2f} s at first, {grow.seconds[-1]:.2f} s at last; tidying")
        tidied = bucket.do("tidy")
        read = reads(bucket, tidied.files, self._looked_up(), NUMBER)
        return tables.Run(load, grow, judged, before, kept(bucket, tidied.files, closed), read)

    def _looked_up(self) -> list[str]:
        """Recordings that are there since the load; several, for filters may fail for one."""
        return random.Random(11).sample(sorted(self._rows.load_truth), LOOKED_UP)

    def trouble(self, chosen: Sequence[Client]) -> str:
        found = {}
        for client in (one for one in chosen if one.most > FEW):
            say(f"{client}: kills and two writers")
            bucket = self._bucket(client)
            bucket.do("load")
            kills = sum(bucket.killed_in(number, writes) for number, writes in enumerate(KILLS))
            last = bucket.do("grow", range(len(KILLS)))
            killed = judge(bucket, last.files, self._rows.truth(range(len(KILLS))))
            first, second = range(3, 3 + RACE), range(3 + RACE, 3 + 2 * RACE)
            writers = [bucket.start("grow", part) for part in (first, second)]
            refused = [number for writer in writers for number in bucket.done(writer).refused]
            kept_promises = [number for number in range(3 + 2 * RACE) if number not in refused]
            raced = judge(bucket, bucket.do("grow").files, self._rows.truth(kept_promises))
            found[client] = (killed, kills, raced, len(refused))
        return f"""### Killed in the middle, and two at once

On {self._rows.load_rows:,} rows, without the slowest: three increments, each killed at another of its writes and then
run again from its start; then two writers at once with {RACE} increments each. A conflict is tried again up to five
times; what is refused even so counts as refused, not as lost.

{tables.trust(found)}
"""


if __name__ == "__main__":
    sys.exit(main())
