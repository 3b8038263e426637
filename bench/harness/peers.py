"""The other tools of a bench: an environment ``.tools/bench-NAME``, made from ``requirements/bench-NAME.txt``."""

import json
import os
import subprocess
from pathlib import Path

from call_lake_local.bootstrap import ROOT, Setup


class Peers:
    def __init__(self, bench: str) -> None:
        self._name = f"bench-{bench}"
        self.folder = ROOT / ".tools" / self._name

    @property
    def python(self) -> Path:
        return self.folder / "bin/python"

    def make(self) -> None:
        """Install them as the lock file says; does nothing if that is done. Raises SetupError."""
        Setup(ROOT, os.environ).make([self._name])

    def versions(self, *packages: str) -> str:
        """As installed: ``dlt 1.31.0, polars 2.1.0``."""
        code = f"import importlib.metadata as m, json; print(json.dumps([m.version(p) for p in {packages!r}]))"
        done = subprocess.run([self.python, "-c", code], check=True, capture_output=True, text=True)
        return ", ".join(f"{name} {number}" for name, number in zip(packages, json.loads(done.stdout), strict=True))
