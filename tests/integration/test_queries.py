"""What the named queries and the view answer, through Athena's API, on rows of which the answer is known."""

import re
from pathlib import Path
from typing import Any

import pytest

from call_lake.model.table import Row
from tests.integration.athena_lake import Lake
from tests.integration.call_rows import FILES, answer, call, write_calls
from tests.support.view import COLUMNS_OF_VIEW, view_table

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("file", FILES.values(), ids=lambda file: file.stem)
def test_a_query_runs_as_it_stands_and_opens_no_file_of_older_days(lake: Lake, file: Path) -> None:
    broken = lake.put("lake/broken.parquet", b"no Parquet")
    for table in ("calls", "transcripts", "sound"):
        lake.commit("thulium", "2016-10-30", broken, table=table)
    assert lake.rows(file.read_text()) == []
    assert lake.ask("SELECT * FROM calls").state == "FAILED"


# -- recipes of docs/schema.md

RECIPES = re.findall(r"^```sql\n(.*?)^```", (ROOT / "docs/schema.md").read_text(), re.DOTALL | re.MULTILINE)


def recipe(word: str) -> str:
    """The one recipe that holds the word, without a bound on when it is asked."""
    [found] = [sql for sql in RECIPES if word in sql]
    return found.replace("DATE '2026-11-01'", "DATE '2026-10-01'")


def test_the_recipes_read_what_a_provider_lists(lake: Lake) -> None:
    conpeek = '{"waiting_time": 12500, "business_end_cause": "ANSWERED", "tags": ["a"]}'
    write_calls(
        lake,
        call("2026-10-19 08:00", source="conpeek", provider="conpeek", raw=conpeek, team="2", team_name="Complaints"),
        call("2026-10-19 09:00", provider="thulium", raw='{"filename": "sales/vip/1.wav"}', queue="sales"),
        call("2026-10-19 10:00", provider="thulium", raw='{"filename": "2.wav"}'),
    )

    assert [row[1] for row in lake.rows(recipe("waiting_time"))] == ["12.5"]
    assert set(lake.rows(recipe("business_end_cause"))) == {("ANSWERED", "1"), (None, "2")}
    assert set(lake.rows(recipe("regexp_extract"))) == {("vip", "1"), (None, "1")}
    assert set(lake.rows(recipe("source, queue, team"))) == {
        ("conpeek", None, "2", "1"),
        ("thulium", "sales", None, "1"),
        ("thulium", None, None, "1"),
    }
    assert len(RECIPES) == 6  # test_queries_said.py asks the others


# -- volumes by hour and weekday


def test_volumes_are_counted_by_the_clock_of_the_office_on_both_sides_of_a_clock_change(lake: Lake) -> None:
    found = answer(
        lake,
        "volumes-by-hour-and-weekday",
        call("2026-10-19 08:30"),
        call("2026-10-26 08:30", direction="outbound"),
        call("2026-10-26 00:10"),  # in UTC still Sunday
        call("2026-10-25 23:59"),
    )
    assert found == [
        ("Monday", "0", "1", "1", "0", "0.5"),
        ("Monday", "8", "2", "1", "1", "1.0"),
        ("Sunday", "23", "1", "1", "0", "1.0"),
    ]


def test_another_time_zone_moves_the_hours(lake: Lake) -> None:
    found = answer(lake, "volumes-by-hour-and-weekday", call("2026-10-26 00:10"), zone="'Asia/Tokyo'")
    assert found == [("Monday", "8", "1", "1", "0", "1.0")]


# -- agents


def test_agents_are_listed_by_their_talk_time(lake: Lake) -> None:
    found = answer(
        lake,
        "talk-time-and-calls-per-agent",
        call("2026-10-19 08:00", agent="Ewa", talk_s=60.0),
        call("2026-10-19 09:00", agent="Jan", talk_s=3600.0),
        call("2026-10-20 08:00", agent="Jan", talk_s=1800.0, direction="outbound"),
        call("2026-10-20 09:00", agent="Jan"),
        call("2026-10-20 10:00", talk_s=5.0),
        call("2026-10-20 10:00", source="conpeek", agent="Jan", talk_s=5.4),
    )
    assert found == [
        ("Jan", "thulium", "3", "2", "1", "2", "1.5", "2700.0", "3600.0"),
        ("Ewa", "thulium", "1", "1", "0", "1", "0.02", "60.0", "60.0"),
        ("Jan", "conpeek", "1", "1", "0", "1", "0.0", "5.0", "5.4"),
        (None, "thulium", "1", "1", "0", "1", "0.0", "5.0", "5.0"),
    ]


