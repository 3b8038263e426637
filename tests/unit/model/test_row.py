"""The row of a recording: what it says of the call's end, of its queue and its team."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from call_lake.errors import ConfigError
from call_lake.model.lake_tables import CALLS_OPEN
from call_lake.model.recording import AudioFacts, Recording, StoredAudio
from call_lake.model.table import COLUMNS, Row, row_of
from call_lake.settings import SourceSettings
from tests.support.fakes.provider import make_recording

START = datetime(2026, 10, 20, 10, 8, tzinfo=UTC)
AUDIO = StoredAudio("bucket", "audio/1.wav", AudioFacts("wav", 44, "0" * 64), START)


def row_with(**changes: Any) -> Row:
    recording: Recording = replace(make_recording(1, started_at=START), **changes)
    return row_of(recording, AUDIO)


@pytest.mark.parametrize(
    ("ended_at", "duration_s", "expected"),
    [
        (datetime(2026, 10, 20, 10, 9, tzinfo=UTC), 5.0, ("2026-10-20T10:09:00.000Z", "provider")),
        (None, 65.5, ("2026-10-20T10:09:05.500Z", "computed")),
        (None, 0.0, ("2026-10-20T10:08:00.000Z", "computed")),
        (None, None, (None, None)),
        (None, 1e300, (None, None)),
    ],
)
def test_a_row_has_an_end_and_says_from_where(
    ended_at: datetime | None, duration_s: float | None, expected: tuple[str | None, str | None]
) -> None:
    row = row_with(ended_at=ended_at, duration_s=duration_s)

    assert (row["ended_at"], row["ended_at_source"]) == expected


def test_a_row_has_the_providers_words_and_the_settings_names() -> None:
    row = row_with(queue="sales", queue_name="Sales PL", team="2", team_name="Complaints")

    assert [row[name] for name in ("queue", "queue_name", "team", "team_name")] == [
        "sales",
        "Sales PL",
        "2",
        "Complaints",
    ]
    assert row.keys() == {*COLUMNS, "source", "call_date"}


def test_the_open_table_has_the_names_and_not_the_providers_words() -> None:
    names = set(CALLS_OPEN.columns)

    assert names & {"queue", "queue_name", "team", "team_name"} == {"queue_name", "team_name"}


def settings(**more: Any) -> SourceSettings:
    document = {"provider": "thulium", "base_url": "https://example.test/api", "more": more}
    return SourceSettings.from_json("thulium", json.dumps(document))


def test_the_settings_name_queues_and_teams() -> None:
    named = settings(queues={"sales ": " Sales PL"}, teams={"2": "Complaints"})

    assert (dict(named.queues), dict(named.teams)) == ({"sales": "Sales PL"}, {"2": "Complaints"})


@pytest.mark.parametrize("given", [["sales"], {"sales": 2}, {"sales": " "}, "sales"])
def test_names_that_are_none_are_refused(given: Any) -> None:
    with pytest.raises(ConfigError, match="queues"):
        settings(queues=given)
