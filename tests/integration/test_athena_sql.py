"""Trino's functions, asked through Athena's API: those that the adapter translates itself, and how values are printed.
Expected values are those of Trino's documentation; `make trino` asks Trino itself for them."""

from datetime import UTC, datetime

import boto3
import pytest

from call_lake_local.emulator import Emulator
from tests.integration.athena_lake import Lake, Row

TS = "timestamp '2026-10-25 01:30:05.250'"
DAY = "date '2026-10-25'"

ROWS = [
    Row("thulium-1", datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "Ewa", 12.5, 100),
    Row("thulium-2", datetime(2026, 10, 25, 2, 30, tzinfo=UTC), "Jan", 25.0, 200),
    Row("thulium-3", datetime(2026, 10, 25, 3, 30, tzinfo=UTC), None, None, 300),
]

VALUES = [
    # times
    ("date_diff('minute', started_at, started_at + interval '90' minute)", "90"),
    ("date_diff('day', timestamp '2026-10-24 23:00:00', timestamp '2026-10-25 01:00:00')", "0"),
    (f"date_diff('day', date '2026-10-20', {DAY})", "5"),
    (f"date_format({TS}, '%Y-%m-%d %H:%i:%s')", "2026-10-25 01:30:05"),
    (f"date_format({TS}, '%W %b %M %e %y %p %h %v')", "Sunday Oct October 25 26 AM 01 43"),
    ("date_parse('2026-10-25 01:30', '%Y-%m-%d %H:%i')", "2026-10-25 01:30:00.000"),
    ("date(date_parse(date_format(call_date, '%Y-%m-%d'), '%Y-%m-%d'))", "2026-10-25"),
    (f"format_datetime({TS}, 'yyyy-MM-dd''T''HH:mm EEE')", "2026-10-25T01:30 Sun"),
    ("parse_datetime('2026-10-25 01:30', 'yyyy-MM-dd HH:mm')", "2026-10-25 01:30:00.000 UTC"),
    (f"extract(dow from {TS})", "7"),
    (f"extract(day_of_week from {TS})", "7"),
    (f"yow({TS})", "2026"),
    (f"millisecond({TS})", "250"),
    ("from_iso8601_timestamp('2026-10-25T01:30:00+02:00')", "2026-10-25 01:30:00.000 +02:00"),
    ("from_iso8601_timestamp('2026-10-25T01:30:00.250-05:30')", "2026-10-25 01:30:00.250 -05:30"),
    ("from_iso8601_timestamp('2026-10-25T01:30:00Z')", "2026-10-25 01:30:00.000 UTC"),
    ("from_iso8601_timestamp('2026-10-25T01:30:00')", "2026-10-25 01:30:00.000 UTC"),
    ("to_iso8601(started_at)", "2026-10-25T01:30:00.000"),
    (f"to_iso8601({DAY})", "2026-10-25"),
    ("from_unixtime(1792891800)", "2026-10-25 01:30:00.000 UTC"),
    ("to_unixtime(started_at)", "1.7928918E9"),
    ("at_timezone(started_at, 'Europe/Warsaw')", "2026-10-25 02:30:00.000 Europe/Warsaw"),
    ("started_at at time zone 'Europe/Warsaw'", "2026-10-25 02:30:00.000 Europe/Warsaw"),
    ("hour(at_timezone(started_at, 'Europe/Warsaw'))", "2"),
    ("date(at_timezone(timestamp '2026-10-24 23:30:00', 'Europe/Warsaw'))", "2026-10-25"),
    ("date_format(started_at at time zone 'Europe/Warsaw', '%H:%i')", "02:30"),
    ("with_timezone(timestamp '2026-10-25 01:30:00', 'America/New_York')", "2026-10-25 01:30:00.000 America/New_York"),
    (f"date_trunc('hour', {TS})", "2026-10-25 01:00:00.000"),
    (f"date_trunc('week', {DAY})", "2026-10-19"),
    ("date_trunc('week', call_date)", "2026-10-19"),
    ("date_trunc('hour', started_at)", "2026-10-25 01:00:00.000"),
    (f"date_add('day', -3, {DAY})", "2026-10-22"),
    (f"date_add('hour', 2, {TS})", "2026-10-25 03:30:05.250"),
    (f"{DAY} - interval '7' day", "2026-10-18"),
    (f"cast({DAY} - interval '7' day as varchar)", "2026-10-18"),
    (f"{DAY} + interval '1' month + interval '1' day", "2026-11-26"),
    ("cast(started_at as varchar)", "2026-10-25 01:30:00.000"),
    (f"cast({DAY} as varchar)", "2026-10-25"),
    ("started_at - timestamp '2026-10-24 00:00:00'", "1 01:30:00.000"),
    ("human_readable_seconds(3661)", "1 hour, 1 minute, 1 second"),
    # numbers
    ("7 / 2", "3"),
    ("cast(7 as bigint) / 2", "3"),
    ("7 * 1.0e0 / 2", "3.5"),
    ("round(talk_s, 0)", "13.0"),
    ("1e7", "1.0E7"),
    ("1.25e-4", "1.25E-4"),
    ("9999999.5e0", "9999999.5"),
    ("0e0", "0.0"),
    ("nan()", "NaN"),
    ("infinity()", "Infinity"),
    ("cast(1.50 as decimal(10, 2))", "1.50"),
    ("width_bucket(12.5e0, 0, 100, 10)", "2"),
    # text
    ("regexp_extract('+48 600', '\\d+')", "48"),
    ("regexp_extract('none', '\\d+')", None),
    ("regexp_extract('a=1', '(\\w)=(\\d)', 2)", "1"),
    ("format('%s has %d of %s', agent, 3, 4)", "Ewa has 3 of 4"),
    ("codepoint('A')", "65"),
    ("url_extract_host('https://example.test:8080/a')", "example.test"),
    # collections
    ("transform(array[1, 2], x -> x + 1)", "[2, 3]"),
    ("reduce(array[1, 2], 0, (s, x) -> s + x, s -> s)", "3"),
    ("slice(array[1, 2, 3], 2, 2)", "[2, 3]"),
    ("sequence(date '2026-10-01', date '2026-10-03', interval '1' day)", "[2026-10-01, 2026-10-02, 2026-10-03]"),
    ("row(1, 'a')", "{field0=1, field1=a}"),
    ("array[1, null]", "[1, null]"),
]

