from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from call_lake.lake import merge
from call_lake.lake.arrow_rows import arrow_schema, sorted_rows
from call_lake.lake.data_file import DataFile, FileSummary, Footer, write_file
from call_lake.lake.merge import FILES_OF_A_TIER, SMALL_ROWS, choose_on_closed_day, choose_on_current_day, merged
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import Partition
from tests.support.fakes.world import World
from tests.support.lake_samples import TODAY, row_of, table_from

PARTITION = CALLS.at(Partition("thulium", TODAY))
NOON = datetime(2026, 10, 20, 12, tzinfo=UTC)


def known(name: str, rows: int = 10, tier: int = 0, since: datetime = NOON) -> FileSummary:
    return FileSummary(name, rows * 200, rows * 600, rows, Footer(tier, since), None)


def keys(chosen: list[FileSummary]) -> set[str]:
    return {file.key for file in chosen}


def test_a_commit_beside_few_files_merges_nothing():
    files = [known(f"f{n}") for n in range(FILES_OF_A_TIER - 1)]
    assert choose_on_current_day(files, set()) == ([], 0)


def test_the_seventeenth_file_makes_them_one_of_the_next_tier():
    files = [known("large", tier=1), *(known(f"f{n}") for n in range(FILES_OF_A_TIER))]
    chosen, tier = choose_on_current_day(files, set())
    assert keys(chosen) == {f"f{n}" for n in range(FILES_OF_A_TIER)}
    assert tier == 1


def test_the_seventeenth_merged_file_makes_them_one_of_the_last_tier():
    files = [known(f"{tier}-{n}", tier=tier) for tier in (0, 1) for n in range(FILES_OF_A_TIER)]
    chosen, tier = choose_on_current_day([*files, known("largest", tier=2)], set())
    assert keys(chosen) == keys(files)
    assert tier == 2


def test_only_the_files_that_hold_replaced_rows_are_rewritten():
    files = [known("merged", tier=2), known("small"), known("other")]
    assert choose_on_current_day(files, {"merged"}) == ([files[0]], 2)
    assert choose_on_current_day(files, {"small"}) == ([files[1]], 0)


@pytest.mark.parametrize(("rows", "chosen"), [(SMALL_ROWS, {"base"}), (SMALL_ROWS + 1, set())])
def test_a_large_file_that_loses_rows_takes_no_new_ones_up(rows, chosen):
    assert keys(choose_on_current_day([known("base", rows), known("other")], {"base"})[0]) == chosen


def test_a_file_without_rows_goes_with_the_next_commit():
    assert keys(choose_on_current_day([known("empty", rows=0), known("full")], set())[0]) == {"empty"}


def test_each_row_is_written_at_most_three_times_over_a_day_of_288_commits():
    files: list[FileSummary] = []
    written = 0
    for commit in range(288):
        chosen, tier = choose_on_current_day(files, set())
        rows = 10 + sum(file.rows for file in chosen)
        written += rows
        files = [file for file in files if file not in chosen] + [known(str(commit), rows, tier)]
    assert sum(file.rows for file in files) == 2880
    assert written <= 3 * 2880
    assert len(files) <= 2 * FILES_OF_A_TIER + 1


def test_a_few_late_rows_of_a_closed_day_wait_beside_it_in_one_file():
    files = [known("base", rows=1000, tier=2), known("late", rows=5)]
    assert choose_on_closed_day(files[:1], set(), 5, TODAY) == ([], 0)
    assert choose_on_closed_day(files, set(), 5, TODAY) == ([files[1]], 0)


@pytest.mark.parametrize(
    ("late", "must", "new_rows"),
    [
        (known("late", rows=5, since=NOON - timedelta(days=1)), set(), 5),  # late rows of yesterday
        (known("late", rows=200), set(), 50),  # a quarter of the day
        (known("late", rows=5), {"base"}, 5),  # the day's file is rewritten anyway
    ],
)
def test_a_closed_day_becomes_one_file(late, must, new_rows):
    files = [known("base", rows=1000, tier=2), late]
    chosen, _ = choose_on_closed_day(files, must, new_rows, TODAY)
    assert keys(chosen) == {"base", "late"}


def test_a_closed_day_of_many_files_becomes_one():
    files = [known(f"f{n}", since=NOON - timedelta(days=2)) for n in range(20)]
    assert keys(choose_on_closed_day(files, set(), 1, date(2026, 10, 20))[0]) == keys(files)


@given(
    runs=st.lists(st.lists(st.integers(0, 30), max_size=40), max_size=5),
    new=st.lists(st.integers(0, 30), max_size=10),
    without=st.sets(st.integers(0, 200), max_size=20),
    batch=st.integers(1, 7),
)
def test_a_merge_in_small_steps_has_every_row_once_in_order(runs, new, without, batch):
    world = World.make()
    number = iter(range(10_000))

    def table(seconds: list[int]) -> pa.Table:
        rows = [row_of(next(number), started_at=f"{TODAY}T08:00:{second:02d}.000Z") for second in seconds]
        return sorted_rows(
            pa.concat_tables([arrow_schema(CALLS).empty_table(), *([table_from(rows, PARTITION)] if rows else [])]),
            CALLS,
        )

    tables = [table(seconds) for seconds in runs]
    files = []
    for each in tables:
        written = write_file(world.store, world.clock, PARTITION, [each], Footer(0, NOON), each.num_rows)
        files.append(DataFile(world.store, written.summary.key, written.summary.size_bytes))
    late = table(new)
    gone = {row_of(n)["recording_id"] for n in without} - set(late["recording_id"].to_pylist())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merge, "MERGED_ROWS", 0)
        patch.setattr(merge, "SMALLEST_BATCH_ROWS", batch)
        out = pa.concat_tables([arrow_schema(CALLS).empty_table(), *merged(CALLS, files, late, gone)])
    everything = [name for each in (*tables, late) for name in each["recording_id"].to_pylist()]
    assert sorted(out["recording_id"].to_pylist()) == sorted(set(everything) - gone)
    times = out["started_at"].to_pylist()
    assert times == sorted(times)
