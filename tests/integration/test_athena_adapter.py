"""Athena's API on the local stack: which files a table is, how results are printed, what else it is asked for."""

from datetime import UTC, date, datetime

import boto3
import pyarrow as pa
import pytest
from botocore.exceptions import ClientError

from call_lake.model.layout import Partition
from call_lake_local.emulator import Emulator
from tests.integration.athena_lake import COLUMNS, PARQUET, SCHEMA, Lake, Row

CALL = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


@pytest.fixture
def lake(aws: boto3.Session, emulator: Emulator) -> Lake:
    made = Lake(aws, emulator)
    made.create_calls()
    return made


def ids(lake: Lake, where: str = "true") -> list[str | None]:
    return [row[0] for row in lake.rows(f"SELECT recording_id FROM calls WHERE {where} ORDER BY 1")]


def test_a_partition_is_exactly_the_files_its_manifest_names(lake: Lake) -> None:
    superseded, merged, small = (lake.write([Row(name, CALL)]) for name in ("superseded", "merged", "small"))
    lake.commit("thulium", "2026-10-25", superseded)
    assert ids(lake) == ["superseded"]
    lake.commit("thulium", "2026-10-25", merged, small)
    assert ids(lake) == ["merged", "small"]


def test_a_query_leaves_no_copy_of_what_it_read(lake: Lake, emulator: Emulator) -> None:
    """So an erased row is in no temporary file of this machine, once its data file is deleted."""
    lake.commit("thulium", "2026-10-25", lake.write([Row("a", CALL)]), lake.write([Row("b", CALL)]))
    assert ids(lake) == ["a", "b"]
    with pytest.raises(AssertionError, match="COLUMN_NOT_FOUND"):
        lake.rows("SELECT nothing FROM calls")

    temporary = emulator.process.state_dir / "aws" / "tmp"
    assert [file for file in temporary.rglob("*") if "athena" in str(file) or file.suffix == ".parquet"] == []


def test_a_result_that_was_deleted_is_gone(lake: Lake) -> None:
    query = lake.athena.start_query_execution(QueryString="SELECT 48800000001", WorkGroup=lake.workgroup)
    id = query["QueryExecutionId"]
    while (found := lake.athena.get_query_execution(QueryExecutionId=id)["QueryExecution"])["Status"]["State"] in (
        "QUEUED",
        "RUNNING",
    ):
        pass
    assert lake.athena.get_query_results(QueryExecutionId=id)["ResultSet"]["Rows"][1:]

    lake.s3.delete_object(Bucket=lake.bucket, Key=found["ResultConfiguration"]["OutputLocation"].split("/", 3)[3])
    with pytest.raises(ClientError, match="Could not find results"):
        lake.athena.get_query_results(QueryExecutionId=id)


def test_partition_columns_come_from_the_path_and_stand_last(lake: Lake) -> None:
    lake.commit("conpeek", "2026-10-24", lake.write([Row("a", CALL)]))
    answer = lake.ask("SELECT * FROM calls")
    assert list(answer.columns)[-2:] == ["source", "call_date"]
    assert answer.rows[0][-2:] == ("conpeek", "2026-10-24")


def test_a_partition_that_names_one_file_without_rows_is_empty(lake: Lake) -> None:
    lake.commit("thulium", "2026-10-25", lake.write([]))
    assert ids(lake) == []


def test_a_table_without_any_manifest_is_empty(lake: Lake) -> None:
    assert lake.rows("SELECT count(*) FROM calls") == [("0",)]
    assert list(lake.ask("SELECT * FROM calls").columns) == [name for name, _ in COLUMNS] + ["source", "call_date"]


def test_a_partition_that_is_not_registered_is_invisible(lake: Lake) -> None:
    lake.commit("thulium", "2026-10-25", lake.write([Row("seen", CALL)]))
    lake.commit("thulium", "2026-10-26", lake.write([Row("hidden", CALL)]))
    lake.catalog.unregister("calls", Partition("thulium", date(2026, 10, 26)))
    assert ids(lake) == ["seen"]


