"""WebM and Matroska (RFC 9559): whether all of its elements are whole. Its facts are not read."""

from call_lake.audio.reading import MAX_READ_BYTES, BoundedFile, Header, header_only, too_short

SEGMENT, CLUSTER = 0x18538067, 0x1F43B675
HEAD_BYTES = MAX_READ_BYTES
"""No header is longer."""


def read_webm(file: BoundedFile) -> Header:
    """A program that streams gives Segment and Clusters no length: then what is in them is looked at. Raises
    NotReady(HEADER_ONLY)."""
    if file.size <= HEAD_BYTES and CLUSTER.to_bytes(4) not in file.at(0, HEAD_BYTES):
        raise header_only("WebM", file.size)
    position = 0
    while position < file.size:
        head = file.at(position, 12)
        id_bytes = 9 - head[0].bit_length()
        size_bytes = 9 - head[id_bytes].bit_length() if id_bytes < len(head) else 9
        if id_bytes > 4 or size_bytes > 8:  # no element: bytes that somebody appended, or a cut head
            break
        kind = int.from_bytes(head[:id_bytes])
        most = (1 << 7 * size_bytes) - 1
        length = int.from_bytes(head[id_bytes : id_bytes + size_bytes]) & most
        position += id_bytes + size_bytes
        if length == most:  # not known
            if kind not in (SEGMENT, CLUSTER):
                break
            continue
        if position + length > file.size:
            return Header(missing=too_short("WebM", file.size, position + length))
        position += length
    return Header()
