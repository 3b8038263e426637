"""Rule 35: today's code goes on from what a kept version stored. Nothing is lost, nothing is there twice."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from typing import Any

import pytest

from call_lake.bucket.quarantine import list_quarantine
from call_lake.lake.search import Sought, rows_about
from call_lake.ledger.entry import State, state_of
from call_lake.ledger.transcripts import STATE, TranscriptState
from call_lake.model.events import RECORDING_STORED
from call_lake.model.lake_tables import CALLS, CALLS_OPEN, SOUND, TRANSCRIPTS
from call_lake.model.layout import Partition
from call_lake.model.recording import Recording
from call_lake.model.recording_ids import RecordingIds
from call_lake.model.transcribing import JobStatus
from call_lake.operations.days import Days
from call_lake.operations.erase.proofs import Proofs
from call_lake.operations.erase.targets import ErasureRequest
from call_lake.operations.redrive import Redriver
from call_lake.operations.verify.findings import TableRow
from call_lake.operations.verify.verifier import StackData, Verifier, VerifyReport
from call_lake.settings import SourceSettings
from call_lake.sound.analyzer import SoundAnalyzer
from call_lake.sound.reader import SoundReader
from call_lake.transcribing.parts import TranscriberPorts
from call_lake.transcribing.transcriber import Message, Transcriber
from call_lake.transcripts.reader import DocumentMessage, ReaderPorts, TranscriptReader
from tests.support.erasing import eraser_of, traces
from tests.support.fakes.dead_letters import MemoryDeadLetters
from tests.support.fakes.transcriptions import MemoryTranscriptions
from tests.support.lake_samples import rows_in
from tests.support.pipeline import FUNCTION_TIME_S, URLS, Pipeline
from tests.upgrade.kept import VERSIONS, Account, restored
from tests.upgrade.kept import state_of as kept_state

DAYS = Days(date(2026, 10, 1), date(2026, 10, 31))
SETTLED = (State.STORED, State.EXPIRED, State.ERASED)


class Upgraded:
    """The account of a kept version, from the moment on at which today's code is deployed."""

    def __init__(self, version: str) -> None:
        self.state = kept_state(version)
        self.account: Account = restored(version)
        self.world = self.account.world
        self.pipeline = Pipeline(self.world, self.account.providers)
        self.rows_before = {table.name: _by_id(rows_in(self.world, table)) for table in (CALLS, TRANSCRIPTS, SOUND)}
        self.states_before = self.states()
        self.downloaded: Counter[str] = Counter()
        for provider in self.account.providers.values():
            provider.on_audio = lambda recording: self.downloaded.update([recording.recording_id])
        for source in self.account.providers:
            self.pipeline.book(source).resume()

    def settle(self) -> None:
        """Polls, copies, compactions and a redrive, until nothing is under way."""
        self.pipeline.run_for(timedelta(minutes=15))
        self.redrive()
        self.pipeline.run_for(timedelta(hours=2), timedelta(minutes=15))

    @property
    def until_s(self) -> float:
        return self.world.clock.monotonic() + FUNCTION_TIME_S

    def redrive(self) -> int:
        dead = MemoryDeadLetters(self.world.dlq, self.world.calls)
        return Redriver(self.pipeline.ledger, self.world.queues, dead).redrive().sent

    def states(self) -> dict[str, State]:
        items = self.world.table.items().values()
        return {item["id"]: state_of(item) for item in items if "#" not in item["id"]}

    def listed(self) -> Iterator[Recording]:
        for provider in self.account.providers.values():
            yield from provider.rows

    def verify(self, source: str) -> VerifyReport:
        ledger = self.pipeline.ledger
        data = StackData(ledger, self.world.store, self.world.catalog, self._table_rows, None)
        settings, provider = SourceSettings(source, source, URLS[source]), self.account.providers[source]
        ids = RecordingIds(self.state["id_key"])
        verifier = Verifier(settings, provider, data, self.world.clock, ids, threads=1)
        known = {id: day for id, name, day in ledger.days(DAYS.first, DAYS.last) if name == source}
        return verifier.verify(DAYS, known, lambda step, done, total: None)

    def _table_rows(self, source: str, days: Any) -> list[TableRow]:
        return [
            TableRow(row["recording_id"], date.fromisoformat(row["call_date"]), row["audio_uri"], row["audio_sha256"])
            for row in rows_in(self.world)
            if row["source"] == source and date.fromisoformat(row["call_date"]) in days
        ]


