"""Messages on the queue of transcript documents: what S3 sends when a document was written, and what we send ourselves.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

import json
from urllib.parse import quote_plus, unquote_plus


def document_message(bucket: str, key: str) -> str:
    """The body of a message that asks to read the document at ``key``, with the members of S3's own that are read."""
    return json.dumps({"Records": [{"s3": {"bucket": {"name": bucket}, "object": {"key": quote_plus(key, safe="/")}}}]})


def keys_of(body: str, bucket: str) -> list[str]:
    """The keys that a message names. None for S3's ``s3:TestEvent``, which it sends once for each notification that is
    set up. Raises ValueError for what is no such message, or is of another bucket."""
    try:
        data = json.loads(body)
        if data.get("Event") == "s3:TestEvent":
            return []
        objects = [record["s3"] for record in data["Records"]]
        if {one["bucket"]["name"] for one in objects} - {bucket}:
            raise ValueError("it is of another bucket")
        return [unquote_plus(one["object"]["key"]) for one in objects]
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"no notification of S3: {type(error).__name__} {error}") from error