def test_a_registered_partition_without_a_manifest_is_empty(lake: Lake) -> None:
    lake.catalog.register("calls", [Partition("thulium", date(2026, 10, 25))])
    assert ids(lake) == []


def test_a_manifest_that_names_a_missing_file_fails_the_query(lake: Lake) -> None:
    lake.commit("thulium", "2026-10-25", f"s3://{lake.bucket}/gone.parquet")
    answer = lake.ask("SELECT * FROM calls")
    assert (answer.state, "HIVE_CANNOT_OPEN_SPLIT" in answer.reason) == ("FAILED", True)


@pytest.mark.parametrize(
    "where",
    [
        "call_date = DATE '2026-10-25'",
        "calls.source = 'thulium'",
        "source IN ('thulium', 'other') AND talk_s IS NULL",
        "call_date BETWEEN DATE '2026-10-25' AND DATE '2026-10-26'",
        "date(call_date) > date '2026-10-26' - interval '2' day",
        "NOT (source = 'conpeek' OR call_date < DATE '2026-01-01')",
    ],
)
def test_only_the_partitions_that_the_where_asks_for_are_read(lake: Lake, where: str) -> None:
    lake.commit("thulium", "2026-10-25", lake.write([Row("wanted", CALL)]))
    lake.commit("conpeek", "2026-10-24", lake.put("lake/calls/data/broken.parquet", b"no Parquet"))
    assert ids(lake, where) == ["wanted"]
    assert lake.ask("SELECT * FROM calls").state == "FAILED"


def test_conditions_prune_each_side_of_a_join_by_itself(lake: Lake) -> None:
    lake.commit("thulium", "2026-10-25", lake.write([Row("t", CALL)]))
    lake.commit("conpeek", "2026-10-25", lake.write([Row("c", CALL)]))
    join = "SELECT a.recording_id, b.recording_id FROM calls a {} JOIN calls b ON a.call_date = b.call_date WHERE {}"
    assert lake.rows(join.format("", "a.source = 'thulium' AND b.source = 'conpeek'")) == [("t", "c")]
    lonely = "SELECT a.recording_id FROM calls a LEFT JOIN calls b ON b.source <> a.source WHERE b.source IS NULL"
    assert lake.rows(lonely) == []


def test_bytes_scanned_are_those_of_the_partitions_read(lake: Lake) -> None:
    file = lake.write([Row("a", CALL)])
    lake.commit("thulium", "2026-10-25", file)
    lake.commit("conpeek", "2026-10-25", lake.write([Row("b", CALL)]))
    assert lake.ask("SELECT * FROM calls WHERE source = 'thulium'").scanned_bytes == len(lake.get(file))


def test_a_column_that_older_files_lack_is_null_in_their_rows(lake: Lake) -> None:
    old = SCHEMA.remove(SCHEMA.get_field_index("audio_channels"))
    lake.commit(
        "thulium", "2026-10-25", lake.write([Row("old", CALL)], old), lake.write([Row("new", CALL, audio_channels=2)])
    )
    assert lake.rows("SELECT recording_id, audio_channels FROM calls ORDER BY 1") == [("new", "2"), ("old", None)]


def test_a_column_of_another_type_than_declared_fails_as_it_does_in_athena(lake: Lake) -> None:
    wrong = SCHEMA.set(SCHEMA.get_field_index("talk_s"), pa.field("talk_s", pa.string()))
    lake.commit("thulium", "2026-10-25", lake.write([Row("a", CALL, talk_s="12")], wrong))  # type: ignore[arg-type]
    answer = lake.ask("SELECT * FROM calls")
    assert (answer.state, "HIVE_BAD_DATA: Field talk_s" in answer.reason) == ("FAILED", True)


def test_a_date_partition_column_is_a_date(lake: Lake) -> None:
    lake.commit("thulium", "2026-10-25", lake.write([Row("a", CALL)]))
    answer = lake.ask("SELECT call_date FROM calls WHERE call_date = date '2026-10-25'")
    assert (answer.columns, answer.rows) == ({"call_date": "date"}, [("2026-10-25",)])


