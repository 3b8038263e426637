"""Crash points are counted over all tests, and the sum is printed when they are done."""

import logging
from collections.abc import Iterator

import pyarrow.parquet as pq
import pytest

from call_lake.lake import merge
from tests.crash.points import COVERED, DIFFERENCES, Points
from tests.support.parquet_memory import RememberingWriter


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(autouse=True, scope="module")
def _quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pq, "ParquetWriter", RememberingWriter)
        yield


@pytest.fixture(autouse=True, scope="module")
def _small_files_as_large_ones() -> Iterator[None]:
    """Of a file that loses rows: it is rewritten alone, so that a commit has two files to write. The other way is a
    part of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merge, "SMALL_ROWS", 0)
        yield


@pytest.fixture
def points(request: pytest.FixtureRequest) -> Points:
    return Points(request.node)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Worker processes of pytest-xdist send what their tests noted along with the results."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    notes = [note for report in reports if getattr(report, "when", "") == "call" for note in report.user_properties]
    covered, differences = (sum(value for name, value in notes if name == wanted) for wanted in (COVERED, DIFFERENCES))
    if covered:
        terminalreporter.write_line(f"crash points: {covered} covered, {differences} differences")
