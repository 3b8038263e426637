"""Unusable records are counted, and cost one line of the log a page."""

import logging
from collections.abc import Iterator

import pytest

from call_lake.model.windows import Window
from call_lake.ports import BadRecord, Page
from tests.support.fakes.provider import FakeProvider, make_recording
from tests.support.pipeline import Pipeline


class Messy(FakeProvider):
    """Lists two pages of 10,000 unusable records each, of which 100 have other reasons."""

    def list_window(self, window: Window, *, may_be_wide: bool = False) -> Iterator[Page]:
        for first in (0, 5):
            bad = [BadRecord("it has no filename", "{}")] * 9_900
            bad += [BadRecord(f"reason {number % 25}", "{}") for number in range(100)]
            yield Page(tuple(make_recording(first + number) for number in range(5)), tuple(bad))


def test_a_page_of_unusable_records_is_one_line_with_its_commonest_reasons(
    pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline.providers = {"thulium": Messy(pipeline.world.calls)}
    logging.disable(logging.NOTSET)
    with caplog.at_level(logging.WARNING, "call-lake"):
        result = pipeline.poll("thulium")
    logging.disable(logging.CRITICAL)

    assert (result.bad_records, result.published) == (20_000, 10)
    lines = [record.__dict__ for record in caplog.records]
    assert [(line["msg"], line["records"]) for line in lines] == [("a listed record is unusable", 10_000)] * 2
    assert lines[0]["why"].startswith("it has no filename (9900); reason ")
    assert lines[0]["why"].count(";") == 2
