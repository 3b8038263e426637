from datetime import UTC, datetime
from typing import Any

import pytest

from call_lake.concurrency import in_threads
from call_lake.ports import ABSENT, Below, OneOf, PreconditionFailed
from tests.contract.kits import TableKit
from tests.contract.racing import outcomes
from tests.support.items import put


@pytest.fixture
def table(table_kit: TableKit) -> Any:
    return table_kit.table


def test_what_was_put_is_what_get_returns(table):
    put(table, {"id": "thulium-1", "state": "PUBLISHED"})

    assert table.get("thulium-1") == {"id": "thulium-1", "state": "PUBLISHED"}


def test_a_table_tells_when_it_was_made(table):
    assert table.created_at() <= datetime.now(UTC)


def test_an_item_that_does_not_stand_is_none(table):
    assert table.get("absent") is None


@pytest.mark.parametrize(
    "value",
    [
        "zażółć 🎧 ' \" \\ \n\t",
        "x" * 1000,
        "",
        0,
        -17,
        2**53 + 1,
        10**37 + 1,
        0.1,
        -123.456789,
        1e-12,
        b"\x00\xff packed",
        True,
        False,
        [],
        {},
        [1, "two", 3.5, True, ["nested"]],
        {"bytes": 123, "seconds": 1.5, "nothing": None, "deeper": {"list": [{}]}},
    ],
    ids=lambda value: str(value)[:20].encode("unicode_escape").decode(),
)
def test_a_value_comes_back_as_it_went_with_its_type(table, value):
    put(table, {"id": "a", "value": value})

    found = table.get("a")["value"]

    assert found == value
    assert type(found) is type(value)


def test_a_whole_float_comes_back_as_the_int_that_it_equals(table):
    put(table, {"id": "a", "value": 129.0})

    assert table.get("a")["value"] == 129
    assert isinstance(table.get("a")["value"], int)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300, 1e-200, 10**40 + 1])
def test_a_number_that_no_item_can_hold_is_a_value_error(table, value):
    with pytest.raises(ValueError, match="number"):
        put(table, {"id": "a", "value": value})
    assert table.get("a") is None


def test_attributes_may_be_called_by_reserved_words_and_odd_names(table):
    names = ("state", "name", "value", "source", "#n0", ":v0", "a.b", "with space")
    put(table, {"id": "a"})

    table.update("a", dict.fromkeys(names, "x"), dict.fromkeys(names, OneOf((None,))))

    assert table.get("a") == {"id": "a"} | dict.fromkeys(names, "x")


def test_a_second_item_of_one_id_is_refused_and_the_first_stays(table):
    put(table, {"id": "a", "state": "STORED"})

    with pytest.raises(PreconditionFailed):
        put(table, {"id": "a", "state": "PUBLISHED"})
    assert table.get("a") == {"id": "a", "state": "STORED"}


@pytest.mark.unsafe_in("moto", reason="its checks and writes are not one step: threads race")
def test_eight_racing_writers_create_one_item(table):
    counted = outcomes(lambda number: put(table, {"id": "a", "by": number}))

    assert counted == {"done": 1, "PreconditionFailed": 7}


@pytest.mark.wrong_in("moto", reason="replaces the item that is there")
def test_of_many_new_items_each_is_written_that_is_new(table):
    put(table, {"id": "item-7", "state": "STORED"})
    items = [{"id": f"item-{number}", "n": number, "source": "zażółć ' \"", "at": "x" * 100} for number in range(60)]

    written = table.insert(items)

    assert written == {item["id"] for item in items} - {"item-7"}
    assert table.get("item-7") == {"id": "item-7", "state": "STORED"}
    assert table.get_many(sorted(written)) == {item["id"]: item for item in items if item["id"] in written}


def test_no_item_is_no_request(table):
    assert table.insert([]) == set()


@pytest.mark.unsafe_in("moto", reason="its checks and writes are not one step: threads race")
def test_eight_racing_inserts_write_each_item_once(table):
    written = [
        id
        for ids in in_threads(lambda n: table.insert([{"id": f"{m}", "by": n} for m in range(30)]), range(8), 8)
        for id in ids
    ]

    assert sorted(written) == sorted(f"{number}" for number in range(30))


def test_an_item_of_300_kb_is_taken(table):
    put(table, {"id": "a", "raw": "x" * 300_000})

    assert len(table.get("a")["raw"]) == 300_000


@pytest.mark.wrong_in("moto", reason="leaves an item with the key alone")
def test_an_item_over_400_kb_is_a_value_error(table):
    with pytest.raises(ValueError, match="size"):
        put(table, {"id": "a", "raw": "x" * 420_000})
    assert table.get("a") is None


