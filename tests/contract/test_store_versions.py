"""Older versions of objects, which only an erasure looks at."""

import pytest

from call_lake.ports import ObjectVersion, PartialFailure, VersionedStore
from tests.contract.kits import StoreKit


def history(store: VersionedStore, prefix: str) -> list[tuple[str, bytes | None, bool]]:
    """Key, body (None for a marker) and whether it is the latest, in the order of the listing."""
    return [
        (one.key, None if one.is_marker else store.get_version(one), one.is_latest)
        for one in store.list_versions(prefix)
    ]


def of(store: VersionedStore, key: str) -> list[ObjectVersion]:
    return [one for one in store.list_versions(key) if one.key == key]


def test_a_bucket_without_versions_lists_what_stands(store_kit: StoreKit) -> None:
    store = store_kit.store
    store.put("audio/a", b"old")
    store.put("audio/a", b"new")
    store.put("audio/b", b"gone")
    store.put("inbox/c", b"elsewhere")
    store.delete(["audio/b"])

    assert history(store, "audio/") == [("audio/a", b"new", True)]


def test_a_bucket_with_versions_keeps_what_was_replaced_and_deleted(store_kit: StoreKit) -> None:
    store_kit.keep_versions()
    store = store_kit.store
    store.put("audio/a", b"old")
    store.put("audio/a", b"new")
    store.put("audio/b", b"gone")
    store.delete(["audio/b"])

    assert history(store, "audio/") == [
        ("audio/a", b"new", True),
        ("audio/a", b"old", False),
        ("audio/b", None, True),
        ("audio/b", b"gone", False),
    ]
    assert store.get("audio/b") is None


def test_folders_of_versions_are_also_those_in_which_nothing_is_left(store_kit: StoreKit) -> None:
    store_kit.keep_versions()
    store = store_kit.store
    for key in ("a/b/1", "a/b/2", "a/gone/3", "a/4", "b/5"):
        store.put(key, b"")
    store.delete(["a/gone/3"])

    assert list(store.version_folders("a/")) == ["a/b/", "a/gone/"]


def test_a_listing_of_versions_follows_pages(store_kit: StoreKit) -> None:
    store_kit.keep_versions()
    for number in range(3):
        for name in ("a", "b", "c"):
            store_kit.store.put(f"audio/{name}", b"%d" % number)
    store_kit.small_pages()

    assert sorted(history(store_kit.store, "audio/")) == sorted(
        (f"audio/{name}", b"%d" % number, number == 2) for name in ("a", "b", "c") for number in range(3)
    )


def test_deleting_all_versions_leaves_nothing(store_kit: StoreKit) -> None:
    store_kit.keep_versions()
    store = store_kit.store
    for body in (b"old", b"new"):
        store.put("audio/a", body)
    store.delete(["audio/a"])
    store.put("audio/b", b"stays")

    store.delete_versions(of(store, "audio/a"))

    assert history(store, "audio/") == [("audio/b", b"stays", True)]


def test_deleting_the_latest_version_brings_the_one_before_to_light(store_kit: StoreKit) -> None:
    store_kit.keep_versions()
    store = store_kit.store
    for body in (b"old", b"new"):
        store.put("audio/a", body)

    store.delete_versions(of(store, "audio/a")[:1])

    assert history(store, "audio/") == [("audio/a", b"old", True)]
    assert store.get("audio/a") is not None


def test_an_object_of_a_bucket_without_versions_is_deleted_as_a_version(store_kit: StoreKit) -> None:
    store_kit.store.put("audio/a", b"body")
    versions = of(store_kit.store, "audio/a")

    store_kit.store.delete_versions(versions)

    assert store_kit.store.get("audio/a") is None
    assert store_kit.store.get_version(versions[0]) is None
    store_kit.store.delete_versions(versions)  # absent ones are fine
    store_kit.store.delete_versions([])


def test_versions_that_were_refused_twice_are_named_and_the_others_deleted(store_kit: StoreKit) -> None:
    keys = ["audio/a", "audio/b", "audio/c"]
    for key in keys:
        store_kit.store.put(key, b"body")
    store_kit.refuse({1: keys[1]}, 2)

    with pytest.raises(PartialFailure) as failure:
        store_kit.store.delete_versions(list(store_kit.store.list_versions("audio/")))

    assert failure.value.failed == (1,)
    assert [one.key for one in store_kit.store.list_versions("audio/")] == ["audio/b"]
