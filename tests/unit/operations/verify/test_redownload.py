"""Stored audio is downloaded again: what another call's audio is, what a new encoding is, and what is unclear."""

import json
import struct
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest

from call_lake.errors import NotReady, Reason, SecretEmpty, Terminal, Transient
from call_lake.ledger.entry import State
from call_lake.model.recording import Recording, StoredAudio
from call_lake.operations.verify.findings import Kind
from call_lake.operations.verify.redownload import ASKED_AT_ONCE
from tests.support.audio_samples import riff_wav
from tests.support.fakes.provider import make_recording, make_wav, raising
from tests.support.operator_bench import Bench, kinds, only

NUMBERS = count(1000)


def bench_of(*seconds: float) -> Bench:
    """One stored recording for each of these lengths."""
    bench = Bench(0)
    bench.recordings = [make_recording(number) for number in range(len(seconds))]
    for number, (recording, length) in enumerate(zip(bench.recordings, seconds, strict=True)):
        bench.thulium.audio[recording.provider_key] = make_wav(number, length)
        bench.thulium.add(recording)
    bench.settle()
    assert bench.states() == [State.STORED] * len(seconds)
    return bench


@pytest.fixture
def bench() -> Bench:
    return bench_of(0.5, 1.0, 1.5)


def swap_audio(bench: Bench, one: Recording, other: Recording) -> None:
    """From now on the provider gives each the other's: as if both had been stored with the wrong audio."""
    audio = bench.thulium.audio
    audio[one.provider_key], audio[other.provider_key] = audio[other.provider_key], audio[one.provider_key]


def encode_anew(bench: Bench, *recordings: Recording, seconds: float | None = None) -> None:
    """From now on each download of these has bytes that no other has."""
    keys = {recording.provider_key: bench.thulium.audio[recording.provider_key] for recording in recordings}

    def encode(recording: Recording) -> None:
        if body := keys.get(recording.provider_key):
            length = seconds if seconds is not None else (len(body) - 44) / 16_000
            bench.thulium.audio[recording.provider_key] = make_wav(next(NUMBERS), length)

    bench.thulium.on_audio = encode


# -- the same bytes


def test_the_same_bytes_are_right(bench: Bench) -> None:
    report = bench.redownload()

    assert (report.findings, report.redownloaded) == ([], (3, 3))


def test_nothing_is_stored_and_the_ledger_stays(bench: Bench) -> None:
    bodies, items = bench.world.store.bodies(), bench.world.table.items()
    swap_audio(bench, *bench.recordings[:2])

    bench.redownload()

    assert (bench.world.store.bodies(), bench.world.table.items()) == (bodies, items)


def test_as_many_are_downloaded_as_were_asked_for_and_others_each_time() -> None:
    bench = bench_of(*[0.1] * 12)
    asked: list[set[str]] = []

    def note(recording: Recording) -> None:
        asked[-1].add(recording.recording_id)

    bench.thulium.on_audio = note
    for seed in range(6):
        asked.append(set())
        assert bench.redownload(3, seed=seed).redownloaded == (3, 3)

    assert {len(some) for some in asked} == {3}
    assert len(set.union(*asked)) > 6


def test_only_what_is_stored_is_downloaded(bench: Bench) -> None:
    failed = make_recording(40)
    bench.thulium.add(failed)
    bench.thulium.on_audio = raising(Terminal(Reason.FORBIDDEN, "the download answered 403"))
    bench.settle()
    asked: list[Recording] = []
    bench.thulium.on_audio = asked.append

    bench.redownload()

    assert sorted(one.recording_id for one in asked) == sorted(one.recording_id for one in bench.recordings)


# -- another call's audio


def test_audio_that_was_stored_as_another_recordings_is_found(bench: Bench) -> None:
    one, other, _ = bench.recordings
    swap_audio(bench, one, other)
    assert bench.verify().findings == [], "all that is stored agrees"

    report = bench.redownload()

    assert kinds(report.findings) == [Kind.MISPLACED] * 2
    assert report.redownloaded == (3, 1)
    assert report.right == 1
    named = {finding.recording_id: finding.what for finding in report.differences}
    assert other.recording_id in named[one.recording_id]
    assert one.recording_id in named[other.recording_id]


@pytest.mark.parametrize("seed", range(4))
def test_recordings_of_one_length_that_were_swapped_are_found_by_either_alone(seed: int) -> None:
    bench = bench_of(1.0, 1.0, 1.0)
    swap_audio(bench, *bench.recordings[:2])

    report = bench.redownload(1, seed=seed)

    assert report.redownloaded is not None
    assert kinds(report.findings) == [Kind.MISPLACED] * (1 - report.redownloaded[1])
    assert kinds(bench.redownload(3).findings) == [Kind.MISPLACED] * 2


