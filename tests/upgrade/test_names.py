"""Rule 35: no name that others rely on is gone."""

import pytest

from tests.upgrade.kept import HERE, VERSIONS
from tests.upgrade.names import names_now


@pytest.fixture(scope="module")
def today() -> set[str]:
    return names_now()


@pytest.mark.parametrize("version", VERSIONS)
def test_every_name_of_a_kept_version_is_still_there(version: str, today: set[str]) -> None:
    kept = (HERE / version / "names.txt").read_text("utf-8").splitlines()

    assert [name for name in kept if name not in today] == []


def test_they_are_of_every_kind(today: set[str]) -> None:
    for name in (
        "command: erase",
        "option: find --from",
        "key of --json: status sources.checkpoint",
        "column: calls recording_id string",
        "parameter: SweepDays",
        "output: BucketName",
        "field: recording-stored recording_id",
    ):
        assert name in today, name
