"""What holds for every test: no test reaches a real account, none is judged by a clock, each knows its kind."""

import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from call_lake.aws.strict.requests import check_every_request

# On top of Hypothesis's own choice, which under CI is to be the same on every run.
settings.register_profile("call-lake", settings.default, deadline=None)
settings.load_profile("call-lake")

for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
    os.environ.pop(name, None)
os.environ |= {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "STRICT_REQUESTS": "true",  # of the processes that tests start
}
check_every_request()


@pytest.fixture(scope="session", autouse=True)
def _own_state_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The local stacks of tests are not named to the user, nor the user's to tests."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))


FOLDERS_WITH_A_MARKER = ("integration", "e2e", "crash", "installed")
FOLDERS_ON_THE_LOCAL_STACK = ("integration", "contract")
"""All that `make test-integration` collects, for collecting every test takes ten seconds."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test's folder is its marker, so that ``-m 'not e2e'`` means what it says."""
    here = Path(__file__).parent
    for item in items:
        folder = item.path.relative_to(here).parts[0]
        if folder in FOLDERS_WITH_A_MARKER:
            item.add_marker(folder)
        if item.get_closest_marker("integration") and folder not in FOLDERS_ON_THE_LOCAL_STACK:
            raise pytest.UsageError(f"{item.nodeid}: nobody runs it, for it is in none of {FOLDERS_ON_THE_LOCAL_STACK}")


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """With ``--dist loadscope`` the tests of a file stay together; so do all that share the laptop's stack."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "laptop" if "laptop: Shell" in _text_of(file) else file


@cache
def _text_of(file: str) -> str:
    return (Path(__file__).parents[1] / file).read_text()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    return ByFile(config, log) if config.getvalue("dist") == "loadscope" else None
