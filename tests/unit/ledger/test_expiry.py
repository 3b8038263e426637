"""Audio that the bucket's own rule deletes becomes EXPIRED, its row says so, nothing fetches it again (ADR 0010)."""

import io
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pyarrow.parquet as pq
import pytest

from call_lake.errors import Reason, Terminal, Transient
from call_lake.lake.arrow_rows import digests_of, versions_of
from call_lake.lake.file_cache import FileCache
from call_lake.ledger.entry import Entry, State
from call_lake.ledger.expiry import AudioExpiry
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import Partition
from call_lake.model.messages import message_of
from call_lake.model.times import iso
from call_lake.operations.verify.findings import Kind
from call_lake_cli.commands.show import where_it_waits
from call_lake_cli.console.errors import UserError
from call_lake_cli.stack.audio import stored_audio
from call_lake_cli.stack.census import SourceCensus, _count_recording
from tests.support.erasing import eraser_of, recording_ids, traces
from tests.support.fakes import Call
from tests.support.fakes.world import World
from tests.support.lake_samples import TODAY, lake_of, row_of, table_from
from tests.support.operator_bench import Bench, kinds, lose_all, rebuilt

KEPT_DAYS = 7
KEPT = timedelta(days=KEPT_DAYS)
ASKED_AFTER = KEPT + timedelta(days=2, minutes=1)
PARTITION = CALLS.at(Partition("thulium", TODAY))
URI = "s3://bucket/audio/1.wav"
ALL_EXPIRED = [State.EXPIRED] * 3


@pytest.fixture
def bench() -> Bench:
    """Three recordings, stored and in the table, in a stack that keeps audio for a week."""
    bench = Bench()
    bench.pipeline.retain(KEPT_DAYS)
    bench.settle()
    return bench


@pytest.fixture
def expired(bench: Bench) -> Bench:
    """The same, after all of it was noticed to be gone."""
    let_expire(bench)
    bench.settle()
    return bench


def let_expire(bench: Bench) -> None:
    bench.world.clock.advance(ASKED_AFTER)
    bench.pipeline.expire()


def entry(bench: Bench, number: int = 0) -> Entry:
    found = bench.ledger.entry(bench.recordings[number].recording_id)
    assert found is not None
    return found


def table(bench: Bench) -> list[dict[str, Any]]:
    """The rows that the manifests name, every column."""
    bodies, prefix = bench.world.store.bodies(), f"s3://{bench.world.store.bucket}/"
    keys = [line for body in bench.world.store.bodies(CALLS.manifests).values() for line in body.decode().splitlines()]
    return [row for key in keys for row in pq.read_table(io.BytesIO(bodies[key.removeprefix(prefix)])).to_pylist()]


def sent(bench: Bench, number: int = 0) -> None:
    bench.world.queues["thulium"].send([message_of(bench.recordings[number])])


def copy_while_the_ledger_refuses(bench: Bench) -> None:
    def refuse(call: Call, proceed: Any) -> Any:
        if call.method == "update":
            raise Transient(Reason.AWS, "throttled")
        return proceed()

    remove = bench.world.calls.on_call(refuse)
    bench.pipeline.copy_once("thulium")
    remove()


# -- from STORED to EXPIRED


def test_what_the_bucket_deleted_is_expired_and_its_row_names_no_audio(bench: Bench) -> None:
    before = {row["recording_id"]: row for row in table(bench)}
    let_expire(bench)

    bench.settle()

    assert bench.states() == ALL_EXPIRED
    assert {row["recording_id"]: row for row in table(bench)} == {
        id: row | {"audio_uri": None} for id, row in before.items()
    }


def test_what_the_audio_was_stays_in_the_ledger_and_the_index_forgets_it(bench: Bench) -> None:
    was = entry(bench).audio
    let_expire(bench)
    bench.settle()

    assert entry(bench).audio == was
    assert entry(bench).expired_at is not None
    assert not bench.item(bench.recordings[0]).keys() & {"due_list", "due_at"}


def test_nothing_is_announced_and_nothing_downloaded_when_audio_expires(bench: Bench) -> None:
    events, downloads = len(bench.world.bus.events), bench.thulium.downloads
    let_expire(bench)

    bench.settle()

    assert bench.states() == ALL_EXPIRED
    assert (len(bench.world.bus.events), bench.thulium.downloads) == (events, downloads)