def test_the_last_of_a_shifted_row_is_found_by_what_the_provider_gives_for_another(bench: Bench) -> None:
    """Each was stored with the audio of the one before; that of the last is stored nowhere."""
    first, second, third = bench.recordings
    audio = bench.thulium.audio
    shifted = {first: audio[second.provider_key], second: audio[third.provider_key], third: make_wav(99, 1.5)}
    for recording, body in shifted.items():
        audio[recording.provider_key] = body

    found = bench.redownload()

    assert kinds(found.findings) == [Kind.MISPLACED] * 3
    last = next(one for one in found.findings if one.recording_id == third.recording_id)
    assert "are those that the provider gives for" in last.what


def test_audio_that_is_stored_twice_is_another_recordings_even_if_the_provider_encodes_anew() -> None:
    bench = bench_of(1.0, 1.0, 1.0)
    one, other, _ = bench.recordings
    item = bench.item(one)
    theirs = StoredAudio.from_json(bench.item(other)["audio"])
    ours = replace(StoredAudio.from_json(item["audio"]), facts=theirs.facts)
    bench.world.table.update(one.recording_id, {"audio": ours.to_json()})
    encode_anew(bench, *bench.recordings)

    found = {finding.recording_id: finding for finding in bench.redownload().findings if "stored as" in finding.what}

    assert {finding.kind for finding in found.values()} == {Kind.MISPLACED}
    assert set(found) == {one.recording_id, other.recording_id}


@pytest.mark.parametrize("seconds", [0.25, 1.0, 1.06])
def test_other_audio_that_nobody_has_and_that_stays_the_same_is_a_difference(seconds: float) -> None:
    bench = bench_of(1.0)
    bench.thulium.audio[bench.recordings[0].provider_key] = make_wav(7, seconds)

    found = only(bench.redownload().differences)

    assert found.kind is Kind.AUDIO_DIFFERS
    assert f"{seconds:.2f} s" in found.what
    assert "stored is wav of 1.00 s" in found.what


# -- encoded again


def test_a_provider_that_encodes_each_download_anew_is_warned_of(bench: Bench) -> None:
    encode_anew(bench, *bench.recordings)

    report = bench.redownload()

    assert kinds(report.findings) == [Kind.ENCODED_ANEW] * 3
    assert report.differences == []
    assert all(finding.is_listed for finding in report.findings)
    assert report.redownloaded == (3, 0)
    assert "other recordings" not in report.findings[0].what


def test_a_new_encoding_says_how_many_others_are_as_long() -> None:
    bench = bench_of(1.0, 1.0, 1.0, 2.0)
    encode_anew(bench, bench.recordings[0])

    found = only(bench.redownload().findings)

    assert found.kind is Kind.ENCODED_ANEW
    assert "so are 2 other recordings of these days" in found.what


@pytest.mark.parametrize("seconds", [0.9, 1.06, 3.0])
def test_a_new_encoding_of_another_length_is_a_difference(seconds: float) -> None:
    bench = bench_of(1.0)
    encode_anew(bench, *bench.recordings, seconds=seconds)

    assert only(bench.redownload().differences).kind is Kind.AUDIO_DIFFERS


