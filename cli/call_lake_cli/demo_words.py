"""The demo's transcripts: a part of the simulated English calls, transcribed on this machine while they are copied."""

import time
from collections.abc import Collection

from call_lake.model.layout import TranscriptPlace
from call_lake_cli.console.errors import say
from call_lake_cli.stack.handle import Stack
from call_lake_local.engine import ENGINE, LocalEngine

DEMO_ENGINE = LocalEngine(sources=("conpeek",), share=0.06, longest_s=60)
"""The source whose simulated calls are English, and of its calls some twelve: each takes a second or two."""
DEADLINE_S = 120.0


def wait_for_documents(stack: Stack, recording_ids: Collection[str]) -> list[str]:
    """Wait until the engine has written a document of each recording that it takes. What is wrong, if anything is."""
    wanted = {one for one in recording_ids if DEMO_ENGINE.takes(one)}
    deadline = time.monotonic() + DEADLINE_S
    while (missing := wanted - documents(stack)) and time.monotonic() < deadline:
        time.sleep(0.5)
    say(f"transcribed on this machine: {len(wanted) - len(missing)} of {len(wanted)} chosen recordings")
    return [f"{len(missing)} recordings were not transcribed"] if missing else []


def documents(stack: Stack) -> set[str]:
    """Recording ids."""
    keys = [info.key for source in DEMO_ENGINE.sources for info in stack.store.list(f"transcripts/{ENGINE}/{source}/")]
    return {place.recording_id for place in map(TranscriptPlace.of_key, keys) if place}
