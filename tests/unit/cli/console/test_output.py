"""Data on stdout, for every reader."""

import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")
PRINT = """
from call_lake_cli.console.errors import explained
from call_lake_cli.console.output import Format, print_rows
import sys, typer
try:
    with explained():
        print_rows(("a",), [(n,) for n in range(3)], Format(sys.argv[1]))
except typer.Exit as end:
    sys.exit(end.exit_code)
"""


@pytest.mark.skipif(not FULL.exists(), reason="this system has no disk that is always full")
@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_a_full_disk_is_one_line(form: str) -> None:
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", PRINT, form], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )

    assert done.returncode == 1
    assert done.stderr == "error: the output cannot be written: No space left on device\n"
