"""Adding a column, as docs/schema.md says: a version that reads every older one (design rule 21).

The next version is made here, of this one and a column: so every table that this version writes is an older one's.
"""

import json
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from call_lake.bucket.inbox import put_rows
from call_lake.bucket.quarantine import list_quarantine
from call_lake.lake import compactor
from call_lake.lake.search import read_partition
from call_lake.model import table
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import Partition
from call_lake.model.table import SCHEMA_VERSION, Row
from call_lake_cli.commands.quarantine import send_again
from tests.support.fakes.world import World
from tests.support.lake_samples import TODAY, compacted, files_of, lake_of, row_of, rows_in, table_from
from tests.support.operator_bench import Bench, lose_all, rebuilt, rows

PARTITION = CALLS.at(Partition("thulium", TODAY))
NEXT = SCHEMA_VERSION + 1
COLUMN = "mood"

type Upgrade = Callable[[], None]


@pytest.fixture
def upgrade(monkeypatch: pytest.MonkeyPatch) -> Upgrade:
    """Deploys the next version, with one column more."""

    def deploy() -> None:
        monkeypatch.setitem(table.COLUMNS, COLUMN, "string")
        monkeypatch.setattr(table, "SCHEMA_VERSION", NEXT)
        monkeypatch.setitem(vars(CALLS), "schema_version", NEXT)

    return deploy


def new_row(number: int) -> Row:
    """As the next version's copier writes it."""
    return row_of(number) | {COLUMN: f"mood {number}", "schema_version": NEXT}


def commit(world: World, *rows: Row) -> None:
    lake_of(world).commit(PARTITION, table_from(list(rows), PARTITION))


def versions_of_files(world: World) -> list[int]:
    bodies = world.store.bodies(CALLS.data)
    footers = [pq.ParquetFile(pa.BufferReader(bodies[key])).metadata.metadata for key in files_of(world, PARTITION)]
    return [int(footer[b"call_lake.schema_version"]) for footer in footers]


def test_files_of_both_versions_are_one_partition(upgrade: Upgrade, world: World) -> None:
    commit(world, row_of(1))
    upgrade()
    commit(world, new_row(2))

    assert versions_of_files(world) == [SCHEMA_VERSION, NEXT]
    assert read_partition(world.store, PARTITION) == [
        row_of(1) | {COLUMN: None},
        new_row(2),
    ]


def test_older_files_are_merged_into_one_of_the_new_version(upgrade: Upgrade, world: World) -> None:
    for number in range(16):
        commit(world, row_of(number))
    upgrade()
    commit(world, new_row(16))

    assert versions_of_files(world) == [NEXT]
    older = [row_of(number) | {COLUMN: None} for number in range(16)]
    assert read_partition(world.store, PARTITION) == [*older, new_row(16)]


def test_a_recordings_older_row_gives_way_to_its_newer_one(upgrade: Upgrade, world: World) -> None:
    commit(world, row_of(1), row_of(2))
    upgrade()
    newer = new_row(1) | {"stored_at": f"{TODAY}T10:00:00.000Z"}
    commit(world, newer)

    assert read_partition(world.store, PARTITION) == [newer, row_of(2) | {COLUMN: None}]


def test_the_same_row_delivered_again_after_the_deployment_changes_nothing(upgrade: Upgrade, world: World) -> None:
    commit(world, row_of(1))
    upgrade()
    before = world.store.bodies()
    commit(world, row_of(1))

    assert world.store.bodies() == before


def test_an_older_versions_rows_that_still_wait_are_taken(upgrade: Upgrade, world: World) -> None:
    put_rows(world.store, [row_of(1)], CALLS)
    upgrade()
    put_rows(world.store, [new_row(2)], CALLS)

    assert compacted(world).rows == 2
    assert quarantine_is_empty(world)
    assert read_partition(world.store, PARTITION) == [
        row_of(1) | {COLUMN: None},
        new_row(2),
    ]


def quarantine_is_empty(world: World) -> bool:
    return not list(list_quarantine(world.store))


def test_a_newer_versions_row_waits_in_the_quarantine_for_the_deployment(upgrade: Upgrade, world: World) -> None:
    put_rows(world.store, [new_row(1), row_of(2)], CALLS)
    assert compacted(world).rows == 1
    (rejected,) = [one.rejected for one in list_quarantine(world.store)]
    assert "deploy a newer one, retry" in rejected.reason
    assert json.loads(rejected.text) == new_row(1)

    upgrade()
    assert list(send_again(world.store, world.table, list(list_quarantine(world.store)))) == [True]
    assert compacted(world).rows == 1
    assert quarantine_is_empty(world)


def test_a_newer_versions_file_is_never_rewritten_and_holds_up_no_other_partition(
    upgrade: Upgrade, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World.make()
    with monkeypatch.context():
        upgrade()
        commit(world, new_row(1))
    monkeypatch.undo()  # the deployment was rolled back
    before = world.store.bodies(CALLS.data)
    put_rows(world.store, [row_of(2), row_of(3, source="conpeek")], CALLS)

    result = compacted(world)

    assert result.failed == [f"{PARTITION}: NewerSchema"]
    assert (result.rows, result.left_over) == (1, 1)
    assert before.items() <= world.store.bodies(CALLS.data).items()


def test_a_rebuild_lifts_older_rows_to_the_new_version(upgrade: Upgrade) -> None:
    bench = Bench(2)
    bench.settle()
    before = rows(bench)
    upgrade()

    done = rebuilt(bench, ["thulium"])[Partition("thulium", TODAY)].rebuilt

    assert done is not None
    assert done.mended == 2
    assert rows(bench) == [row | {COLUMN: None, "schema_version": NEXT} for row in before]
    lose_all(bench)
    rebuilt(bench)
    assert rows(bench) == [row | {COLUMN: None, "schema_version": NEXT} for row in before]


# -- other readers


# -- what does not fit


class Heard:
    """Stands in for the logger: what a row that is set aside is told with."""

    def __init__(self) -> None:
        self.errors: list[dict[str, str]] = []

    def error(self, message: str, **facts: str) -> None:
        self.errors.append({"message": message} | facts)


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("audio_bytes", "000111222", "audio_bytes: str instead of bigint"),
        ("caller", 111222, "caller: int instead of string"),
        ("started_at", "000111222", "started_at: ArrowInvalid, does not fit timestamp"),
    ],
)
def test_a_type_that_conflicts_rings_with_its_reason_and_keeps_its_text_out_of_the_log(
    monkeypatch: pytest.MonkeyPatch, column: str, value: object, reason: str
) -> None:
    heard = Heard()
    monkeypatch.setattr(compactor, "log", heard)
    world = World.make()
    put_rows(world.store, [row_of(1) | {column: value}, row_of(2)], CALLS)

    result = compacted(world)

    ((key, rejected),) = [(one.key, one.rejected) for one in list_quarantine(world.store)]
    assert (result.rows, result.quarantined) == (1, 1)
    assert rejected.reason == reason
    assert json.loads(rejected.text)[column] == value
    assert heard.errors == [{"message": "row set aside", "key": key, "reason": reason}]
    assert len(rows_in(world)) == 1