AGGREGATES = [
    ("approx_percentile(audio_bytes, 0.5)", "200"),
    ("count(*) / 2", "1"),
    ("sum(audio_bytes) / count(*)", "200"),
    ("avg(audio_bytes)", "200.0"),
    ("every(audio_bytes > 0)", "true"),
    ("bool_or(talk_s > 20)", "true"),
    ("array_agg(audio_bytes order by audio_bytes desc)", "[300, 200, 100]"),
    ("map_agg(recording_id, audio_bytes)['thulium-2']", "200"),
    ("max(started_at) - min(started_at)", "0 02:00:00.000"),
]

QUERIES = [
    ("select c from (values 1, 2) as t(c) order by c desc", [("2",), ("1",)]),
    (
        "select day from unnest(sequence(date '2026-10-01', date '2026-10-02')) as t(day)",
        [("2026-10-01",), ("2026-10-02",)],
    ),
    (
        "select x, n from calls cross join unnest(split('a,b', ',')) with ordinality as t(x, n)"
        " where recording_id = 'thulium-1' order by n",
        [("a", "1"), ("b", "2")],
    ),
    ("select b, a from unnest(array[row(1, 'x'), row(2, null)]) as t(a, b) order by a", [("x", "1"), (None, "2")]),
    (
        "select a, b, n from calls cross join unnest(array[row(talk_s, 'x')]) with ordinality as t(a, b, n)"
        " where talk_s > 20",
        [("25.0", "x", "1")],
    ),
    (
        "select agent, a from calls left join unnest(filter(array[row(talk_s, 'x')], r -> talk_s > 20)) as t(a, b)"
        " on true order by agent",
        [("Ewa", None), ("Jan", "25.0"), (None, None)],
    ),
    ("select agent from calls order by agent", [("Ewa",), ("Jan",), (None,)]),
    ("select agent from calls order by agent desc", [("Jan",), ("Ewa",), (None,)]),
    ("select recording_id from calls order by 1 offset 1 limit 1", [("thulium-2",)]),
    ("select recording_id from calls order by 1 fetch first 1 rows only", [("thulium-1",)]),
    ("select row_number() over (order by started_at desc) from calls limit 1", [("1",)]),
    (
        "select lag(recording_id) over (order by started_at) from calls order by started_at limit 2",
        [(None,), ("thulium-1",)],
    ),
    ("with calls as (select * from calls where talk_s > 20) select recording_id from calls", [("thulium-2",)]),
    (
        "select call_date, count(*) from calls group by rollup(call_date) order by 2, 1",
        [("2026-10-25", "3"), (None, "3")],
    ),
    ("select 1 where exists (select 1 from calls) union all select 2", [("1",), ("2",)]),
    (
        'select count(*) from awsdatacatalog."{db}".calls c join {db}.calls d on c.recording_id = d.recording_id',
        [("3",)],
    ),
    ("select {db}.calls.recording_id from {db}.calls order by 1 limit 1", [("thulium-1",)]),
]


