"""Which audio a browser plays, and what to call the rest."""

import struct

PLAYED = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
    "m4a": "audio/mp4",
    "aac": "audio/aac",
    "webm": "audio/webm",
}
"""Content types by the format of a row: https://developer.mozilla.org/en-US/docs/Web/Media/Guides/Formats/Containers"""
OTHERS = {"amr": "AMR", "gsm": "GSM 06.10", "wma": "Windows Media Audio", "voc": "Creative Voice"}
HEAD_BYTES = 4096
"""So much of a file's beginning names its coding."""
WAV_PLAYED = {1, 3, 6, 7}  # PCM, float, A-law, µ-law
WAV_CODINGS = {2: "Microsoft ADPCM", 0x11: "IMA ADPCM", 0x31: "GSM 06.10", 0x40: "G.721", 0x45: "G.726"}
WAV_CODINGS |= {0x50: "MPEG", 0x55: "MP3", 0x83: "G.729"}
EXTENSIBLE = 0xFFFE


def why_not_played(format: str, head: bytes) -> str | None:
    """Why no browser plays audio of this format that begins with ``head``; None where browsers play it."""
    if format not in PLAYED:
        return f"no browser plays {OTHERS.get(format, format.upper())}"
    if format == "wav":
        return _why_not_wav(head)
    if format == "ogg" and b"Speex   " in head[:64]:
        return "no browser plays Speex"
    return None


def _why_not_wav(head: bytes) -> str | None:
    if not head.startswith(b"RIFF"):
        return f"no browser plays WAV of the kind {head[:4].decode('ascii', 'replace')}"
    at = head.find(b"fmt ", 12)
    if at < 0 or len(head) < at + 34:
        return None  # the browser will say
    (tag,) = struct.unpack_from("<H", head, at + 8)
    if tag == EXTENSIBLE:
        (tag,) = struct.unpack_from("<H", head, at + 32)
    if tag in WAV_PLAYED:
        return None
    return f"no browser plays WAV with {WAV_CODINGS.get(tag, f'coding {tag:#x}')} in it"