def test_values_and_types_are_printed_as_athena_prints_them(lake: Lake) -> None:
    lake.commit("thulium", "2026-10-25", lake.write([Row("a", CALL, "", 12.0, 5_000_000_000, 2)]))
    answer = lake.ask("SELECT started_at, agent, talk_s, audio_bytes, audio_channels, talk_s > 1 AS long FROM calls")
    assert answer.columns == {
        "started_at": "timestamp",
        "agent": "varchar",
        "talk_s": "double",
        "audio_bytes": "bigint",
        "audio_channels": "integer",
        "long": "boolean",
    }
    assert answer.rows == [("2026-10-25 01:30:00.000", "", "12.0", "5000000000", "2", "true")]


def test_columns_without_a_name_are_numbered(lake: Lake) -> None:
    answer = lake.ask("SELECT count(*), 1 AS one, max(talk_s), cast(1 AS varchar) FROM calls")
    assert list(answer.columns) == ["_col0", "one", "_col2", "_col3"]


def test_the_result_file_tells_null_from_an_empty_text(lake: Lake) -> None:
    answer = lake.ask("SELECT 'a \"b\", c' AS quoted, '' AS empty, cast(NULL AS varchar) AS nothing, 1.5e0 AS number")
    assert answer.result_uri == f"{lake.results}{answer.query_id}.csv"
    assert lake.get(answer.result_uri) == b'"quoted","empty","nothing","number"\n"a ""b"", c","",,"1.5"\n'


def test_results_are_paged_and_the_header_stands_on_the_first_page_only(lake: Lake) -> None:
    rows = lake.rows("SELECT n FROM unnest(sequence(1, 2500)) AS t(n)")
    assert [row[0] for row in rows] == [str(n) for n in range(1, 2501)]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELEC 1", "SYNTAX_ERROR"),
        ("SELECT 1; SELECT 2", "SYNTAX_ERROR: Only one sql statement is allowed"),
        ("SELECT nobody FROM calls", "COLUMN_NOT_FOUND"),
        ("SELECT * FROM nowhere", "TABLE_NOT_FOUND: Table 'awsdatacatalog."),
        ("SELECT no_such_function(1)", "FUNCTION_NOT_FOUND"),
        ("SELECT cast('x' AS integer)", "INVALID_CAST_ARGUMENT"),
        ("INSERT INTO calls SELECT * FROM calls", "not supported by the local Athena"),
    ],
)
def test_a_query_that_cannot_be_run_fails_with_a_reason_on_one_line(lake: Lake, sql: str, reason: str) -> None:
    answer = lake.ask(sql)
    assert (answer.state, answer.reason.count("\n")) == ("FAILED", 0)
    assert reason in answer.reason


def test_parameters_take_the_places_of_question_marks(lake: Lake) -> None:
    lake.commit("thulium", "2026-10-25", lake.write([Row("it's", CALL, talk_s=5.0), Row("b", CALL, talk_s=9.0)]))
    sql = "SELECT recording_id, '?' FROM calls WHERE recording_id = ? AND talk_s < ?"
    assert lake.rows(sql, ExecutionParameters=["'it''s'", "6"]) == [("it's", "?")]


def test_an_unknown_workgroup_is_refused(lake: Lake) -> None:
    with pytest.raises(ClientError, match="WorkGroup nowhere is not found"):
        lake.ask("SELECT 1", WorkGroup="nowhere")


def test_a_workgroups_own_output_location_is_enforced(lake: Lake) -> None:
    answer = lake.ask("SELECT 1", ResultConfiguration={"OutputLocation": f"s3://{lake.bucket}/elsewhere"})
    assert answer.result_uri.startswith(lake.results)


