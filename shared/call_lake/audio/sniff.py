"""Recognise audio, and what comes in its place, by the first bytes (rule 12)."""

import re

from call_lake.audio import mpeg
from call_lake.errors import NotReady, Reason, StepFailed, Terminal

TEXT_BYTES = 1024
CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
# How HTML and XML begin, pages as well as fragments: PHP writes "<br />\n<b>Warning</b>: ..." before whatever follows.
MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!--|!doctype\s|\?xml\s|/?[a-z][\w:.-]{0,40}[\s/>])", re.I)
WORDS = re.compile(rb"\s*[A-Za-z]{2,20}[ :,][\x20-\x7e]{12}")
MIME = re.compile(r"[\w.+-]{1,40}/[\w.+-]{1,40}", re.ASCII)

# PGP's first packet, RFC 9580: tag -> versions that its next byte may name.
PGP_VERSIONS = {1: {2, 3, 6}, 3: {4, 5, 6}, 18: {1, 2}, 20: {1}}


# Audio by its first bytes.
STARTS = {
    b"OggS": "ogg",
    b"fLaC": "flac",
    b"#!AMR": "amr",
    b"\x1aE\xdf\xa3": "webm",
    b"riff.\x91\xcf\x11": "w64",
    b".snd": "au",
    b"caff\0\x01": "caf",
    b"0&\xb2u\x8ef\xcf\x11": "wma",
    b"Creative Voice File\x1a": "voc",
    b"wvpk": "wv",
    b"MAC ": "ape",
    b"TTA1": "tta",
    b"MPCK": "mpc",
    b"MP+": "mpc",
    b".RMF": "rm",
    b".ra\xfd": "rm",
    b"#!SILK_V3": "silk",
    b"\x02#!SILK_V3": "silk",
    b"#!EVRC": "evc",
    b"NIST_1A\n": "sph",
    b"#!iLBC": "ilbc",
    b"\x7f\xfe\x80\x01": "dts",
    b"\x02dss": "dss",
    b"\x03ds2": "ds2",
    b"2BIT": "avr",
    b".SoX": "sox",
    b"XoS.": "sox",
    b"DSD ": "dsf",
    **dict.fromkeys((b"\x64\xa3" + bytes((n, 0)) for n in range(1, 5)), "ircam"),
    **dict.fromkeys((bytes((0, n)) + b"\xa3\x64" for n in range(1, 5)), "ircam"),
}
AC3 = b"\x0b\x77"
# By what a RIFF or an IFF file calls itself, behind its length.
RIFF = {b"WAVE": "wav", b"QLCM": "qcp"}
FORM = {b"AIFF": "aiff", b"AIFC": "aiff", b"8SVX": "8svx"}
MP4 = {b"styp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"moof", b"sidx", b"uuid"}
OTHERS = {
    **dict.fromkeys((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"), "a ZIP archive"),
    b"\x1f\x8b\x08": "a gzip archive",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"\xfd7zXZ\0": "an xz archive",
    **{b"BZh%d1AY&SY" % level: "a bzip2 archive" for level in range(1, 10)},
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
    b"\x89PNG\r\n\x1a\n": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    **dict.fromkeys((b"GIF87a", b"GIF89a"), "a GIF picture"),
    b"nut/multimedia container": "a NUT video",
    b"\0\0\x01\xb3": "an MPEG video",
    b"%PDF-": "a PDF document",
    b"FLV\x01": "a Flash video",
    b"\0\0\x01\xba": "an MPEG video",
    b"MThd": "MIDI, which is notes and no sound",
    b"ADIF": "AAC without frames (ADIF)",
}
ENCRYPTED_BY = {
    b"-----BEGIN PGP MESSAGE": "PGP",
    b"-----BEGIN AGE ENCRYPTED FILE": "age",
    b"age-encryption.org/": "age",
    b"-----BEGIN PKCS7": "PKCS #7",
    b"-----BEGIN CMS": "CMS",
    b"Salted__": "OpenSSL",
    b"AES\x02": "AES Crypt",
}
CONVERT = "this is not stored: have the provider give WAV, OGG, MP3, FLAC, M4A or AMR"


def sniff(head: bytes, content_type: str | None = None, *, has_tag: bool = False) -> str:
    """The format, which is also the file's extension: wav, ogg, mp3, mp2, flac, m4a, amr, aac, webm, or one of those
    that are rare. Tags before the audio are skipped, as far as ``head`` has what comes behind. ``has_tag``: there was
    one before ``head``.

    Raises NotReady (EMPTY; HTML, JSON: error texts of any kind), Terminal (ENCRYPTED, NOT_AUDIO).
    """
    if not head:
        raise NotReady(Reason.EMPTY, "the audio has no bytes")
    behind = head[mpeg.tag_bytes(head) :]
    if not behind:
        return "mp3"  # a tag and nothing behind it
    kind = _audio(behind) or _audio_within(behind, has_tag=has_tag or len(behind) < len(head))
    if kind is None:
        raise _no_audio(head, content_type)
    return kind


def _audio(head: bytes) -> str | None:
    start = head[:4]
    if start in (b"RIFF", b"RF64", b"BW64", b"RIFX"):
        return RIFF.get(head[8:12], None if len(head) >= 12 else "wav")
    if start == b"FORM" and head[8:12] in FORM:
        return FORM[head[8:12]]
    for mark, kind in STARTS.items():
        if head.startswith(mark):
            return kind
    if head[4:8] == b"ftyp" or (head[4:8] in MP4 and head[0] < 0x20):  # a length, and no letter of a text
        return "m4a"
    if mpeg.is_mpeg(head):
        return _mpeg(head)
    if mpeg.is_adts(head):
        return "aac"
    if mpeg.is_free(head):
        return _mpeg(head)
    if start[:2] == AC3 and (length := head.find(AC3, 6)) > 0:  # frames of one length, or at 44.1 kHz of two
        is_row = any(head[2 * length + by :].startswith(AC3) for by in (-2, 0, 2))
        return ("eac3" if head[5] >> 3 > 10 else "ac3") if is_row else None
    return "gsm" if mpeg.is_gsm(head) else None


def _audio_within(head: bytes, *, has_tag: bool) -> str | None:
    """What a stream that was cut begins with is a part of a frame. Error texts are looked for first: behind one there
    may be audio, too."""
    if not has_tag and (MARKUP.match(head) or WORDS.match(head) or _text(head[:TEXT_BYTES]) is not None):
        return None
    within = len(head) if has_tag else mpeg.SEARCHED_BYTES
    zeros = mpeg.zeros_before(head)
    if has_tag and mpeg.is_mpeg(head[zeros:]):
        return _mpeg(head[zeros:])
    if (start := mpeg.mpeg_start(head, within)) is not None:
        return _mpeg(head[start:])
    return "aac" if mpeg.adts_start(head, within) is not None else None


def _mpeg(frame: bytes) -> str:
    return "mp3" if mpeg.layer_of(frame) == mpeg.LAYER_III else "mp2"


def _no_audio(head: bytes, content_type: str | None) -> StepFailed:
    mime = MIME.match(content_type or "")
    said = f"; the provider calls it {mime[0]}" if mime else ""
    marks = (name for mark, name in ENCRYPTED_BY.items() if head.lstrip().startswith(mark))
    by = "PGP" if _is_pgp(head) else next(marks, None)
    if by:
        return Terminal(Reason.ENCRYPTED, f"{by}: switch the encryption of recordings off at the provider")
    name = _other(head)
    text = None if name else "<" if MARKUP.match(head) else _text(head[:TEXT_BYTES])
    if text is None:
        what = f"it is {name}" if name else "its first bytes are of no audio format that is known here"
        return Terminal(Reason.NOT_AUDIO, f"{what}; {CONVERT}{said}")
    if text[:1] in ("{", "["):
        return NotReady(Reason.JSON, f"JSON in place of audio{said}")
    return NotReady(Reason.HTML, f"{'HTML or XML' if text[:1] == '<' else 'plain text'} in place of audio{said}")


def _other(head: bytes) -> str | None:
    if head[:4] in (b"RIFF", b"RIFX") and head[8:12].strip().isalnum() and head[8:12].isascii():
        return f"a RIFF file of the kind {head[8:12].decode()}"
    if head[:1] == b"G" and head[188:189] == b"G" and head[376:377] == b"G":
        return "an MPEG transport stream"
    if head[:3] in (b"FWS", b"CWS", b"ZWS") and head[3:4] < b" ":
        return "a Flash animation"
    if head[257:262] == b"ustar":
        return "a tar archive"
    if head[:2] == b"\x80\0" and b"(c)CRI" in head[:TEXT_BYTES]:
        return "CRI's ADX"
    if _is_loas(head) and _is_loas(head[_loas_bytes(head) :]):
        return "AAC in LOAS, without ADTS"
    return next((name for start, name in OTHERS.items() if head.startswith(start)), None)


def _is_loas(head: bytes) -> bool:
    return len(head) > 3 and head[0] == 0x56 and head[1] & 0xE0 == 0xE0


def _loas_bytes(head: bytes) -> int:
    return 3 + ((head[1] & 0x1F) << 8 | head[2])


def _text(sample: bytes) -> str | None:
    """The sample without leading space if it is text, in whatever encoding; else None. Zeros may follow JSON."""
    if sample[:2] in (b"\xff\xfe", b"\xfe\xff"):
        sample = sample.decode("utf-16", "ignore").encode()
    elif len(sample) >= 8 and not any(sample[1::2]):
        sample = sample.decode("utf-16-le", "ignore").encode()
    elif len(sample) >= 8 and not any(sample[::2]):
        sample = sample.decode("utf-16-be", "ignore").encode()
    if sample.lstrip()[:1] in (b"{", b"["):
        sample = sample.rstrip(b"\0")
    if CONTROL.search(sample):
        return None
    return sample.removeprefix(b"\xef\xbb\xbf").decode("latin-1").lstrip()


def _is_pgp(head: bytes) -> bool:
    first, rest = head[0], head[1:8]
    if not first & 0x80 or len(rest) < 7:
        return False
    if first & 0x40:  # new format: the length's first octet says how long the length is
        tag, length_bytes = first & 0x3F, 1 if rest[0] < 192 or rest[0] >= 224 else 2 if rest[0] < 224 else 5
        length_bytes = 5 if rest[0] == 255 else length_bytes
    else:
        tag, length_bytes = (first >> 2) & 0x0F, (1, 2, 4, 0)[first & 3]
    return rest[length_bytes] in PGP_VERSIONS.get(tag, ())
