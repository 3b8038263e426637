"""The whole local stack outside a checkout, as somebody types it who has installed the command (`make try-installed`).

It takes a minute, for every tool is made again, so `.ci/run` runs it and `make test` does not.
"""

import json
from collections.abc import Iterator

import pytest

from tests.support.installed import Installed, install

STACK = "stack"
COUNT = "SELECT count(*) AS calls FROM calls WHERE call_date >= DATE '2026-10-01'"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    here = install(tmp_path_factory.mktemp("installed"))
    yield here
    here.type("local down", below=STACK)


def test_a_stack_is_started_read_and_named_in_other_folders(installed: Installed) -> None:
    _done(installed, "local up --detach --recordings 5 --days 3 --until 2026-10-27")
    _done(installed, "local settle --from 2026-10-24 --to 2026-10-27")
    assert json.loads(_done(installed, "query --json", COUNT)) == [{"calls": 10}]

    said = installed.type("status", below="elsewhere").stderr
    assert f"a local one runs in {installed.folder / STACK} (cd there)" in said
    _done(installed, "local down")
    assert installed.type("status", below="elsewhere").stderr.startswith("error: no stack here: start one")


def _done(installed: Installed, line: str, *arguments: str) -> str:
    done = installed.type(line, *arguments, below=STACK)
    assert done.returncode == 0, done.stderr
    return done.stdout
