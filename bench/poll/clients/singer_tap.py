"""A Singer tap made with singer-sdk: a REST stream with an offset paginator, the Authorization header, and the time
that the provider filters by as replication key. Its RECORD messages are what it hands on."""

import json
from typing import Any

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import APIKeyAuthenticator
from singer_sdk.pagination import OffsetPaginator

from bench.harness.job import Watch
from bench.poll.job import Poll, standard_output_to

poll = Poll.given()
listing = poll.listing
TYPES = {"string": th.StringType, "integer": th.IntegerType, "boolean": th.BooleanType}
columns = {name: TYPES[kind] for name, kind in listing.columns.items()} | {listing.cursor: th.DateTimeType}


class Pages(OffsetPaginator):
    def has_more(self, response: Any) -> bool:
        return len(response.json()[listing.rows]) == listing.page


class Recordings(RESTStream[int]):
    name = "recordings"
    path = f"/{listing.path}"
    url_base = poll.url
    primary_keys = (listing.key,)
    replication_key = listing.cursor
    records_jsonpath = f"$.{listing.rows}[*]"
    schema = th.PropertiesList(*(th.Property(name, kind) for name, kind in columns.items())).to_dict()

    @property
    def authenticator(self) -> APIKeyAuthenticator:
        return APIKeyAuthenticator(key="Authorization", value=poll.authorization, location="header")

    def get_new_paginator(self) -> Pages:
        return Pages(start_value=0, page_size=listing.page)

    def get_url_params(self, context: Any, next_page_token: Any) -> dict[str, Any]:
        since = self.get_starting_timestamp(context)
        begin = since.strftime(listing.written) if since else poll.first
        return {"limit": listing.page, "offset": next_page_token or 0, **listing.params(begin, poll.last)}


class TapRecordings(Tap):
    name = "tap-recordings"
    config_jsonschema = th.PropertiesList(th.Property("start_date", th.DateTimeType)).to_dict()

    def discover_streams(self) -> list[Recordings]:
        return [Recordings(self)]


with Watch().running() as watch, standard_output_to(poll.messages):
    start = f"{poll.first.replace(' ', 'T')}Z"
    TapRecordings(config={"start_date": start}, state=poll.remembered(None)).sync_all()

found = [json.loads(line) for line in poll.messages.read_text().splitlines()]
poll.remember([message["value"] for message in found if message["type"] == "STATE"][-1])
watch.answer(keys=[message["record"][listing.key] for message in found if message["type"] == "RECORD"])
