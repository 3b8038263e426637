"""Which engine writes which format."""

from call_lake.model.transcripts import AWS_ENGINE
from call_lake.transcripts.amazon import read_amazon
from call_lake.transcripts.document import Document
from call_lake.transcripts.json_stream import Body
from call_lake.transcripts.own_format import read_own


def read_document(engine: str, body: Body, language: str | None = None, *, keep_words: bool = False) -> Document:
    """Read a document of an engine, as its key names it. ``language``: what Amazon Transcribe was told. Raises
    BadDocument."""
    if engine == AWS_ENGINE:
        return read_amazon(body, language, keep_words=keep_words)
    return read_own(body, keep_words=keep_words)
