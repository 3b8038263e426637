"""The provider's count tells of rows that moved where the overlap of pages does not (design rule 3)."""

import pytest

from call_lake.errors import Drifted
from call_lake.providers.paging.by_offset import OffsetPager, RawPage


def test_a_row_that_came_behind_the_overlap_is_noticed_by_the_count() -> None:
    listed = [list("abcde"), list("axcdeb"), list("axcdeb")]  # x came, b went to the end, c stayed where it was

    def fetch(offset: int, limit: int) -> RawPage:
        rows = listed.pop(0)
        return RawPage(rows[offset : offset + limit], len(rows))

    with pytest.raises(Drifted, match="number of rows"):
        list(OffsetPager(3).walk(fetch, str, may_be_wide=True))
