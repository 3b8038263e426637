"""When ``call-lake local settle`` counts a stack as settled."""

import io
import json
from datetime import date
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from call_lake.operations.days import Days
from call_lake_cli.stack import settle as settling
from call_lake_cli.stack.census import SourceCensus

DAYS = Days(date(2026, 10, 24), date(2026, 10, 25))


class FakeStack:
    """Each listing of a window finds as many recordings as ``finds`` says next; all are stored at once."""

    def __init__(self, *finds: int) -> None:
        self.sources = {"conpeek": SimpleNamespace(zone=ZoneInfo("Europe/Warsaw"))}
        self.finds = list(finds)
        self.listings: list[dict[str, str]] = []
        self.invoked: list[str] = []
        self.listed = 0

    def client(self, _name: str) -> Any:
        return self

    @property
    def functions(self) -> dict[str, str]:
        return {name: name for name in ("poller", "copier", "compactor")}

    def invoke(self, FunctionName: str, Payload: str) -> dict[str, Any]:  # noqa: N803 - as boto3 has them
        self.invoked.append(FunctionName)
        if FunctionName == "poller":
            self.listings.append(json.loads(Payload))
            self.listed += self.finds.pop(0)
        return {"Payload": io.BytesIO(b"{}")}

    def census(self) -> list[SourceCensus]:
        return [
            SourceCensus(
                "conpeek", listed=self.listed, stored=self.listed, rows=self.listed, recordings_in_rows=self.listed
            )
        ]


def settle(stack: Any, monkeypatch: pytest.MonkeyPatch, days: Days | None) -> bool:
    monkeypatch.setattr(settling, "take_census", lambda given: given.census())
    return settling.settle(stack, days, 60.0, lambda _step, _census: None)[0]


def test_a_window_is_listed_until_a_listing_finds_nothing_new(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = FakeStack(3, 1, 0)
    assert settle(stack, monkeypatch, DAYS)
    assert stack.listed == 4
    assert (
        stack.listings
        == [{"source": "conpeek", "from": "2026-10-23T22:00:00.000Z", "to": "2026-10-26T23:00:00.000Z"}] * 3
    )


def test_without_a_window_one_listing_is_enough_for_the_next_poll_looks_back(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = FakeStack(3)
    assert settle(stack, monkeypatch, None)
    assert stack.listings == [{"source": "conpeek"}]


def test_a_window_that_cannot_be_read_does_not_keep_what_was_copied_from_the_table() -> None:
    stack = FakeStack(0)
    settling._step(stack, [SourceCensus("conpeek", listed=9, stored=9, jobs_unfinished=1, inbox=9)], copies_rest=False)  # type: ignore[arg-type]
    assert stack.invoked == ["poller", "compactor"]