def test_an_update_that_would_make_an_item_over_400_kb_is_a_value_error(table):
    put(table, {"id": "a", "raw": "x" * 300_000})

    with pytest.raises(ValueError, match="size"):
        table.update("a", {"more": "x" * 120_000})
    assert "more" not in table.get("a")


def test_many_items_are_got_at_once_whatever_is_asked_twice_or_absent(table):
    for number in range(130):
        put(table, {"id": f"item-{number}", "n": number})
    asked = [f"item-{number}" for number in range(130)] * 2 + ["absent"]

    found = table.get_many(asked)

    assert found == {f"item-{number}": {"id": f"item-{number}", "n": number} for number in range(130)}


def test_getting_none_of_many_is_empty(table):
    assert table.get_many([]) == {}


def test_an_update_sets_removes_and_keeps_the_rest(table):
    put(table, {"id": "a", "state": "RETRYING", "reason": "timeout", "source": "thulium"})

    table.update("a", {"state": "STORED", "reason": None, "attempts": 2})

    assert table.get("a") == {"id": "a", "state": "STORED", "source": "thulium", "attempts": 2}


def test_an_update_creates_a_missing_item(table):
    table.update("source#thulium", {"checkpoint": "2026"})

    assert table.get("source#thulium") == {"id": "source#thulium", "checkpoint": "2026"}


def test_removing_what_is_not_there_is_fine(table):
    table.update("a", {"reason": None, "n": 1})

    assert table.get("a") == {"id": "a", "n": 1}


STANDING = {"id": "a", "state": "RETRYING", "attempts": 5, "checkpoint": "2026-10-20"}
HOLDS: list[tuple[str, Any]] = [
    ("state", OneOf(("PUBLISHED", "RETRYING"))),
    ("state", OneOf((None, "RETRYING"))),
    ("reason", OneOf((None, "timeout"))),
    ("reason", OneOf((None,))),
    ("attempts", OneOf((5,))),
    ("attempts", Below(6)),
    ("attempts", Below(5.5)),
    ("checkpoint", Below("2026-10-21")),
    ("reason", Below("anything")),
]
DOES_NOT_HOLD: list[tuple[str, Any]] = [
    ("state", OneOf(("PUBLISHED", "STORED"))),
    ("state", OneOf((None, "STORED"))),
    ("state", OneOf((None,))),
    ("reason", OneOf(("timeout",))),
    ("id", OneOf((None,))),
    ("attempts", OneOf(("5",))),
    ("attempts", Below(5)),
    ("checkpoint", Below("2026-10-20")),
]


@pytest.mark.parametrize(("name", "expectation"), HOLDS, ids=str)
def test_an_update_happens_where_its_expectation_holds(table, name, expectation):
    put(table, STANDING)

    table.update("a", {"done": True}, {name: expectation})

    assert table.get("a")["done"] is True


@pytest.mark.parametrize(("name", "expectation"), DOES_NOT_HOLD, ids=str)
def test_an_update_is_refused_where_its_expectation_does_not_hold(table, name, expectation):
    put(table, STANDING)

    with pytest.raises(PreconditionFailed):
        table.update("a", {"done": True}, {name: expectation})
    assert table.get("a") == STANDING


@pytest.mark.wrong_in("moto", reason="fails with a TypeError")
@pytest.mark.parametrize(("name", "expectation"), [("attempts", Below("6")), ("checkpoint", Below(6))], ids=str)
def test_text_is_neither_below_nor_above_a_number(table, name, expectation):
    put(table, STANDING)

    with pytest.raises(PreconditionFailed):
        table.update("a", {"done": True}, {name: expectation})


def test_an_update_needs_every_one_of_its_expectations(table):
    put(table, STANDING)

    with pytest.raises(PreconditionFailed):
        table.update("a", {"done": True}, {"state": OneOf(("RETRYING",)), "attempts": Below(5)})
    table.update("a", {"done": True}, {"state": OneOf(("RETRYING",)), "attempts": Below(6)})


def test_the_absence_of_an_item_is_the_absence_of_its_id(table):
    table.update("a", {"n": 1}, ABSENT)

    with pytest.raises(PreconditionFailed):
        table.update("a", {"n": 2}, ABSENT)


def test_a_refused_update_of_a_missing_item_creates_nothing(table):
    with pytest.raises(PreconditionFailed):
        table.update("a", {"state": "STORED"}, {"state": OneOf(("PUBLISHED",))})
    assert table.get("a") is None


