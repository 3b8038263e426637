"""A Singer tap made with singer-sdk: a REST stream with an offset paginator, the Authorization header, and the time
that the provider filters by as replication key. Its RECORD messages are what it hands on."""

import json
from pathlib import Path
from typing import Any

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import APIKeyAuthenticator
from singer_sdk.pagination import OffsetPaginator

from bench.poll.task import Task, Watch, standard_output_to

task, watch = Task.given(), Watch()
listing = task.listing
TYPES = {"string": th.StringType, "integer": th.IntegerType, "boolean": th.BooleanType}
columns = {name: TYPES[kind] for name, kind in listing.columns.items()} | {listing.cursor: th.DateTimeType}


class Pages(OffsetPaginator):
    def has_more(self, response: Any) -> bool:
        return len(response.json()[listing.rows]) == listing.page


class Recordings(RESTStream[int]):
    name = "recordings"
    path = f"/{listing.path}"
    url_base = task.url
    primary_keys = (listing.key,)
    replication_key = listing.cursor
    records_jsonpath = f"$.{listing.rows}[*]"
    schema = th.PropertiesList(*(th.Property(name, kind) for name, kind in columns.items())).to_dict()

    @property
    def authenticator(self) -> APIKeyAuthenticator:
        return APIKeyAuthenticator(key="Authorization", value=task.authorization, location="header")

    def get_new_paginator(self) -> Pages:
        return Pages(start_value=0, page_size=listing.page)

    def get_url_params(self, context: Any, next_page_token: Any) -> dict[str, Any]:
        since = self.get_starting_timestamp(context)
        begin = since.strftime(listing.written) if since else task.first
        return {"limit": listing.page, "offset": next_page_token or 0, **listing.params(begin, task.last)}


class TapRecordings(Tap):
    name = "tap-recordings"
    config_jsonschema = th.PropertiesList(th.Property("start_date", th.DateTimeType)).to_dict()

    def discover_streams(self) -> list[Recordings]:
        return [Recordings(self)]


messages = Path(task.folder) / f"messages-{task.number}"
with watch.running():
    state = json.loads(task.memory.read_text()) if task.memory.exists() else None
    with standard_output_to(messages):
        TapRecordings(config={"start_date": f"{task.first.replace(' ', 'T')}Z"}, state=state).sync_all()

found = [json.loads(line) for line in messages.read_text().splitlines()]
states = [message["value"] for message in found if message["type"] == "STATE"]
task.memory.write_text(json.dumps(states[-1]))
watch.answer(task, [message["record"][listing.key] for message in found if message["type"] == "RECORD"])
