"""A verification finds every way in which provider, ledger, audio and rows can differ, and names its cause."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from call_lake.bucket.inbox import put_rows
from call_lake.bucket.quarantine import RejectedRow, quarantine
from call_lake.errors import NotReady, Reason, Terminal
from call_lake.ledger.entry import State
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import INBOX, Partition
from call_lake.model.recording import Recording, StoredAudio
from call_lake.model.table import row_of
from call_lake.operations.days import Days
from call_lake.operations.verify.findings import Finding, Kind, TableRow
from call_lake.operations.verify.verifier import VerifyReport
from call_lake.ports import BadRecord
from tests.support.fakes.provider import make_recording, raising
from tests.support.operator_bench import DAY, Bench, kinds, only, settled


@pytest.fixture
def bench() -> Bench:
    return settled()


def stored(bench: Bench, recording: Recording) -> StoredAudio:
    return StoredAudio.from_json(bench.item(recording)["audio"])


# -- nothing is wrong


def test_where_all_is_stored_and_queryable_nothing_differs(bench: Bench) -> None:
    report = bench.verify()

    assert (report.listed, report.checked, report.right) == (3, 3, 3)
    assert report.findings == []


def test_verifying_writes_nothing_and_downloads_no_audio(bench: Bench) -> None:
    before = len(bench.world.calls.log)
    downloads = bench.thulium.downloads

    bench.verify()

    methods = {call.method for call in bench.world.calls.log[before:]}
    assert methods == {"list", "scan", "get_many", "head", "registered"}
    assert bench.thulium.downloads == downloads


def test_an_erased_recording_is_no_difference(bench: Bench) -> None:
    gone = bench.recordings[0]
    bench.world.store.delete([bench.audio_key(gone)])
    erased = {"state": State.ERASED, "record": None, "audio": None, "connection_id": None}
    bench.world.table.update(gone.recording_id, erased)
    bench.lose_row(gone)

    report = bench.verify()

    assert report.findings == []
    assert (report.checked, report.right, report.erased) == (3, 2, 1)


def test_what_is_found_of_an_erased_or_an_unknown_recording_makes_no_other_one_wrong(bench: Bench) -> None:
    gone, wrong, right = (recording.recording_id for recording in bench.recordings)
    kind = Kind.DOCUMENT_ERASED
    found = [Finding("thulium", kind, "it is there", recording_id=id) for id in (gone, wrong, "thulium-none")]

    report = VerifyReport("thulium", 3, 3, found, known=[gone, wrong, right], gone=[gone])

    assert (report.right, report.erased) == (1, 1)


def test_a_partition_that_no_query_sees_is_found_and_registered_again(bench: Bench) -> None:
    bench.world.catalog.drop("calls")
    report = bench.verify()
    (hidden,) = [finding for finding in report.differences if finding.kind is Kind.NOT_REGISTERED]
    assert (hidden.call_date, hidden.recording_id) == (DAY, None)

    assert bench.repair(report)[hidden.what] == "registered"

    assert bench.verify().differences == []


def test_rows_that_a_registration_brings_back_are_not_written_again(bench: Bench) -> None:
    bench.world.catalog.drop("calls")

    done = bench.repair(bench.verify())

    assert list(done.values()) == ["registered"]


# -- provider and ledger


@pytest.mark.parametrize("listed", [True, False])
def test_what_failed_for_good_is_a_difference_with_its_reason(listed: bool) -> None:
    bench = Bench(1)
    bench.thulium.on_audio = raising(Terminal(Reason.FORBIDDEN, "the download answered 403"))
    bench.settle()
    if not listed:
        bench.thulium.rows.clear()

    finding = only(bench.verify().differences)

    assert finding.kind is Kind.FAILED
    assert "forbidden" in finding.cause
    assert "the download answered 403" in finding.cause
    assert "redrive" in finding.to_do


def test_what_is_in_flight_is_on_its_way_for_a_day_then_still_waiting() -> None:
    bench = Bench(1)
    bench.thulium.on_audio = raising(NotReady(Reason.NOT_FOUND, "the download answered 404"))
    bench.settle()

    young = only(bench.verify().differences)
    bench.world.clock.advance(timedelta(days=1))
    old = only(bench.verify().differences)

    assert (young.kind, old.kind) == (Kind.ON_ITS_WAY, Kind.WAITING)
    assert "not_found" in old.cause
    assert "due 2026-10-2" in old.cause


def test_what_the_provider_deleted_is_information_while_object_and_row_stand(bench: Bench) -> None:
    bench.thulium.rows.clear()

    report = bench.verify()

    assert report.differences == []
    assert kinds(report.findings) == [Kind.UNLISTED] * 3
    assert (report.listed, report.checked, report.right) == (0, 3, 3)


def test_what_was_listed_days_after_its_call_is_not_called_deleted() -> None:
    bench = Bench(0)
    late = make_recording(1, listed_at=datetime(2026, 10, 23, 10, tzinfo=UTC))
    bench.ledger.discovered(late)
    bench.thulium.add(late)

    assert kinds(bench.verify().findings) == [Kind.ON_ITS_WAY]  # as the ledger has it


# -- audio


def test_an_object_that_is_gone_is_found(bench: Bench) -> None:
    gone = bench.recordings[1]
    key = bench.audio_key(gone)
    bench.world.store.delete([key])

    finding = only(bench.verify().differences)

    assert (finding.kind, finding.recording_id) == (Kind.NO_OBJECT, gone.recording_id)
    assert key in finding.what
    assert finding.cause.startswith("STORED at 2026-10-20T")


def test_an_object_past_the_buckets_retention_is_information(bench: Bench) -> None:
    bench.world.store.delete([bench.audio_key(bench.recordings[1])])
    bench.world.clock.advance(timedelta(days=29))

    assert kinds(bench.verify(audio_kept=timedelta(days=30)).findings) == [Kind.NO_OBJECT]
    bench.world.clock.advance(timedelta(days=1))
    assert kinds(bench.verify(audio_kept=timedelta(days=30)).findings) == [Kind.EXPIRED]
    assert bench.verify(audio_kept=timedelta(days=30)).differences == []


@pytest.mark.parametrize(
    ("spoil", "checksum", "says"),
    [
        (lambda body: body + b"x", True, "bytes, the ledger says"),
        (lambda body: body[:-1] + b"x", True, "has SHA-256"),
        (lambda body: body, False, "no SHA-256 checksum"),
    ],
)
def test_an_object_that_somebody_wrote_over_is_found(bench: Bench, spoil, checksum: bool, says: str) -> None:
    key = bench.audio_key(bench.recordings[1])
    body = spoil(bench.world.store.bodies()[key])
    bench.world.store.put(key, body, sha256=hashlib.sha256(body).hexdigest() if checksum else None)

    finding = only(bench.verify().differences)

    assert finding.kind is Kind.OBJECT_DIFFERS
    assert says in finding.what


def test_an_object_and_a_row_that_nobody_knows_are_information(bench: Bench) -> None:
    lost = bench.recordings[1]
    bench.thulium.rows.remove(lost)
    bench.lose_item(lost)

    report = bench.verify()

    assert report.differences == []
    assert only(report.findings).kind is Kind.ORPHAN
    assert lost.recording_id in only(report.findings).what
    assert "a row under 2026-10-20" in only(report.findings).what


# -- rows


def test_a_row_that_is_gone_is_found(bench: Bench) -> None:
    gone = bench.recordings[2]
    bench.lose_row(gone)

    finding = only(bench.verify().differences)

    assert (finding.kind, finding.recording_id) == (Kind.NO_ROW, gone.recording_id)


@pytest.mark.parametrize("together", [1, 2])
def test_a_row_in_the_inbox_is_on_its_way_for_a_day_then_still_waiting(together: int) -> None:
    bench = Bench(together)
    bench.pipeline.poll("thulium")
    bench.pipeline.copy_all()
    assert len(bench.world.store.bodies(INBOX)) == 1

    young = bench.verify().findings
    bench.world.clock.advance(timedelta(days=1))
    old = bench.verify().findings

    assert kinds(young) == [Kind.ON_ITS_WAY] * together
    assert kinds(old) == [Kind.WAITING] * together
    assert "waits in the inbox" in old[0].what


def test_a_row_in_the_quarantine_is_found_with_its_reason(bench: Bench) -> None:
    one = bench.recordings[0]
    bench.lose_row(one)
    row = row_of(one, stored(bench, one))
    key = f"{CALLS.at(Partition('thulium', DAY)).inbox}any.json"
    quarantine(bench.world.store, RejectedRow(key, json.dumps(row), "talk_s is no number"))

    finding = only(bench.verify().differences)

    assert finding.kind is Kind.QUARANTINED
    assert "talk_s is no number" in finding.what


@pytest.mark.parametrize(("column", "value"), [("audio_sha256", "00" * 32), ("audio_uri", "s3://elsewhere/x.wav")])
def test_a_row_that_says_something_else_is_found(bench: Bench, column: str, value: str) -> None:
    one = bench.recordings[0]
    later = replace(stored(bench, one), stored_at=bench.world.clock.now())
    put_rows(bench.world.store, [row_of(one, later) | {column: value}], CALLS)
    bench.pipeline.compact()

    finding = only(bench.verify().differences)

    assert finding.kind is Kind.ROW_DIFFERS
    assert value in finding.what


def test_a_recording_with_two_rows_is_found(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = bench.rows
    monkeypatch.setattr(bench, "rows", lambda source, days: rows(source, days) + rows(source, days)[:1])

    finding = only(bench.verify().differences)

    assert (finding.kind, finding.what) == (Kind.ROW_TWICE, "the table has 2 rows of it")


@pytest.mark.parametrize("days_off", [1, 30])
def test_a_row_under_another_day_is_found(bench: Bench, days_off: int) -> None:
    one = bench.recordings[0]
    other = DAY - timedelta(days=days_off)
    put_rows(bench.world.store, [row_of(one, stored(bench, one)) | {"call_date": other.isoformat()}], CALLS)
    bench.pipeline.compact()

    report = bench.verify(Days(other, DAY))

    assert Kind.ROW_MISPLACED in kinds(report.differences)
    assert {finding.recording_id for finding in report.differences} == {one.recording_id}


def test_a_call_that_was_listed_after_midnight_does_not_make_strangers_of_its_days_others(bench: Bench) -> None:
    night = datetime(2026, 10, 21, 1, tzinfo=UTC)
    bench.thulium.add(make_recording(9, listed_at=night))
    bench.world.clock.advance_to(night + timedelta(hours=1))
    bench.settle()

    report = bench.verify(Days(DAY + timedelta(days=1), DAY + timedelta(days=1)))

    assert report.findings == []
    assert report.checked == 1


# -- what is told


def test_no_finding_holds_anything_personal() -> None:
    bench = Bench(2)
    bench.thulium.on_audio = raising(Terminal(Reason.FORBIDDEN, "the download answered 403"))
    bench.settle()
    bench.thulium.add(make_recording(3))
    bench.thulium.bad.append((bench.world.clock.now(), BadRecord("it has no filename", '{"src": "+48 800 000 000"}')))

    text = json.dumps([finding.to_json() for finding in bench.verify().findings])

    assert text.count('"kind"') == 4
    for personal in ("+48", "Agent", "sales/", ".wav"):
        assert personal not in text


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_says_what_to_do(kind: Kind) -> None:
    assert Finding("thulium", kind, "").to_do


@pytest.mark.parametrize("kind", Kind)
def test_the_runbook_explains_every_kind(kind: Kind) -> None:
    assert f"`{kind}`" in (Path(__file__).parents[4] / "docs/runbook.md").read_text(encoding="utf-8")


def test_a_year_is_compared_some_days_at_a_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    rows = bench.rows

    def counted(source: str, days: Sequence[date]) -> list[TableRow]:
        asked.append(len(days))
        return rows(source, days)

    monkeypatch.setattr(bench, "rows", counted)

    report = bench.verify(Days(DAY - timedelta(days=364), DAY))

    assert (sum(asked), max(asked)) == (365, 7)
    assert report.right == 3


def test_audio_that_is_shorter_than_its_header_is_listed_and_no_difference(bench: Bench) -> None:
    recording = bench.recordings[0]
    audio = stored(bench, recording)
    noted = replace(audio, facts=replace(audio.facts, note="shorter_than_header"))
    bench.world.table.update(recording.recording_id, {"audio": noted.to_json()})

    report = bench.verify()

    assert kinds(report.findings) == [Kind.SHORTER]
    assert report.differences == []
    assert f"{audio.facts.bytes} bytes" in report.findings[0].what
