"""What a warm function remembers of data files, and what it forgets."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from call_lake.lake import data_file, file_cache
from call_lake.lake.arrow_rows import sorted_rows
from call_lake.lake.data_file import Footer, WrittenFile, write_file
from call_lake.lake.file_cache import FileCache
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import Partition
from tests.support.fakes.world import World
from tests.support.lake_samples import TODAY, row_of, table_from

PARTITION = CALLS.at(Partition("thulium", TODAY))
NOON = datetime(2026, 10, 20, 12, tzinfo=UTC)
TABLE = sorted_rows(table_from([row_of(n) for n in range(1000)], PARTITION), CALLS)


def written(world: World) -> WrittenFile:
    return write_file(world.store, world.clock, PARTITION, [TABLE], Footer(1, NOON), TABLE.num_rows)


def test_the_cache_forgets_the_files_that_were_not_asked_for_longest(monkeypatch):
    monkeypatch.setattr(file_cache, "CACHE_BYTES", 2 * 30_000)
    world = World.make()
    files = [written(world) for _ in range(3)]
    cache = FileCache(world.store)
    for file in files:
        cache.summary(file.summary.key, file.summary.size_bytes)
    before = len(world.calls.log)
    cache.summary(files[2].summary.key)
    assert len(world.calls.log) == before
    cache.summary(files[0].summary.key)
    assert len(world.calls.log) > before


@pytest.mark.parametrize("kept", [True, False])
def test_the_cache_finds_recordings_whether_it_keeps_their_ids_or_not(monkeypatch, kept, world):
    monkeypatch.setattr(data_file, "INDEXED_ROWS", 1000 if kept else 999)
    file = written(world)
    assert (file.summary.versions is not None) == kept
    ids = {row_of(5)["recording_id"], row_of(5000)["recording_id"]}
    stored_at = datetime(2026, 10, 20, 9, tzinfo=UTC)
    assert FileCache(world.store).ranks(file.summary, ids) == {
        row_of(5)["recording_id"]: (int(stored_at.timestamp() * 1000) << 15) + 1
    }


def test_a_small_file_that_was_just_written_is_not_read_again(world):
    file = written(world)
    cache = FileCache(world.store)
    cache.remember(file.summary, file.body)
    before = len(world.calls.log)
    assert pa.concat_tables(cache.data_file(file.summary.key).batches(1000)).equals(TABLE)
    assert len(world.calls.log) == before


def test_a_file_that_was_replaced_is_forgotten(world):
    file = written(world)
    cache = FileCache(world.store)
    cache.remember(file.summary, file.body)
    cache.forget([file.summary.key])
    before = len(world.calls.log)
    cache.summary(file.summary.key)
    assert len(world.calls.log) > before
