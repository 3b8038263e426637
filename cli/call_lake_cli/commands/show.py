"""``call-lake show``: everything that is known of one recording.

Beside ``quarantine list --raw`` and ``query``, this command prints personal data.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from call_lake.bucket.inventory import ids_in_inbox, ids_in_quarantine
from call_lake.ledger.entry import NEVER, OUTLIVED, Entry, State
from call_lake.ledger.ledger import Ledger
from call_lake.model.layout import Partition
from call_lake.model.recording import Recording
from call_lake.model.recording_ids import RecordingIds
from call_lake.model.times import iso
from call_lake.ports import ObjectInfo, ObjectStore
from call_lake.wiring.operator import ids_of, ledger_of
from call_lake_cli.console.errors import NothingMatched, explained
from call_lake_cli.console.options import AsJson, StackName
from call_lake_cli.console.output import Format, print_json, print_rows, print_story
from call_lake_cli.console.words import counted, duration
from call_lake_cli.stack.athena import run_query
from call_lake_cli.stack.handle import Stack, find_stack, zone_of
from call_lake_cli.stack.heard import sound_facts, sound_story, transcript_story, transcripts_facts

ID = re.compile(r"[a-z0-9-]{1,32}-[0-9a-f]{32}")
SETTLED = (State.STORED, State.ERASED)
"""Nothing is tried again, whatever their place in the index says."""


def show(
    name: Annotated[
        str, typer.Argument(metavar="RECORDING_ID|PROVIDER_KEY", help="A recording id, or the provider's own key.")
    ],
    all_: Annotated[bool, typer.Option("--all", help="Show every field, also of the row and of each attempt.")] = False,
    json_: AsJson = False,
    stack: StackName = None,
) -> None:
    """Show everything that is known of one recording: listing, ledger, audio, row, transcripts without their words,
    sound. Prints its personal data.

    Examples:
      call-lake show thulium-0123456789abcdef0123456789abcdef
      call-lake show thulium-0123456789abcdef0123456789abcdef --all --utc
    """
    with explained():
        here = find_stack(stack)
        found = find_entries(ledger_of(here), list(here.sources), name, partial(ids_of, here))
        if not found:
            raise NothingMatched(
                "the ledger knows no such recording, neither as a recording id nor as a provider's key of "
                + ", ".join(here.sources)
            )
        facts = [_facts_now(here, entry) for entry in found]
        if json_:
            print_json(facts if len(facts) > 1 else facts[0])
            return
        zone = zone_of(here)
        for one in facts:
            if all_:
                _print_all(one, zone)
            else:
                print_story(story_of(one), zone, _sentence(one))


def find_entries(ledger: Ledger, sources: list[str], name: str, ids: Callable[[], RecordingIds]) -> list[Entry]:
    """Look up a recording id, else a provider key, which alone needs ``ids``. Two sources may use the same key: one
    entry of each then."""
    entry = ledger.entry(name) if ID.fullmatch(name) else None
    if entry:
        return [entry]
    of_key = ids().of_key
    return [entry for source in sources if (entry := ledger.entry(of_key(source, name)))]


def _facts_now(stack: Stack, entry: Entry) -> dict[str, Any]:
    recording = entry.recording
    rows = _rows(stack, recording) if recording else []
    facts = facts_of(stack, entry, rows, where_it_waits(stack.store, entry))
    if recording is None:
        return facts | {"transcripts": [], "sound": None}
    place = (stack, Partition.of_recording(recording), entry.recording_id)
    return facts | {"transcripts": transcripts_facts(*place), "sound": sound_facts(*place)}


def facts_of(stack: Stack, entry: Entry, rows: Sequence[Mapping[str, Any]], where: str | None) -> dict[str, Any]:
    """Everything that is known of a recording: listing, ledger, audio, its ``rows``, and ``where`` it waits."""
    head = stack.store.head(entry.audio.key) if entry.audio else None
    if entry.state in (State.STORED, State.EXPIRED) and not rows and where is None:
        where = "nowhere: it has no row; call-lake verify --repair writes it again"
    return {
        "recording_id": entry.recording_id,
        "state": entry.state,
        "waits": where,
        "ledger": {
            "first_published_at": None if entry.state is State.ERASED else iso(entry.first_published_at),
            "erased_at": iso(entry.first_published_at) if entry.state is State.ERASED else None,
            "attempts": entry.attempts,
            "reason": entry.reason,
            "due_at": None if entry.due_at == NEVER or entry.state in SETTLED else entry.due_at,
            "expired_at": entry.expired_at,
            "history": list(entry.history),
            "audio": entry.audio.to_json() if entry.audio else None,
        },
        "listing": entry.recording.to_json() if entry.recording else None,
        "object": _object(head),
        "rows": list(rows),
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


def story_of(facts: dict[str, Any]) -> list[tuple[str, Any]]:
    """What happened to a recording, in a field for each thing; None where there is nothing to say."""
    ledger, call = facts["ledger"], facts["listing"] or {}
    ends = [call[name] for name in ("caller", "callee") if call.get(name)]
    return [
        ("recording", facts["recording_id"]),
        ("state", facts["state"]),
        ("reason", _reason(ledger)),
        ("waits", facts["waits"]),
        ("next attempt", ledger["due_at"]),
        ("started", call.get("started_at")),
        ("call", ", ".join(filter(None, (call.get("direction"), _length(call), call.get("disposition")))) or None),
        ("between", " and ".join(ends) or None),
        ("agent", call.get("agent")),
        ("provider key", call.get("provider_key")),
        ("first seen", ledger["first_published_at"]),
        ("erased", ledger["erased_at"]),
        ("attempts", ledger["attempts"]),
        ("audio", _audio(ledger["audio"])),
        ("object", _where(facts)),
        ("row", f"in the table, {counted(len(facts['rows']), 'time')}" if facts["rows"] else "none in the table"),
        *(("transcript", transcript_story(one)) for one in facts["transcripts"]),
        ("sound", sound_story(facts["sound"])),
    ]


def _length(call: Mapping[str, Any]) -> str | None:
    """``1 min 10 s with 45 s of talk``: the length that ``find`` shows, and what of it is talk."""
    whole, talk = duration(call.get("duration_s")), duration(call.get("talk_s"))
    if talk is None or talk == whole:
        return whole
    return f"{whole} with {talk} of talk" if whole else f"{talk} of talk"


def _reason(ledger: dict[str, Any]) -> str | None:
    """Why the last attempt failed; None where none did."""
    if not ledger["reason"]:
        return None
    detail = ledger["history"][-1].get("detail") if ledger["history"] else None
    return f"{ledger['reason']}: {detail}" if detail else ledger["reason"]


def _audio(audio: dict[str, Any] | None) -> str | None:
    if audio is None:
        return None
    facts = audio["facts"]
    parts = (facts["format"], f"{facts['bytes']:,} bytes", duration(facts["seconds"]), facts["note"])
    return ", ".join(filter(None, parts))


def _where(facts: dict[str, Any]) -> str | None:
    """The key of the audio object; None where there never was one."""
    if facts["object"]:
        return str(facts["object"]["key"])
    return "none in the bucket" if facts["ledger"]["audio"] else None


def _sentence(facts: dict[str, Any]) -> str:
    if facts["ledger"]["reason"] == OUTLIVED:
        return "It was older than RowRetentionDays: nothing personal is left, and nothing brings it back."
    if facts["state"] == State.ERASED:
        return "It was erased: nothing personal is left, and nothing brings it back."
    return "call-lake show --all shows every field."


def _print_all(story: dict[str, Any], zone: ZoneInfo) -> None:
    ledger = story["ledger"]
    parts: list[tuple[str, dict[str, Any]]] = [
        ("", {name: story[name] for name in ("recording_id", "state", "waits")}),
        ("ledger", {name: value for name, value in ledger.items() if name not in ("history", "audio")}),
        ("listing", story["listing"] or {}),
        ("object", story["object"] or {"": "none in the bucket"}),
        *(("row", row) for row in story["rows"] or [{"": "none in the table"}]),
        *((f"transcript {one['engine']}", one) for one in story["transcripts"]),
        ("sound", story["sound"] or {}),
    ]
    fields = [(f"{part} {name}".strip(), value) for part, values in parts for name, value in values.items()]
    print_story([field for field in fields if field[0] != "row raw"], zone)
    columns = ("at", "reason", "detail")
    history = [tuple(note.get(c) for c in columns) for note in ledger["history"]]
    ends = f"{counted(len(history), 'failed attempt')}."
    if story["state"] == State.ERASED:
        ends = _sentence(story)
    print_rows(columns, history, Format.TABLE, ends=ends, zone=zone, beside=True)