def test_agents_with_fewer_calls_than_asked_for_are_left_out(lake: Lake) -> None:
    rows = [call(f"2026-10-19 08:0{n}", agent=agent, talk_s=1.0) for n, agent in enumerate(["Jan", "Jan", "Ewa"])]
    found = answer(lake, "talk-time-and-calls-per-agent", *rows, at_least_calls="2")
    assert [row[0] for row in found] == ["Jan"]


# -- longest calls, newest stored


def test_the_longest_calls_come_first_and_unknown_lengths_last(lake: Lake) -> None:
    found = answer(
        lake,
        "longest-calls",
        call("2026-10-26 08:30", talk_s=5.0, agent="Ewa", audio_uri="s3://b/audio/a.wav"),
        call("2026-10-26 08:30"),
        call("2026-10-20 08:30", talk_s=700.0, duration_s=720.0),
    )
    assert [row[4] for row in found] == ["700.0", "5.0", None]
    assert found[1][0] == "2026-10-26 08:30:00"
    assert found[1][2] == "Ewa"
    assert found[1][-1] == "s3://b/audio/a.wav"


def test_no_more_than_twenty_calls_are_listed(lake: Lake) -> None:
    rows = [call("2026-10-26 08:30", talk_s=float(n), stored_at=f"2026-10-26T10:00:{n:02d}.000Z") for n in range(25)]
    assert [row[4] for row in answer(lake, "longest-calls", *rows)] == [f"{24 - n}.0" for n in range(20)]
    newest = answer(lake, "newest-stored")
    assert [str(row[0])[17:19] for row in newest] == [f"{24 - n:02d}" for n in range(20)]


def test_the_newest_stored_says_how_long_after_the_calls_end_it_came(lake: Lake) -> None:
    found = answer(
        lake,
        "newest-stored",
        call("2026-10-26 08:30", stored_at="2026-10-26T08:00:00.000Z", audio_format="wav", audio_bytes=9),
        call("2026-10-26 08:30", ended_at="2026-10-26T07:55:00.000Z", stored_at="2026-10-26T08:00:01.000Z"),
    )
    assert [row[3] for row in found] == ["5", "30"]
    assert found[1][:3] == (
        "2026-10-26 09:00:00",
        "thulium",
        "2026-10-26 08:30:00",
    )
    assert found[1][4:6] == ("wav", "9")


# -- gaps


def three_each(hour: int, *days: int) -> list[Row]:
    """Three recordings in that hour of each of these days of October; the 5th, 12th, 19th and 26th are Mondays."""
    return [call(f"2026-10-{day:02d} {hour:02d}:{minute}") for day in days for minute in (10, 20, 30)]


def test_a_usual_hour_without_any_recording_is_a_gap(lake: Lake) -> None:
    found = answer(lake, "gaps-in-recording", *three_each(10, 5, 12, 26), *three_each(11, 5, 12, 19, 26))
    assert found == [("thulium", "2026-10-19", "10", "2.3")]


def test_one_sources_gap_is_not_filled_by_another(lake: Lake) -> None:
    others = [row | {"source": "conpeek"} for row in three_each(10, 5, 12, 19, 26)]
    found = answer(lake, "gaps-in-recording", *three_each(10, 5, 12, 19), *others)
    assert [row[:3] for row in found] == [("thulium", "2026-10-26", "10")]


@pytest.mark.parametrize(
    "rows",
    [
        three_each(10, 5),
        three_each(7, 5, 12, 26),
        three_each(19, 5, 12, 26),
        three_each(10, 3, 10, 17),
    ],
    ids=["not usual", "before hours", "after hours", "a Saturday"],
)
def test_what_is_no_gap(lake: Lake, rows: list[Row]) -> None:
    assert answer(lake, "gaps-in-recording", *rows) == []


def test_gaps_are_looked_for_from_28_days_ago_to_yesterday(lake: Lake) -> None:
    fridays = three_each(10, 9, 16, 23)  # as the 2nd and TODAY are
    assert [row[1] for row in answer(lake, "gaps-in-recording", *fridays)] == ["2026-10-02"]