@pytest.mark.parametrize(
    ("rate", "channels", "width"), [(16_000, 1, 1), (8000, 2, 1), (8000, 1, 1)], ids=["rate", "channels", "size"]
)
def test_a_new_encoding_of_another_form_is_a_difference(rate: int, channels: int, width: int) -> None:
    """Each is as long as what is stored; the first two have as many bytes, too."""
    bench = bench_of(1.0)
    key = bench.recordings[0].provider_key
    block = channels * width
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * block, block, 8 * width)
    bodies = count()

    def encode(recording: Recording) -> None:
        bench.thulium.audio[key] = riff_wav(next(bodies).to_bytes(2) * (rate * channels * width // 2), form=form)

    bench.thulium.on_audio = encode

    found = only(bench.redownload().differences)

    assert found.kind is Kind.AUDIO_DIFFERS
    assert "1.00 s" in found.what


def test_where_the_second_download_fails_it_stays_a_difference() -> None:
    bench = bench_of(1.0)
    key, downloads = bench.recordings[0].provider_key, count()

    def act(recording: Recording) -> None:
        if next(downloads):
            raise Transient(Reason.HTTP_ERROR, "the download answered 500")
        bench.thulium.audio[key] = make_wav(7, 1.0)

    bench.thulium.on_audio = act

    assert only(bench.redownload().differences).kind is Kind.AUDIO_DIFFERS


# -- what cannot be compared


def test_what_is_gone_at_the_provider_is_said_and_no_difference(bench: Bench) -> None:
    del bench.thulium.audio[bench.recordings[0].provider_key]

    report = bench.redownload()

    assert (kinds(report.findings), report.differences) == ([Kind.GONE], [])
    assert report.redownloaded == (3, 2)
    assert report.findings[0].recording_id == bench.recordings[0].recording_id


@pytest.mark.parametrize(
    "error",
    [
        Transient(Reason.HTTP_ERROR, "the download answered 500"),
        Transient(Reason.RATE_LIMITED, "the download answered 429"),
        Transient(Reason.RATE_LIMITED, "the download answered 429", retry_after_s=5.0),
        Terminal(Reason.FORBIDDEN, "the download answered 403"),
        NotReady(Reason.HTML, "a page"),
    ],
    ids=lambda error: f"{error.reason}-{error.retry_after_s}",
)
def test_an_error_of_one_recording_is_said_and_the_others_are_compared(bench: Bench, error: Exception) -> None:
    bad = bench.recordings[1].recording_id

    def act(recording: Recording) -> None:
        if recording.recording_id == bad:
            raise error

    bench.thulium.on_audio = act

    report = bench.redownload()

    found = only(report.findings)
    assert (found.kind, found.recording_id, found.is_difference) == (Kind.NOT_COMPARED, bad, False)
    assert str(error) in found.what
    assert report.redownloaded == (3, 2)


def test_a_source_that_asks_for_a_moment_gets_it(bench: Bench) -> None:
    began, refused = bench.world.clock.now(), count()

    def act(recording: Recording) -> None:
        if next(refused) == 0:
            raise Transient(Reason.RATE_LIMITED, "the download answered 429", retry_after_s=30.0)

    bench.thulium.on_audio = act

    assert bench.redownload().redownloaded == (3, 3)
    assert bench.world.clock.now() - began == timedelta(seconds=30)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (SecretEmpty("no value yet"), "call-lake secrets set thulium"),
        (Transient(Reason.RATE_LIMITED, "the download answered 429", retry_after_s=3600.0), "no requests for 3600 s"),
    ],
    ids=["secret", "rest"],
)
def test_a_source_that_cannot_be_asked_is_one_line_and_is_asked_once(bench: Bench, error: Exception, says: str) -> None:
    asked: list[Recording] = []

    def act(recording: Recording) -> None:
        asked.append(recording)
        raise error

    bench.thulium.on_audio = act

    found = only(bench.redownload().findings)

    assert len(asked) == 1
    assert (found.kind, found.recording_id) == (Kind.NOT_COMPARED, None)
    assert "3 of 3 recordings were not downloaded again" in found.what
    assert says in found.what


def test_a_body_over_the_sources_limit_is_not_compared(bench: Bench) -> None:
    report = bench.redownload(max_bytes=16_044)

    assert kinds(report.findings) == [Kind.NOT_COMPARED]
    assert "too_large" in report.findings[0].what
    assert report.redownloaded == (3, 2)


def test_no_finding_of_a_download_holds_anything_personal(bench: Bench) -> None:
    swap_audio(bench, *bench.recordings[:2])
    bench.thulium.audio[bench.recordings[2].provider_key] = make_wav(50, 1.0)

    text = json.dumps([finding.to_json() for finding in bench.redownload().findings])

    assert text.count('"kind"') == 3
    for personal in ("+48", "Agent", "sales/", "call 1"):
        assert personal not in text


# -- audio that is shorter than its header says

SHORT = riff_wav(promised=16_016)
DAY = timedelta(days=1)


def bench_with_shorter(number: int = 1) -> Bench:
    """Recordings that were stored though their header promises more, a day ago."""
    bench = Bench(number)
    bench.settle()
    for recording in bench.recordings:
        item = bench.item(recording)["audio"]
        item["facts"] |= {"note": "shorter_than_header"}
        bench.world.table.update(recording.recording_id, {"audio": item})
    bench.world.clock.advance(DAY)
    return bench


def give(bench: Bench, body: bytes) -> None:
    bench.thulium.audio[bench.recordings[0].provider_key] = body


def test_within_a_day_nothing_is_asked() -> None:
    bench = bench_with_shorter()
    bench.world.clock.advance(-timedelta(hours=1))
    downloads = bench.thulium.downloads

    found = only(bench.redownload(0).findings)

    assert (found.kind, found.is_difference, found.is_listed) == (Kind.SHORTER, False, True)
    assert bench.thulium.downloads == downloads