def test_a_view_is_read_created_replaced_and_dropped(lake: Lake) -> None:
    lake.commit("thulium", "2026-10-25", lake.write([Row("a", CALL, talk_s=5.0)]))
    lake.rows("CREATE VIEW daily AS SELECT call_date, sum(talk_s) AS talk_s FROM calls GROUP BY call_date")
    assert lake.rows("WITH calls AS (SELECT 1 AS x) SELECT daily.* FROM daily, calls") == [("2026-10-25", "5.0")]
    lake.rows("CREATE OR REPLACE VIEW daily AS SELECT count(*) AS calls FROM calls")
    assert lake.rows(f"SELECT calls FROM {lake.name}.daily") == [("1",)]
    lake.rows("DROP VIEW IF EXISTS daily")
    assert lake.ask("SELECT * FROM daily").state == "FAILED"


def test_the_catalogue_can_be_asked_for(lake: Lake) -> None:
    lake.commit("thulium", "2026-10-25", lake.write([Row("a", CALL)]))
    assert lake.rows(f"SHOW TABLES IN {lake.name}") == [("calls",)]
    assert (lake.name,) in lake.rows("SHOW DATABASES")
    assert lake.rows("SHOW PARTITIONS calls") == [("source=thulium/call_date=2026-10-25",)]
    assert lake.rows("SHOW COLUMNS IN calls")[0] == ("recording_id",)
    described = [row[0].split() for row in lake.rows("DESCRIBE calls") if row[0]]
    assert described[:2] == [["recording_id", "string"], ["started_at", "timestamp"]]


@pytest.mark.parametrize("partitioned", [False, True])
def test_a_plain_parquet_table_is_all_that_lies_at_its_location(lake: Lake, partitioned: bool) -> None:
    folder = "plain/source=thulium" if partitioned else "plain"
    for name in ("a", "b"):
        lake.write([Row(name, CALL)], folder=folder)
    lake.create_table("plain", f"s3://{lake.bucket}/plain/", PARQUET, ("source",) if partitioned else ())
    if partitioned:
        lake.glue.create_partition(
            DatabaseName=lake.name,
            TableName="plain",
            PartitionInput={"Values": ["thulium"], "StorageDescriptor": {"Location": f"s3://{lake.bucket}/{folder}/"}},
        )
    columns = "recording_id, source" if partitioned else "recording_id, 'thulium'"
    assert lake.rows(f"SELECT {columns} FROM plain ORDER BY 1") == [("a", "thulium"), ("b", "thulium")]


def test_a_csv_table_still_works(lake: Lake) -> None:
    lake.put("csv/rows.csv", b"a,1\nb,2\n")
    lake.rows(
        f"CREATE EXTERNAL TABLE plain_csv (name string, n int) ROW FORMAT DELIMITED FIELDS TERMINATED BY ','"
        f" STORED AS TEXTFILE LOCATION 's3://{lake.bucket}/csv/'"
    )
    assert lake.rows("SELECT name, n FROM plain_csv ORDER BY n") == [("a", "1"), ("b", "2")]


# An output column's time zone is part of its value in Trino; the adapter can print one that is written out.


@pytest.mark.parametrize(
    "column",
    [
        "t at time zone zone",
        "at_timezone(t, zone)",
        "at_timezone(t, lower('Europe/Warsaw'))",
        "t at time zone interval '2' hour",
        "at_timezone(t, 2)",
    ],
)
def test_a_zone_that_is_not_written_out_is_refused_with_what_to_write(lake: Lake, column: str) -> None:
    answer = lake.ask(
        f"select {column} from (values (timestamp '2026-10-25 00:30:00', 'Europe/Warsaw')) as moments (t, zone)"
    )

    assert answer.state == "FAILED"
    assert "written out here, like 'Europe/Warsaw'" in answer.reason


def test_inside_an_expression_a_zone_may_come_from_a_column(lake: Lake) -> None:
    sql = """select hour(at_timezone(t, zone)) from (values (timestamp '2026-10-25 00:30:00', 'Europe/Warsaw'))
             as moments (t, zone)"""

    assert lake.rows(sql) == [("2",)]
