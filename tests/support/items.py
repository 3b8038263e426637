"""Write an item of the ledger's table as a test wants it."""

from call_lake.ports import ABSENT, Item, Table


def put(table: Table, item: Item) -> None:
    """Write a new item. Raises PreconditionFailed where one with its ``id`` exists."""
    rest = {name: value for name, value in item.items() if name != "id"}
    table.update(item["id"], rest or {"nothing": None}, ABSENT)  # moto takes no update without a change
