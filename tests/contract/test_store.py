import hashlib
import io
import random
import tempfile
from datetime import timedelta
from typing import Any

import pytest

from call_lake.errors import Reason, Transient
from call_lake.ports import PartialFailure, PreconditionFailed, WriteConflict
from tests.contract.kits import Cloud, StoreKit
from tests.contract.racing import outcomes

BODY = bytes(range(256)) * 40


@pytest.fixture
def store(store_kit: StoreKit) -> Any:
    return store_kit.store


def test_what_was_put_is_what_get_returns(store):
    etag = store.put("audio/a.wav", BODY)

    assert store.get("audio/a.wav") == (BODY, etag)


def test_an_empty_object_is_an_object(store):
    store.put("empty", b"")

    assert store.get("empty")[0] == b""
    assert store.head("empty").size == 0


def test_a_file_is_stored_from_its_first_byte_wherever_it_was_read_to(store):
    file = io.BytesIO(BODY)
    file.seek(1000)

    store.put("audio/a.wav", file, sha256=hashlib.sha256(BODY).hexdigest())

    assert store.get("audio/a.wav")[0] == BODY


@pytest.mark.parametrize("with_sha256", [True, False])
@pytest.mark.parametrize("size", [0, 1, 3_000_001])
def test_a_file_on_disk_is_stored_whole(store, size, with_sha256):
    body = random.Random(size).randbytes(size)
    with tempfile.TemporaryFile() as file:
        file.write(body)
        file.flush()
        store.put("key", file, sha256=hashlib.sha256(body).hexdigest() if with_sha256 else None)
    assert store.get("key")[0] == body


def test_an_object_that_does_not_stand_is_none(store):
    assert store.get("absent") is None
    assert store.head("absent") is None


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [(0, 10, BODY[:10]), (100, 50, BODY[100:150]), (len(BODY) - 5, 100, BODY[-5:]), (len(BODY), 10, b"")],
)
def test_a_range_is_the_bytes_asked_for_and_fewer_at_the_end(store, start, length, expected):
    store.put("audio/a.wav", BODY)

    assert store.get_range("audio/a.wav", start, length) == expected


def test_a_range_of_an_absent_object_is_a_key_error(store):
    with pytest.raises(KeyError):
        store.get_range("absent", 0, 10)


def test_a_range_of_another_object_than_the_one_that_was_seen_is_refused(store):
    seen = store.put("document", BODY)
    assert store.get_range("document", 0, 5, if_match=seen) == BODY[:5]

    store.put("document", b"another")

    with pytest.raises(PreconditionFailed):
        store.get_range("document", 0, 5, if_match=seen)


def test_head_tells_size_etag_time_metadata_and_the_sha256_that_was_given(store, cloud: Cloud):
    sha256 = hashlib.sha256(BODY).hexdigest()
    etag = store.put("audio/a.wav", BODY, sha256=sha256, metadata={"channels": "2", "Sample-Rate": "8000"})

    info = store.head("audio/a.wav")

    assert (info.key, info.size, info.etag, info.sha256) == ("audio/a.wav", len(BODY), etag, sha256)
    assert info.metadata == {"channels": "2", "sample-rate": "8000"}
    assert abs(info.last_modified - cloud.now()) < timedelta(minutes=5)


def test_head_knows_no_sha256_where_none_was_given(store):
    store.put("plain", BODY)

    assert store.head("plain").sha256 is None


def test_a_plain_put_replaces(store):
    store.put("key", b"old")
    store.put("key", b"new")

    assert store.get("key")[0] == b"new"


def test_a_first_write_is_refused_where_an_object_stands(store):
    store.put("key", b"first", if_none_match=True)

    with pytest.raises(PreconditionFailed):
        store.put("key", b"second", if_none_match=True)
    assert store.get("key")[0] == b"first"


@pytest.mark.unsafe_in("moto", reason="its checks and writes are not one step: threads race")
def test_eight_racing_first_writes_create_one_object(store):
    counted = outcomes(lambda number: store.put("key", b"%d" % number, if_none_match=True))

    assert counted.pop("done") == 1
    assert set(counted) <= {"PreconditionFailed", "WriteConflict"}