def test_after_a_day_it_is_asked_for_once_and_the_answer_stays() -> None:
    bench = bench_with_shorter()
    downloads = bench.thulium.downloads

    for _ in range(3):
        found = only(bench.redownload(0).findings)
        assert (found.kind, found.is_difference) == (Kind.SHORTER, False)
        assert "asked again at 2026-" in found.what
        assert "the provider has the same bytes" in found.what
        bench.world.clock.advance(DAY)

    assert bench.thulium.downloads == downloads + 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (make_wav(0, 1.0), "the provider has a whole file of 16044 bytes"),
        (SHORT, f"the provider has more of {len(SHORT)} bytes"),
    ],
    ids=["whole", "longer"],
)
def test_where_the_provider_has_more_now_it_is_a_difference_until_it_is_repaired(body: bytes, says: str) -> None:
    bench = bench_with_shorter()
    give(bench, body)

    for _ in range(2):
        found = only(bench.redownload(0).differences)
        assert found.kind is Kind.HAS_MORE
        assert says in found.what
        bench.world.clock.advance(DAY)


def test_the_whole_file_is_fetched_once_the_object_is_deleted() -> None:
    bench = bench_with_shorter()
    give(bench, make_wav(0, 1.0))
    assert "delete its object" in only(bench.redownload(0).differences).to_do

    bench.world.store.delete([bench.audio_key(bench.recordings[0])])
    bench.repair(bench.redownload(0))
    bench.settle()

    assert bench.item(bench.recordings[0])["audio"]["facts"]["bytes"] == 16_044
    assert bench.redownload().findings == []


def test_other_bytes_that_are_no_more_are_no_difference() -> None:
    bench = bench_with_shorter()
    give(bench, riff_wav(b"\0\1" * 10, promised=90))

    found = only(bench.redownload(0).findings)

    assert found.kind is Kind.SHORTER
    assert "other bytes, but not more" in found.what


def test_what_is_gone_is_not_asked_for_again() -> None:
    bench = bench_with_shorter()
    bench.thulium.audio.clear()
    asked: list[Recording] = []
    bench.thulium.on_audio = asked.append

    for _ in range(2):
        found = only(bench.redownload(0).findings)
        assert (found.kind, found.is_difference) == (Kind.SHORTER, False)
        assert "does not have it any more" in found.what

    assert len(asked) == 1


def test_an_error_leaves_it_to_the_next_time() -> None:
    bench = bench_with_shorter()
    bench.thulium.on_audio = raising(Transient(Reason.HTTP_ERROR, "the download answered 500"))
    found = only(bench.redownload(0).findings)
    assert found.kind is Kind.SHORTER
    assert "the download answered 500" in found.what

    bench.thulium.on_audio = lambda recording: None
    assert "the provider has the same bytes" in only(bench.redownload(0).findings).what


def test_an_empty_secret_changes_nothing() -> None:
    bench = bench_with_shorter()
    bench.thulium.on_audio = raising(SecretEmpty("no value yet"))

    assert only(bench.redownload(0).findings).kind is Kind.SHORTER


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [(None, Kind.SHORTER, "has the same bytes"), (make_wav(0, 1.0), Kind.HAS_MORE, "has a whole file")],
    ids=["same", "whole"],
)
def test_an_answer_that_the_ledger_does_not_take_is_told(
    monkeypatch: pytest.MonkeyPatch, body: bytes | None, kind: Kind, says: str
) -> None:
    bench = bench_with_shorter()
    if body:
        give(bench, body)
    monkeypatch.setattr(bench.world.table, "update", raising_update)

    found = only(bench.redownload(0).findings)

    assert found.kind is kind
    assert says in found.what
    assert "AccessDenied" in found.what


def raising_update(*_: object) -> None:
    raise Transient(Reason.AWS, "update_item: AccessDenied")


def test_what_was_erased_meanwhile_stays_erased() -> None:
    bench = bench_with_shorter()
    recording = bench.recordings[0]

    def erase(_: Recording) -> None:
        bench.ledger.erase(recording.recording_id, recording.source, recording.call_date)

    bench.thulium.on_audio = erase
    bench.redownload(0)

    assert bench.item(recording)["state"] == State.ERASED
    assert "history" not in bench.item(recording)


def test_an_answer_counts_only_for_the_audio_that_was_asked_about() -> None:
    bench = bench_with_shorter()
    entry = bench.ledger.entry(bench.recordings[0].recording_id)
    assert entry is not None
    assert entry.audio is not None
    stored_again = replace(entry.audio, stored_at=bench.world.clock.now())

    def store_again(_: Recording) -> None:
        assert bench.ledger.restamped(entry, stored_again)

    bench.thulium.on_audio = store_again
    bench.redownload(0)

    assert "history" not in bench.item(bench.recordings[0])


def test_one_verification_asks_for_a_limited_number() -> None:
    bench = bench_with_shorter(ASKED_AT_ONCE + 3)
    downloads = bench.thulium.downloads

    bench.redownload(0)
    assert bench.thulium.downloads == downloads + ASKED_AT_ONCE
    bench.redownload(0)
    assert bench.thulium.downloads == downloads + ASKED_AT_ONCE + 3
