"""airbyte-cdk's low-code source: OffsetIncrement, the Authorization header, DatetimeBasedCursor on the time that the
provider filters by. Its RECORD messages are what it hands on."""

import json
from pathlib import Path
from typing import Any

from airbyte_cdk.entrypoint import launch
from airbyte_cdk.models import AirbyteStateMessageSerializer, ConfiguredAirbyteCatalogSerializer
from airbyte_cdk.sources.declarative.concurrent_declarative_source import ConcurrentDeclarativeSource

from bench.poll.task import Task, Watch, standard_output_to

task, watch = Task.given(), Watch()
listing = task.listing
window = listing.params("{{ stream_interval.start_time }}", "{{ stream_interval.end_time }}")
# In the path: what looks like a list of Python among the request parameters would become one, and several parameters.
query = "&".join(f"{name}={value}" for name, value in window.items())
SCHEMA = {"type": "object", "properties": {name: {"type": "string"} for name in (listing.key, listing.cursor)}}


def option(name: str) -> dict[str, str]:
    return {"type": "RequestOption", "inject_into": "request_parameter", "field_name": name}


MANIFEST: dict[str, Any] = {
    "version": "6.0.0",
    "type": "DeclarativeSource",
    "check": {"type": "CheckStream", "stream_names": ["recordings"]},
    "spec": {"type": "Spec", "connection_specification": {"type": "object", "properties": {}}},
    "streams": [
        {
            "type": "DeclarativeStream",
            "name": "recordings",
            "primary_key": [listing.key],
            "schema_loader": {"type": "InlineSchemaLoader", "schema": SCHEMA},
            "incremental_sync": {
                "type": "DatetimeBasedCursor",
                "cursor_field": listing.cursor,
                "datetime_format": listing.written,
                "start_datetime": {
                    "type": "MinMaxDatetime",
                    "datetime": task.first,
                    "datetime_format": listing.written,
                },
                "end_datetime": {"type": "MinMaxDatetime", "datetime": task.last, "datetime_format": listing.written},
            },
            "retriever": {
                "type": "SimpleRetriever",
                "requester": {
                    "type": "HttpRequester",
                    "url_base": task.url,
                    "path": f"/{listing.path}?{query}",
                    "http_method": "GET",
                    "authenticator": {
                        "type": "ApiKeyAuthenticator",
                        "inject_into": {
                            "type": "RequestOption",
                            "inject_into": "header",
                            "field_name": "Authorization",
                        },
                        "api_token": "{{ config['authorization'] }}",
                    },
                },
                "record_selector": {
                    "type": "RecordSelector",
                    "extractor": {"type": "DpathExtractor", "field_path": [listing.rows]},
                },
                "paginator": {
                    "type": "DefaultPaginator",
                    "pagination_strategy": {"type": "OffsetIncrement", "page_size": listing.page},
                    "page_size_option": option("limit"),
                    "page_token_option": option("offset"),
                },
            },
        }
    ],
}
CATALOG = {
    "streams": [
        {
            "stream": {
                "name": "recordings",
                "json_schema": SCHEMA,
                "supported_sync_modes": ["full_refresh", "incremental"],
            },
            "sync_mode": "incremental",
            "destination_sync_mode": "append_dedup",
        }
    ]
}
folder = Path(task.folder)
messages = folder / f"messages-{task.number}"
config = {"authorization": task.authorization}
(folder / "config.json").write_text(json.dumps(config))
(folder / "catalog.json").write_text(json.dumps(CATALOG))
arguments = ["read", "--config", str(folder / "config.json"), "--catalog", str(folder / "catalog.json")]
with watch.running():
    states = json.loads(task.memory.read_text()) if task.memory.exists() else []
    if states:
        arguments += ["--state", str(task.memory)]
    source = ConcurrentDeclarativeSource(
        catalog=ConfiguredAirbyteCatalogSerializer.load(CATALOG),
        config=config,
        state=[AirbyteStateMessageSerializer.load(state) for state in states],
        source_config=MANIFEST,
    )
    with standard_output_to(messages):
        launch(source, arguments)

found = [json.loads(line) for line in messages.read_text().splitlines() if line.startswith("{")]
task.memory.write_text(json.dumps([message["state"] for message in found if message["type"] == "STATE"][-1:]))
watch.answer(task, [message["record"]["data"][listing.key] for message in found if message["type"] == "RECORD"])