def test_working_hours_and_what_is_usual_can_be_edited(lake: Lake) -> None:
    rows = three_each(7, 5, 12, 26)
    assert len(answer(lake, "gaps-in-recording", *rows, first_hour="7")) == 1
    assert len(answer(lake, "gaps-in-recording", *rows, first_hour="7", usual_at_least="3")) == 0


# -- audio and storage


def test_a_change_of_the_audio_shows_as_a_form_with_its_share_of_the_month(lake: Lake) -> None:
    heard: dict[str, Any] = {"audio_channels": 2, "audio_sample_rate": 8000, "audio_s": 1.0}
    ogg = heard | {"audio_format": "ogg", "audio_bytes": 1000}
    wav = heard | {"audio_format": "wav", "audio_bytes": 16_000}
    rows = (
        call("2026-09-10 08:00", **ogg),
        *(call(f"2026-10-1{n} 08:00", **ogg) for n in range(3)),
        call("2026-10-20 08:00", **wav),
        call("2026-10-21 08:00", source="conpeek", audio_format="mp3", audio_bytes=7),
    )
    found = answer(lake, "audio-format-drift", *rows)
    assert found == [
        ("conpeek", "2026-10", "mp3", None, None, "1", "100.0", None),
        ("thulium", "2026-09", "ogg", "2", "8000", "1", "100.0", "8.0"),
        ("thulium", "2026-10", "ogg", "2", "8000", "3", "75.0", "8.0"),
        ("thulium", "2026-10", "wav", "2", "8000", "1", "25.0", "128.0"),
    ]
    assert len(answer(lake, "audio-format-drift", least_share="0.5e0")) == 3


def test_the_bit_rate_is_of_the_recordings_whose_length_is_known(lake: Lake) -> None:
    mp3: dict[str, Any] = {"audio_format": "mp3", "audio_channels": 1, "audio_sample_rate": 8000}
    found = answer(
        lake,
        "audio-format-drift",
        call("2026-10-20 12:00", **mp3, audio_bytes=100_000, audio_s=50.0),
        call("2026-10-20 13:00", **mp3, audio_bytes=900_000),
        call("2026-10-20 14:00", **mp3, audio_bytes=500_000, audio_s=0.0),
    )
    assert [(row[5], row[7]) for row in found] == [("3", "16.0")]


def test_storage_adds_up_by_source_and_month(lake: Lake) -> None:
    found = answer(
        lake,
        "storage-by-month",
        call("2026-09-10 08:00", audio_bytes=2**30, audio_s=5400.0),
        call("2026-10-10 08:00", audio_bytes=2**29, audio_s=1800.0),
        call("2026-10-11 08:00", audio_bytes=2**30),
        call("2026-10-11 08:00", source="conpeek", audio_bytes=2**28, audio_s=360.0),
    )
    assert found == [
        ("2026-09", "thulium", "1", "1.0", "1.0", "1.5"),
        ("2026-10", "conpeek", "1", "0.25", "0.25", "0.1"),
        ("2026-10", "thulium", "2", "1.5", "2.5", "0.5"),
    ]


# -- the view


def test_the_view_has_one_line_per_source_and_day_with_the_declared_types(lake: Lake) -> None:
    lake.glue.create_table(DatabaseName=lake.name, TableInput=view_table(lake.name))
    write_calls(
        lake,
        call("2026-10-19 08:00", agent="Ewa", talk_s=60.0, audio_bytes=10),
        call("2026-10-19 09:00", agent="Ewa", talk_s=0.5, audio_bytes=5),
        call("2026-10-19 10:00", agent="Jan", direction="outbound"),
        call("2026-10-19 11:00", direction=None),
        call("2026-10-19 10:00", source="conpeek", agent="Jan"),
        call("2026-10-20 10:00"),
    )
    found = lake.ask("SELECT * FROM calls_daily WHERE call_date = DATE '2026-10-19' ORDER BY source")
    assert found.rows == [
        ("conpeek", "2026-10-19", "1", "1", "0", None, "1", None),
        ("thulium", "2026-10-19", "4", "2", "1", "60.5", "2", "15"),
    ]
    athena = {"string": "varchar", "date": "date", "bigint": "bigint", "double": "double"}
    assert found.columns == {column["Name"]: athena[column["Type"]] for column in COLUMNS_OF_VIEW}
