"""Which days the page begins with."""

from datetime import UTC, date, datetime

import pytest

from call_lake.settings import SourceSettings
from call_lake_cli.listening.desk import days_of
from tests.support.listening import Listening

SOURCES = {"thulium": SourceSettings("thulium", "thulium", "https://example.com/api")}


@pytest.mark.parametrize(
    ("newest", "last"),
    [
        (None, date(2026, 10, 21)),
        (date(2026, 10, 1), date(2026, 10, 21)),
        (date(2026, 3, 31), date(2026, 3, 31)),
        (date(2027, 10, 1), date(2026, 10, 21)),
    ],
)
def test_they_end_today_or_at_the_newest_call_if_that_is_long_ago(newest: date | None, last: date) -> None:
    here = Listening()
    here.add(1, day=date(2026, 10, 20), source="conpeek")
    if newest:
        here.add(2, day=newest)
    first, found = days_of(here.world.store, SOURCES, datetime(2026, 10, 20, 22, 30, tzinfo=UTC))
    assert found == last
    assert (last - first).days == 30
