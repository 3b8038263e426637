"""What the named queries about transcripts and sound answer, through Athena's API, on rows of which the answer is
known."""

from datetime import date

import boto3
import pyarrow as pa
import pytest

from call_lake.model.lake_tables import TRANSCRIPTS
from call_lake.model.layout import Partition
from call_lake.model.transcripts import SEGMENTS
from call_lake.transcribing.limits import FORMATS, MOST_BYTES, MOST_S
from call_lake_local.emulator import Emulator
from tests.integration.athena_lake import Lake
from tests.integration.call_rows import FILES, commit_files, create_calls, edited
from tests.integration.said_rows import SILENT, WORLD, create_said, write_said
from tests.integration.test_queries import recipe


@pytest.fixture(scope="module")
def world(aws: boto3.Session, emulator: Emulator) -> Lake:
    made = Lake(aws, emulator)
    create_calls(made)
    create_said(made)
    write_said(made, *WORLD)
    return made


def asked(world: Lake, query: str, **edits: str) -> list[tuple[str | None, ...]]:
    return world.rows(edited(query, **edits))


def number_of(recording_id: str | None) -> int:
    """The recording's place in WORLD."""
    return int(str(recording_id).rpartition("-")[2], 16)


# -- calls that mention a phrase


def test_each_stretch_that_has_the_phrase_is_a_line_with_its_second_and_its_side(world: Lake) -> None:
    found = asked(world, "calls-that-mention-a-phrase")

    assert [(number_of(row[-2]), *row[1:7]) for row in found] == [
        (1, "1.25", None, None, "Thank you for the invoice", "0.75", "whisper"),
        (0, "0.5", "0", None, "Invoice office, good morning", None, "aws"),
        (0, "2.0", "1", None, "My INVOICE is wrong", None, "aws"),
        (4, "0.0", "0", None, "and another invoice", None, "aws"),
    ]
    assert found[0][0] == "2026-10-26 09:00:00"
    assert found[3][7:] == ("thulium", "Jan", "outbound", f"thulium-{4:032x}", "s3://bucket/audio/a.wav")


def test_a_phrase_is_a_part_of_one_stretch_and_never_a_pattern(world: Lake) -> None:
    phrases = ["'HANK yo'", "'%'", "'_'"]

    assert [len(asked(world, "calls-that-mention-a-phrase", phrase=phrase)) for phrase in phrases] == [1, 0, 0]


def test_a_call_of_ten_thousand_stretches_is_read_whole(world: Lake) -> None:
    assert len(asked(world, "calls-that-mention-a-phrase", phrase="'yes'")) == SILENT


# -- talk ratio and interruptions


def test_the_talk_of_both_sides_adds_up_by_agent_and_week(world: Lake) -> None:
    expected = ("2026-10-26", "Ewa", "thulium", "2", "0.03", "0.02", "60.0", "1.5", "1.0")

    assert asked(world, "talk-ratio-and-interruptions") == [expected]
    assert asked(world, "talk-ratio-and-interruptions", at_least_calls="3") == []


def test_the_agent_may_be_on_the_other_channel(world: Lake) -> None:
    [row] = asked(world, "talk-ratio-and-interruptions", agent_channel="1")

    assert row[4:] == ("0.02", "0.03", "40.0", "1.0", "1.5")


# -- silences


def test_the_longest_silences_come_first_with_where_they_begin(world: Lake) -> None:
    found = asked(world, "long-silences")

    assert [(number_of(row[-2]), *row[1:5]) for row in found] == [
        (2, "90.0", "0.0", "100.0", "90.0"),
        (4, "45.1", "10.0", None, "90.0"),
    ]
    assert len(asked(world, "long-silences", at_least_s="29")) == 3


def test_a_side_that_is_not_heard_while_the_other_one_talks_is_named(world: Lake) -> None:
    customer = ("2026-10-21 10:00:00", "customer", "12.0", "thulium", "Jan", "outbound")
    agent = ("2026-10-22 10:00:00", "agent", "9.5", "thulium", "Jan", "inbound")

    assert [row[:6] for row in asked(world, "calls-with-one-silent-side")] == [customer]
    assert [row[:6] for row in asked(world, "calls-with-one-silent-side", at_least_s="9")] == [agent, customer]
    assert [row[1] for row in asked(world, "calls-with-one-silent-side", agent_channel="1")] == ["agent"]


# -- phrases by week


def test_a_phrase_counts_once_in_a_call_of_those_that_have_a_transcript(world: Lake) -> None:
    found = asked(world, "phrases-by-week", phrases="'Invoice,, thank you ,invoice'")

    assert found == [
        ("invoice", "2026-09-28", "thulium", "aws", "1", "1", "100.0"),
        ("invoice", "2026-10-19", "thulium", "aws", "1", "3", "33.3"),
        ("invoice", "2026-10-26", "thulium", "aws", "1", "2", "50.0"),
        ("invoice", "2026-10-26", "thulium", "whisper", "1", "1", "100.0"),
        ("thank you", "2026-09-28", "thulium", "aws", "0", "1", "0.0"),
        ("thank you", "2026-10-19", "thulium", "aws", "0", "3", "0.0"),
        ("thank you", "2026-10-26", "thulium", "aws", "0", "2", "0.0"),
        ("thank you", "2026-10-26", "thulium", "whisper", "1", "1", "100.0"),
    ]


