"""The message of a recording on its source's queue (events/recording-message.schema.json)."""

import json

from call_lake.model.recording import Recording

MESSAGE_VERSION = 2


def message_of(recording: Recording) -> str:
    """The body of one message on the source's queue (events/recording-message.schema.json)."""
    # ASCII: SQS refuses some characters that a provider's key may hold.
    return json.dumps({"version": MESSAGE_VERSION, "recording": recording.to_json()})


def recording_from_message(body: str) -> Recording:
    """Raises ValueError, naming what is wrong, for a body that no version of the poller ever wrote."""
    try:
        data = json.loads(body)
        if data["version"] != MESSAGE_VERSION:
            raise ValueError(f"message version {data['version']!r} is not {MESSAGE_VERSION}")
        return Recording.from_json(data["recording"])
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a recording message: {type(error).__name__} {error}") from error
