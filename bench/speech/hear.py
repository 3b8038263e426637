"""``python -m bench.speech.hear FOLDER…``: runs in the engine's environment, and prints a document for each file, with
``took_s``, as JSON by file name."""

import json
import sys
import time
from pathlib import Path

from call_lake_engine import Recording
from whisper_worker import load

NOBODY = Recording("", "", "", "", "", None, None)


def main(model: str, *files: str) -> None:
    whisper = load(Path(model), threads=1)
    found = {}
    for file in files:
        started = time.perf_counter()
        document = whisper.transcribe(Path(file), NOBODY)
        found[Path(file).name] = document | {"took_s": time.perf_counter() - started}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
