"""The floor: the least that lists everything, page by page; the next time from the last time that it saw."""

import requests

from bench.harness.job import Watch
from bench.poll.job import Poll

poll = Poll.given()
listing = poll.listing
with Watch().running() as watch:
    session = requests.Session()
    session.headers["Authorization"] = poll.authorization
    begin = since = poll.remembered(poll.first)
    keys: list[str] = []
    offset = 0
    while True:
        asked = {"limit": str(listing.page), "offset": str(offset), **listing.params(begin, poll.last)}
        answer = session.get(f"{poll.url}/{listing.path}", params=asked, timeout=60)
        answer.raise_for_status()
        rows = answer.json()[listing.rows]
        for row in rows:
            keys.append(row[listing.key])
            since = max(since, row[listing.cursor])
        offset += len(rows)
        if len(rows) < listing.page:
            break
    poll.remember(since)
watch.answer(keys=keys)
