"""Let the worked engine hear clips, as the local stack runs it, and compare what it heard with the truth."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.speech.clips import Clip
from bench.speech.words import errors, words_of
from call_lake_local.engine import ENVIRONMENT, EXAMPLE, smallest_model
from call_lake_local.project import project


@dataclass(frozen=True, slots=True)
class Heard:
    """What the engine made of one clip; ``document`` is that of events/transcript.schema.json."""

    clip: Clip
    document: dict[str, Any]

    @property
    def took_s(self) -> float:
        return float(self.document["took_s"])

    @property
    def said(self) -> list[str]:
        return words_of(" ".join(line.text for line in self._lines()))

    @property
    def words(self) -> list[str]:
        """In the order of ``said``: by side where the sides are apart."""
        segments = sorted(self.document["segments"], key=lambda one: (one.get("channel", 0), one["start_s"]))
        return words_of(" ".join(one["text"] for one in segments))

    @property
    def errors(self) -> int:
        return errors(self.said, self.words)

    def _lines(self) -> Iterable[Any]:
        if self.document["channels"] == 2:
            return sorted(self.clip.lines, key=lambda line: (line.speaker, line.start_s))
        return self.clip.lines


def hear(clips: Iterable[Clip]) -> list[Heard]:
    """Each clip once, on one thread, with the smallest model."""
    clips = list(clips)
    python = project() / ENVIRONMENT / "bin/python"
    path = os.pathsep.join(str(project() / name) for name in (EXAMPLE, "."))
    with tempfile.TemporaryDirectory() as folder:
        files = {clip.name: Path(folder, f"{clip.name}.{clip.format}") for clip in clips}
        for clip in clips:
            files[clip.name].write_bytes(clip.data)
        command: list[str | Path] = [python, "-m", "bench.speech.hear", smallest_model(), *files.values()]
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": path, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, cwd=project(), env=environment, stdout=subprocess.PIPE, check=True)
        documents = json.loads(done.stdout)
    return [Heard(clip, documents[files[clip.name].name]) for clip in clips]
