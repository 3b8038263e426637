"""Make real audio files: cheap to make, no two with the same bytes, and the same in every process.

Each WAV body is cut from the conversation. Encoded ones (OGG, MP3) are encoded once per form, and each recording
writes its own tag into the place that the container has for comments.
"""

import hashlib
import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from threading import RLock

import numpy as np
import soundfile

from call_lake.model.recording import AudioFacts
from call_lake_local.simulators import ogg, speech
from call_lake_local.simulators.http_exchange import CHUNK_BYTES, Body, pieces

_TAG_ROOM = b"~" * 32
_OGG_SERIAL = 0x4C414B45
CONTENT_TYPES = {"wav": "audio/wav", "ogg": "audio/ogg", "mp3": "audio/mpeg"}
_SUBTYPES = {"vorbis": ("OGG", "VORBIS"), "opus": ("OGG", "OPUS"), "mp3": ("MP3", "MPEG_LAYER_III")}
_lock = RLock()


@dataclass(frozen=True, slots=True)
class AudioSpec:
    """What a file is: ``format`` wav, ogg, mp3; ``codec`` pcm, vorbis, opus, mp3. ``skip`` frames are cut off (WAV).
    ``script``: what is said, of ``speech.SCRIPTS``."""

    format: str
    codec: str
    channels: int
    sample_rate: int
    seconds: float
    skip: int = 0
    script: str = "mixed"


# Form and its weight. Long forms are few: encoding costs CPU time, and bytes cost the laptop's disk.
MENU: tuple[tuple[AudioSpec, int], ...] = (
    (AudioSpec("ogg", "vorbis", 1, 8000, 5.0), 200),
    (AudioSpec("ogg", "vorbis", 1, 8000, 31.5), 260),
    (AudioSpec("ogg", "vorbis", 2, 16000, 11.0), 100),
    (AudioSpec("ogg", "vorbis", 1, 8000, 240.0), 12),
    (AudioSpec("ogg", "vorbis", 1, 8000, 600.0), 6),
    (AudioSpec("ogg", "opus", 1, 16000, 8.0), 70),
    (AudioSpec("ogg", "opus", 2, 8000, 14.5), 30),
    (AudioSpec("mp3", "mp3", 1, 16000, 4.0), 80),
    (AudioSpec("mp3", "mp3", 2, 8000, 19.0), 60),
    (AudioSpec("mp3", "mp3", 1, 8000, 45.0), 40),
)
WAV_FORMS = ((1, 8000), (1, 8000), (2, 8000), (1, 16000))


@dataclass(frozen=True, slots=True)
class SpeechAudio:
    """One recording's file. ``identity`` makes its bytes its own."""

    spec: AudioSpec
    identity: str

    @property
    def format(self) -> str:
        return self.spec.format

    def facts(self) -> AudioFacts:
        return _facts(self)

    def open(self) -> tuple[int, Body]:
        """Length in bytes, and the chunks."""
        data = self.data()
        return len(data), pieces(data)

    def data(self) -> bytes:
        tag = hashlib.sha256(self.identity.encode("utf-8", "surrogatepass")).hexdigest()[:32].encode()
        return _wav(self.spec, tag) if self.spec.format == "wav" else _tagged(self.spec, tag)


@lru_cache(maxsize=200_000)
def _facts(audio: SpeechAudio) -> AudioFacts:
    data, spec = audio.data(), audio.spec
    digest = hashlib.sha256(data).hexdigest()
    return AudioFacts(spec.format, len(data), digest, spec.channels, spec.sample_rate, spec.seconds)


def wav_header(data_bytes: int, channels: int, sample_rate: int, comment: bytes = b"") -> bytes:
    """The header of 16-bit PCM: 44 bytes without a comment, which goes to a LIST/INFO chunk before the samples."""
    info = b"INFOICMT" + struct.pack("<I", len(comment)) + comment
    extra = b"LIST" + struct.pack("<I", len(info)) + info if comment else b""
    frame_bytes = channels * 2
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, sample_rate, sample_rate * frame_bytes, frame_bytes, 16)
    riff = b"RIFF" + struct.pack("<I", 28 + len(extra) + 8 + data_bytes) + b"WAVE"
    return riff + form + extra + b"data" + struct.pack("<I", data_bytes)


