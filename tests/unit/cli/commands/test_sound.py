"""``call-lake sound``: what it has measured, what it says before, and what it leaves alone."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from call_lake.bucket.inbox import put_rows
from call_lake.model.lake_tables import SOUND
from call_lake.sound.analyzer import StoredSound
from call_lake_cli.commands import sound
from tests.support.lake_samples import sound_of
from tests.support.memory_stack import stack_of, typed, use
from tests.support.operator_bench import DAY, Bench, settled

DAYS = ["--from", "2026-10-01", "--to", "2026-10-31"]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    bench = settled()
    use(replace(stack_of(bench.world), functions={"sound-analyzer": "s"}), monkeypatch)
    return bench


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Recording ids of the messages, as the analyzer reads them."""
    found: list[str] = []

    class Queue:
        def __init__(self, client: Any, url: str) -> None:
            assert url == "https://sqs/call-lake-sound"

        def send(self, bodies: Sequence[str]) -> None:
            found.extend(StoredSound.of_detail(json.loads(body)["detail"]).recording_id for body in bodies)

    class Client:
        def get_queue_url(self, QueueName: str) -> dict[str, str]:  # noqa: N803 - as boto3 has it
            return {"QueueUrl": f"https://sqs/{QueueName}"}

    monkeypatch.setattr(sound, "SqsQueue", Queue)
    monkeypatch.setattr("tests.support.memory_stack.MemoryStack.client", lambda self, service: Client())
    return found


def test_calls_without_a_row_are_sent_and_counted(bench: Bench, sent: list[str]) -> None:
    first, *others = (one.recording_id for one in bench.recordings)
    put_rows(bench.world.store, [sound_of(1, recording_id=first, day=DAY)], SOUND)

    done = typed("sound", *DAYS, "--yes", "--json")

    assert done.exit_code == 0, done.output
    assert sorted(sent) == sorted(others)
    assert json.loads(done.stdout) == {
        "from": "2026-10-01",
        "to": "2026-10-31",
        "sent": 2,
        "hours": pytest.approx(0, abs=0.1),
        "estimate_usd": pytest.approx(0.00002, abs=1e-4),
    }


def test_without_an_answer_nothing_is_sent(bench: Bench, sent: list[str]) -> None:
    done = typed("sound", *DAYS)
    assert done.exit_code != 0
    assert sent == []
    assert "recordings without a row: 3" in done.stderr


def test_days_without_such_calls_ask_nothing(bench: Bench, sent: list[str]) -> None:
    done = typed("sound", "--from", "2026-09-01", "--to", "2026-09-30")
    assert (done.exit_code, sent) == (0, [])
    assert "so nothing was sent" in done.stdout
    assert "within minutes" not in done.stdout


def test_a_stack_that_measures_no_sound_says_what_to_type(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    use(stack_of(bench.world), monkeypatch)
    assert "--set AnalyzeSound=true" in typed("sound", *DAYS, "--yes").stderr
