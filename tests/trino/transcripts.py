"""Transcripts and sound: rows within rows, as Call Lake's writer stores them, and the queries about them."""

from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa

from call_lake.model.lake_tables import TRANSCRIPTS
from tests.integration.call_rows import FILES, commit_files, edited
from tests.integration.said_rows import WORLD, said_tables
from tests.trino.answers import READS_SAID, same
from tests.trino.report import Check, compared
from tests.trino.world import World

BOUND = "call_date >= DATE '2026-09-01'"
AS_THEY_ARE = {
    "all of `transcripts`": f"SELECT * FROM transcripts WHERE {BOUND} ORDER BY recording_id, engine",
    "all of `sound`": f"SELECT * FROM sound WHERE {BOUND} ORDER BY recording_id",
}
FIRST = "SELECT segments[1] FROM transcripts WHERE source = 'older'"


def check(world: World) -> Iterator[Check]:
    laboratory = world.laboratory
    for table, partition, rows in said_tables(*WORLD):
        laboratory.add(partition, rows, table)
    here = replace(world, athena=laboratory, trino=world.trino.of(laboratory.name))
    queries = {f"`{file.name}`": edited(name) for name, file in FILES.items() if READS_SAID.search(file.read_text())}
    for what, sql in (AS_THEY_ARE | queries).items():
        yield same(what, sql, here)
    _, day, _ = next(said_tables(*WORLD))
    older = pa.table({"segments": [[{"text": "hello", "start_s": 1.0}]]})
    commit_files(laboratory, replace(day, source="older"), older, table=TRANSCRIPTS)
    expected = "{start_s=1.0, end_s=null, channel=null, speaker=null, text=hello, confidence=null}"
    theirs = here.trino.rows(FIRST)
    found = compared("fields in another order, and some that the file lacks", laboratory.rows(FIRST), theirs)
    yield replace(found, ok=found.ok and theirs == [(expected,)])
