"""Start an Amazon Transcribe job for each stored recording. Optional (EnableTranscription).

The events wait in a queue, because Amazon Transcribe runs a hundred jobs of an account at once
(https://docs.aws.amazon.com/transcribe/latest/dg/limits-guidelines.html) and a backfill stores more than that.
"""

import json
from typing import Any

from call_lake.model.transcribing import StartResult, Wanted
from call_lake.observability import log
from call_lake.settings import TranscriberSettings, from_environment
from call_lake.wiring.transcriber import TranscriberParts

parts = TranscriberParts(from_environment(TranscriberSettings))


def handler(event: dict[str, Any], context: object) -> dict[str, list[dict[str, str]]]:
    """Take a batch of messages, each an event of EventBridge. Where there is no room for one, there is none for those
    behind it: all of them come again when the queue shows them next."""
    again: list[str] = []
    for message in event["Records"]:
        if again or not _done(message["body"]):
            again.append(message["messageId"])
    return {"batchItemFailures": [{"itemIdentifier": id} for id in again]}


def _done(body: str) -> bool:
    """Whether the message is finished; else it comes again."""
    wanted = Wanted.of_message(json.loads(body))
    name = wanted.recording_id
    outcome = parts.jobs.start(wanted)
    match outcome.result:
        case StartResult.STARTED:
            log.info("transcription started", recording_id=name)
        case StartResult.NO_ANSWER:
            log.warning("no answer of Amazon Transcribe: tried again", recording_id=name, error=outcome.error)
        case StartResult.NO_ROOM:
            log.info("Amazon Transcribe has no room: tried again", recording_id=name, error=outcome.error)
        case StartResult.REFUSED:
            log.error("transcription refused: to the dead letters", recording_id=name, error=outcome.error)
            parts.dead_letters.send([body])
    return outcome.result not in (StartResult.NO_ANSWER, StartResult.NO_ROOM)
