"""What a source lists now, and what of it the ledger knows."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from call_lake.errors import Reason, SecretEmpty, Transient
from call_lake.model.windows import Window
from call_lake.operations.days import Days
from call_lake.operations.verify.findings import Finding, FindingGroup, Kind, grouped
from call_lake.ports import BadRecord, Page
from tests.support.fakes.ids import IDS
from tests.support.fakes.provider import make_recording, raising
from tests.support.operator_bench import DAY, Bench, kinds, only, settled

WARSAW = ZoneInfo("Europe/Warsaw")


@pytest.fixture
def bench() -> Bench:
    return settled()


def test_what_the_ledger_does_not_know_is_named_with_its_cause(bench: Bench) -> None:
    late = make_recording(7, listed_at=bench.world.clock.now() - timedelta(hours=1))
    bench.thulium.add(late)

    finding = only(bench.verify().differences)

    assert (finding.kind, finding.recording_id, finding.call_date) == (Kind.UNKNOWN, late.recording_id, DAY)
    assert "the ledger does not have it" in finding.what
    assert "has passed it" in finding.cause


def test_a_lost_ledger_item_is_one_difference_although_object_and_row_stand(bench: Bench) -> None:
    bench.lose_item(bench.recordings[0])

    assert only(bench.verify().findings).kind is Kind.UNKNOWN


def test_what_was_listed_after_the_checkpoint_is_on_its_way(bench: Bench) -> None:
    bench.thulium.add(make_recording(7, listed_at=bench.world.clock.now() + timedelta(minutes=1)))

    finding = only(bench.verify().differences)

    assert finding.kind is Kind.ON_ITS_WAY
    assert "a poll takes it" in finding.cause


def test_a_source_that_was_never_polled_says_so() -> None:
    report = Bench(1).verify()

    assert only(report.differences).kind is Kind.UNKNOWN
    assert only(report.differences).cause == "its source was never polled"


def old_recordings(bench: Bench, days: int = 2) -> list[str]:
    """Recordings that were listed so many days before the first poll."""
    listed_at = datetime(2026, 10, 20, 7, tzinfo=UTC) - timedelta(days=days)
    found = [make_recording(number, listed_at=listed_at) for number in (7, 8)]
    bench.thulium.add(*found)
    return [one.recording_id for one in found]


def old_days(days: int = 2) -> Days:
    return Days(DAY - timedelta(days=days), DAY)


def test_what_was_listed_before_the_first_poll_is_one_cause_that_names_the_backfill(bench: Bench) -> None:
    old = old_recordings(bench)

    report = bench.verify(old_days())
    group = only_group(grouped(report.findings))

    assert (group.example.kind, len(group.findings)) == (Kind.BEFORE_FIRST, 2)
    assert sorted(report.unknown) == sorted(old)
    assert "polls began at" in group.example.cause
    assert report.differences, "it is not here, so it is a difference"


def test_findings_are_one_group_for_each_source_and_cause() -> None:
    def finding(id: str, day: int, reason: str, source: str = "thulium") -> Finding:
        return Finding(source, Kind.FAILED, "it failed", recording_id=id, call_date=date(2026, 10, day), group=reason)

    groups = grouped(
        [
            finding("b", 5, "forbidden"),
            finding("c", 6, "encrypted"),
            finding("a", 3, "forbidden"),
            finding("d", 3, "forbidden", "conpeek"),
        ]
    )

    assert [[one.recording_id for one in group.findings] for group in groups] == [["b", "a"], ["c"], ["d"]]
    assert groups[0].days == (date(2026, 10, 3), date(2026, 10, 5))
    assert groups[0].example.recording_id == "a"
    assert FindingGroup([Finding("thulium", Kind.UNUSED, "")]).days == (None, None)


def test_a_failed_recordings_reason_is_its_cause(bench: Bench) -> None:
    for recording, reason in zip(bench.recordings, (Reason.FORBIDDEN, Reason.FORBIDDEN, Reason.ENCRYPTED), strict=True):
        bench.world.table.update(recording.recording_id, {"state": "FAILED", "reason": reason})

    assert sorted(len(group.findings) for group in grouped(bench.verify().differences)) == [1, 2]


def test_what_a_backfill_has_read_before_the_first_poll_is_lost_where_it_is_missing(bench: Bench) -> None:
    old = old_recordings(bench)
    bench.pipeline.poll("thulium", backfill=Days(DAY - timedelta(days=3), DAY).window(WARSAW))
    bench.settle()
    assert bench.verify(old_days()).findings == []

    bench.lose_item(next(one for one in bench.thulium.rows if one.recording_id == old[0]))

    assert only(bench.verify(old_days()).findings).kind is Kind.UNKNOWN


def test_days_that_no_backfill_has_read_stay_before_the_first_poll(bench: Bench) -> None:
    bench.pipeline.poll("thulium", backfill=Days(DAY - timedelta(days=3), DAY - timedelta(days=3)).window(WARSAW))
    bench.settle()
    old_recordings(bench, 8)

    assert kinds(bench.verify(old_days(8)).findings) == [Kind.BEFORE_FIRST] * 2


def only_group(groups: list[FindingGroup]) -> FindingGroup:
    assert len(groups) == 1, groups
    return groups[0]


def test_a_second_recording_under_a_known_key_is_looked_for_as_its_own(bench: Bench) -> None:
    second = IDS.identified(replace(bench.recordings[0], connection_id="200.2", listed_at=bench.world.clock.now()))
    bench.thulium.add(second)

    assert only(bench.verify().differences).recording_id == second.as_collision().recording_id

    bench.settle()
    report = bench.verify()
    assert (report.listed, report.findings) == (4, [])


def test_two_unknown_recordings_under_one_key_are_two() -> None:
    bench = Bench(1)
    bench.thulium.add(IDS.identified(replace(bench.recordings[0], connection_id="200.2")))

    assert bench.verify().listed == 2


def test_a_record_that_is_no_recording_is_a_difference_once(bench: Bench) -> None:
    for minutes in (0, 1):
        at = datetime(2026, 10, 20, 9, minutes, tzinfo=UTC)
        bench.thulium.bad.append((at, BadRecord("it has no filename", '{"src": "+48 800 000 000"}')))

    finding = only(bench.verify().differences)

    assert (finding.kind, finding.cause) == (Kind.UNUSABLE, "it has no filename")


def test_a_window_that_cannot_be_listed_is_a_difference_and_hides_no_other(bench: Bench) -> None:
    broken = datetime(2026, 10, 20, 8, 0, tzinfo=UTC)

    def on_list(window: Window) -> None:
        if window.start <= broken <= window.end:
            raise Transient(Reason.BAD_LISTING, "the listing is HTML")

    bench.thulium.on_list = on_list
    bench.world.store.delete([bench.audio_key(bench.recordings[0])])
    bench.thulium.rows.pop()

    report = bench.verify()

    unread = [finding for finding in report.findings if finding.kind is Kind.UNREADABLE]
    assert unread
    assert "2026-10-20T08:00" in unread[0].what or "2026-10-20T07:59" in unread[0].what
    assert "the listing is HTML" in unread[0].cause
    assert [f.kind for f in report.findings if f.kind is not Kind.UNREADABLE] == [Kind.NO_OBJECT]


def test_of_a_provider_that_is_down_the_rest_of_the_days_is_one_difference(bench: Bench) -> None:
    bench.thulium.on_list = raising(Transient(Reason.UNAUTHORIZED, "the listing answered 401"))

    finding = only(bench.verify().findings)

    assert finding.kind is Kind.UNREADABLE
    assert "2026-10-19T22:00:00.000Z, 2026-10-21T22:00:00.000Z" in finding.what
    assert "401" in finding.cause


def test_a_source_that_nobody_set_up_is_information_and_an_emptied_secret_is_not(bench: Bench) -> None:
    for provider in (bench.thulium, bench.conpeek):
        provider.on_list = raising(SecretEmpty("fill it"))

    assert kinds(bench.verify(source="conpeek").findings) == [Kind.UNUSED]
    assert bench.verify(source="conpeek").differences == []
    assert kinds(bench.verify().differences) == [Kind.UNREADABLE]


def test_the_days_are_those_of_the_source_with_both_ends() -> None:
    window = Days(date(2026, 10, 25), date(2026, 10, 25)).window(WARSAW)

    assert window.start == datetime(2026, 10, 24, 22, tzinfo=UTC)
    assert window.end == datetime(2026, 10, 26, 23, tzinfo=UTC)  # 25 hours, and what is listed a day late


def test_calls_of_other_days_are_left_out_unless_they_were_listed_on_these() -> None:
    bench = Bench(0)
    midnight = datetime(2026, 10, 20, 22, tzinfo=UTC)  # of the day's end in Warsaw
    next_day = make_recording(1, started_at=midnight, listed_at=midnight)
    day_before = make_recording(2, started_at=midnight - timedelta(days=2), listed_at=midnight - timedelta(hours=5))
    late = make_recording(3, started_at=midnight - timedelta(hours=1), listed_at=midnight + timedelta(hours=9))
    for one in (next_day, day_before, late):
        bench.thulium.add(replace(one, call_date=one.started_at.astimezone(WARSAW).date()))

    found = bench.verify().unknown

    assert set(found) == {day_before.recording_id, late.recording_id}


def test_a_listed_recording_without_a_time_of_listing_is_left_out_by_no_date(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(0)
    timeless = replace(make_recording(1), listed_at=None, call_date=DAY + timedelta(days=40))
    monkeypatch.setattr(bench.thulium, "list_window", lambda window, may_be_wide=False: [Page((timeless,))])

    assert set(bench.verify().unknown) == {timeless.recording_id}
