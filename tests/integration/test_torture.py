"""Writers, readers, erasures and collection, all at once; `make torture` lets it run for a minute."""

import pytest

from call_lake_local.emulator import Emulator
from tests.torture.run import torture

pytestmark = pytest.mark.integration


def test_readers_see_every_promised_row_once_while_writers_commit_erase_and_collect(emulator: Emulator) -> None:
    result = torture(emulator, seconds=6, grace_s=3)
    assert result.anomalies == []
    assert result.commits
    assert result.erased
    assert set(result.queries) == {"duckdb", "pyarrow"}


def test_the_same_test_finds_what_is_wrong_with_overwriting(emulator: Emulator) -> None:
    result = torture(emulator, seconds=3, grace_s=4, naive=True)
    assert {"twice", "error"} & set(result.counts())
