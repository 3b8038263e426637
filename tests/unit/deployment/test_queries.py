"""The queries of docs/queries are the template's named queries, and its view is calls_daily.sql: no text stands twice
without a test that compares."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from call_lake_local.named_queries import BEGIN, query_files, with_queries
from tests.support.template import ROOT, TEXT, of_type, properties, resource
from tests.support.view import COLUMNS_OF_VIEW, view_definition

NAMED: dict[str, Any] = of_type("AWS::Athena::NamedQuery")
FILES = query_files()


def by_name(file: Path) -> str:
    return file.stem


def sql_of(file: Path) -> str:
    """Without its comments, on one line."""
    lines = [line for line in file.read_text().splitlines() if not line.startswith("--")]
    return " ".join(" ".join(lines).split())


# -- named queries


def test_make_queries_would_change_nothing() -> None:
    assert with_queries(TEXT) == TEXT


def test_make_queries_puts_back_what_somebody_changed_in_the_template() -> None:
    assert with_queries(TEXT.replace("SELECT DISTINCT source FROM counted", "SELECT 1")) == TEXT


def test_a_template_without_the_marks_is_not_touched() -> None:
    with pytest.raises(ValueError, match="lacks the marks"):
        with_queries(TEXT.replace(BEGIN, ""))


def test_there_are_sixteen_numbered_without_a_hole() -> None:
    assert [file.stem[:3] for file in FILES] == [f"{number:02d}-" for number in range(1, 17)]


@pytest.mark.parametrize("name", NAMED)
def test_a_named_query_is_of_the_stacks_own_database_and_workgroup(name: str) -> None:
    assert resource(name)["Condition"] == "Cloud"
    assert properties(name)["Database"] == {"Ref": "Database"}
    assert properties(name)["WorkGroup"] == {"Ref": "Workgroup"}


@pytest.mark.parametrize("name", NAMED)
def test_a_named_query_says_what_it_answers(name: str) -> None:
    first = properties(name)["QueryString"].splitlines()[0]
    assert first == f"-- {properties(name)['Description']}"
    assert len(properties(name)["Description"]) <= 1024  # Athena's own limit


@pytest.mark.parametrize("file", FILES, ids=by_name)
def test_a_query_begins_with_what_it_answers_what_to_edit_and_its_parameters(file: Path) -> None:
    lines = file.read_text().splitlines()
    code = next(n for n, line in enumerate(lines) if not line.startswith("--"))
    assert lines[1].startswith("-- Edit: ")
    assert lines[code] == "WITH params AS ("
    assert re.fullmatch(r"    SELECT (\S.* AS [a-z_]+)(, \S.* AS [a-z_]+)*", lines[code + 1])
    assert lines[code + 2].startswith(")")


@pytest.mark.parametrize("file", FILES, ids=by_name)
def test_a_query_limits_the_days_it_reads_by_an_expression_that_athena_can_prune_by(file: Path) -> None:
    """A literal expression: a value out of ``params`` is known too late to leave partitions out."""
    limits = re.findall(
        r"call_date >= ((?:date_trunc\('(?:week|month)', )?current_date - interval '\d+' (?:day|month))",
        file.read_text(),
    )
    assert len(limits) == len(re.findall(r"\b(?:FROM|JOIN) (?:calls|transcripts|sound)\b", file.read_text())) > 0
    assert len(set(limits)) == 1


# -- the view


def test_the_view_is_its_file() -> None:
    view = view_definition("any_database")
    assert " ".join(view["originalSql"].split()) == sql_of(ROOT / "docs/queries/calls_daily.sql")


def test_the_view_is_kept_as_athena_keeps_one() -> None:
    table = properties("CallsDailyView")["TableInput"]
    assert table["TableType"] == "VIRTUAL_VIEW"
    assert table["Parameters"] == {"presto_view": "true", "comment": "Presto View"}
    assert table["ViewExpandedText"] == "/* Presto View */"
    assert view_definition("any_database").keys() == {"catalog", "schema", "originalSql", "columns"}


def test_trino_finds_the_view_whose_comment_no_description_replaces() -> None:
    """Trino's Hive connector puts Glue's Description over the parameter ``comment``, and refuses a view whose table has
    no owner (GlueConverter.fromGlueTable, "Run-as identity must be set"; ``make trino`` asks the real one)."""
    table = properties("CallsDailyView")["TableInput"]
    assert "Description" not in table
    assert table["Owner"]


def test_the_views_serde_cannot_be_lost_on_the_way_to_glue() -> None:
    """An empty SerdeInfo may be left out of the request, and Athena refuses a view without one ("Table storage
    descriptor is missing SerDe info": https://github.com/hashicorp/terraform-provider-aws/issues/28517)."""
    serde = properties("CallsDailyView")["TableInput"]["StorageDescriptor"]["SerdeInfo"]
    assert serde["Name"]
    assert serde["SerializationLibrary"]


def test_the_views_unqualified_names_are_of_the_stacks_own_database() -> None:
    assert properties("CallsDailyView")["DatabaseName"] == {"Ref": "Database"}
    assert (view_definition("one")["schema"], view_definition("one")["catalog"]) == ("one", "awsdatacatalog")


def test_the_view_and_the_catalogue_agree_on_its_columns() -> None:
    glue = {"varchar": "string", "date": "date", "bigint": "bigint", "double": "double"}
    columns = [(column["name"], glue[column["type"]]) for column in view_definition("any_database")["columns"]]
    assert columns == [(column["Name"], column["Type"]) for column in COLUMNS_OF_VIEW]


def test_the_view_stands_on_the_laptop_too() -> None:
    assert "Condition" not in resource("CallsDailyView")
    assert json.dumps(properties("CallsDailyView")["TableInput"]).count("${") == 1
