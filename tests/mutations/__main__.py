"""Take the rules of correctness out of a copy of the code, one by one, and see that tests notice.

``python -m tests.mutations [RULE | WORD]...``: all, those of some rules (``7``), or those whose name holds a word.
Ends with 1 if a mutation survived, or could not be tried.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.mutations import ALL
from tests.mutations.mutation import Mutation

ROOT = Path(__file__).parents[2]
LIMIT_S = 300.0  # code without its rule may never end
VERDICTS = {0: "SURVIVED", 1: "KILLED"}  # pytest's own: all passed, some failed


def main(wanted: Sequence[str]) -> int:
    chosen = [mutation for mutation in ALL if not wanted or _is_one_of(mutation, wanted)]
    with tempfile.TemporaryDirectory() as scratch:
        bench = _Bench(Path(scratch) / "shared")
        verdicts = [bench.judge(mutation) for mutation in chosen]
    killed = verdicts.count("KILLED")
    print(f"{killed} of {len(verdicts)} mutations killed, {len({mutation.rule for mutation in chosen})} rules")
    return 0 if killed == len(verdicts) else 1


def _is_one_of(mutation: Mutation, wanted: Sequence[str]) -> bool:
    return any(word == str(mutation.rule) or (not word.isdigit() and word in mutation.name) for word in wanted)


class _Bench:
    """A copy of the code, and what its tests say of it."""

    def __init__(self, shared: Path) -> None:
        self._shared = shared
        self._sound: dict[tuple[str, ...], bool] = {}
        shutil.copytree(ROOT / "shared", shared, ignore=shutil.ignore_patterns("__pycache__"))

    def judge(self, mutation: Mutation) -> str:
        started_s = time.monotonic()
        if mutation.times(self._shared) != 1:
            verdict, output = "ABSENT", ""  # tests/unit/test_mutations.py says more
        elif not self._is_sound(mutation.tests):
            verdict, output = "UNFIT", ""
        else:
            verdict, output = self._try(mutation)
        took_s = time.monotonic() - started_s
        print(f"{verdict:8}  rule {mutation.rule:2}  {mutation.name}  ({took_s:.0f} s)", flush=True)
        if verdict == "BROKEN":
            print(output)
        return verdict

    def _is_sound(self, tests: tuple[str, ...]) -> bool:
        """Tests that fail anyway prove nothing."""
        if tests not in self._sound:
            code, output = _pytest(self._shared, tests)
            self._sound[tests] = code == 0
            if code != 0:
                print(output, "these tests fail with all rules in place", sep="\n")
        return self._sound[tests]

    def _try(self, mutation: Mutation) -> tuple[str, str]:
        before = mutation.apply(self._shared)
        try:
            code, output = _pytest(self._shared, mutation.tests)
        finally:
            mutation.undo(self._shared, before)
        return VERDICTS.get(code, "BROKEN"), output


def _pytest(shared: Path, tests: Iterable[str]) -> tuple[int, str]:
    """Run these tests on the copy; code that never ends has failed."""
    paths = [str(ROOT / "tests" / test) for test in sorted(tests)]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
    environment = os.environ | {
        "PYTHONPATH": str(shared),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(shared.parent / "hypothesis"),
    }
    try:
        done = subprocess.run(
            [*command, "-o", f"pythonpath={shared} {ROOT}", *paths],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )
    except subprocess.TimeoutExpired as error:
        return 1, f"no end after {error.timeout} s"
    return done.returncode, done.stdout + done.stderr


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
