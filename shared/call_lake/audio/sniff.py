"""Recognise audio, and what comes in its place, by the first bytes (rule 12)."""

import re

from call_lake.audio import mpeg
from call_lake.errors import NotReady, Reason, StepFailed, Terminal

TEXT_BYTES = 1024
CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
# How HTML and XML begin, pages as well as fragments: PHP writes "<br />\n<b>Warning</b>: ..." before whatever follows.
MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!--|!doctype\s|\?xml\s|/?[a-z][\w:.-]{0,40}[\s/>])", re.I)
MIME = re.compile(r"[\w.+-]{1,40}/[\w.+-]{1,40}", re.ASCII)

# PGP's first packet, RFC 9580: tag -> versions that its next byte may name.
PGP_VERSIONS = {1: {2, 3, 6}, 3: {4, 5, 6}, 18: {1, 2}, 20: {1}}


def sniff(head: bytes, content_type: str | None = None) -> str:
    """The format, which is also the file's extension: wav, ogg, mp3, flac, m4a, amr, aac, webm.

    Raises NotReady (EMPTY; HTML, JSON: error texts of any kind), Terminal (ENCRYPTED, NOT_AUDIO).
    """
    if not head:
        raise NotReady(Reason.EMPTY, "the audio has no bytes")
    kind = _audio(head)
    if kind is None:
        raise _no_audio(head, content_type)
    return kind


def _audio(head: bytes) -> str | None:
    if head[:4] in (b"RIFF", b"RF64") and (head[8:12] == b"WAVE" or len(head) < 12):
        return "wav"
    for start, kind in ((b"OggS", "ogg"), (b"fLaC", "flac"), (b"#!AMR", "amr"), (b"\x1aE\xdf\xa3", "webm")):
        if head.startswith(start):
            return kind
    if head[4:8] == b"ftyp":
        return "m4a"
    if head.startswith(b"ID3"):  # a tag before MP3, and at times before other formats
        return _behind_tag(head[mpeg.tag_bytes(head) :])
    if mpeg.is_mp3(head):
        return "mp3"
    return "aac" if mpeg.is_adts(head) else None


def _behind_tag(rest: bytes) -> str | None:
    if rest.startswith(b"fLaC"):
        return "flac"
    if mpeg.is_adts(rest):
        return "aac"
    frames = (match.start() for match in re.finditer(rb"\xff", rest))  # padding may come before the first
    return "mp3" if not rest or any(mpeg.is_mp3(rest[at : at + 4096]) for at in frames) else None


def _no_audio(head: bytes, content_type: str | None) -> StepFailed:
    mime = MIME.match(content_type or "")
    said = f"; the provider calls it {mime[0]}" if mime else ""
    if _is_pgp(head):
        return Terminal(Reason.ENCRYPTED, "PGP: switch the encryption of recordings off at the provider")
    text = "<" if MARKUP.match(head) else _text(head[:TEXT_BYTES])
    if text is None:
        return Terminal(Reason.NOT_AUDIO, f"its first bytes are of no audio format{said}")
    if text[:1] in ("{", "["):
        return NotReady(Reason.JSON, f"JSON in place of audio{said}")
    return NotReady(Reason.HTML, f"{'HTML or XML' if text[:1] == '<' else 'plain text'} in place of audio{said}")


def _text(sample: bytes) -> str | None:
    """The sample without leading space if it is text, in whatever encoding; else None."""
    if sample[:2] in (b"\xff\xfe", b"\xfe\xff"):
        sample = sample.decode("utf-16", "ignore").encode()
    if CONTROL.search(sample):
        return None
    return sample.removeprefix(b"\xef\xbb\xbf").decode("latin-1").lstrip()


def _is_pgp(head: bytes) -> bool:
    if head.lstrip().startswith(b"-----BEGIN PGP MESSAGE"):
        return True
    first, rest = head[0], head[1:8]
    if not first & 0x80 or len(rest) < 7:
        return False
    if first & 0x40:  # new format: the length's first octet says how long the length is
        tag, length_bytes = first & 0x3F, 1 if rest[0] < 192 or rest[0] >= 224 else 2 if rest[0] < 224 else 5
        length_bytes = 5 if rest[0] == 255 else length_bytes
    else:
        tag, length_bytes = (first >> 2) & 0x0F, (1, 2, 4, 0)[first & 3]
    return rest[length_bytes] in PGP_VERSIONS.get(tag, ())
