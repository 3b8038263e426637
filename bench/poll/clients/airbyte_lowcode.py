"""airbyte-cdk's low-code source: OffsetIncrement, the Authorization header, DatetimeBasedCursor on the time that the
provider filters by. Its RECORD messages are what it hands on."""

import json
from pathlib import Path
from typing import Any

from airbyte_cdk.entrypoint import launch
from airbyte_cdk.models import AirbyteStateMessageSerializer, ConfiguredAirbyteCatalogSerializer
from airbyte_cdk.sources.declarative.concurrent_declarative_source import ConcurrentDeclarativeSource

from bench.harness.job import Watch
from bench.poll.job import Poll, standard_output_to

poll = Poll.given()
listing = poll.listing
window = listing.params("{{ stream_interval.start_time }}", "{{ stream_interval.end_time }}")
# In the path: what looks like a list of Python among the request parameters would become one, and several parameters.
query = "&".join(f"{name}={value}" for name, value in window.items())
SCHEMA = {"type": "object", "properties": {name: {"type": "string"} for name in (listing.key, listing.cursor)}}


def injected(into: str, name: str) -> dict[str, str]:
    return {"type": "RequestOption", "inject_into": into, "field_name": name}


def moment(written: str) -> dict[str, str]:
    return {"type": "MinMaxDatetime", "datetime": written, "datetime_format": listing.written}


CURSOR = {
    "type": "DatetimeBasedCursor",
    "cursor_field": listing.cursor,
    "datetime_format": listing.written,
    "start_datetime": moment(poll.first),
    "end_datetime": moment(poll.last),
}
REQUESTER = {
    "type": "HttpRequester",
    "url_base": poll.url,
    "path": f"/{listing.path}?{query}",
    "http_method": "GET",
    "authenticator": {
        "type": "ApiKeyAuthenticator",
        "inject_into": injected("header", "Authorization"),
        "api_token": "{{ config['authorization'] }}",
    },
}
SELECTOR = {"type": "RecordSelector", "extractor": {"type": "DpathExtractor", "field_path": [listing.rows]}}
PAGINATOR = {
    "type": "DefaultPaginator",
    "pagination_strategy": {"type": "OffsetIncrement", "page_size": listing.page},
    "page_size_option": injected("request_parameter", "limit"),
    "page_token_option": injected("request_parameter", "offset"),
}
STREAM = {
    "type": "DeclarativeStream",
    "name": "recordings",
    "primary_key": [listing.key],
    "schema_loader": {"type": "InlineSchemaLoader", "schema": SCHEMA},
    "incremental_sync": CURSOR,
    "retriever": {
        "type": "SimpleRetriever",
        "requester": REQUESTER,
        "record_selector": SELECTOR,
        "paginator": PAGINATOR,
    },
}
MANIFEST: dict[str, Any] = {
    "version": "6.0.0",
    "type": "DeclarativeSource",
    "check": {"type": "CheckStream", "stream_names": ["recordings"]},
    "spec": {"type": "Spec", "connection_specification": {"type": "object", "properties": {}}},
    "streams": [STREAM],
}
MODES = {"sync_mode": "incremental", "destination_sync_mode": "append_dedup"}
LISTED = {"name": "recordings", "json_schema": SCHEMA, "supported_sync_modes": ["full_refresh", "incremental"]}
CATALOG = {"streams": [{"stream": LISTED, **MODES}]}

folder = Path(poll.folder)
config = {"authorization": poll.authorization}
(folder / "config.json").write_text(json.dumps(config))
(folder / "catalog.json").write_text(json.dumps(CATALOG))
arguments = ["read", "--config", str(folder / "config.json"), "--catalog", str(folder / "catalog.json")]
with Watch().running() as watch:
    states: list[Any] = poll.remembered([])
    if states:
        arguments += ["--state", str(poll.memory)]
    source = ConcurrentDeclarativeSource(
        catalog=ConfiguredAirbyteCatalogSerializer.load(CATALOG),
        config=config,
        state=[AirbyteStateMessageSerializer.load(state) for state in states],
        source_config=MANIFEST,
    )
    with standard_output_to(poll.messages):
        launch(source, arguments)

found = [json.loads(line) for line in poll.messages.read_text().splitlines() if line.startswith("{")]
poll.remember([message["state"] for message in found if message["type"] == "STATE"][-1:])
watch.answer(keys=[message["record"]["data"][listing.key] for message in found if message["type"] == "RECORD"])
