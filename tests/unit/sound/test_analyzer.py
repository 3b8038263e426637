"""Rule 32: each stored recording has one row of sound, or a row that says why not. Nothing is tried in vain."""

import json
from typing import Any, BinaryIO

import pytest

from call_lake.bucket.inbox import read_lines
from call_lake.errors import Reason, Transient
from call_lake.model.lake_tables import SOUND
from call_lake.model.layout import Partition
from call_lake.model.sound import SOUND_COLUMNS, ChannelSound, Sound, SoundNote, sound_row
from call_lake.sound import analyzer
from call_lake.sound.analyzer import ROOM_S, SoundAnalyzer, SoundReport
from tests.support.fakes.calls import Call, Proceed
from tests.support.fakes.world import World
from tests.support.lake_samples import TODAY, compacted, rows_in

SIDES = (ChannelSound(-20.0, 4.0, 0.8, 2, 1), ChannelSound(-25.0, 1.0, 0.2, 1, 0))
SOUND_OF_IT = Sound(10.0, 2, -21.0, -3.0, 0.0, 0.5, 3.0, 7.0, SIDES, 0.5, None)
IN_TIME_S = 1e9


class Bench:
    """An analyzer on fakes. ``measured``: the bodies that it had measured, in order; ``found``: what they say."""

    def __init__(self) -> None:
        self.world = World.make()
        self.measured: list[bytes] = []
        self.found: Sound | SoundNote = SOUND_OF_IT
        self.analyzer = SoundAnalyzer(self.world.store, self.world.table, self.world.clock, self.measure)

    def measure(self, audio: BinaryIO) -> Sound | SoundNote:
        audio.seek(0)
        self.measured.append(audio.read())
        return self.found

    def store(self, number: int, **changes: Any) -> dict[str, Any]:
        """The detail of a recording whose audio is in the bucket."""
        id = f"thulium-{number:032x}"
        detail = {
            "recording_id": id,
            "source": "thulium",
            "call_date": TODAY.isoformat(),
            "format": "ogg",
            "bytes": 7,
            "sha256": f"{number:064x}",
        } | changes
        key = f"audio/source=thulium/call_date={TODAY}/{id}.{detail['format']}"
        self.world.store.put(key, b"audio %d" % number)
        return detail

    def erase(self, number: int) -> None:
        self.world.table.update(f"thulium-{number:032x}", {"state": "ERASED"})

    def analyze(self, *details: Any, until_s: float = IN_TIME_S) -> SoundReport:
        messages = {f"m{number}": json.dumps({"detail": detail}) for number, detail in enumerate(details)}
        return self.analyzer.analyze(messages, until_s)

    def waiting(self) -> list[dict[str, Any]]:
        keys = [info.key for info in self.world.store.list(SOUND.inbox)]
        return [json.loads(line) for key in keys for line in read_lines(self.world.store, key)]

    def before(self, method: str, act: Any) -> None:
        """Do something before each call of this method of the store."""

        def on_call(call: Call, proceed: Proceed) -> Any:
            if call.method == method:
                act()
            return proceed()

        self.world.calls.on_call(on_call)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_rows_of_a_batch_wait_together_and_reach_the_table(bench: Bench) -> None:
    report = bench.analyze(bench.store(1), bench.store(2))
    assert (report.again, report.measured, report.seconds) == ([], 2, 20.0)
    assert bench.measured == [b"audio 1", b"audio 2"]
    assert len(list(bench.world.store.list(SOUND.inbox))) == 1
    compacted(bench.world)
    found = {row["recording_id"]: row for row in rows_in(bench.world, SOUND)}
    assert set(found) == {f"thulium-{1:032x}", f"thulium-{2:032x}"}
    row = found[f"thulium-{1:032x}"]
    assert (row["audio_sha256"], row["ch0_turns"], row["ch1_level_dbfs"]) == (f"{1:064x}", 2, -25.0)


def test_a_row_has_every_column_and_no_other() -> None:
    row = sound_row("thulium-1", Partition("thulium", TODAY), "0", SOUND_OF_IT, World.make().clock.now())
    assert set(row) == {*SOUND_COLUMNS, "source", "call_date"}
    nulls = {name for name, value in row.items() if value is None}
    assert nulls == {"dead_channel", "sound_note"}


def test_a_message_that_comes_twice_makes_one_row(bench: Bench) -> None:
    stored = bench.store(1)
    bench.analyze(stored)
    bench.world.clock.sleep(60)
    bench.analyze(stored)
    compacted(bench.world)
    assert len(rows_in(bench.world, SOUND)) == 1


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"format": "m4a"}, SoundNote.FORMAT),
        ({"format": "amr"}, SoundNote.FORMAT),
        ({"format": "webm"}, SoundNote.FORMAT),
        ({"bytes": 1_000_000_001}, SoundNote.TOO_LARGE),
    ],
)
def test_what_cannot_be_read_gets_its_row_at_once_and_is_not_downloaded(
    bench: Bench, change: dict[str, Any], note: SoundNote
) -> None:
    report = bench.analyze(bench.store(1, **change))
    assert (report.again, report.unread, bench.measured) == ([], 1, [])
    (row,) = bench.waiting()
    assert (row["sound_note"], row["silence_share"]) == (note, None)


