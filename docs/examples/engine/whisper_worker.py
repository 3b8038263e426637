"""A speech engine for Call Lake: faster-whisper with a model of yours. How to run it: docs/transcribe-elsewhere.md.

    python whisper_worker.py --name whisper --queue-url URL --model DIR --language pl

No text is invented: Silero, which faster-whisper brings along, looks for voices first, and Whisper hears nothing else.
Each side of a stereo call is heard separately.
"""

import argparse
import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import boto3
import numpy as np
from numpy.typing import NDArray

from call_lake_engine import Engine, Recording, Unusable

type Samples = NDArray[np.float32]
"""One side of a call: 16 kHz, -1 to 1."""

RATE = 16_000
LONGEST_S = 2 * 3600  # of audio, which is held in memory: 128 kB for each second and side
REPETITIVE = 2.4  # Whisper's own bound of the compression ratio: beyond it, a text repeats itself and was not said
FORMATS = {"m4a": "mov", "webm": "matroska"} | {name: name for name in ("aac", "amr", "flac", "mp3", "ogg", "wav")}
"""FFmpeg's name of each format that is decoded. FFmpeg must not guess: some formats name other files to read."""
PAUSE_S = 1.0
VOICE = {"min_silence_duration_ms": 500, "speech_pad_ms": 200}


class Model(Protocol):
    """What is used of ``faster_whisper.WhisperModel``."""

    def transcribe(self, audio: Samples, **options: Any) -> tuple[Any, Any]: ...


class FindVoices(Protocol):
    """``faster_whisper.vad.get_speech_timestamps``: the stretches of samples in which somebody speaks."""

    def __call__(self, audio: Samples, **options: Any) -> Sequence[Any]: ...


class Decode(Protocol):
    def __call__(self, audio: Path, limit_s: float) -> list[Samples]: ...


@dataclass(frozen=True, slots=True)
class Whisper:
    """``language``: of the calls, two letters; None lets the model guess it for each side. Audio that is longer than
    ``longest_s`` is not transcribed."""

    model: Model
    find_voices: FindVoices
    decode: Decode
    version: str
    language: str | None = None
    longest_s: float = LONGEST_S

    def transcribe(self, audio: Path, recording: Recording) -> dict[str, Any]:
        """The document. Raises Unusable for audio that cannot be decoded, or that is too long."""
        sides = self.decode(audio, self.longest_s)
        segments: list[dict[str, Any]] = []
        languages: list[str] = []
        for channel, samples in enumerate(sides):
            language, heard = self._hear(samples)
            languages += [language] if heard else []
            segments += [one | {"channel": channel} if len(sides) == 2 else one for one in heard]
        segments.sort(key=lambda one: one["start_s"])
        return {
            "engine_version": self.version,
            "language": languages[0] if languages else None,
            "channels": len(sides),
            "segments": segments,
        }

    def _hear(self, samples: Samples) -> tuple[str, list[dict[str, Any]]]:
        if not self.find_voices(samples, **VOICE):
            return "", []
        segments, info = self.model.transcribe(
            samples,
            language=self.language,
            vad_filter=True,
            vad_parameters=VOICE,
            word_timestamps=True,
            condition_on_previous_text=False,  # else one wrong sentence repeats itself through the call
        )
        return info.language, list(_segments(segments))


def _segments(heard: Any) -> Iterator[dict[str, Any]]:
    """What was said without a pause. Whisper joins what the other side of a call interrupts."""
    for one in heard:
        if one.compression_ratio > REPETITIVE:
            continue
        stretch: list[Any] = []
        for word in one.words or ():
            if stretch and word.start - stretch[-1].end >= PAUSE_S:
                yield _segment(stretch)
                stretch = []
            stretch.append(word)
        if stretch:
            yield _segment(stretch)


def _segment(words: Sequence[Any]) -> dict[str, Any]:
    spoken = [_timed(word.start, word.end, word.word, word.probability) for word in words]
    mean = sum(word.probability for word in words) / len(words)
    text = "".join(word.word for word in words)
    return _timed(words[0].start, words[-1].end, text, mean) | {"words": spoken}


