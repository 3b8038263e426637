"""Count the messages about stored recordings that still wait: for the sound, for engines, for their documents."""

from collections.abc import Iterator

from call_lake_cli.stack.census import IN_QUEUE
from call_lake_cli.stack.handle import Stack


def messages_behind(stack: Stack) -> dict[str, int]:
    """Messages in each queue that is fed by stored recordings, by the queue's name; only queues with messages."""
    sqs = stack.client("sqs")
    found = {}
    for url in _queue_urls(stack):
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(IN_QUEUE))["Attributes"]
        if number := sum(int(answer.get(key, 0)) for key in IN_QUEUE):
            found[url.rpartition("/")[2]] = number
    return found


def _queue_urls(stack: Stack) -> Iterator[str]:
    """In the order in which a message of one leads to a message of the next one: what is moved is counted twice rather
    than never."""
    yield from stack.engines.values()
    if stack.documents_url:
        yield stack.documents_url
    if stack.sound_url:
        yield stack.sound_url
