"""dlt's rest_api source: offset paginator, with the total if there is one, the Authorization header, incremental on the
time that the provider filters by. Extraction alone; its files on disk are what it hands on."""

import gzip
import json
from pathlib import Path
from typing import Any

import dlt
from dlt.sources.rest_api import rest_api_source

from bench.harness.job import Watch
from bench.poll.job import Poll

poll = Poll.given()
listing = poll.listing
SINCE = "<since>"
params = {
    name: value.replace("{", "{{").replace("}", "}}").replace(SINCE, "{incremental.start_value}")
    for name, value in listing.params(SINCE, poll.last).items()
}
auth = {"type": "api_key", "name": "Authorization", "api_key": poll.authorization, "location": "header"}
paginator = {"type": "offset", "limit": listing.page, "total_path": listing.total}
recordings = {
    "name": "recordings",
    "primary_key": listing.key,
    "write_disposition": "merge",
    "endpoint": {
        "path": listing.path,
        "data_selector": listing.rows,
        "params": params,
        "incremental": {"cursor_path": listing.cursor, "initial_value": poll.first},
    },
}
with Watch().running() as watch:
    source = rest_api_source(
        {"client": {"base_url": poll.url, "auth": auth, "paginator": paginator}, "resources": [recordings]}
    )
    pipeline = dlt.pipeline("bench", pipelines_dir=poll.folder, destination="filesystem")
    extracted = pipeline.extract(source)


def rows(file: Path) -> list[dict[str, Any]]:
    packed = file.read_bytes()
    text = gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed
    lines = [json.loads(line) for line in text.splitlines()]
    return [row for line in lines for row in (line if isinstance(line, list) else [line])]


jobs = [Path(job["file_path"]) for load in extracted.asdict()["load_packages"] for job in load["jobs"]]
watch.answer(keys=[row[listing.key] for job in jobs if job.name.startswith("recordings.") for row in rows(job)])