def test_a_file_that_kills_its_reader_is_not_tried_again(bench: Bench) -> None:
    bench.found = SoundNote.DIED
    assert bench.analyze(bench.store(1)).again == []
    assert bench.waiting()[0]["sound_note"] == "decoder_died"


def test_a_file_that_is_larger_than_its_event_says_is_not_downloaded_to_its_end(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyzer, "PIECE_BYTES", 2)
    monkeypatch.setattr(analyzer, "LARGEST_BYTES", 4)
    bench.analyze(bench.store(1))
    assert (bench.waiting()[0]["sound_note"], bench.measured) == (SoundNote.TOO_LARGE, [])


def test_audio_that_is_gone_makes_no_row(bench: Bench) -> None:
    stored = bench.store(1)
    bench.world.store.delete(list(bench.world.store.bodies("audio/")))
    assert bench.analyze(stored, bench.store(2)).again == []
    assert [row["recording_id"] for row in bench.waiting()] == [f"thulium-{2:032x}"]


def test_trouble_of_aws_or_of_the_process_makes_no_row_and_the_message_comes_again(bench: Bench) -> None:
    troubles = [RuntimeError("did not begin"), OSError("no space"), Transient(Reason.AWS, "slow down")]

    def fail(audio: BinaryIO) -> Sound:
        raise troubles.pop()

    bench.analyzer = SoundAnalyzer(bench.world.store, bench.world.table, bench.world.clock, fail)
    assert bench.analyze(*map(bench.store, range(3))).again == ["m0", "m1", "m2"]
    assert bench.waiting() == []


@pytest.mark.parametrize(
    "change",
    [
        {"recording_id": "thulium-../../x"},
        {"recording_id": f"conpeek-{1:032x}"},
        {"source": "../lake"},
        {"call_date": "2026-02-30"},
        {"format": "../wav"},
        {"sha256": "x"},
        {"bytes": None},
        {"recording_id": 7},
    ],
)
def test_what_is_no_event_of_ours_reads_and_writes_nothing_and_goes_to_the_dead_letters(
    bench: Bench, change: dict[str, Any]
) -> None:
    """SQS moves it there: it comes again, like all that fails."""
    assert bench.analyze(bench.store(2) | change, [1], None).again == ["m0", "m1", "m2"]
    assert (bench.measured, bench.waiting()) == ([], [])


def test_nothing_is_begun_that_may_not_end_in_time(bench: Bench) -> None:
    until_s = bench.world.clock.monotonic() + ROOM_S + 10
    stored = [bench.store(1), bench.store(2)]
    bench.before("get_range", lambda: bench.world.clock.sleep(30))
    assert bench.analyze(*stored, until_s=until_s).again == ["m1"]
    assert len(bench.waiting()) == 1


# -- erased recordings


def test_an_erased_recording_is_not_read_and_gets_no_row(bench: Bench) -> None:
    stored = [bench.store(1), bench.store(2)]
    bench.erase(1)
    assert bench.analyze(*stored).again == []
    assert bench.measured == [b"audio 2"]
    assert [row["recording_id"] for row in bench.waiting()] == [f"thulium-{2:032x}"]


def test_a_recording_that_is_erased_while_it_is_measured_leaves_nothing_and_takes_no_other_row_with_it(
    bench: Bench,
) -> None:
    stored = [bench.store(1), bench.store(2)]
    bench.before("put", lambda: bench.erase(1))
    assert bench.analyze(*stored).again == []
    assert [row["recording_id"] for row in bench.waiting()] == [f"thulium-{2:032x}"]


def test_rows_of_other_days_stay_where_one_is_erased(bench: Bench) -> None:
    other = bench.store(2) | {"call_date": "2026-10-19"}
    bench.world.store.put(f"audio/source=thulium/call_date=2026-10-19/thulium-{2:032x}.ogg", b"other")
    stored = bench.store(1)
    bench.before("put", lambda: bench.erase(1))
    bench.analyze(stored, other)
    assert [row["recording_id"] for row in bench.waiting()] == [f"thulium-{2:032x}"]


def test_a_message_is_not_done_before_its_row_is_written(bench: Bench) -> None:
    stored = bench.store(1)

    def fail() -> None:
        raise Transient(Reason.AWS, "slow down")

    bench.before("put", fail)
    with pytest.raises(Transient):
        bench.analyze(stored)