def _by_id(rows: list[Any]) -> dict[tuple[str, str], Any]:
    found = {(row["recording_id"], row.get("engine", "")): row for row in rows}
    assert len(found) == len(rows), "a recording has two rows"
    return found


@pytest.fixture(params=VERSIONS)
def upgraded(request: pytest.FixtureRequest) -> Upgraded:
    return Upgraded(request.param)


@pytest.fixture
def settled(upgraded: Upgraded) -> Upgraded:
    upgraded.settle()
    return upgraded


def test_everything_that_was_under_way_comes_to_its_end(settled: Upgraded) -> None:
    assert {id: state for id, state in settled.states().items() if state not in SETTLED} == {}
    assert {source: len(queue) for source, queue in settled.world.queues.items() if len(queue)} == {}
    assert len(settled.world.dlq) == 0
    assert settled.world.store.bodies("inbox/") == {}


def test_every_listed_recording_keeps_its_id(settled: Upgraded) -> None:
    assert settled.states().keys() == settled.states_before.keys()
    assert {one.recording_id for one in settled.listed()} == settled.states_before.keys()


def test_nothing_is_downloaded_twice(settled: Upgraded) -> None:
    done = {id for id, state in settled.states_before.items() if state in SETTLED}

    assert done.isdisjoint(settled.downloaded)
    assert {id: times for id, times in settled.downloaded.items() if times > 1} == {}


def test_what_was_settled_stays_as_it_was(settled: Upgraded) -> None:
    now = settled.states()

    assert {id: now[id] for id, was in settled.states_before.items() if was in SETTLED and now[id] != was} == {}


def test_no_row_is_lost_or_changed_or_there_twice(settled: Upgraded) -> None:
    for table in (CALLS, TRANSCRIPTS, SOUND):
        now = _by_id(rows_in(settled.world, table))
        for key, row in settled.rows_before[table.name].items():
            assert {name: now[key][name] for name in row} == row
    stored = {id for id, state in settled.states().items() if state == State.STORED}
    assert {id for id, _ in _by_id(rows_in(settled.world))} >= stored


def test_old_files_and_new_ones_are_merged_into_one_for_a_past_day(settled: Upgraded) -> None:
    settled.world.clock.advance(timedelta(days=3))
    settled.pipeline.compact()
    settled.pipeline.compact()

    manifests = settled.world.store.bodies(CALLS.manifests)

    assert {key: body for key, body in manifests.items() if len(body.splitlines()) > 1} == {}
    for key, row in settled.rows_before["calls"].items():
        assert _by_id(rows_in(settled.world))[key]["raw"] == row["raw"]


def test_the_files_without_numbers_follow(settled: Upgraded) -> None:
    before = {one["key"] for one in settled.state["objects"] if one["key"].startswith(CALLS_OPEN.manifests)}

    assert {row["recording_id"] for row in rows_in(settled.world, CALLS_OPEN)} <= {
        row["recording_id"] for row in rows_in(settled.world)
    }
    assert before <= settled.world.store.bodies(CALLS_OPEN.manifests).keys()


def test_the_kept_events_say_what_todays_say(settled: Upgraded) -> None:
    """Who reads an event of today finds every field that the version's had."""
    kept = {event["detail-type"]: set(event["detail"]) for event in settled.state["events"]}
    now = [one.detail for one in settled.world.bus.events if one.detail_type == RECORDING_STORED]

    assert now, "nothing was announced after the upgrade"
    assert all(kept[RECORDING_STORED] <= set(detail) for detail in now)


def test_verify_finds_nothing(settled: Upgraded) -> None:
    for source in settled.account.providers:
        assert settled.verify(source).findings == []


def test_a_kept_number_is_found_in_the_kept_files(upgraded: Upgraded) -> None:
    wanted = next(iter(upgraded.rows_before["calls"].values()))
    place = CALLS.at(Partition(wanted["source"], date.fromisoformat(wanted["call_date"])))
    sought = Sought(lambda text: text == wanted["caller"], lambda text: False, set())

    assert wanted["recording_id"] in {row.recording_id for row in rows_about(upgraded.world.store, place, sought, {})}


def test_a_dead_letter_is_sent_again(upgraded: Upgraded) -> None:
    failed = {id for id, state in upgraded.states_before.items() if state == State.FAILED}

    assert upgraded.redrive() == len(failed) > 0
    upgraded.pipeline.run_for(timedelta(minutes=15))
    assert {upgraded.states()[id] for id in failed} == {State.STORED}


