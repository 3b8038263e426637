"""``call-lake show``: everything that is known of one recording.

Beside ``quarantine list --raw`` and ``query``, this command prints personal data.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import typer

from call_lake.bucket.inventory import ids_in_inbox, ids_in_quarantine
from call_lake.ledger.entry import NEVER, Entry, State
from call_lake.ledger.ledger import Ledger
from call_lake.model.recording import Recording
from call_lake.model.recording_ids import RecordingIds
from call_lake.model.times import iso
from call_lake.ports import ObjectInfo, ObjectStore
from call_lake.wiring.operator import ids_of, ledger_of
from call_lake_cli.console.errors import UserError, err, explained
from call_lake_cli.console.options import AsJson, StackName
from call_lake_cli.console.output import Format, print_json, print_rows
from call_lake_cli.stack.athena import run_query
from call_lake_cli.stack.handle import Stack, find_stack

ID = re.compile(r"[a-z0-9-]{1,32}-[0-9a-f]{32}")


def show(
    name: Annotated[
        str, typer.Argument(metavar="RECORDING_ID|PROVIDER_KEY", help="A recording id, or the provider's own key.")
    ],
    json_: AsJson = False,
    stack: StackName = None,
) -> None:
    """Show everything that is known of one recording: listing, ledger, audio, row. Prints its personal data."""
    with explained():
        here = find_stack(stack)
        found = find_entries(ledger_of(here), list(here.sources), name, partial(ids_of, here))
        if not found:
            raise UserError(
                "the ledger knows no such recording, neither as a recording id nor as a provider's key of "
                + ", ".join(here.sources)
            )
        facts = [_facts_of(here, entry) for entry in found]
        if json_:
            print_json(facts if len(facts) > 1 else facts[0])
            return
        for one in facts:
            _print(one)


def find_entries(ledger: Ledger, sources: list[str], name: str, ids: Callable[[], RecordingIds]) -> list[Entry]:
    """Look up a recording id, else a provider key, which alone needs ``ids``. Two sources may use the same key: one
    entry of each then."""
    entry = ledger.entry(name) if ID.fullmatch(name) else None
    if entry:
        return [entry]
    of_key = ids().of_key
    return [entry for source in sources if (entry := ledger.entry(of_key(source, name)))]


def _facts_of(stack: Stack, entry: Entry) -> dict[str, Any]:
    head = stack.store.head(entry.audio.key) if entry.audio else None
    where = where_it_waits(stack.store, entry)
    rows = _rows(stack, entry.recording) if entry.recording else []
    if entry.state in (State.STORED, State.EXPIRED) and not rows and where is None:
        where = "nowhere: it has no row; call-lake verify --repair writes it again"
    return {
        "recording_id": entry.recording_id,
        "state": entry.state,
        "waits": where,
        "ledger": {
            "first_published_at": iso(entry.first_published_at),
            "attempts": entry.attempts,
            "reason": entry.reason,
            "due_at": None if entry.due_at == NEVER or entry.state is State.STORED else entry.due_at,
            "expired_at": entry.expired_at,
            "history": list(entry.history),
            "audio": entry.audio.to_json() if entry.audio else None,
        },
        "listing": entry.recording.to_json() if entry.recording else None,
        "object": _object(head),
        "rows": rows,
    }


def where_it_waits(store: ObjectStore, entry: Entry) -> str | None:
    """Where a recording waits, and for what; None for one that waits nowhere."""
    match entry.state:
        case State.FAILED:
            return "in the dead-letter queue, for call-lake redrive"
        case State.PUBLISHED:
            return f"in the queue of {entry.source}; published again if it is silent until {entry.due_at}"
        case State.RETRYING:
            return f"for its next attempt, in the queue of {entry.source} or in the ledger until {entry.due_at}"
        case State.STORED | State.EXPIRED if entry.recording:
            return _where_its_row_waits(store, entry.recording)
    return None


def _where_its_row_waits(store: ObjectStore, recording: Recording) -> str | None:
    place = (store, recording.source, recording.call_date)
    if recording.recording_id in ids_in_inbox(*place):
        return "its row is in the inbox, for the compactor"
    reason = ids_in_quarantine(*place).get(recording.recording_id)
    return f"its row is in the quarantine: {reason}" if reason else None


def _rows(stack: Stack, recording: Recording) -> list[dict[str, Any]]:
    # All three come from us, in forms without quotes.
    sql = f"""SELECT * FROM calls WHERE source = '{recording.source}' AND call_date = DATE '{recording.call_date}'
              AND recording_id = '{recording.recording_id}'"""  # noqa: S608
    return run_query(stack, sql).as_dicts()


def _object(head: ObjectInfo | None) -> dict[str, Any] | None:
    if head is None:
        return None
    facts = {"key": head.key, "bytes": head.size, "sha256": head.sha256, "last_modified": iso(head.last_modified)}
    return facts | {"metadata": dict(head.metadata or {})}


def _print(story: dict[str, Any]) -> None:
    ledger = story["ledger"]
    lines: list[tuple[str, str, Any]] = [
        ("ledger", name, value)
        for name, value in {"recording_id": story["recording_id"], "state": story["state"], **ledger}.items()
        if name not in ("history", "audio")
    ]
    lines.append(("ledger", "waits", story["waits"]))
    lines += [("listing", name, value) for name, value in (story["listing"] or {}).items()]
    lines += [("object", name, value) for name, value in (story["object"] or {"": "none in the bucket"}).items()]
    for row in story["rows"] or [{"": "none in the table"}]:
        lines += [("row", name, value) for name, value in row.items() if name != "raw"]
    print_rows(("from", "field", "value"), lines, Format.TABLE)
    if ledger["history"]:
        columns = ("at", "reason", "detail")
        print_rows(columns, [tuple(note.get(c) for c in columns) for note in ledger["history"]], Format.TABLE)
    if story["state"] == State.ERASED:
        err.print("it was erased: nothing personal is left, and nothing brings it back")