def test_a_replacement_needs_the_etag_that_stands(store):
    first = store.put("manifest", b"one")
    second = store.put("manifest", b"two", if_match=first)

    with pytest.raises(PreconditionFailed):
        store.put("manifest", b"late", if_match=first)
    assert store.get("manifest") == (b"two", second)


def test_a_replacement_of_an_object_that_is_gone_is_a_conflict(store):
    etag = store.put("manifest", b"one")
    store.delete(["manifest"])

    with pytest.raises(WriteConflict):
        store.put("manifest", b"two", if_match=etag)
    assert store.get("manifest") is None


@pytest.mark.unsafe_in("moto", reason="its checks and writes are not one step: threads race")
def test_of_eight_racing_replacements_one_wins(store):
    etag = store.put("manifest", b"before")

    counted = outcomes(lambda number: store.put("manifest", b"%d" % number, if_match=etag))

    assert counted.pop("done") == 1
    assert set(counted) <= {"PreconditionFailed", "WriteConflict"}


def test_a_conflict_of_two_writes_under_way_says_try_again(store_kit: StoreKit):
    store_kit.conflict()

    with pytest.raises(WriteConflict):
        store_kit.store.put("key", b"body", if_none_match=True)
    store_kit.store.put("key", b"body", if_none_match=True)


@pytest.mark.wrong_in("moto", reason="believes any checksum")
def test_a_body_that_is_not_what_its_sha256_says_is_refused(store):
    with pytest.raises(Transient) as refused:
        store.put("audio/a.wav", BODY, sha256=hashlib.sha256(b"another").hexdigest())

    assert refused.value.reason is Reason.AWS
    assert store.get("audio/a.wav") is None


def test_a_list_follows_pages_and_is_sorted_and_only_under_its_prefix(store_kit: StoreKit):
    keys = [f"inbox/{name}" for name in ("b", "a", "źródło 1+2%.json", "c/d", "e")]
    for key in [*keys, "other/a"]:
        store_kit.store.put(key, key.encode())
    store_kit.small_pages()

    found = list(store_kit.store.list("inbox/"))

    assert [info.key for info in found] == sorted(keys)
    assert [info.size for info in found] == [len(key.encode()) for key in sorted(keys)]
    assert {info.etag for info in found} == {store_kit.store.get(key)[1] for key in keys}  # type: ignore[index]


def test_folders_are_the_next_parts_of_keys_and_no_objects(store):
    for key in ("a/b/1", "a/b/2", "a/c/d/3", "a/4", "b/5", "a/ą/6"):
        store.put(key, b"")

    assert list(store.folders("a/")) == ["a/b/", "a/c/", "a/ą/"]
    assert list(store.folders("")) == ["a/", "b/"]
    assert list(store.folders("c/")) == []


def test_a_list_of_nothing_is_empty(store):
    assert list(store.list("inbox/")) == []


def test_deleting_takes_any_number_of_keys_and_absent_ones_are_fine(store):
    store.put("inbox/a", b"")
    store.put("inbox/b", b"")

    store.delete(["inbox/a", *(f"inbox/absent-{number}" for number in range(1100)), "inbox/b"])

    assert list(store.list("inbox/")) == []


def test_deleting_nothing_is_fine(store):
    store.delete([])


def test_a_refused_deletion_is_tried_once_more(store_kit: StoreKit):
    keys = ["inbox/a", "inbox/b", "inbox/c"]
    for key in keys:
        store_kit.store.put(key, b"")
    store_kit.refuse({1: keys[1]}, 1)

    store_kit.store.delete(keys)

    assert list(store_kit.store.list("inbox/")) == []


def test_deletions_refused_twice_are_named_and_the_others_done(store_kit: StoreKit):
    keys = ["inbox/a", "inbox/b", "inbox/c"]
    for key in keys:
        store_kit.store.put(key, b"")
    store_kit.refuse({0: keys[0], 2: keys[2]}, 2)

    with pytest.raises(PartialFailure) as failure:
        store_kit.store.delete(keys)

    assert failure.value.failed == (0, 2)
    assert [info.key for info in store_kit.store.list("inbox/")] == ["inbox/a", "inbox/c"]