def _timed(start_s: float, end_s: float, text: str, confidence: float) -> dict[str, Any]:
    start, end = round(start_s, 2), round(max(start_s, end_s), 2)
    return {"start_s": start, "end_s": end, "text": text.strip(), "confidence": round(confidence, 3)}


def decoded(audio: Path, limit_s: float) -> list[Samples]:
    """The sides of a call: two of stereo, else one. A damaged piece is left out. Raises Unusable."""
    import av

    try:
        with av.open(str(audio), format=FORMATS[audio.suffix[1:]]) as container:
            sides = 2 if container.streams.audio[0].codec_context.channels == 2 else 1
            resampler = av.AudioResampler(format="s16", layout="stereo" if sides == 2 else "mono", rate=RATE)
            pieces, frames = [], 0
            for frame in chain(_frames(container), [None]):  # None: the rest that the resampler holds back
                pieces += [piece.to_ndarray().reshape(-1, sides) for piece in resampler.resample(frame)]
                frames += frame.samples * RATE // frame.sample_rate if frame else 0
                if frames > limit_s * RATE:
                    raise Unusable(f"longer than {limit_s:g} s")
    except (av.FFmpegError, LookupError) as error:  # LookupError: another format, or no audio in it
        raise Unusable(f"audio that FFmpeg cannot decode ({audio.suffix[1:]}, {type(error).__name__})") from None
    if not pieces:
        raise Unusable(f"no sound in it ({audio.suffix[1:]})")
    whole = np.concatenate(pieces)
    return [whole[:, side].astype(np.float32) / np.float32(32768) for side in range(sides)]


def _frames(container: Any) -> Iterator[Any]:
    import av

    for packet in container.demux(audio=0):
        with suppress(av.InvalidDataError):
            yield from packet.decode()


def load(
    model: Path,
    *,
    language: str | None = None,
    longest_s: float = LONGEST_S,
    threads: int = 0,
    device: str = "cpu",
) -> Whisper:
    """Load a model in CTranslate2's format. It is a folder: nothing is downloaded."""
    from faster_whisper import WhisperModel
    from faster_whisper.vad import get_speech_timestamps

    loaded = WhisperModel(
        str(model.resolve(strict=True)),
        device=device,
        compute_type="int8" if device == "cpu" else "int8_float16",
        cpu_threads=threads,
        local_files_only=True,
    )
    name = f"faster-whisper {version('faster-whisper')}"
    return Whisper(loaded, get_speech_timestamps, decoded, name, language, longest_s)


def main() -> None:
    parser = argparse.ArgumentParser(description="Transcribe recordings of Call Lake with faster-whisper.")
    parser.add_argument("--name", required=True, help="the engine's name in TranscriptEngines")
    parser.add_argument("--queue-url", required=True, help="the stack's output Engine1QueueUrl")
    parser.add_argument("--model", required=True, type=Path, help="folder of a model for faster-whisper")
    parser.add_argument("--language", help="of the calls, two letters like pl; by default the model guesses")
    parser.add_argument("--source", action="append", default=[], help="transcribe this source alone; may be repeated")
    parser.add_argument("--share", type=float, default=1.0, help="part of the recordings, 0 to 1; by default all")
    parser.add_argument("--longest", type=float, default=LONGEST_S, metavar="SECONDS", help="of audio; by default 7200")
    parser.add_argument("--threads", type=int, default=0, help="of the processor; by default all")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    whisper = load(
        chosen.model,
        language=chosen.language,
        longest_s=chosen.longest,
        threads=chosen.threads,
        device=chosen.device,
    )
    engine = Engine(
        chosen.name,
        chosen.queue_url,
        whisper.transcribe,
        sqs=boto3.client("sqs"),
        s3=boto3.client("s3"),
        sources=chosen.source,
        share=chosen.share,
    )
    engine.run()


if __name__ == "__main__":
    main()
