"""An account in memory as files: written once for a version, and read by every later one."""

import base64
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from call_lake.model.layout import Partition
from call_lake.model.messages import message_of, recording_from_message
from call_lake.ports import ObjectInfo
from tests.support.fakes import MemoryQueue, World
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.ids import ID_KEY_SECRET
from tests.support.fakes.provider import FakeProvider
from tests.support.fakes.store import _Object

HERE = Path(__file__).parent
VERSIONS = sorted(folder.name for folder in HERE.iterdir() if (folder / "state.json").exists())
TABLES = ("calls", "transcripts", "sound", "calls_open")


@dataclass
class Account:
    """A world, the providers that it lists, and the queues of what is optional."""

    world: World
    providers: dict[str, FakeProvider]
    more_queues: dict[str, MemoryQueue]

    @property
    def queues(self) -> dict[str, MemoryQueue]:
        return {**self.world.queues, "dead letters": self.world.dlq, **self.more_queues}


MORE_QUEUES = ("transcriptions", "documents", "sound", "engine")


def new_account(clock: FakeClock) -> Account:
    world = World.make(clock=clock)
    providers = {source: FakeProvider(world.calls) for source in world.queues}
    more = {name: MemoryQueue(name, clock, world.calls, visibility_s=600, dlq=world.dlq) for name in MORE_QUEUES}
    return Account(world, providers, more)


def save(account: Account, id_key: str, folder: Path) -> None:
    world = account.world
    state = {
        "now": world.clock.now().isoformat(),
        "id_key": id_key,
        "ledger": sorted(world.table.items().values(), key=lambda item: str(item["id"])),
        "queues": {name: _messages(queue) for name, queue in account.queues.items()},
        "partitions": {table: sorted(map(_named, world.catalog.seen(table))) for table in TABLES},
        "events": [
            {"detail-type": one.detail_type, "source": one.source, "detail": one.detail} for one in world.bus.events
        ],
        "providers": {source: _listed(provider) for source, provider in account.providers.items()},
        "objects": [_facts(found.info) for _, found in sorted(world.store._objects.items())],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "state.json").write_text(
        json.dumps(state, indent=1, sort_keys=True, ensure_ascii=False, default=_as_text) + "\n", "utf-8"
    )
    for key, body in world.store.bodies().items():
        file = folder / "bucket" / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)


def state_of(version: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HERE / version / "state.json").read_text("utf-8"), object_hook=_as_bytes)
    return found


def restored(version: str) -> Account:
    """The account as the version left it, in memory; nothing in it is running."""
    state, bucket = state_of(version), HERE / version / "bucket"
    account = new_account(FakeClock(datetime.fromisoformat(state["now"])))
    world = account.world
    world.secrets.set(ID_KEY_SECRET, key=state["id_key"])
    created_at = world.table.created_at()
    world.table.restore({item["id"]: item for item in state["ledger"]})
    world.table._created_at = created_at  # an upgrade makes no new table
    for name, messages in state["queues"].items():
        for message in messages:
            account.queues[name].send([message["body"]], attributes=message["attributes"])
    for table, named in state["partitions"].items():
        for one in named:
            world.catalog.register(table, [_partition(one)])
    for facts in state["objects"]:
        info = ObjectInfo(**facts | {"last_modified": datetime.fromisoformat(facts["last_modified"])})
        world.store._stand(info.key, _Object(info, (bucket / info.key).read_bytes()))
    for source, listed in state["providers"].items():
        for one in listed:
            provider, recording = account.providers[source], recording_from_message(one["message"])
            provider.rows.append(recording)
            provider.audio[recording.provider_key] = base64.b64decode(one["audio"])
    world.calls.log.clear()
    return account


def _messages(queue: MemoryQueue) -> list[dict[str, Any]]:
    return [{"body": one.body, "attributes": dict(one.attributes)} for one in queue._messages.values()]


def _listed(provider: FakeProvider) -> list[dict[str, str]]:
    return [
        {"message": message_of(one), "audio": base64.b64encode(provider.audio[one.provider_key]).decode()}
        for one in provider.rows
    ]


def _facts(info: ObjectInfo) -> dict[str, Any]:
    return asdict(info) | {"last_modified": info.last_modified.isoformat()}


def _named(partition: Partition) -> str:
    return f"{partition.source}/{partition.call_date}"


def _partition(named: str) -> Partition:
    source, _, day = named.partition("/")
    found = Partition.of_values(source, day)
    assert found is not None
    return found


def _as_text(value: object) -> dict[str, str]:
    """The bytes of a packed record, as JSON can hold them."""
    assert isinstance(value, bytes), value
    return {"base64": base64.b64encode(value).decode()}


def _as_bytes(value: dict[str, Any]) -> Any:
    return base64.b64decode(value["base64"]) if value.keys() == {"base64"} else value
