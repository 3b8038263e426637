"""``call-lake get``: the right bytes under the right name, or no file at all."""

import hashlib
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from call_lake.ledger.entry import Entry
from call_lake.model.recording import AudioFacts, StoredAudio
from call_lake_cli.commands.get import chunks_of, misnamed, save, stored_audio, target_of
from call_lake_cli.commands.show import find_entries
from call_lake_cli.console.errors import UserError
from tests.support.fakes.ids import IDS
from tests.support.operator_bench import Bench

BODY = b"RIFF" + bytes(range(256)) * 100
ID = "thulium-0123456789abcdef0123456789abcdef"
BENCH = Bench(0)
AUDIO = StoredAudio(
    "bucket",
    f"audio/source=thulium/call_date=2026-10-20/{ID}.wav",
    AudioFacts("wav", len(BODY), hashlib.sha256(BODY).hexdigest()),
    BENCH.world.clock.now(),
)


def chunks(body: bytes = BODY) -> Iterator[bytes]:
    yield body[:1000]
    yield body[1000:]


def test_the_file_is_what_was_stored_and_its_owner_alone_may_read_it(tmp_path: Path) -> None:
    file = tmp_path / "call.wav"

    save(chunks(), AUDIO, file, force=False)

    assert file.read_bytes() == BODY
    assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_stands_is_not_written_over_unless_it_is_said(tmp_path: Path) -> None:
    file = tmp_path / "call.wav"
    file.write_bytes(b"mine")

    with pytest.raises(UserError, match="--force"):
        save(chunks(), AUDIO, file, force=False)
    assert file.read_bytes() == b"mine"

    save(chunks(), AUDIO, file, force=True)
    assert file.read_bytes() == BODY


@pytest.mark.parametrize(
    ("name", "wrong"), [("call.wav", False), ("call.WAV", False), ("call", False), ("call.ogg", True)]
)
def test_a_name_that_says_another_format_is_noticed(name: str, wrong: bool) -> None:
    assert misnamed(AUDIO, Path(name)) is wrong


def test_a_file_that_comes_while_it_loads_is_not_written_over(tmp_path: Path) -> None:
    file = tmp_path / "call.wav"

    def slow() -> Iterator[bytes]:
        yield BODY
        file.write_bytes(b"mine")

    with pytest.raises(UserError, match="File exists"):
        save(slow(), AUDIO, file, force=False)

    assert file.read_bytes() == b"mine"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("body", [BODY[:-1], BODY[:-1] + b"?", b""])
def test_other_bytes_leave_no_file(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(UserError, match="SHA-256"):
        save(chunks(body), AUDIO, tmp_path / "call.wav", force=True)

    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot write .*No such file or directory; -o"):
        save(chunks(), AUDIO, tmp_path / "gone" / "call.wav", force=False)


def test_the_name_has_the_extension_of_the_bytes(tmp_path: Path) -> None:
    assert target_of(AUDIO, None) == Path(f"{ID}.wav")
    assert target_of(AUDIO, tmp_path) == tmp_path / f"{ID}.wav"
    assert target_of(AUDIO, tmp_path / "any.mp3") == tmp_path / "any.mp3"


def test_it_is_found_by_id_and_by_key_once_it_is_stored() -> None:
    bench = Bench(1)
    recording = bench.recordings[0]
    stack: Any = SimpleNamespace(store=bench.world.store)

    def found(name: str) -> list[Entry]:
        return find_entries(bench.ledger, ["thulium"], name, lambda: IDS)

    bench.pipeline.poll("thulium")
    with pytest.raises(UserError, match="is PUBLISHED: there is no audio; it waits in the queue"):
        stored_audio(stack, found(recording.recording_id))

    bench.settle()
    for name in (recording.recording_id, recording.provider_key):
        assert stored_audio(stack, found(name)).key == bench.audio_key(recording)
    with pytest.raises(UserError, match="knows no such recording"):
        stored_audio(stack, found("nothing"))


def test_one_key_of_two_sources_asks_for_an_id() -> None:
    bench = Bench(1)
    bench.settle()
    (entry,) = find_entries(bench.ledger, ["thulium"], bench.recordings[0].recording_id, lambda: IDS)
    other = replace(entry, recording_id=entry.recording_id.replace("thulium", "second"))

    with pytest.raises(UserError, match=f"{entry.recording_id}, {other.recording_id}"):
        stored_audio(SimpleNamespace(), [entry, other])  # type: ignore[arg-type]


def test_a_lost_object_says_what_brings_it_back() -> None:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="bucket")
        stack: Any = SimpleNamespace(client=lambda name: client)
        with pytest.raises(UserError, match="verify --repair"):
            chunks_of(stack, AUDIO)

        client.put_object(Bucket="bucket", Key=AUDIO.key, Body=BODY)
        assert b"".join(chunks_of(stack, AUDIO)) == BODY
