"""The documents of transcripts, for the times of their words."""

from io import BytesIO

from call_lake.errors import CallLakeError
from call_lake.model.layout import TranscriptPlace
from call_lake.ports import ObjectStore
from call_lake.transcripts.document import BadDocument, Document
from call_lake.transcripts.formats import read_document

BYTES_MAX = 32 * 1024 * 1024
"""Amazon's document of four hours has 15 MB. Of a larger one the page shows the row, without times of words."""


def document_of(store: ObjectStore, place: TranscriptPlace) -> Document | None:
    """What an engine's document says; None where there is none, or none that may be read or makes sense."""
    try:
        body = store.get_range(place.key, 0, BYTES_MAX + 1)
        return read_document(place.engine, BytesIO(body), keep_words=True) if len(body) <= BYTES_MAX else None
    except (KeyError, CallLakeError, BadDocument):
        return None