def _wav(spec: AudioSpec, tag: bytes) -> bytes:
    samples = _samples(spec).tobytes()
    return wav_header(len(samples), spec.channels, spec.sample_rate, tag) + samples


def _samples(spec: AudioSpec) -> speech.Samples:
    talk = speech.conversation(spec.script, spec.sample_rate, spec.channels)
    frames = round(spec.seconds * spec.sample_rate)
    return np.resize(np.roll(talk, -(spec.skip % len(talk)), axis=0), (frames, spec.channels))


def _tagged(spec: AudioSpec, tag: bytes) -> bytes:
    base, at, page = _encoded(spec)
    if page is None:
        return base[:at] + tag + base[at + len(tag) :]
    stream = bytearray(base)
    ogg.overwrite(stream, page, at, tag)
    return bytes(stream)


def _encoded(spec: AudioSpec) -> tuple[bytes, int, tuple[int, int] | None]:
    with _lock:  # two threads would encode the same form twice
        return _encode(spec)


@lru_cache(maxsize=64)
def _encode(spec: AudioSpec) -> tuple[bytes, int, tuple[int, int] | None]:
    """The file with room for a tag, where that room is, and the Ogg page around it."""
    container, subtype = _SUBTYPES[spec.codec]
    sink, samples = io.BytesIO(), _samples(spec)
    with soundfile.SoundFile(
        sink, "w", samplerate=spec.sample_rate, channels=spec.channels, format=container, subtype=subtype
    ) as file:
        file.comment = _TAG_ROOM.decode()
        for at in range(0, len(samples), spec.sample_rate):  # libsndfile's Vorbis encoder crashes on one huge write
            file.write(samples[at : at + spec.sample_rate])
    stream = bytearray(sink.getvalue())
    at = stream.index(_TAG_ROOM)
    if container != "OGG":
        return bytes(stream), at, None
    ogg.set_serial(stream, _OGG_SERIAL)
    return bytes(stream), at, next(page for page in ogg.pages(stream) if page[0] <= at < page[1])


@dataclass(frozen=True, slots=True)
class LargeAudio:
    """A WAV file of exactly ``total_bytes`` (up to 4 GiB) that is never held in memory: noise, one block different
    from the next. ``facts`` reads it once."""

    total_bytes: int
    identity: str
    channels: int = 1
    sample_rate: int = 8000

    @property
    def format(self) -> str:
        return "wav"

    def facts(self) -> AudioFacts:
        return _large_facts(self)

    def open(self) -> tuple[int, Body]:
        """Length in bytes, and the chunks."""
        return self.total_bytes, self._chunks

    def _chunks(self) -> Iterator[bytes]:
        header = wav_header(self.total_bytes - 44, self.channels, self.sample_rate)
        block = hashlib.shake_128(self.identity.encode("utf-8", "surrogatepass")).digest(CHUNK_BYTES)
        yield header
        left, number = self.total_bytes - len(header), 0
        while left > 0:
            yield (struct.pack("<Q", number) + block[8:])[:left]
            left, number = left - CHUNK_BYTES, number + 1


@lru_cache(maxsize=64)
def _large_facts(audio: LargeAudio) -> AudioFacts:
    digest = hashlib.sha256()
    for chunk in audio.open()[1]():
        digest.update(chunk)
    frame_bytes = 2 * audio.channels
    seconds = (audio.total_bytes - 44) // frame_bytes / audio.sample_rate
    return AudioFacts("wav", audio.total_bytes, digest.hexdigest(), audio.channels, audio.sample_rate, seconds)


type Audio = SpeechAudio | LargeAudio
