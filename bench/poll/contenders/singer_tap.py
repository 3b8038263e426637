"""A Singer tap made with singer-sdk: a REST stream with an offset paginator, basic auth, and created_at as replication
key. Its RECORD messages are what it hands on."""

import json
from pathlib import Path
from typing import Any

from requests.auth import HTTPBasicAuth
from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.pagination import OffsetPaginator

from bench.poll.task import PAGE, WRITTEN, Task, Watch, standard_output_to

task, watch = Task.given(), Watch()


class Pages(OffsetPaginator):
    def has_more(self, response: Any) -> bool:
        return len(response.json()["result"]) == PAGE


class Recordings(RESTStream[int]):
    name = "recordings"
    path = "/recordings"
    url_base = task.url
    primary_keys = ("filename",)
    replication_key = "created_at"
    records_jsonpath = "$.result[*]"
    schema = th.PropertiesList(
        th.Property("date", th.StringType),
        th.Property("created_at", th.DateTimeType),
        th.Property("src", th.StringType),
        th.Property("dst", th.StringType),
        th.Property("disposition", th.StringType),
        th.Property("duration", th.IntegerType),
        th.Property("billsec", th.IntegerType),
        th.Property("filename", th.StringType, required=True),
        th.Property("user", th.StringType),
        th.Property("connection_id", th.StringType),
        th.Property("type", th.StringType),
    ).to_dict()

    @property
    def authenticator(self) -> HTTPBasicAuth:
        return HTTPBasicAuth(task.user, task.password)

    def get_new_paginator(self) -> Pages:
        return Pages(start_value=0, page_size=PAGE)

    def get_url_params(self, context: Any, next_page_token: Any) -> dict[str, Any]:
        since = self.get_starting_timestamp(context)
        begin = since.strftime(WRITTEN) if since else task.first
        return {"limit": PAGE, "offset": next_page_token or 0, "date_from": begin, "date_to": task.last}


class TapThulium(Tap):
    name = "tap-thulium"
    config_jsonschema = th.PropertiesList(th.Property("start_date", th.DateTimeType)).to_dict()

    def discover_streams(self) -> list[Recordings]:
        return [Recordings(self)]


messages = Path(task.folder) / f"messages-{task.number}"
with watch.running():
    state = json.loads(task.memory.read_text()) if task.memory.exists() else None
    with standard_output_to(messages):
        TapThulium(config={"start_date": f"{task.first.replace(' ', 'T')}:00Z"}, state=state).sync_all()

found = [json.loads(line) for line in messages.read_text().splitlines()]
states = [message["value"] for message in found if message["type"] == "STATE"]
task.memory.write_text(json.dumps(states[-1]))
watch.answer(task, [message["record"]["filename"] for message in found if message["type"] == "RECORD"])
