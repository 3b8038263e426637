"""The demo's transcripts: a part of the simulated English calls, transcribed on this machine while they are copied."""

import json
from collections.abc import Collection, Iterator

from call_lake.model.layout import DOCUMENTS, TranscriptPlace
from call_lake_cli.console.errors import say
from call_lake_cli.console.output import Format, print_rows
from call_lake_cli.stack.athena import run_query
from call_lake_cli.stack.handle import Stack
from call_lake_local.engine import ENGINE, LocalEngine
from call_lake_local.simulators.world import ENGLISH_SOURCES

DEMO_ENGINE = LocalEngine(sources=ENGLISH_SOURCES, share=0.06, longest_s=60)
"""Of the calls of the source that speaks English some twelve: each takes a second or two."""
PHRASE = "thank you"


def wrong_documents(stack: Stack, recording_ids: Collection[str]) -> list[str]:
    """Whether the engine has written a document of each recording that it takes. What is wrong, if anything is."""
    wanted = {one for one in recording_ids if DEMO_ENGINE.takes(one)}
    missing = wanted - {place.recording_id for place in _documents(stack)}
    say(f"transcribed on this machine: {len(wanted) - len(missing)} of {len(wanted)} chosen recordings")
    return [f"{len(missing)} recordings were not transcribed"] if missing else []


def print_mentions(stack: Stack, since: str) -> list[str]:
    """Ask Athena who said PHRASE, and when, from the day ``since`` on. What is wrong, if anything is: it has to have a
    row for each document."""
    found = (stack.store.get(place.key) for place in _documents(stack))
    wanted = sum("segments" in json.loads(one[0]) for one in found if one)
    rows = _rows(stack, since)
    answer = run_query(stack, _mentions(since))
    print_rows(answer.columns, answer.rows, Format.TABLE, f"Who said “{PHRASE}”, and when")
    return [f"{rows} rows of {wanted} transcripts"] if rows != wanted else []


def _documents(stack: Stack) -> Iterator[TranscriptPlace]:
    for info in stack.store.list(f"{DOCUMENTS}{ENGINE}/"):
        if place := TranscriptPlace.of_key(info.key):
            yield place


def _rows(stack: Stack, since: str) -> int:
    sql = f"SELECT count(*) AS number FROM transcripts WHERE call_date >= DATE '{since}'"  # noqa: S608 - a day
    return int(run_query(stack, sql).rows[0][0])


def _mentions(since: str) -> str:
    return f"""
SELECT call_date, recording_id, segment.start_s AS at_s, segment.channel, segment.text, segment.confidence
FROM transcripts CROSS JOIN UNNEST(segments) AS segment (start_s, end_s, channel, speaker, text, confidence)
WHERE call_date >= DATE '{since}' AND strpos(lower(segment.text), '{PHRASE}') > 0
ORDER BY call_date DESC, recording_id, at_s LIMIT 10"""  # noqa: S608 - a day and a constant