# -- calls without a transcript


def test_a_call_without_a_transcript_has_the_reason_that_the_lake_knows(world: Lake) -> None:
    found = asked(world, "calls-without-a-transcript")

    assert [(number_of(row[-1]), row[2]) for row in found] == [
        (13, "Amazon Transcribe takes no more than 4 hours and 2 GB"),
        (12, "Amazon Transcribe takes no more than 4 hours and 2 GB"),
        (11, "not known here: see call-lake show"),
        (10, "stored since yesterday: it may still come"),
        (9, "Amazon Transcribe takes no less than half a second"),
        (8, "Amazon Transcribe does not read this format"),
        (7, "the audio has expired"),
        (5, "no call of this source and day has one: was it switched on? See call-lake transcribe"),
    ]
    assert found[5][3:6] == ("1", "wma", "90.0")


def test_what_another_engine_did_not_hear_is_no_matter_of_amazons_formats(world: Lake) -> None:
    found = asked(world, "calls-without-a-transcript", engine="'whisper'")
    never = "no call of this source and day has one: was it switched on? See call-lake transcribe"

    assert [(number_of(row[-1]), row[2], row[3]) for row in found if number_of(row[-1]) in (0, 2, 8)] == [
        (8, "not known here: see call-lake show", "6"),
        (0, "not known here: see call-lake show", "6"),
        (2, never, "4"),
    ]


def test_formats_and_limits_are_those_that_the_transcriber_knows() -> None:
    text = FILES["calls-without-a-transcript"].read_text()
    listed = text.partition("NOT IN (")[2].partition(")")[0]

    assert {name.strip("' ") for name in listed.split(",")} == FORMATS
    assert f"audio_s > {MOST_S:.0f} OR compared.audio_bytes > {MOST_BYTES})" in text


# -- recipes of docs/schema.md


def test_the_recipes_of_the_page_join_the_tables_and_read_a_call_by_its_seconds(world: Lake) -> None:
    numbers = world.rows(recipe("silence_share"))
    said = world.rows(recipe("UNNEST").replace("DATE '2026-10-01'", "DATE '2026-10-26'"))

    assert len(numbers) == 6
    assert (f"thulium-{2:032x}", "Jan", "0", "1.0") in numbers
    assert said == [("0.5", "0", "Invoice office, good morning"), ("2.0", "1", "My INVOICE is wrong")]


# -- nested columns

DAYS = "call_date >= DATE '2026-10-26'"


def test_a_nested_column_is_printed_as_athena_prints_it(world: Lake) -> None:
    found = world.ask(f"SELECT segments FROM transcripts WHERE {DAYS} AND engine = 'whisper'")

    assert found.columns == {"segments": "array"}
    assert found.rows == [
        ("[{start_s=1.25, end_s=2.75, channel=null, speaker=null, text=Thank you for the invoice, confidence=0.75}]",)
    ]


def test_a_transcript_without_segments_stays_in_a_left_join(world: Lake) -> None:
    found = world.rows(
        "SELECT recording_id, n, said.text FROM transcripts LEFT JOIN UNNEST(segments) WITH ORDINALITY"
        " AS said (start_s, end_s, channel, speaker, text, confidence, n) ON TRUE"
        " WHERE call_date BETWEEN DATE '2026-10-19' AND DATE '2026-10-26' AND recording_id NOT LIKE '%4'"
        " ORDER BY recording_id, engine, n"
    )

    assert [(number_of(row[0]), *row[1:]) for row in found] == [
        (0, "1", "Invoice office, good morning"),
        (0, "2", "My INVOICE is wrong"),
        (1, "1", "thank"),
        (1, "2", "you"),
        (1, "1", "Thank you for the invoice"),
        (2, None, None),
        (3, None, None),
    ]


@pytest.mark.parametrize("names", ["(start_s, text)", "(a, b, c, d, e, f, g)", ""])
def test_unnest_has_to_name_all_fields(world: Lake, names: str) -> None:
    found = world.ask(f"SELECT 1 FROM transcripts CROSS JOIN UNNEST(segments) AS said {names} WHERE {DAYS}")

    assert (found.state, "6 columns" in found.reason) == ("FAILED", True), found.reason


def test_fields_are_read_by_name_and_one_that_a_file_lacks_is_null(world: Lake) -> None:
    older = pa.table({"segments": [[{"text": "hello", "start_s": 1.0}]]})
    commit_files(world, Partition("conpeek", date(2025, 11, 1)), older, table=TRANSCRIPTS)

    assert world.rows("SELECT segments[1] FROM transcripts WHERE call_date = DATE '2025-11-01'") == [
        ("{start_s=1.0, end_s=null, channel=null, speaker=null, text=hello, confidence=null}",)
    ]


def test_segments_are_kept_by_create_table_as(world: Lake) -> None:
    world.rows(f"CREATE TABLE kept AS SELECT segments FROM transcripts WHERE {DAYS} AND engine = 'whisper'")

    assert dict(world.glue.get_table(DatabaseName=world.name, Name="kept")["Table"]["StorageDescriptor"])[
        "Columns"
    ] == [{"Name": "segments", "Type": SEGMENTS}]
    assert world.rows("SELECT segments[1].text FROM kept") == [("Thank you for the invoice",)]
