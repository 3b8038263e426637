"""A backfill is read twice: where a row came and another went between two pages, one reading sees neither."""

from datetime import UTC, datetime, timedelta

import pytest

from call_lake.errors import Reason, Transient
from call_lake.ledger.jobs import SECOND_READING_AFTER, Job, JobKind
from call_lake.ledger.source_state import SourceState
from call_lake.model.windows import Window
from tests.support.fakes.provider import make_recording
from tests.support.operator_bench import Bench

PAST = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 31, tzinfo=UTC))
"""Before all that a sweep reaches."""


@pytest.fixture
def bench() -> Bench:
    bench = Bench(0)
    bench.thulium.add(*[make_recording(n, listed_at=PAST.start + timedelta(minutes=10 * n)) for n in range(300)])
    return bench


@pytest.fixture
def book(bench: Bench) -> SourceState:
    return bench.pipeline.book("thulium")


def job_of(book: SourceState) -> Job:
    job = book.jobs.find(JobKind.BACKFILL, PAST)
    assert job is not None
    return job


def published(bench: Bench) -> int:
    return len(bench.world.queues["thulium"].waiting())


def test_what_a_first_reading_missed_the_second_one_finds_a_day_later(bench: Bench, book: SourceState) -> None:
    hidden = bench.thulium.rows.pop(150)
    bench.pipeline.poll("thulium", backfill=PAST)
    bench.thulium.rows.append(hidden)
    assert published(bench) == 299

    bench.pipeline.poll("thulium")
    assert published(bench) == 299, "not before its time"

    bench.world.clock.advance(SECOND_READING_AFTER)
    bench.thulium.rows[:-1] = []
    bench.pipeline.poll("thulium")

    assert bench.ledger.entry(hidden.recording_id) is not None
    assert job_of(book).done


def test_a_backfill_is_read_twice_and_no_more(bench: Bench, book: SourceState) -> None:
    asked: list[Window] = []
    bench.thulium.on_list = lambda window: asked.append(window) if window.start < PAST.end else None
    bench.pipeline.poll("thulium", backfill=PAST)
    once = len(asked)
    assert (job_of(book).done, job_of(book).again) == (False, True)

    for _ in range(5):
        bench.world.clock.advance(SECOND_READING_AFTER)
        bench.pipeline.poll("thulium")

    assert 0 < once < len(asked) <= 2 * once
    assert (job_of(book).done, job_of(book).again) == (True, False)
    assert book.jobs.unfinished() == []


def test_a_sweep_is_read_once_for_tomorrow_it_is_read_again_anyway(bench: Bench, book: SourceState) -> None:
    bench.pipeline.poll("thulium", sweep=True)

    assert book.jobs.unfinished() == []


def test_asked_for_again_it_begins_at_once(bench: Bench, book: SourceState) -> None:
    bench.pipeline.poll("thulium", backfill=PAST)
    asked: list[Window] = []
    bench.thulium.on_list = lambda window: asked.append(window) if window.start < PAST.end else None

    bench.pipeline.poll("thulium", backfill=PAST)

    assert asked
    assert job_of(book).again


def test_a_runner_that_lags_in_the_first_reading_does_not_move_the_second(bench: Bench, book: SourceState) -> None:
    first = book.jobs.start(JobKind.BACKFILL, PAST)
    slow = first
    book.jobs.progress(first, PAST.end)

    for position in (PAST.end - timedelta(days=1), PAST.end):
        book.jobs.progress(slow, position)

        job = job_of(book)
        assert (job.again, job.done, job.position) == (True, False, PAST.start)


def test_a_second_reading_that_is_interrupted_goes_on_where_it_was(bench: Bench, book: SourceState) -> None:
    bench.pipeline.poll("thulium", backfill=PAST)
    bench.world.clock.advance(SECOND_READING_AFTER)
    rest = bench.thulium.on_list

    def breaks(window: Window) -> None:
        if window.start < PAST.end and window.end > PAST.start + timedelta(days=1):
            raise Transient(Reason.UNAUTHORIZED, "401")

    bench.thulium.on_list = breaks
    bench.pipeline.poll("thulium")
    assert job_of(book).again

    bench.thulium.on_list = rest
    bench.pipeline.poll("thulium")
    assert job_of(book).done


def test_a_poll_that_races_another_does_not_end_the_second_reading(bench: Bench, book: SourceState) -> None:
    """Both run the first reading; the slower one is a sub-window behind when the other has come to the end."""
    other = [True]

    def overtaken(window: Window) -> None:
        if window.start <= PAST.end and other:
            other.clear()
            bench.pipeline.poll("thulium")

    bench.thulium.on_list = overtaken
    bench.pipeline.poll("thulium", backfill=PAST)

    job = job_of(book)
    assert (job.again, job.done, job.position) == (True, False, PAST.start)
