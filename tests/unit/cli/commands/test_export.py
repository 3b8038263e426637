"""``call-lake export``: one ZIP file with everything that was asked for, what is missing named, or no file at all."""

import csv
import hashlib
import io
import json
import stat
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from call_lake.ledger.entry import State
from call_lake.ledger.packed_record import pack
from call_lake_cli.console.errors import ExitCode
from call_lake_cli.stack import calls
from tests.support.fakes import FakeClock
from tests.support.fakes.ids import IDS
from tests.support.fakes.provider import make_recording
from tests.support.memory_stack import stack_of, typed, use
from tests.support.operator_bench import DAY, Bench

FILE = Path("calls.zip")
DAY_OPTIONS = ("--day", str(DAY))


@pytest.fixture(autouse=True)
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bench:
    bench = Bench(3)
    bench.settle()
    use(stack_of(bench.world), monkeypatch)
    for name in ("get", "export"):
        monkeypatch.setattr(f"call_lake_cli.commands.{name}.ids_of", lambda stack: IDS)
    monkeypatch.setattr(calls, "CLOCK", FakeClock(datetime(2026, 10, 20, 22, tzinfo=UTC)))
    monkeypatch.chdir(tmp_path)
    return bench


def export(*words: str) -> Result:
    return typed("export", "-o", str(FILE), *words)


@pytest.fixture
def files() -> Callable[[], dict[str, bytes]]:
    def read() -> dict[str, bytes]:
        with zipfile.ZipFile(FILE) as opened:
            assert opened.testzip() is None
            return {name: opened.read(name) for name in opened.namelist()}

    return read


def id_of(bench: Bench, number: int) -> str:
    return bench.recordings[number].recording_id


def log_lines(bench: Bench) -> list[dict[str, Any]]:
    return [json.loads(body) for body in bench.world.store.bodies("access-log/").values()]


def test_a_file_has_audio_rows_stories_and_a_cover_sheet(bench: Bench, files: Any) -> None:
    done = export("--number", "800000001", *DAY_OPTIONS, "--for", "complaint 7")

    assert done.exit_code == 0, done.output
    assert done.stdout == "calls.zip\n"
    found = files()
    audio = f"audio/2026-10-20-120100-{id_of(bench, 1)}.wav"
    assert set(found) == {
        *(audio, f"stories/{id_of(bench, 1)}.json"),
        *("calls.csv", "calls.json", "SHA256SUMS", "cover.txt"),
    }
    assert found[audio] == bench.world.store.bodies()[bench.audio_key(bench.recordings[1])]
    (row,) = json.loads(found["calls.json"])
    assert (row["recording_id"], row["caller"], row["audio_file"]) == (id_of(bench, 1), "+48 800 000 001", audio)
    (line,) = csv.DictReader(io.StringIO(found["calls.csv"].decode("utf-8-sig")))
    assert (line["caller"], line["local_start"]) == ("+48 800 000 001", "2026-10-20T12:01:00+02:00")
    story = json.loads(found[f"stories/{id_of(bench, 1)}.json"])
    assert (story["state"], story["object"]["sha256"]) == ("STORED", line["audio_sha256"])


def test_without_days_it_takes_the_calls_of_all_days(files: Any) -> None:
    """The call is older than the 31 days that ``find`` looks at by default."""
    done = export("--number", "800000001")

    assert done.exit_code == 0, done.output
    assert len(json.loads(files()["calls.json"])) == 1


def test_the_cover_sheet_says_what_for_whom_by_whom_and_when(files: Any) -> None:
    export("--number", "800000001", *DAY_OPTIONS, "--for", "complaint 7\x1b[2J")

    cover = files()["cover.txt"].decode()
    for text in (
        "complaint 7\\x1b[2J",
        "--number 800000001 --day 2026-10-20",
        "arn:aws:iam::000000000000:user/invented",
        "call-lake, in AWS",
        "UTC",
        "Calls:          1",
        "Without audio:  0",
    ):
        assert text in cover


def test_calls_that_may_be_another_persons_are_left_out_and_named(bench: Bench, files: Any) -> None:
    doubtful = replace(make_recording(7), caller="+49 48 800 000 001")
    bench.thulium.add(doubtful)
    bench.settle()

    done = export("--number", "800000001", *DAY_OPTIONS)

    assert done.exit_code == 0, done.output
    assert [row["recording_id"] for row in json.loads(files()["calls.json"])] == [id_of(bench, 1)]
    assert "1 calls that may be of another number are left out" in done.stderr
    assert f"Left out:       perhaps of the number: {doubtful.recording_id}" in files()["cover.txt"].decode()
    assert log_lines(bench)[0]["recording_ids"] == [id_of(bench, 1)]