@pytest.mark.unsafe_in("moto", reason="its checks and writes are not one step: threads race")
def test_racing_updates_that_only_go_forward_end_at_the_furthest(table):
    counted = outcomes(lambda number: table.update("source", {"checkpoint": number}, {"checkpoint": Below(number)}))

    assert table.get("source")["checkpoint"] == 7
    assert set(counted) <= {"done", "PreconditionFailed"}


def due_item(id: str, due_list: str, due_at: str) -> dict[str, Any]:
    return {"id": id, "due_list": due_list, "due_at": due_at, "state": "RETRYING", "reason": "timeout", "raw": "{}"}


def test_due_items_come_soonest_first_up_to_the_time_and_only_their_own(table_kit: TableKit, cloud):
    table = table_kit.table
    for id, due_at in (("c", "2026-10-03"), ("a", "2026-10-01"), ("later", "2026-10-05"), ("d", "2026-10-04")):
        put(table, due_item(id, "thulium", due_at))
    put(table, due_item("other", "conpeek", "2026-10-01"))
    put(table, {"id": "closed", "due_at": "2026-10-01"})
    table_kit.small_pages()

    found = cloud.eventually(lambda: table.query_due("thulium", "2026-10-04", 10))

    assert [item["id"] for item in found] == ["a", "c", "d"]


def test_a_due_item_shows_its_keys_its_state_and_its_reason(table, cloud):
    put(table, due_item("a", "thulium", "2026-10-01"))

    found = cloud.eventually(lambda: table.query_due("thulium", "2026-10-04", 10))

    expected = {"id": "a", "due_list": "thulium", "due_at": "2026-10-01", "state": "RETRYING", "reason": "timeout"}
    assert found == [expected]


def test_no_more_due_items_come_than_asked_for(table_kit: TableKit, cloud):
    for number in range(6):
        put(table_kit.table, due_item(f"item-{number}", "thulium", f"2026-10-0{number + 1}"))
    table_kit.small_pages()

    found = cloud.eventually(lambda: table_kit.table.query_due("thulium", "2026-10-09", 3))

    assert [item["id"] for item in found] == ["item-0", "item-1", "item-2"]


def test_due_items_come_from_a_time_on_with_both_ends_included(table_kit: TableKit, cloud):
    for day in (1, 2, 3, 4, 5):
        put(table_kit.table, due_item(f"item-{day}", "thulium", f"2026-10-0{day}"))
    table_kit.small_pages()

    found = cloud.eventually(lambda: table_kit.table.query_due("thulium", "2026-10-04", 10, due_from="2026-10-02"))

    assert [item["id"] for item in found] == ["item-2", "item-3", "item-4"]


def test_an_item_leaves_the_index_with_its_due_list(table, cloud):
    put(table, due_item("a", "thulium", "2026-10-01"))
    table.update("a", {"due_list": None, "due_at": None, "state": "STORED"})

    assert cloud.eventually(lambda: not table.query_due("thulium", "2026-10-04", 10))


def test_a_moved_due_time_moves_the_item_in_the_index(table, cloud):
    put(table, due_item("a", "thulium", "2026-10-01"))
    table.update("a", {"due_at": "2026-10-08"})

    assert cloud.eventually(lambda: not table.query_due("thulium", "2026-10-04", 10))
    assert [item["id"] for item in table.query_due("thulium", "2026-10-09", 10)] == ["a"]


def test_a_scan_gives_every_item(table_kit: TableKit):
    ids = {"thulium-1", "thulium-2", "thulium-3", "conpeek-1", "source#thulium"}
    for id in ids:
        put(table_kit.table, {"id": id})
    table_kit.small_pages()

    for may_be_late in (False, True):
        found = [item["id"] for item in table_kit.table.scan(["id"], may_be_late=may_be_late)]
        assert sorted(found) == sorted(ids)


def test_a_scan_gives_the_attributes_that_are_asked_for(table):
    put(table, {"id": "a", "source": "thulium", "state": "STORED", "audio": {"bytes": 1}})
    put(table, {"id": "b", "record": "{}"})

    found = {item["id"]: item for item in table.scan(("id", "source", "state", "record"))}

    assert found == {"a": {"id": "a", "source": "thulium", "state": "STORED"}, "b": {"id": "b", "record": "{}"}}


def test_a_scan_of_an_empty_table_gives_nothing(table):
    assert list(table.scan(["id"])) == []


def test_what_a_caller_does_to_an_item_does_not_change_the_table(table):
    given = {"id": "a", "history": [{"at": "2026"}]}
    put(table, given)
    given["history"].append({})  # type: ignore[attr-defined]
    table.get("a")["history"].clear()

    assert table.get("a") == {"id": "a", "history": [{"at": "2026"}]}