def test_an_erasure_leaves_nothing_of_a_kept_recording(settled: Upgraded) -> None:
    victim = next(id for id, state in settled.states_before.items() if state == State.STORED)
    recording = next(one for one in settled.listed() if one.recording_id == victim)
    request = ErasureRequest(recording_ids=frozenset({victim}))

    report = eraser_of(settled.world).erase(request, settled.world.clock.advance_to)
    settled.pipeline.run_for(timedelta(hours=1), timedelta(minutes=15))

    assert report.is_clean
    assert settled.states()[victim] == State.ERASED
    left = traces(settled.world, recording.provider_key)
    assert {kind: where for kind, where in left.items() if kind != "messages"} == {}


def test_the_proofs_of_earlier_erasures_are_found(upgraded: Upgraded) -> None:
    erased = {id for id, state in upgraded.states_before.items() if state == State.ERASED}
    proofs = Proofs(upgraded.world.store, upgraded.world.clock)

    assert {target.recording_id for target in proofs.targets()} == erased


def test_a_document_that_waited_becomes_a_row(upgraded: Upgraded) -> None:
    queue, world = upgraded.account.more_queues["documents"], upgraded.world
    received = queue.receive()
    ports = ReaderPorts(upgraded.pipeline.ledger, world.store, world.bus, world.clock)

    report = TranscriptReader(ports, "pl-PL").read_batch(
        [DocumentMessage(one.message_id, one.body) for one in received], upgraded.until_s
    )
    upgraded.pipeline.compact()

    assert not report.again
    assert len(rows_in(world, TRANSCRIPTS)) == len(upgraded.rows_before["transcripts"]) + len(received)


def test_a_sound_that_waited_is_measured(upgraded: Upgraded) -> None:
    world, received = upgraded.world, upgraded.account.more_queues["sound"].receive()
    with closing(SoundReader()) as reader:
        analyzer = SoundAnalyzer(world.store, world.table, world.clock, reader.measured)
        report = analyzer.analyze({one.message_id: one.body for one in received}, upgraded.until_s)
    upgraded.pipeline.compact()

    assert (report.measured, report.again) == (len(received), [])
    assert len(rows_in(world, SOUND)) == len(upgraded.rows_before["sound"]) + len(received)


def test_transcriptions_that_waited_are_started_and_those_that_ran_are_seen_to_their_end(upgraded: Upgraded) -> None:
    world, queues = upgraded.world, upgraded.account.more_queues
    running = [item for item in world.table.items().values() if item.get(STATE) == TranscriptState.RUNNING]
    jobs = MemoryTranscriptions(world.calls)
    for item in running:
        jobs.end(item["id"].rpartition("#")[2], JobStatus.FAILED, "The media format is not valid")
    ports = TranscriberPorts(world.table, world.store, jobs, queues["transcriptions"], queues["documents"], world.clock)
    transcriber = Transcriber(ports, world.dlq, "call-lake-", 100)
    world.clock.advance(timedelta(days=1))
    transcriber.sweep(upgraded.until_s)
    messages = [Message(one.message_id, one.body, 1) for one in queues["transcriptions"].receive()]

    again, _ = transcriber.take(messages)

    items = world.table.items()
    assert (len(messages), again) == (2, []), "one waited in the queue, and one in the ledger"
    assert len(jobs.started) == len(messages)
    assert {items[item["id"]][STATE] for item in running} == {TranscriptState.FAILED}


def test_rows_that_were_set_aside_keep_their_reason(upgraded: Upgraded) -> None:
    reasons = [one.rejected.reason for one in list_quarantine(upgraded.world.store)]

    assert len(reasons) == 2
    assert all(reasons)


def test_it_has_every_kind_of_what_is_stored(upgraded: Upgraded) -> None:
    """Otherwise nothing proves that it can be read."""
    items = upgraded.world.table.items()
    jobs = {item["job_state"] for item in items.values() if "job_state" in item}
    transcripts = {item[STATE] for item in items.values() if STATE in item}
    keys = upgraded.world.store.bodies()

    assert set(upgraded.states_before.values()) == set(State)
    assert jobs == {"UNFINISHED", "SECOND_READING", "DONE"}
    assert transcripts == set(TranscriptState)
    assert any("marks" in item for item in items.values())
    prefixes = ("audio/", "inbox/", "proofs/", "access-log/", "transcripts/", CALLS.canary, CALLS.garbage)
    for prefix in (*prefixes, CALLS.quarantine, CALLS_OPEN.data, TRANSCRIPTS.data, SOUND.data):
        assert any(key.startswith(prefix) for key in keys), prefix
    assert all(len(queue) for name, queue in upgraded.account.queues.items() if name != "conpeek")
