"""dlt's rest_api source: offset paginator with the total, basic auth, incremental on created_at. Extraction alone; its
files on disk are what it hands on."""

import gzip
import json
from pathlib import Path
from typing import Any

import dlt
from dlt.sources.rest_api import rest_api_source

from bench.poll.task import PAGE, Task, Watch

task, watch = Task.given(), Watch()
with watch.running():
    source = rest_api_source(
        {
            "client": {
                "base_url": task.url,
                "auth": {"type": "http_basic", "username": task.user, "password": task.password},
                "paginator": {"type": "offset", "limit": PAGE, "total_path": "count"},
            },
            "resources": [
                {
                    "name": "recordings",
                    "primary_key": "filename",
                    "write_disposition": "merge",
                    "endpoint": {
                        "path": "recordings",
                        "data_selector": "result",
                        "params": {"date_to": task.last},
                        "incremental": {
                            "start_param": "date_from",
                            "cursor_path": "created_at",
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
watch.answer(task, [row["filename"] for file in files for row in rows(file)])