def test_the_sums_are_of_every_other_file(files: Any) -> None:
    export(*DAY_OPTIONS)

    found = files()
    sums = dict(reversed(line.split("  ")) for line in found["SHA256SUMS"].decode().splitlines())
    assert sums == {
        name: hashlib.sha256(body).hexdigest()
        for name, body in found.items()
        if name not in ("SHA256SUMS", "cover.txt")
    }


def test_other_tools_open_it_and_check_the_sums(tmp_path: Path) -> None:
    export(*DAY_OPTIONS)

    with zipfile.ZipFile(FILE) as opened:
        opened.extractall(tmp_path / "out")
    subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=tmp_path / "out", check=True)


def test_recordings_are_named_by_id_or_key(bench: Bench, files: Any) -> None:
    done = export(id_of(bench, 0), bench.recordings[2].provider_key)

    assert done.exit_code == 0, done.output
    assert [row["recording_id"] for row in json.loads(files()["calls.json"])] == [id_of(bench, 2), id_of(bench, 0)]


def test_the_access_log_has_one_line_before_the_first_byte(bench: Bench) -> None:
    order: list[str] = []

    def note(call: Any, proceed: Any) -> Any:
        order.append(call.method)
        return proceed()

    bench.world.calls.on_call(note)
    export(id_of(bench, 0), id_of(bench, 1), "--for", "complaint 7")

    (line,) = log_lines(bench)
    assert (line["action"], line["purpose"]) == ("export", "complaint 7")
    assert line["recording_ids"] == sorted([id_of(bench, 0), id_of(bench, 1)])
    assert "get_range" not in order[: order.index("put")]


def test_what_is_missing_is_named_and_an_exit_code(bench: Bench, files: Any) -> None:
    keys = [bench.audio_key(recording) for recording in bench.recordings]
    bench.world.store.delete([keys[0]])
    bench.world.store.put(keys[1], b"other bytes")

    done = export(*(id_of(bench, n) for n in range(3)), "nothing")

    assert done.exit_code == ExitCode.FOUND
    assert "3 calls, 1 with audio" in done.stderr
    assert "3 recordings are without audio" in done.stderr
    found = files()
    assert [name for name in found if name.startswith("audio/")] == [f"audio/2026-10-20-120200-{id_of(bench, 2)}.wav"]
    assert len(json.loads(found["calls.json"])) == 3
    cover = found["cover.txt"].decode()
    assert f"{id_of(bench, 0)}: the object {keys[0]} is gone" in cover
    assert f"{id_of(bench, 1)}: the bytes of {keys[1]} are not those that were stored" in cover
    assert "nothing: the ledger knows no such recording" in cover


def test_what_was_erased_is_named_without_its_row(bench: Bench, files: Any) -> None:
    bench.world.table.update(id_of(bench, 0), {"state": State.ERASED, "record": None, "audio": None})
    bench.world.table.update(id_of(bench, 0), {"erased_at": "2026-10-20T13:00:00.000Z"})

    export(*DAY_OPTIONS)

    found = files()
    assert id_of(bench, 0) not in found["calls.json"].decode()
    assert f"{id_of(bench, 0)}: it was erased" in found["cover.txt"].decode()


def test_an_item_that_somebody_changed_is_named(bench: Bench, files: Any) -> None:
    bench.world.table.update(id_of(bench, 0), {"record": pack({})})

    export(*DAY_OPTIONS)

    assert len(json.loads(files()["calls.json"])) == 3
    assert f"{id_of(bench, 0)}: KeyError while reading it" in files()["cover.txt"].decode()


def test_a_recording_without_a_row_yet_is_exported_as_the_ledger_knows_it(files: Any, monkeypatch: Any) -> None:
    bench = Bench(1)
    bench.pipeline.poll("thulium")
    bench.pipeline.copy_all()
    use(stack_of(bench.world), monkeypatch)

    done = export(id_of(bench, 0))

    assert done.exit_code == 0, done.output
    (row,) = json.loads(files()["calls.json"])
    assert (row["caller"], row["recording_id"]) == ("+48 800 000 000", id_of(bench, 0))
    story = json.loads(files()[f"stories/{id_of(bench, 0)}.json"])
    assert story["waits"] == "its row is in the inbox, for the compactor"


