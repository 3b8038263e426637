"""The transcript reader as Lambda runs it: a batch, a sweep, and what it measures."""

import json

import pytest

from call_lake.errors import ConfigError
from tests.support.functions_in_memory import Functions, value_of
from tests.support.reading import document


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Functions:
    return Functions(monkeypatch)


def test_a_batch_is_counted_by_what_became_of_it(functions: Functions) -> None:
    found = functions.read_documents(json.dumps(document("a")).encode(), b"{", b"[]")

    assert value_of(found, "TranscriptsRead", Function="transcript-reader") == 1
    assert value_of(found, "TranscriptsFailed", Function="transcript-reader") == 2
    assert value_of(found, "TranscriptsUnknown", Function="transcript-reader") is None


def test_only_messages_that_have_to_come_again_are_returned(functions: Functions) -> None:
    functions.reading.queue.send(["no notification"])
    functions.reading.write(functions.reading.place(functions.reading.recording()), document("a"))
    records = functions.documents_waiting()

    answer = functions.handle("transcript_reader", {"Records": records})
    assert answer == {"batchItemFailures": [{"itemIdentifier": records[0]["messageId"]}]}


def test_a_sweep_says_what_it_found(functions: Functions) -> None:
    place = functions.reading.place(functions.reading.recording())
    functions.reading.world.store.put(place.key, b"{}")
    day = place.partition.call_date.isoformat()

    answer = functions.handle("transcript_reader", {"sweep": True, "first": day, "last": day})
    assert answer == {
        "first": day,
        "last": day,
        "engines": ["example"],
        "documents": 1,
        "sent": 1,
        "unfinished": [],
    }
    with pytest.raises(ConfigError):
        functions.handle("transcript_reader", {"sweep": True, "first": "2026-02-30"})