REFUSED = [
    "select date(started_at) as day, count(*) from calls group by day",
    "select talk_s as talk from calls where talk > 1",
    "select agent, count(*) as n from calls group by agent having n > 1",
    "select * from calls where call_date >= '2026-10-01'",
    "select * from calls where call_date >= '1.11.2026'",
    "select * from calls where call_date >= date '1.11.2026'",
    "select * from calls where call_date >= cast(current_date - interval '7' day as varchar)",
    "select * from calls where call_date between '2026-10-01' and '2026-10-31'",
    "select * from calls where call_date in ('2026-10-01')",
    "select * from calls where started_at >= '2026-10-01'",
    "select * from (select started_at as at from calls) where at < '2026-10-01'",
    "select * from calls where talk_s in ('1')",
    "select * from calls where call_date = 20261025",
]

ACCEPTED = [
    "select date(started_at) as day, count(*) from calls group by date(started_at) order by day",
    "select date(started_at) as day, count(*) from calls group by 1",
    "select lower(agent) as agent from calls group by agent",
    "select * from calls where call_date >= current_date - interval '7' day",
    "select * from calls where call_date between date '2026-10-01' and date '2026-10-31'",
    "select * from calls where call_date >= date_trunc('month', current_date - interval '2' month)",
    "select date_format(call_date, '%Y-%m'), count(*) from calls group by 1",
    "select * from calls where date(call_date) >= date '2026-10-01' and started_at < current_timestamp",
    "select * from calls where started_at >= from_iso8601_timestamp('2026-10-01T00:00:00Z')",
    "select * from calls where talk_s > 1 and audio_bytes <> 5 and agent is not null",
    "select * from calls where started_at >= timestamp '2026-10-01 00:00:00' and started_at > date '2026-10-01'",
]


@pytest.fixture(scope="module")
def lake(aws: boto3.Session, emulator: Emulator) -> Lake:
    made = Lake(aws, emulator)
    made.create_calls()
    made.commit("thulium", "2026-10-25", made.write(ROWS))
    return made


@pytest.fixture(scope="module")
def values(lake: Lake) -> dict[str, str | None]:
    """What every expression above gives, asked at once, for a hundred queries would take half a minute."""
    found: dict[str, str | None] = {}
    for expressions, where in ((VALUES, "recording_id = 'thulium-1'"), (AGGREGATES, "true")):
        texts = [expression for expression, _ in expressions]
        [row] = lake.rows(f"SELECT {', '.join(texts)} FROM calls WHERE {where}")
        found |= dict(zip(texts, row, strict=True))
    return found


@pytest.mark.parametrize(("expression", "expected"), [*VALUES, *AGGREGATES])
def test_an_expression_has_the_value_that_trino_gives_it(
    values: dict[str, str | None], expression: str, expected: str | None
) -> None:
    assert values[expression] == expected


@pytest.mark.parametrize(("query", "expected"), QUERIES)
def test_a_query_means_what_it_means_in_trino(lake: Lake, query: str, expected: list[tuple[str | None, ...]]) -> None:
    assert lake.rows(query.format(db=lake.name)) == expected


@pytest.mark.parametrize("query", REFUSED)
def test_what_athena_refuses_and_duckdb_accepts_is_refused(lake: Lake, query: str) -> None:
    answer = lake.ask(query)
    assert answer.state == "FAILED"
    assert answer.reason.startswith(("COLUMN_NOT_FOUND", "TYPE_MISMATCH", "INVALID_LITERAL"))


@pytest.mark.parametrize("query", ACCEPTED)
def test_what_looks_like_it_but_athena_accepts_is_run(lake: Lake, query: str) -> None:
    lake.rows(query)
