"""``call-lake sound``: what it has measured, what it says before, and what it leaves alone."""

import json
from dataclasses import replace

import pytest

from call_lake.bucket.inbox import put_rows
from call_lake.model.lake_tables import SOUND
from call_lake.sound.analyzer import StoredSound
from call_lake_cli.commands import sound
from tests.support.fakes.queue import MemoryQueue
from tests.support.lake_samples import sound_of
from tests.support.memory_stack import stack_of, typed, use
from tests.support.operator_bench import DAY, Bench, settled

DAYS = ["--from", "2026-10-01", "--to", "2026-10-31"]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    bench = settled()
    use(replace(stack_of(bench.world), sound_url="https://sqs/call-lake-sound"), monkeypatch)
    return bench


@pytest.fixture
def queue(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> MemoryQueue:
    queue = MemoryQueue("sound", bench.world.clock, bench.world.calls)
    monkeypatch.setattr(sound, "sound_queue", lambda _: queue)
    return queue


def sent(queue: MemoryQueue) -> list[str]:
    """Recording ids of the messages, as the analyzer reads them."""
    return [StoredSound.of_detail(json.loads(one.body)["detail"]).recording_id for one in queue.receive(10)]


def test_calls_without_a_row_are_sent_and_counted(bench: Bench, queue: MemoryQueue) -> None:
    first, *others = (one.recording_id for one in bench.recordings)
    put_rows(bench.world.store, [sound_of(1, recording_id=first, day=DAY)], SOUND)

    done = typed("sound", *DAYS, "--yes", "--json")

    assert done.exit_code == 0, done.output
    assert sorted(sent(queue)) == sorted(others)
    assert json.loads(done.stdout) == {
        "from": "2026-10-01",
        "to": "2026-10-31",
        "sent": 2,
        "hours": pytest.approx(0, abs=0.1),
        "estimate_usd": pytest.approx(0.00002, abs=1e-4),
    }


def test_without_an_answer_nothing_is_sent(bench: Bench, queue: MemoryQueue) -> None:
    done = typed("sound", *DAYS)
    assert done.exit_code != 0
    assert sent(queue) == []
    assert "recordings without a row: 3" in done.stderr


def test_days_without_such_calls_ask_nothing(bench: Bench, queue: MemoryQueue) -> None:
    done = typed("sound", "--from", "2026-09-01", "--to", "2026-09-30")
    assert (done.exit_code, sent(queue)) == (0, [])
    assert "so nothing was sent" in done.stdout
    assert "within minutes" not in done.stdout


def test_a_stack_that_measures_no_sound_says_what_to_type(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    use(stack_of(bench.world), monkeypatch)
    assert "--set AnalyzeSound=true" in typed("sound", *DAYS, "--yes").stderr