def test_the_ledger_is_not_scanned_to_find_what_expired(bench: Bench) -> None:
    let_expire(bench)
    before = len(bench.world.calls.log)

    bench.settle()

    assert bench.states() == ALL_EXPIRED
    assert "scan" not in {call.method for call in bench.world.calls.log[before:]}


def test_nobody_asks_before_s3_is_sure_to_have_deleted_it(bench: Bench) -> None:
    bench.world.clock.advance(KEPT + timedelta(days=1, hours=23))
    bench.pipeline.expire()

    bench.pipeline.poll("thulium")

    assert len(bench.world.queues["thulium"]) == 0


def test_an_object_that_stands_longer_is_asked_about_again_a_day_later(bench: Bench) -> None:
    bench.world.clock.advance(ASKED_AFTER)
    bench.settle()
    assert bench.states() == [State.STORED] * 3

    bench.pipeline.poll("thulium")
    assert len(bench.world.queues["thulium"]) == 0, "asked about a moment ago"

    bench.world.clock.advance(timedelta(days=1))
    bench.pipeline.expire()
    bench.settle()
    assert bench.states() == ALL_EXPIRED


def test_an_object_that_is_gone_before_its_time_is_lost_and_not_expired(bench: Bench) -> None:
    bench.world.clock.advance(KEPT - timedelta(hours=1))
    bench.world.store.delete([bench.audio_key(bench.recordings[0])])
    sent(bench)

    bench.pipeline.copy_all()

    assert bench.states()[0] is State.STORED


def test_where_audio_is_kept_for_ever_nothing_stays_in_the_index_and_nothing_expires() -> None:
    bench = Bench()
    bench.settle()
    assert "due_list" not in bench.item(bench.recordings[0])
    bench.world.store.delete([bench.audio_key(bench.recordings[0])])
    bench.world.clock.advance(timedelta(days=1000))
    sent(bench)

    bench.settle()

    assert bench.states() == [State.STORED] * 3


def test_a_longer_retention_counts_for_what_is_stored_already(bench: Bench) -> None:
    bench.pipeline.retain(10 * KEPT_DAYS)
    bench.world.clock.advance(ASKED_AFTER)

    bench.pipeline.poll("thulium")

    assert len(bench.world.queues["thulium"]) == 0