def test_a_file_that_exists_is_never_written_over(bench: Bench) -> None:
    FILE.write_bytes(b"mine")

    done = export(*DAY_OPTIONS)

    assert (done.exit_code, FILE.read_bytes()) == (1, b"mine")
    assert "calls.zip exists already, and is not written over" in done.stderr
    assert log_lines(bench) == []


def test_a_failure_leaves_no_file_and_no_part_of_one(bench: Bench, tmp_path: Path) -> None:
    reads = 0

    def fail(call: Any, proceed: Any) -> Any:
        nonlocal reads
        reads += call.method == "head"
        if reads == 2:  # of the second story
            raise KeyboardInterrupt
        return proceed()

    bench.world.calls.on_call(fail)
    done = export(*DAY_OPTIONS)

    assert done.exit_code != 0
    assert list(tmp_path.iterdir()) == []


def test_only_its_owner_may_read_it() -> None:
    export(*DAY_OPTIONS)

    assert stat.S_IMODE(FILE.stat().st_mode) & 0o077 == 0


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["-o", "a.zip"], ExitCode.USAGE, "which calls? name recording ids, or find's options"),
        (["-o", "a.zip", "some-id", "--number", "8"], ExitCode.USAGE, "but not both"),
        (["some-id"], ExitCode.USAGE, "Missing option '--file' / '-o'"),
        (["-o", "a.zip", "nothing"], ExitCode.NOTHING_MATCHED, "the ledger knows no such recording: nothing"),
        (["-o", "a.zip", "--agent", "nobody"], ExitCode.NOTHING_MATCHED, "no call fits"),
        (["-o", "a.zip", "--from", "2999-01-01"], ExitCode.USAGE, "is in the future"),
        (["-o", "gone/a.zip", *DAY_OPTIONS], ExitCode.FAILED, "cannot write gone/a.zip: No such file or directory"),
    ],
)
def test_what_cannot_be_done_leaves_no_file(words: list[str], code: ExitCode, message: str, tmp_path: Path) -> None:
    done = typed("export", *words)

    assert done.exit_code == code
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_hostile_row_names_no_file_outside(bench: Bench, files: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from call_lake_cli.commands import export as module

    def hostile(stack: Any, wanted: Any, columns: Any) -> Iterator[dict[str, Any]]:
        rows = list(calls.find_calls(stack, wanted, columns))
        yield from rows
        yield rows[0] | {"recording_id": "../../etc/cron.d/x", "caller": "=1+1\r\n"}

    monkeypatch.setattr(module, "find_calls", hostile)

    done = export(*DAY_OPTIONS)

    assert done.exit_code == ExitCode.FOUND
    assert not [name for name in files() if ".." in name]
    assert "../../etc/cron.d/x: the ledger does not know it" in files()["cover.txt"].decode()
    rows = list(csv.DictReader(io.StringIO(files()["calls.csv"].decode("utf-8-sig"))))
    assert rows[-1]["caller"] == "'=1+1\\r\\n"


def test_a_call_that_came_after_the_line_was_written_is_left_out(files: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from call_lake_cli.commands import export as module

    def with_a_new_one(stack: Any, wanted: Any, columns: Any) -> Iterator[dict[str, Any]]:
        rows = list(calls.find_calls(stack, wanted, columns))
        if "raw" in columns:  # the second reading
            yield rows[0] | {"recording_id": f"thulium-{0:032x}"}
        yield from rows

    monkeypatch.setattr(module, "find_calls", with_a_new_one)

    assert export(*DAY_OPTIONS).exit_code == 0
    assert len(json.loads(files()["calls.json"])) == 3


def test_memory_holds_one_piece_of_audio(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from call_lake_cli.stack import audio, export_file

    monkeypatch.setattr(audio, "CHUNK_BYTES", 64)
    monkeypatch.setattr(export_file, "PIECE_BYTES", 64)
    largest = 0

    def measure(call: Any, proceed: Any) -> Any:
        nonlocal largest
        answer = proceed()
        if call.method == "get_range" and answer[:4] in (b"RIFF",):
            largest = max(largest, len(answer))
        return answer

    bench.world.calls.on_call(measure)
    assert export(*DAY_OPTIONS).exit_code == 0
    assert largest == 64
