"""Data on stdout, for every reader."""

import io
import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import typer
from moto import mock_aws

from call_lake_cli.console.errors import UserError, err, explained
from call_lake_cli.console.manner import Manner, in_manner
from call_lake_cli.console.output import Format, Level, print_note, print_rows, print_story
from call_lake_cli.console.terminal import Terminal
from call_lake_cli.stack.handle import Stack

FULL = Path("/dev/full")
PRINT = """
from call_lake_cli.console.errors import explained
from call_lake_cli.console.output import Format, print_rows
import sys, typer
try:
    with explained():
        print_rows(("a",), [(n,) for n in range(3)], Format(sys.argv[1]))
except typer.Exit as end:
    sys.exit(end.exit_code)
"""
WARSAW = ZoneInfo("Europe/Warsaw")
AT = "2026-10-25T00:30:09.123Z"
COLUMNS = ("source", "at", "n", "note")
ROWS = [("thulium", AT, 1234, None), ("conpeek", None, 5, "two\twords")]


@pytest.mark.skipif(not FULL.exists(), reason="this system has no disk that is always full")
@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_a_full_disk_is_one_line(form: str) -> None:
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", PRINT, form], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )

    assert done.returncode == 1
    assert done.stderr == "error: the output cannot be written: No space left on device\n"


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


Captured = pytest.CaptureFixture[str]


@pytest.mark.usefixtures("pipe")
def test_a_pipe_gets_the_stored_values_between_tabs_and_nothing_else(capsys: Captured) -> None:
    print_rows(COLUMNS, ROWS, Format.TABLE, ends="2 sources.", zone=WARSAW)

    said = capsys.readouterr()
    assert said.out == f"source\tat\tn\tnote\nthulium\t{AT}\t1234\t\nconpeek\t\t5\ttwo\\twords\n"
    assert said.err == "2 sources.\n"


@pytest.mark.usefixtures("screen")
def test_a_screen_shows_short_times_of_a_zone_that_is_named(capsys: Captured) -> None:
    print_rows(COLUMNS, ROWS, Format.TABLE, zone=WARSAW)

    said = capsys.readouterr()
    assert said.out.splitlines()[2:] == [
        "thulium  2026-10-25 02:30  1,234  -",
        "conpeek  -                     5  two words",
        "",
        "2 rows. Times: Europe/Warsaw.",
    ]
    assert said.err == ""


@pytest.mark.usefixtures("screen")
def test_utc_shows_times_in_utc(capsys: Captured) -> None:
    with in_manner(Manner(utc=True)):
        print_rows(COLUMNS, ROWS, Format.TABLE, zone=WARSAW)

    said = capsys.readouterr().out
    assert "2026-10-25 00:30" in said
    assert said.endswith("Times: UTC.\n")


@pytest.mark.usefixtures("screen")
def test_without_a_zone_times_are_shown_as_they_are_stored(capsys: Captured) -> None:
    print_rows(COLUMNS, ROWS, Format.TABLE)

    assert AT in capsys.readouterr().out


@pytest.mark.usefixtures("screen")
def test_no_rows_are_a_sentence(capsys: Captured) -> None:
    print_rows(COLUMNS, [], Format.TABLE)

    assert capsys.readouterr().out == "0 rows.\n"


@pytest.mark.usefixtures("screen")
def test_the_option_decides_where_the_command_does_not(capsys: Captured) -> None:
    with in_manner(Manner(Format.CSV)):
        print_rows(("n",), [(1,)], Format.TABLE)
        print_rows(("sum",), [(1,)], Format.TABLE, beside=True)
        print_note("a sentence")

    said = capsys.readouterr()
    assert said.out == "n\n1\n"
    assert said.err == "1 row.\na sentence\n"


@pytest.mark.usefixtures("screen")
def test_a_csv_is_followed_by_nothing(capsys: Captured) -> None:
    print_rows(("n",), [(1,)], Format.CSV)

    assert capsys.readouterr().out == "n\n1\n"


@pytest.mark.usefixtures("screen")
def test_quiet_leaves_data_and_errors(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(err, "quiet", True)
    with in_manner(Manner(quiet=True)):
        print_rows(("n",), [(1,)], Format.TABLE)
        print_note("a sentence")
        err.print("progress")
        with pytest.raises(typer.Exit), explained():
            raise UserError("no")

    said = capsys.readouterr()
    assert said.out == "n\n-\n1\n\n"
    assert said.err == "error: no\n"


@pytest.mark.usefixtures("screen")
def test_a_story_leaves_out_what_is_not_known(capsys: Captured) -> None:
    print_story([("state", "STORED"), ("agent", None), ("started", AT)], WARSAW, "That is all.")

    assert capsys.readouterr().out == (
        "state    STORED\nstarted  2026-10-25 02:30\n\nThat is all. Times: Europe/Warsaw.\n"
    )


@pytest.mark.usefixtures("screen")
def test_a_story_can_be_csv(capsys: Captured) -> None:
    with in_manner(Manner(Format.CSV)):
        print_story([("state", "STORED"), ("agent", "Kowalska, Anna")], WARSAW)

    assert capsys.readouterr().out == 'what,value\nstate,STORED\nagent,"Kowalska, Anna"\n'


@pytest.mark.usefixtures("pipe")
def test_a_story_in_a_pipe_has_a_line_for_each_field(capsys: Captured) -> None:
    print_story([("state", "STORED"), ("agent", None), ("started", AT)], WARSAW, "That is all.")

    assert capsys.readouterr().out == f"what\tvalue\nstate\tSTORED\nstarted\t{AT}\n"


@pytest.mark.parametrize(
    ("environment", "shown"),
    [({}, "\x1b[32mok\x1b[0m\n"), ({"NO_COLOR": "1"}, "ok\n")],
)
def test_a_level_has_a_colour_unless_the_user_wants_none(
    environment: dict[str, str], shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal(file=io.StringIO(), force_terminal=True, color_system="standard", soft_wrap=True)
    monkeypatch.setattr("call_lake_cli.console.output.out", terminal)
    monkeypatch.setenv("COLUMNS", "80")

    print_rows(("result",), [(Level.OK,)], Format.TABLE)

    assert shown in terminal.file.getvalue()  # type: ignore[attr-defined]


def test_verbose_says_each_call_of_aws_and_where_an_error_comes_from(capsys: Captured) -> None:
    stack = Stack(*("lake", "lake", "ledger", "/sources", "dlq", "bus", "lake", "lake"), {})
    with mock_aws(), in_manner(Manner(verbose=True)):
        stack.client("sts").get_caller_identity()
        with pytest.raises(typer.Exit), explained():
            raise UserError("no")

    said = capsys.readouterr().err
    assert "AWS: sts GetCallerIdentity\n" in said
    assert 'raise UserError("no")' in said
