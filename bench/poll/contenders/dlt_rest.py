"""dlt's rest_api source: offset paginator, with the total if there is one, the Authorization header, incremental on the
time that the provider filters by. Extraction alone; its files on disk are what it hands on."""

import gzip
import json
from pathlib import Path
from typing import Any

import dlt
from dlt.sources.rest_api import rest_api_source

from bench.poll.task import Task, Watch

task, watch = Task.given(), Watch()
listing = task.listing
SINCE = "<since>"
params = {
    name: value.replace("{", "{{").replace("}", "}}").replace(SINCE, "{incremental.start_value}")
    for name, value in listing.params(SINCE, task.last).items()
}
with watch.running():
    source = rest_api_source(
        {
            "client": {
                "base_url": task.url,
                "auth": {
                    "type": "api_key",
                    "name": "Authorization",
                    "api_key": task.authorization,
                    "location": "header",
                },
                "paginator": {"type": "offset", "limit": listing.page, "total_path": listing.total},
            },
            "resources": [
                {
                    "name": "recordings",
                    "primary_key": listing.key,
                    "write_disposition": "merge",
                    "endpoint": {
                        "path": listing.path,
                        "data_selector": listing.rows,
                        "params": params,
                        "incremental": {
                            "cursor_path": listing.cursor,
                            "initial_value": task.first,
                        },
                    },
                }
            ],
        }
    )
    pipeline = dlt.pipeline("bench", pipelines_dir=task.folder, destination="filesystem")
    extracted = pipeline.extract(source)


def rows(file: Path) -> list[dict[str, Any]]:
    packed = file.read_bytes()
    text = gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed
    return [row for line in text.splitlines() for row in _rows(json.loads(line))]


def _rows(line: Any) -> list[dict[str, Any]]:
    return line if isinstance(line, list) else [line]


jobs = [Path(job["file_path"]) for load in extracted.asdict()["load_packages"] for job in load["jobs"]]
files = [job for job in jobs if job.name.startswith("recordings.")]
watch.answer(task, [row[listing.key] for file in files for row in rows(file)])
