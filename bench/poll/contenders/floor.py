"""The floor: the least that lists everything, page by page; the next time from the last time that it saw."""

import requests

from bench.poll.task import Task, Watch

task, watch = Task.given(), Watch()
listing = task.listing
with watch.running():
    session = requests.Session()
    session.headers["Authorization"] = task.authorization
    begin = since = task.memory.read_text() if task.memory.exists() else task.first
    keys: list[str] = []
    offset = 0
    while True:
        asked = {"limit": str(listing.page), "offset": str(offset), **listing.params(begin, task.last)}
        answer = session.get(f"{task.url}/{listing.path}", params=asked, timeout=60)
        answer.raise_for_status()
        rows = answer.json()[listing.rows]
        for row in rows:
            keys.append(row[listing.key])
            since = max(since, row[listing.cursor])
        offset += len(rows)
        if len(rows) < listing.page:
            break
    task.memory.write_text(since)
watch.answer(task, keys)
