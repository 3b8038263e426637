"""Read a file's header: channels, sample rate, length, and whether something is missing (rule 12)."""

from typing import BinaryIO

from call_lake.audio import mpeg
from call_lake.audio.flac import read_flac
from call_lake.audio.mp4 import read_mp4
from call_lake.audio.ogg import read_ogg
from call_lake.audio.pcm import read_aiff, read_asf, read_au, read_caf, read_w64, read_wav
from call_lake.audio.reading import BoundedFile, Header, believable, facts_or_none, header_only, too_short
from call_lake.audio.webm import read_webm
from call_lake.errors import Reason, Transient

HEAD_BYTES = 64 * 1024
AMR_MAGIC_MAX_BYTES = 16


def read_header(kind: str, file: BinaryIO, size: int, start: int = 0) -> Header:
    """Facts of a file of ``size`` bytes whose tags end at ``start``. A fact that cannot be is None.

    Its reads and its memory have a bound (``reading.py``). What a header promises and the file does not have is the
    Header's ``missing``. Raises Transient(TRUNCATED) where the file ends before its sound begins or, as an MP4, without
    its index, and NotReady (HEADER_ONLY; UNFINISHED). Odd but real audio gives a Header of Nones.
    """
    if start > size:
        raise Transient(Reason.TRUNCATED, too_short("ID3", size, start))
    bounded = BoundedFile(file, size, start)
    return believable(facts_or_none(lambda: _read(kind, bounded)), size)


def _read(kind: str, file: BoundedFile) -> Header:
    match kind:
        case "wav":
            return read_wav(file)
        case "w64":
            return read_w64(file)
        case "aiff":
            return read_aiff(file)
        case "caf":
            return read_caf(file)
        case "au":
            return read_au(file)
        case "ogg":
            return read_ogg(file)
        case "mp3" | "mp2":
            return mpeg.read_mpeg(file)
        case "m4a":
            return read_mp4(file)
        case "aac":
            return mpeg.read_adts(file)
        case "amr":
            magic = file.at(0, AMR_MAGIC_MAX_BYTES)
            if not magic.partition(b"\n")[2]:
                raise header_only("AMR", file.size)
            return Header(None if b"_MC" in magic else 1, 16000 if magic.startswith(b"#!AMR-WB") else 8000)
        case "gsm":
            return Header(1, 8000, file.size // mpeg.GSM_BYTES * mpeg.GSM_SECONDS)
        case "flac":
            return read_flac(file)
        case "webm":
            return read_webm(file)
        case "wma":
            return read_asf(file)
    return Header()
