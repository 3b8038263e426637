"""What ``call-lake verify --redownload`` prints: each difference and warning, and how many recordings it compared."""

import json

import pytest
from typer.testing import CliRunner

from call_lake.operations.verify.findings import Finding, Kind
from call_lake.operations.verify.verifier import VerifyReport
from call_lake_cli.commands import verify
from call_lake_cli.main import app
from tests.support.operator_bench import DAY, DAYS


def report(*kinds: Kind, redownloaded: tuple[int, int] | None) -> VerifyReport:
    findings = [Finding("thulium", kind, f"about {kind}", "", f"thulium-{n}", DAY) for n, kind in enumerate(kinds)]
    return VerifyReport("thulium", 9, 9, findings, redownloaded=redownloaded)


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")


def test_differences_and_warnings_are_lines_and_information_is_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    found = report(Kind.MISPLACED, Kind.ENCODED_ANEW, Kind.SHORTER, Kind.UNLISTED, redownloaded=(5, 3))

    verify._print(DAYS, [found], None, as_json=False)

    printed = capsys.readouterr().out
    for kind in (Kind.MISPLACED, Kind.ENCODED_ANEW, Kind.SHORTER):
        assert f"about {kind}" in printed
    assert f"about {Kind.UNLISTED}" not in printed
    assert "3 of 5 the same" in printed
    assert "no_longer_listed 1" in printed


def test_without_downloads_there_is_no_column_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    verify._print(DAYS, [report(redownloaded=None)], None, as_json=False)

    printed = capsys.readouterr().out
    assert "thulium" in printed
    assert "downloaded again" not in printed
    assert "the same" not in printed


@pytest.mark.parametrize(
    ("redownloaded", "expected"), [(None, None), ((5, 3), {"chosen": 5, "same": 3})], ids=["not asked", "asked"]
)
def test_json_says_how_many_were_compared(
    capsys: pytest.CaptureFixture[str], redownloaded: tuple[int, int] | None, expected: dict[str, int] | None
) -> None:
    verify._print(DAYS, [report(Kind.MISPLACED, Kind.GONE, redownloaded=redownloaded)], None, as_json=True)

    answer = json.loads(capsys.readouterr().out)
    assert answer["sources"][0]["redownloaded"] == expected
    assert answer["differences"] == 1
    assert [finding["difference"] for finding in answer["findings"]] == [True, False]


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_a_number_that_is_none_is_refused(number: str) -> None:
    typed = CliRunner().invoke(app, ["verify", "--from", "2026-10-20", "--to", "2026-10-20", "--redownload", number])

    assert typed.exit_code == 2
    assert "--redownload" in typed.output
