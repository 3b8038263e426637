"""``call_lake.read``: calls as an Arrow table, and the recipes of docs/dataframes.md."""

import re
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import call_lake
from call_lake.errors import ConfigError
from call_lake.model.lake_tables import CALLS, TRANSCRIPTS
from call_lake.model.layout import Partition
from call_lake.model.table import COLUMNS
from call_lake.model.transcripts import Segment, Transcript, transcript_row
from call_lake.wiring import analyst
from tests.support.fakes import World
from tests.support.lake_samples import TODAY, lake_of, row_of, table_from

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/dataframes.md").read_text()
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
AT = datetime(2026, 10, 20, 9, tzinfo=UTC)
YESTERDAY = TODAY - timedelta(days=1)


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World.make()
    monkeypatch.setattr(analyst, "store_of", lambda bucket: world.store)
    rows = (
        row_of(1, day=YESTERDAY, agent="An Invented", caller="+48800000003", talk_s=60.0),
        row_of(2, agent="An Invented", talk_s=30.0),
        row_of(3, source="conpeek", agent=None),
    )
    for row in rows:
        partition = CALLS.at(Partition(row["source"], date.fromisoformat(row["call_date"])))
        lake_of(world).commit(partition, table_from([row], partition))
    return world


def test_a_table_has_the_days_oldest_first_and_typed_columns() -> None:
    table = call_lake.read("2026-10-19", TODAY)

    assert table["call_date"].to_pylist() == [YESTERDAY, TODAY, TODAY]
    assert sorted(table["source"].to_pylist()) == ["conpeek", "thulium", "thulium"]
    assert table.column_names == ["source", "call_date", *COLUMNS]
    assert table.schema.field("started_at").type == pa.timestamp("ms", "UTC")
    assert table.schema.field("call_date").type == pa.date32()


def test_sources_and_columns_are_chosen() -> None:
    table = call_lake.read(YESTERDAY, TODAY, sources=["thulium"], columns=["talk_s", "call_date"])

    assert table.to_pydict() == {"talk_s": [60.0, 30.0], "call_date": [YESTERDAY, TODAY]}


def test_days_without_calls_are_a_table_without_rows() -> None:
    table = call_lake.read("2027-01-01", "2027-01-31")

    assert table.num_rows == 0
    assert table.schema == call_lake.read(YESTERDAY, TODAY).schema


def test_words_and_sound_are_tables_too(world: World) -> None:
    partition = TRANSCRIPTS.at(Partition("thulium", TODAY))
    segments = [Segment(0.5, 2.0, "good morning", channel=0), Segment(2.0, 4.0, "my invoice", confidence=0.75)]
    transcript = Transcript("thulium-1", "whisper", "en-GB", segments, 4, None, 2, AT)
    lake_of(world).commit(partition, table_from([transcript_row(transcript, partition.partition)], partition))

    table = call_lake.read(TODAY, TODAY, table="transcripts", columns=["segments", "call_date"])

    assert table.to_pylist() == [{"segments": [asdict(one) for one in segments], "call_date": TODAY}]
    assert call_lake.read(TODAY, TODAY, table="sound").num_rows == 0
    assert "caller" not in call_lake.read(TODAY, TODAY, table="calls_open").column_names
    with pytest.raises(ValueError, match="no table 'call'; there are: calls, transcripts, sound, calls_open"):
        call_lake.read(TODAY, TODAY, table="call")


@pytest.mark.parametrize(
    "day", ["1.11.2026", "2026-11-31", "20261101", "2026-W44-7", "", None, 20261101, datetime(2026, 11, 1, tzinfo=UTC)]
)
def test_what_is_no_day_is_refused(day: Any) -> None:
    with pytest.raises(ValueError, match="is no day: write it like '2026-10-01'"):
        call_lake.read(day, "2026-11-30")
    with pytest.raises(ValueError, match="is no day"):
        call_lake.read("2026-11-01", day)


def test_days_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValueError, match="2026-10-01, is before the first one, 2026-10-02"):
        call_lake.read("2026-10-02", "2026-10-01")


def test_a_column_that_there_is_not_is_refused_even_without_calls() -> None:
    with pytest.raises(ValueError, match="there is no column agnet; there are: source, call_date, recording_id"):
        call_lake.read("2027-01-01", "2027-01-31", columns=["agnet"])


def test_without_a_bucket_the_error_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.delenv("CALL_LAKE_BUCKET", raising=False)

    with pytest.raises(ConfigError, match="CALL_LAKE_BUCKET"):
        call_lake.read("2026-10-01", "2026-10-31")


def test_the_package_alone_loads_neither_pyarrow_nor_boto3() -> None:
    script = "import call_lake, sys; sys.exit(bool({'pyarrow', 'boto3'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT / "shared")


@pytest.mark.parametrize("recipe", BLOCK.findall(PAGE), ids=lambda text: text.splitlines()[0])
def test_a_recipe_of_the_page_runs(recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = [name for name in re.findall(r"(?:import|needs) (\w+)", recipe) if find_spec(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed here")
    monkeypatch.chdir(tmp_path)

    exec(compile(recipe, "docs/dataframes.md", "exec"), {})  # noqa: S102
