"""The lake, rebuilt from ledger and audio objects: the same rows as before, whatever happened to it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from call_lake.bucket.quarantine import list_quarantine
from call_lake.errors import Transient
from call_lake.lake import partition_rebuild
from call_lake.ledger.entry import State
from call_lake.model.lake_tables import CALLS, SOUND
from call_lake.model.layout import INBOX, Partition
from call_lake.model.table import Row
from call_lake.operations.rebuild import RebuildAttempt, Rebuilder
from tests.support.fakes.provider import make_recording
from tests.support.lake_samples import files_of, lake_of, row_of, rows_in, sound_of, table_from
from tests.support.operator_bench import DAY, Bench, five_rows, lose, lose_all, overwrite_files, rebuilt, rows

PARTITION = Partition("thulium", DAY)


@pytest.fixture
def bench() -> Bench:
    return five_rows()


def changed(found: dict[Partition, RebuildAttempt]) -> set[Partition]:
    assert not [done.error for done in found.values() if done.error]
    return {partition for partition, done in found.items() if done.rebuilt and done.rebuilt.changed}


def lose_manifests(bench: Bench) -> None:
    lose(bench, CALLS.manifests)


def lose_files(bench: Bench) -> None:
    lose(bench, CALLS.data)


def truncate_files(bench: Bench) -> None:
    for key, body in bench.world.store.bodies(CALLS.data).items():
        bench.world.store.put(key, body[:-100])


def damage_pages(bench: Bench) -> None:
    """The footer is whole; only who reads the columns finds out."""
    for key, body in bench.world.store.bodies(CALLS.data).items():
        bench.world.store.put(key, body[:4] + bytes(200) + body[204:])


def empty_manifests(bench: Bench) -> None:
    for key in bench.world.store.bodies(CALLS.manifests):
        bench.world.store.put(key, b"")


@pytest.mark.parametrize(
    "break_it",
    [lose_all, lose_manifests, lose_files, overwrite_files, truncate_files, damage_pages, empty_manifests],
)
@pytest.mark.parametrize("threads", [1, 4])
def test_the_rebuilt_rows_equal_the_old_ones_in_every_column(
    bench: Bench, break_it: Callable[[Bench], None], threads: int
) -> None:
    before = rows(bench)
    break_it(bench)

    found = rebuilt(bench, threads=threads)

    assert rows(bench) == before
    assert len(changed(found)) == 3
    assert changed(rebuilt(bench)) == set(), "now all is right"


def test_a_lake_that_is_right_is_not_written_to(bench: Bench) -> None:
    before = bench.world.store.bodies()

    found = rebuilt(bench)

    assert changed(found) == set()
    assert sum(len(done.rebuilt.held) for done in found.values() if done.rebuilt) == 5
    assert bench.world.store.bodies() == before


def test_rows_that_are_missing_different_or_there_twice_are_mended(bench: Bench) -> None:
    before = rows(bench)
    bench.lose_row(bench.recordings[0])
    wrong = next(row for row in before if row["recording_id"] == bench.recordings[1].recording_id)
    lines = [{**row_of(1), **wrong, **times_of(wrong), "agent": "Nobody"}]
    lake_of(bench.world).commit(CALLS.at(PARTITION), table_from(lines, CALLS.at(PARTITION)))
    double_a_file(bench, PARTITION)

    done = rebuilt(bench)[PARTITION].rebuilt

    assert done is not None
    assert (done.mended, done.dropped) == (2, 2)
    assert rows(bench) == before


def times_of(row: Row) -> Row:
    """As JSON has them; stored a minute later than the ledger says."""
    texts = {name: row[name].strftime("%Y-%m-%dT%H:%M:%S.000Z") for name in ("started_at", "listed_at")}
    return texts | {"ended_at": None, "stored_at": (row["stored_at"] + timedelta(minutes=1)).isoformat()}


def double_a_file(bench: Bench, partition: Partition) -> None:
    (key,) = files_of(bench.world, CALLS.at(partition))
    other = key.replace(".parquet", "0.parquet")
    bench.world.store.put(other, bench.world.store.bodies()[key])
    body = f"s3://call-lake-test/{key}\ns3://call-lake-test/{other}\n"
    bench.world.store.put(CALLS.at(partition).manifest, body.encode())


def test_only_the_partitions_that_were_asked_for_are_rebuilt(bench: Bench) -> None:
    lose_all(bench)

    assert set(rebuilt(bench, ["conpeek"])) == {Partition("conpeek", DAY)}
    assert set(rebuilt(bench, ["thulium"], last=DAY - timedelta(days=1))) == {Partition("thulium", DAY - timedelta(1))}
    assert set(rebuilt(bench, ["thulium"], first=DAY)) == {PARTITION}


def test_a_row_that_the_ledger_does_not_know_is_kept_and_counted(bench: Bench) -> None:
    before = rows(bench)
    bench.lose_item(bench.recordings[0])
    bench.lose_row(bench.recordings[1])

    done = rebuilt(bench)[PARTITION].rebuilt

    assert done is not None
    assert (done.kept, done.mended) == (1, 1)
    assert rows(bench) == before


def test_a_row_whose_recording_is_fetched_again_stays_until_then(bench: Bench) -> None:
    before = rows(bench)
    entry = bench.ledger.entry(bench.recordings[0].recording_id)
    assert entry is not None
    bench.world.store.delete([bench.audio_key(bench.recordings[0])])
    assert bench.ledger.repaired(entry)
    bench.lose_row(bench.recordings[1])

    rebuilt(bench)

    assert rows(bench) == before


def test_a_recording_that_is_copied_but_not_yet_stored_has_the_row_that_the_copier_would_write() -> None:
    bench = Bench(1)
    bench.pipeline.poll("thulium")

    def die_before_the_ledger(call, proceed):
        if call.port == "bus":
            raise Transient("aws", "the bus is down")  # type: ignore[arg-type]
        return proceed()

    stop = bench.world.calls.on_call(die_before_the_ledger)
    bench.pipeline.copy_all()
    stop()
    assert bench.states() != [State.STORED]
    bench.pipeline.compact()
    before = rows(bench)
    lose_all(bench)

    rebuilt(bench)

    assert len(before) == 1
    assert rows(bench) == before
    bench.settle()
    bench.pipeline.run_for(timedelta(hours=1))
    assert bench.states() == [State.STORED]
    assert rows(bench) == before


def test_rows_that_wait_in_the_inbox_are_neither_lost_nor_doubled(bench: Bench) -> None:
    bench.thulium.add(make_recording(20))
    bench.world.clock.advance(timedelta(minutes=10))
    bench.pipeline.poll("thulium")
    bench.pipeline.copy_all()
    assert bench.world.store.bodies(INBOX)

    rebuilt(bench)
    assert len(rows(bench)) == 6
    bench.pipeline.compact()
    assert len(rows(bench)) == 6


def test_a_large_partition_becomes_several_files_and_memory_holds_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows(bench)
    lose_all(bench)
    monkeypatch.setattr(partition_rebuild, "ROWS_A_FILE", 2)

    rebuilt(bench)

    assert len(files_of(bench.world, CALLS.at(PARTITION))) == 2
    assert rows(bench) == before
    assert changed(rebuilt(bench)) == set()


def test_a_partition_that_fails_stops_no_other_and_says_why(bench: Bench) -> None:
    lose_all(bench)

    def refuse(call, proceed):
        if call.method == "put" and not refused:
            refused.append(call)
            raise Transient("aws", "throttled")  # type: ignore[arg-type]
        return proceed()

    refused: list[object] = []
    stop = bench.world.calls.on_call(refuse)
    found = rebuilt(bench)
    stop()

    assert [done.error for done in found.values() if done.error] == [
        "source=thulium/call_date=2026-10-20: aws: throttled"
    ]
    assert len(rows(bench)) == 2
    assert changed(rebuilt(bench)) == {PARTITION}
    assert len(rows(bench)) == 5


def test_a_file_of_a_newer_version_is_left_alone(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    before = bench.world.store.bodies()
    monkeypatch.setitem(vars(CALLS), "schema_version", 0)

    found = rebuilt(bench)

    assert {"deploy the newer one" in done.error for done in found.values()} == {True}
    assert bench.world.store.bodies() == before


def test_a_row_that_the_table_cannot_hold_goes_the_compactors_way_into_the_quarantine() -> None:
    bench = Bench(1)
    bench.thulium.add(replace(make_recording(5), agent="\ud83d"))
    bench.settle()
    lose_all(bench)

    assert rebuilt(bench)[PARTITION].to_quarantine == 1
    bench.pipeline.compact()

    assert [one.rejected.reason for one in list_quarantine(bench.world.store)] == [
        "agent: UnicodeEncodeError, does not fit string"
    ]
    assert rebuilt(bench)[PARTITION].to_quarantine == 0, "it lies there already"
    assert len(rows(bench)) == 1


def test_a_rebuilt_partition_is_registered(bench: Bench) -> None:
    bench.world.catalog.drop("calls")
    lose_all(bench)
    assert rebuilt(bench)[PARTITION].rebuilt
    assert PARTITION in bench.world.catalog.seen("calls")


def test_a_rebuild_registers_partitions_that_are_right_too(bench: Bench) -> None:
    bench.world.catalog.drop("calls")
    assert changed(rebuilt(bench)) == set()
    assert PARTITION in bench.world.catalog.seen("calls")


def test_somebody_elses_object_under_a_recordings_name_makes_no_row() -> None:
    bench = Bench(1)
    bench.pipeline.poll("thulium")
    (recording,) = bench.recordings
    bench.world.store.put(f"audio/{PARTITION.path}{recording.recording_id}.wav", b"without our metadata")

    assert changed(rebuilt(bench)) == set()


def test_a_connection_that_breaks_says_nothing_against_a_file(bench: Bench) -> None:
    bench.lose_item(bench.recordings[0])
    before = bench.world.store.bodies()

    def reset(call, proceed):
        if call.method == "get_range":
            raise ConnectionResetError
        return proceed()

    stop = bench.world.calls.on_call(reset)
    found = rebuilt(bench)
    stop()

    assert {done.error.rpartition(" ")[2] for done in found.values()} == {"ConnectionResetError"}
    assert bench.world.store.bodies() == before


def test_a_row_under_a_day_that_is_not_the_ledgers_is_kept_for_verify_to_name(bench: Bench) -> None:
    elsewhere = Partition("thulium", DAY - timedelta(days=3))
    row = next(row for row in rows(bench) if row["recording_id"] == bench.recordings[0].recording_id)
    moved = row_of(1) | row | times_of(row) | {"call_date": elsewhere.call_date.isoformat()}
    lake_of(bench.world).commit(CALLS.at(elsewhere), table_from([moved], CALLS.at(elsewhere)))
    overwrite_files_of(bench, PARTITION)

    done = rebuilt(bench)[elsewhere].rebuilt

    assert done is not None
    assert (done.kept, done.mended, done.changed) == (1, 0, False)
    assert len(rows(bench)) == 6


def test_a_table_that_the_ledger_cannot_make_loses_the_erased_and_keeps_the_rest(bench: Bench) -> None:
    world, (erased, other) = bench.world, bench.recordings[:2]
    place = SOUND.at(Partition.of_recording(erased))
    found = [sound_of(1, day=place.call_date, recording_id=one.recording_id) for one in (erased, other)]
    lake_of(world).commit(place, table_from(found, place))
    world.table.update(erased.recording_id, {"state": "ERASED"})  # and the erasure died

    done = Rebuilder(bench.ledger, world.store, world.catalog, world.clock, 86_400).mend(place)

    assert (done.dropped, done.kept, done.held) == (1, 1, frozenset({other.recording_id}))
    assert [row["recording_id"] for row in rows_in(world, SOUND)] == [other.recording_id]
    assert world.catalog.seen("sound") == {place.partition}


def overwrite_files_of(bench: Bench, partition: Partition) -> None:
    for key in files_of(bench.world, CALLS.at(partition)):
        bench.world.store.put(key, b"this is no Parquet file, and longer than eight bytes")
