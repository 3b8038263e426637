"""``call-lake get``: the right bytes under the right names, or no file at all, and a line in the access log."""

import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from call_lake_cli.commands.get import FOLDER
from call_lake_cli.console.errors import ExitCode, UserError
from call_lake_cli.console.files import whole_file
from call_lake_cli.stack import audio
from tests.support.fakes import Fault, FaultAt
from tests.support.fakes.ids import IDS
from tests.support.memory_stack import MemoryStack, stack_of, typed, use
from tests.support.operator_bench import Bench


@pytest.fixture(scope="module")
def settled() -> Bench:
    bench = Bench(3)
    bench.settle()
    return bench


@pytest.fixture(autouse=True)
def bench(settled: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bench:
    use(stack_of(settled.world), monkeypatch)
    monkeypatch.setattr("call_lake_cli.commands.get.ids_of", lambda stack: IDS)
    monkeypatch.chdir(tmp_path)
    settled.world.store.delete(list(settled.world.store.bodies("access-log/")))
    return settled


def name_of(bench: Bench, number: int) -> str:
    return f"2026-10-20-12{number:02d}00-{bench.recordings[number].recording_id}.wav"


def body_of(bench: Bench, number: int) -> bytes:
    return bench.world.store.bodies()[bench.audio_key(bench.recordings[number])]


def log_lines(bench: Bench) -> list[dict[str, Any]]:
    return [json.loads(body) for body in bench.world.store.bodies("access-log/").values()]


def get(*words: str) -> Result:
    return typed("get", *words)


def test_several_files_go_to_a_folder_that_git_ignores(bench: Bench) -> None:
    ids = [recording.recording_id for recording in bench.recordings[:2]]

    done = get(*ids)

    assert done.exit_code == 0, done.output
    assert done.stdout.split() == [str(FOLDER / name_of(bench, 0)), str(FOLDER / name_of(bench, 1))]
    assert [(FOLDER / name_of(bench, n)).read_bytes() for n in (0, 1)] == [body_of(bench, 0), body_of(bench, 1)]
    assert (FOLDER / ".gitignore").read_text() == "*\n"
    for path in (FOLDER, FOLDER / name_of(bench, 0)):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_a_folder_that_is_named_is_made(bench: Bench) -> None:
    done = get(bench.recordings[0].provider_key, "-o", "complaint 7/audio")

    assert done.exit_code == 0, done.output
    assert [file.name for file in Path("complaint 7/audio").iterdir()] == [name_of(bench, 0)]


def test_a_folder_that_cannot_be_made_is_one_line(bench: Bench) -> None:
    Path("file").write_text("mine")

    done = get(bench.recordings[0].recording_id, "-o", "file/audio")

    assert done.exit_code == 1
    assert "cannot make the folder file/audio: Not a directory" in done.stderr
    assert log_lines(bench) == []


def test_the_access_log_has_a_line_of_what_was_taken_and_by_whom(bench: Bench) -> None:
    ids = [recording.recording_id for recording in bench.recordings[:2]]
    get(ids[0], ids[1], "nothing", ids[0])

    (line,) = log_lines(bench)
    assert (line["action"], line["recording_ids"]) == ("get", ids)
    assert line["who"] == "arn:aws:iam::000000000000:user/invented"
    assert line["program"].startswith("call-lake ")


def test_without_its_line_no_audio_is_handed_out(bench: Bench) -> None:
    def refuse_the_line(call: Any, proceed: Any) -> Any:
        return FaultAt(1, Fault.REFUSED)(call, proceed) if call.method == "put" else proceed()

    stop = bench.world.calls.on_call(refuse_the_line)
    done = get(bench.recordings[0].recording_id)
    stop()

    assert done.exit_code == ExitCode.UNREACHABLE
    assert [file.name for file in FOLDER.iterdir()] == [".gitignore"]


def test_one_that_is_missing_stops_no_other(bench: Bench) -> None:
    done = get("nothing", bench.recordings[0].recording_id)

    assert done.exit_code == ExitCode.FOUND
    assert done.stdout.strip() == str(FOLDER / name_of(bench, 0))
    assert "the ledger knows no such recording: 'nothing'" in done.stderr
    assert "1 of 2 recordings have a problem" in done.stderr


def test_nothing_found_is_an_exit_code_and_no_line(bench: Bench) -> None:
    assert get("nothing").exit_code == ExitCode.NOTHING_MATCHED
    assert log_lines(bench) == []


def test_a_file_that_exists_is_not_written_over_unless_it_is_said(bench: Bench) -> None:
    id, file = bench.recordings[0].recording_id, Path(name_of(bench, 0))
    file.write_bytes(b"mine")

    done = get(id, "-o", ".")
    assert (done.exit_code, file.read_bytes()) == (1, b"mine")
    assert f"{file} exists already" in done.stderr

    assert get(id, "-o", ".", "--force").exit_code == 0
    assert file.read_bytes() == body_of(bench, 0)


def test_a_file_that_exists_is_refused_before_anything_is_noted(bench: Bench) -> None:
    get(bench.recordings[0].recording_id)
    assert len(log_lines(bench)) == 1

    done = get(bench.recordings[0].recording_id)

    assert "--force does it" in done.stderr
    assert len(log_lines(bench)) == 1


def test_a_file_that_comes_while_it_loads_is_not_written_over(tmp_path: Path) -> None:
    file = tmp_path / "call.wav"

    def write() -> None:
        with whole_file(file) as out:
            out.write(b"ours")
            file.write_bytes(b"mine")

    with pytest.raises(UserError, match="File exists"):
        write()

    assert file.read_bytes() == b"mine"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("change", [lambda body: body[:-1], lambda body: body[:-1] + b"?", lambda body: b""])
def test_other_bytes_leave_no_file(bench: Bench, change: Any) -> None:
    key, body = bench.audio_key(bench.recordings[2]), body_of(bench, 2)
    bench.world.store.put(key, change(body))
    try:
        done = get(bench.recordings[2].recording_id, "-o", "here")
    finally:
        bench.world.store.put(key, body)

    assert "are not those that were stored (SHA-256)" in done.stderr
    assert list(Path("here").iterdir()) == []


def test_a_lost_object_says_what_brings_it_back(bench: Bench) -> None:
    key, body = bench.audio_key(bench.recordings[2]), body_of(bench, 2)
    bench.world.store.delete([key])
    try:
        done = get(bench.recordings[2].recording_id)
    finally:
        bench.world.store.put(key, body)

    assert "verify --repair" in done.stderr


def test_large_audio_comes_in_pieces(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio, "CHUNK_BYTES", 100)

    get(bench.recordings[0].recording_id, "-o", "pieces")

    assert Path("pieces", name_of(bench, 0)).read_bytes() == body_of(bench, 0)


def test_the_files_name_is_ours_whatever_the_ledger_says(bench: Bench) -> None:
    entry = bench.ledger.entry(bench.recordings[0].recording_id)
    assert entry is not None
    assert entry.audio is not None
    hostile = replace(entry.audio, facts=replace(entry.audio.facts, format="/../../x\x1b"))
    stack: MemoryStack = stack_of(bench.world)

    assert audio.file_name(stack, entry, hostile) == name_of(bench, 0).replace(".wav", ".bin")


def test_a_recording_that_waits_says_where() -> None:
    bench = Bench(1)
    bench.pipeline.poll("thulium")
    entry = bench.ledger.entry(bench.recordings[0].recording_id)
    assert entry is not None

    with pytest.raises(UserError, match="is PUBLISHED: there is no audio; it waits in the queue"):
        audio.stored_audio(stack_of(bench.world), "any", [entry])


def test_one_key_of_two_sources_asks_for_an_id(bench: Bench) -> None:
    entry = bench.ledger.entry(bench.recordings[0].recording_id)
    assert entry is not None
    other = replace(entry, recording_id=entry.recording_id.replace("thulium", "second"))

    with pytest.raises(UserError, match=f"{entry.recording_id}, {other.recording_id}"):
        audio.stored_audio(stack_of(bench.world), "any", [entry, other])