def test_one_poll_asks_about_a_bounded_number_and_the_next_one_about_the_rest(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("call_lake.polling.poller.EXPIRED_PER_POLL", 2)
    let_expire(bench)

    bench.pipeline.poll("thulium")
    assert len(bench.world.queues["thulium"]) == 2
    bench.pipeline.poll("thulium")
    assert len(bench.world.queues["thulium"]) == 3


def test_what_the_queue_refused_and_nothing_else_is_asked_about_by_the_next_poll(bench: Bench) -> None:
    let_expire(bench)
    bench.world.queues["thulium"].refuse_sends(0)
    assert bench.pipeline.poll("thulium").trouble
    assert len(bench.world.queues["thulium"]) == 2

    bench.pipeline.poll("thulium")

    assert len(bench.world.queues["thulium"]) == 3


def test_a_lagging_index_asks_about_nothing_that_has_expired(bench: Bench) -> None:
    bench.world.table.index_delay_s = 3600.0
    let_expire(bench)
    bench.pipeline.poll("thulium")
    bench.pipeline.copy_all()
    assert bench.states() == ALL_EXPIRED

    bench.pipeline.poll("thulium")

    assert len(bench.world.queues["thulium"]) == 0


def test_what_expired_while_it_was_asked_about_is_not_looked_for_any_more(expired: Bench) -> None:
    late = entry(expired)
    assert late.audio is not None
    as_it_was = replace(late, state=State.STORED, due_at=iso(late.audio.stored_at))
    before = expired.item(expired.recordings[0])

    AudioExpiry(expired.world.table, expired.world.clock, KEPT_DAYS).asked(as_it_was)

    assert expired.item(expired.recordings[0]) == before


# -- never again


def test_the_provider_may_still_list_it_and_nobody_publishes_or_fetches_it_again(expired: Bench) -> None:
    late = expired.recordings[0]
    downloads = expired.thulium.downloads
    expired.thulium.rows = [replace(row, listed_at=expired.world.clock.now()) for row in expired.thulium.rows]
    expired.pipeline.known.clear()

    assert expired.pipeline.poll("thulium", sweep=True).published == 0
    expired.settle()

    assert expired.states() == ALL_EXPIRED
    assert expired.thulium.downloads == downloads
    assert not expired.world.store.bodies("audio/"), late.recording_id


def test_a_message_that_comes_late_for_an_expired_recording_is_done(expired: Bench) -> None:
    sent(expired)
    downloads = expired.thulium.downloads

    expired.pipeline.copy_all()

    assert len(expired.world.queues["thulium"]) == 0
    assert (expired.states()[0], expired.thulium.downloads) == (State.EXPIRED, downloads)


def test_nothing_but_erasure_leaves_expired(expired: Bench) -> None:
    now = entry(expired)
    assert now.audio is not None
    assert now.recording is not None

    expired.ledger.stored(now.recording, now.audio)
    expired.ledger.republished(now)
    expired.ledger.retrying(now, Transient(Reason.TIMEOUT, ""), 60, in_queue=False)
    expired.ledger.failed(now, Terminal(Reason.FORBIDDEN, ""))
    expired.ledger.redriven(now.recording_id)
    assert expired.ledger.repaired(now) is False
    assert expired.states()[0] is State.EXPIRED

    expired.ledger.erase(now.recording_id, "thulium", expired.recordings[0].call_date)
    assert expired.states()[0] is State.ERASED
    assert "expired_at" not in expired.item(expired.recordings[0])


# -- what meets it on the way


def test_a_row_that_was_written_again_meanwhile_keeps_its_state_in_the_ledger(bench: Bench) -> None:
    let_expire(bench)
    bench.pipeline.poll("thulium")
    stamped = entry(bench).audio
    assert stamped is not None

    def meanwhile(call: Call, proceed: Any) -> Any:
        if (call.port, call.method) == ("store", "put"):
            remove()
            bench.ledger.restamped(entry(bench), replace(stamped, stored_at=bench.world.clock.now()))
        return proceed()

    remove = bench.world.calls.on_call(meanwhile)
    bench.pipeline.copy_all()

    assert bench.states() == [State.STORED, State.EXPIRED, State.EXPIRED]


def test_an_operators_row_is_not_written_for_what_expired_meanwhile(bench: Bench) -> None:
    before = entry(bench)
    assert before.audio is not None
    let_expire(bench)
    bench.settle()

    assert bench.ledger.restamped(before, replace(before.audio, stored_at=bench.world.clock.now())) is False
    assert entry(bench).audio == before.audio


def test_a_copier_that_cannot_write_it_down_leaves_it_stored_and_the_message_comes_again(bench: Bench) -> None:
    let_expire(bench)
    bench.pipeline.poll("thulium")
    copy_while_the_ledger_refuses(bench)
    assert bench.states() == [State.STORED] * 3
    assert len(bench.world.queues["thulium"]) == 3

    bench.world.clock.advance(timedelta(hours=1))
    bench.settle()
    assert bench.states() == ALL_EXPIRED


# -- rows


def test_the_digest_tells_a_row_without_audio_from_the_one_with_it() -> None:
    stands, gone = digests_of(table_from([row_of(1, audio_uri=URI), row_of(1)], PARTITION), CALLS)

    assert stands != gone


@pytest.mark.parametrize("uris", [[URI, URI], [None, URI], [None, None]])
def test_the_ranks_that_are_read_from_a_file_are_those_of_its_rows(uris: list[str | None], world: World) -> None:
    rows = table_from([row_of(n, audio_uri=uri) for n, uri in enumerate(uris)], PARTITION)
    lake_of(world).commit(PARTITION, rows)
    (key,) = world.store.bodies(CALLS.data)

    read = FileCache(world.store).summary(key).versions

    assert read is not None
    assert read.equals(versions_of(rows, PARTITION).combine_chunks())


# -- the operator's commands


def test_verify_finds_nothing_wrong_with_what_has_expired(expired: Bench) -> None:
    assert expired.verify(audio_kept=KEPT).findings == []


def test_verify_repair_makes_it_expired_where_the_index_does_not_have_it() -> None:
    bench = Bench()
    bench.settle()  # before AudioRetentionDays was set
    bench.pipeline.retain(KEPT_DAYS)
    let_expire(bench)
    bench.settle()
    assert bench.states() == [State.STORED] * 3
    report = bench.verify(audio_kept=KEPT)
    assert kinds(report.findings) == [Kind.EXPIRED] * 3

    done = bench.repair(report)
    bench.settle()

    assert set(done.values()) == {"sent to the copier, to become EXPIRED"}
    assert bench.states() == ALL_EXPIRED
    assert bench.verify(audio_kept=KEPT).findings == []


def test_verify_takes_either_row_while_the_ledger_does_not_say_expired_yet(bench: Bench) -> None:
    let_expire(bench)
    bench.pipeline.poll("thulium")
    copy_while_the_ledger_refuses(bench)
    bench.pipeline.compact()
    assert [row["audio_uri"] for row in table(bench)] == [None] * 3

    assert kinds(bench.verify(audio_kept=KEPT).findings) == [Kind.EXPIRED] * 3


def test_verify_finds_an_object_that_stands_though_it_had_expired(expired: Bench) -> None:
    key = expired.audio_key(expired.recordings[0])
    expired.world.store.put(key, b"somebody brought it back")

    (finding,) = expired.verify(audio_kept=KEPT).differences

    assert (finding.kind, finding.recording_id) == (Kind.AFTER_EXPIRY, expired.recordings[0].recording_id)
    assert "EXPIRED, noticed at 2026-10-29" in finding.cause


def test_a_lost_row_of_what_has_expired_is_written_again_without_audio(expired: Bench) -> None:
    expired.lose_row(expired.recordings[0])
    assert kinds(expired.verify(audio_kept=KEPT).differences) == [Kind.NO_ROW]

    expired.repair(expired.verify(audio_kept=KEPT))
    expired.settle()

    assert [row["audio_uri"] for row in table(expired)] == [None] * 3
    assert expired.states() == ALL_EXPIRED
    assert expired.verify(audio_kept=KEPT).findings == []


def test_the_row_that_waits_in_the_inbox_is_no_difference(bench: Bench) -> None:
    let_expire(bench)
    bench.pipeline.poll("thulium")
    bench.pipeline.copy_all()

    assert kinds(bench.verify(audio_kept=KEPT).findings) == [Kind.ON_ITS_WAY] * 3


def test_a_rebuild_makes_rows_without_audio_of_what_has_expired(expired: Bench) -> None:
    before = sorted(table(expired), key=lambda row: str(row["recording_id"]))
    lose_all(expired)

    rebuilt(expired)

    assert sorted(table(expired), key=lambda row: str(row["recording_id"])) == before


def test_a_rebuild_leaves_rows_of_what_has_expired_alone(expired: Bench) -> None:
    assert not any(done.rebuilt and done.rebuilt.changed for done in rebuilt(expired).values())


def test_get_says_that_it_has_expired(expired: Bench) -> None:
    with pytest.raises(UserError, match=r"has expired.*AudioRetentionDays.*2026-10-29"):
        stored_audio(None, "any", [entry(expired)])  # type: ignore[arg-type]


def test_show_says_that_the_row_of_what_expired_waits(bench: Bench) -> None:
    let_expire(bench)
    bench.pipeline.poll("thulium")
    bench.pipeline.copy_all()
    assert where_it_waits(bench.world.store, entry(bench)) == "its row is in the inbox, for the compactor"

    bench.pipeline.compact()
    assert where_it_waits(bench.world.store, entry(bench)) is None


def test_an_erasure_leaves_nothing_of_what_has_expired(expired: Bench) -> None:
    victim = expired.recordings[0]
    texts = [text for text in (victim.provider_key, victim.connection_id, victim.caller) if text]

    eraser_of(expired.world).erase(recording_ids(victim.recording_id), expired.world.clock.advance_to)

    assert expired.states() == [State.ERASED, State.EXPIRED, State.EXPIRED]
    assert traces(expired.world, *texts) == {}
    assert len(table(expired)) == 2


def test_nobody_is_told_that_what_is_stored_is_due(bench: Bench) -> None:
    bench.world.store.delete([bench.audio_key(bench.recordings[0])])

    (finding,) = bench.verify(audio_kept=KEPT).differences

    assert finding.kind is Kind.NO_OBJECT
    assert "due" not in finding.cause


def test_the_census_counts_what_has_expired_among_the_stored(expired: Bench) -> None:
    census = SourceCensus("thulium", rows=3, recordings_in_rows=3)
    for recording in expired.recordings:
        _count_recording(census, expired.item(recording))

    assert (census.listed, census.stored, census.expired, census.waiting) == (3, 3, 3, 0)
    assert census.settled
