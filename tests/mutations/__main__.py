"""Take the rules of correctness out of copies of the code, one by one, and see that tests notice.

``python -m tests.mutations [RULE | WORD]...``: all, those of some rules (``7``), or those whose name, module or
function holds a word. Two run at once, each in its copy. Ends with 1 if a mutation survived.
"""

import compileall
import os
import py_compile
import queue
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutations import ALL
from tests.mutations.mutation import PACKAGES, Misfit, Mutation

ROOT = Path(__file__).parents[2]
AT_ONCE = 2
EXAMPLES = ("-p", "tests.mutations.unshrunk", "--hypothesis-profile=unshrunk", "--hypothesis-seed=0")
LIMIT_S = 300.0  # code without its rule may never end
VERDICTS = {0: "SURVIVED", 1: "KILLED"}  # pytest's own: all passed, some failed


def main(wanted: Sequence[str]) -> int:
    chosen = [mutation for mutation in ALL if not wanted or any(_is_meant(mutation, word) for word in wanted)]
    with tempfile.TemporaryDirectory() as scratch:
        copies: queue.SimpleQueue[Path] = queue.SimpleQueue()
        for number in range(AT_ONCE):
            copies.put(_copy(Path(scratch, str(number))))
        if not _are_sound({test for mutation in chosen for test in mutation.tests}, Path(scratch, "0")):
            return 1

        def judge(mutation: Mutation) -> str:
            copy = copies.get()
            try:
                return _judge(mutation, copy)
            finally:
                copies.put(copy)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            verdicts = list(pool.map(judge, chosen))
    killed = verdicts.count("KILLED")
    print(f"{killed} of {len(verdicts)} mutations killed, {len({mutation.rule for mutation in chosen})} rules")
    return 0 if killed == len(verdicts) else 1


def _is_meant(mutation: Mutation, word: str) -> bool:
    place = f"{mutation.place.module}.{mutation.place.name}"
    return word == str(mutation.rule) or (not word.isdigit() and (word in mutation.name or word in place))


def _copy(folder: Path) -> Path:
    for name in set(PACKAGES.values()):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "template.yaml", folder)  # what makes a folder a checkout
    # Checked by their hashes, not by times: a mutated module is never taken for the one before.
    compileall.compile_dir(folder, quiet=1, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)
    return folder


def _are_sound(tests: Iterable[str], copy: Path) -> bool:
    """Tests that fail anyway prove nothing."""
    code, output = _pytest(copy, sorted(tests), "-n", str(AT_ONCE))
    if code != 0:
        print(output, "these tests fail with all rules in place", sep="\n")
    return code == 0


def _judge(mutation: Mutation, copy: Path) -> str:
    started_s = time.monotonic()
    output = ""
    try:
        _, after = mutation.texts(copy)
    except Misfit as misfit:
        verdict, output = "MISFIT", str(misfit)
    else:
        module = copy / mutation.place.file
        original = module.read_bytes()
        module.write_text(after)
        code, output = _pytest(copy, mutation.tests, "-x")
        module.write_bytes(original)
        verdict = VERDICTS.get(code, "BROKEN")
    took_s = time.monotonic() - started_s
    report = f"{verdict:8}  rule {mutation.rule:2}  {mutation.name}  ({took_s:.0f} s)"
    if verdict == "SURVIVED":
        report += "\n" + mutation.difference(copy)
    elif verdict != "KILLED":
        report += f"\n{output}"
    print(report, flush=True)
    return verdict


def _pytest(copy: Path, tests: Iterable[str], *options: str) -> tuple[int, str]:
    """Run these tests on the copy; code that never ends has failed."""
    paths = [str(ROOT / "tests" / test) for test in tests]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *EXAMPLES, *options]
    folders = [str(copy / name) for name in PACKAGES.values()]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(folders),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(copy / "hypothesis"),
    }
    try:
        done = subprocess.run(
            [*command, "-o", f"pythonpath={' '.join(folders)} {ROOT}", *paths],
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
