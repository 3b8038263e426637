"""A paused source rests: nothing is listed, published or downloaded, and nothing is lost by it."""

from datetime import timedelta

import pytest

from call_lake.ledger.entry import State
from call_lake.ledger.source_state import SourceState
from call_lake.wiring import copier
from tests.support.fakes import World
from tests.support.fakes.provider import make_recording
from tests.support.operator_bench import Bench
from tests.support.pipeline import COPIER


@pytest.fixture
def bench() -> Bench:
    return Bench(3)


def counts(bench: Bench) -> tuple[int, int]:
    return bench.thulium.requests, bench.thulium.downloads


def test_a_paused_source_is_neither_listed_nor_copied(bench: Bench) -> None:
    bench.pipeline.poll("thulium")  # three messages wait
    bench.pipeline.book("thulium").pause()
    before = counts(bench)

    bench.pipeline.run_for(timedelta(hours=3))

    assert counts(bench) == before
    assert bench.states() == [State.PUBLISHED] * 3


def test_the_other_source_goes_on(bench: Bench) -> None:
    bench.pipeline.book("thulium").pause()
    other = make_recording(7, "conpeek", listed_at=bench.world.clock.now() - timedelta(minutes=30))
    bench.conpeek.add(other)

    bench.settle()

    assert bench.item(other)["state"] == State.STORED


@pytest.mark.parametrize("days", [0.1, 2, 20])
def test_after_a_pause_of_any_length_everything_is_stored_once(bench: Bench, days: float) -> None:
    """Longer than a message lives in its queue, and than the sweep looks back."""
    bench.pipeline.poll("thulium")
    bench.pipeline.book("thulium").pause()
    bench.pipeline.run_for(timedelta(days=days), step=timedelta(hours=1))
    meanwhile = make_recording(9, listed_at=bench.world.clock.now() - timedelta(days=days / 2))
    bench.thulium.add(meanwhile)
    bench.recordings.append(meanwhile)

    bench.pipeline.book("thulium").resume()
    bench.pipeline.run_for(timedelta(hours=1))

    assert bench.states() == [State.STORED] * 4
    assert bench.thulium.downloads == 4


def test_a_pause_counts_no_attempt_and_buries_no_message(bench: Bench) -> None:
    bench.pipeline.poll("thulium")
    bench.pipeline.book("thulium").pause()

    bench.pipeline.run_for(timedelta(days=1), step=timedelta(minutes=5))

    assert bench.world.dlq.waiting() == []
    assert [bench.item(recording).get("attempts", 0) for recording in bench.recordings] == [0, 0, 0]


def test_a_paused_source_says_so_at_once_and_at_every_poll(bench: Bench) -> None:
    book = bench.pipeline.book("thulium")
    book.pause()
    assert book.facts()["trouble"].startswith("paused since 2026-10-20")

    assert (bench.pipeline.poll("thulium").trouble or "").startswith("paused since 2026-10-20")

    book.resume()
    assert "trouble" not in book.facts()
    assert bench.pipeline.poll("thulium").trouble is None


def test_a_sweep_that_was_due_in_a_pause_is_made_up_for(bench: Bench) -> None:
    bench.pipeline.poll("thulium")
    late = make_recording(8, listed_at=bench.world.clock.now() - timedelta(days=13))
    bench.thulium.add(late)
    book = bench.pipeline.book("thulium")
    book.pause()
    bench.pipeline.poll("thulium", sweep=True)
    book.resume()

    bench.settle()

    assert bench.item(late)["state"] == State.STORED


def test_a_warm_copier_notices_a_pause_and_its_end(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    monkeypatch.setattr(copier, "client", lambda service: None)
    monkeypatch.setattr(copier, "CLOCK", world.clock)
    sources = copier.CopierSources(COPIER, world.table)
    book = SourceState(world.table, world.clock, "thulium")
    seen = []
    for change in (lambda: None, book.pause, book.resume):
        change()
        world.clock.advance(timedelta(seconds=copier.PAUSE_SEEN_S))
        seen.append([sources.is_paused("thulium"), sources.is_paused("conpeek")])
        reads = len(world.calls.log)
        sources.is_paused("thulium")
        assert len(world.calls.log) == reads, "asked once for many recordings"

    assert seen == [[False, False], [True, False], [False, False]]
