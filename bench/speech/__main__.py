"""`python -m bench.speech`: let the worked speech engine hear invented calls, and write how well it did into
docs/transcribe-elsewhere.md."""

import argparse
import sys

from bench.harness.tables import fill
from bench.speech.clips import speechless, spoken
from bench.speech.hearing import Heard, hear
from call_lake_local.project import project
from call_lake_local.simulators.speech import ENGLISH

PAGE = project() / "docs/transcribe-elsewhere.md"
FORMS = {
    "WAV, 16 kHz": ("wav", "pcm", 16000),
    "WAV, 8 kHz": ("wav", "pcm", 8000),
    "Ogg Opus, 8 kHz": ("ogg", "opus", 8000),
    "MP3, 8 kHz": ("mp3", "mp3", 8000),
}


def table() -> str:
    spoken_clips = {
        (form, channels): [spoken(script, *kind[:2], channels, kind[2]) for script in ENGLISH]
        for form, kind in FORMS.items()
        for channels in (1, 2)
    }
    silent = list(speechless())
    heard = {
        one.clip.name: one for one in hear([*silent, *(clip for clips in spoken_clips.values() for clip in clips)])
    }
    lines = ["| clips | words said | word error rate | seconds of audio for each second of work |"]
    lines.append("| --- | ---: | ---: | ---: |")
    for (form, channels), clips in spoken_clips.items():
        name = f"{form}, {'each side apart' if channels == 2 else 'both sides mixed'}"
        lines.append(_line(name, [heard[clip.name] for clip in clips]))
    for clip in silent:
        found = heard[clip.name]
        lines.append(
            f"| {clip.name} of {clip.seconds:g} s | 0 | {len(found.words)} words invented | {_speed([found])} |"
        )
    return "\n".join(lines)


def _line(name: str, heard: list[Heard]) -> str:
    said = sum(len(one.said) for one in heard)
    return f"| {name} | {said} | {sum(one.errors for one in heard) / said:.0%} | {_speed(heard)} |"


def _speed(heard: list[Heard]) -> str:
    return f"{sum(one.clip.seconds for one in heard) / sum(one.took_s for one in heard):.0f}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.speech", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/transcribe-elsewhere.md")
    asked = parser.parse_args()
    made = table()
    print(made)
    if asked.write:
        PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), {"hearing": made}), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
