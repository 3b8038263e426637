"""The recordings of the bench as Call Lake's poller would have published them."""

from datetime import UTC, date, datetime

from call_lake.model.recording import Recording, recording_id

SOURCE = "conpeek"
STARTED_AT = datetime(2026, 10, 20, 9, 30, tzinfo=UTC)


def recording_of(name: str, url: str) -> Recording:
    return Recording(
        source=SOURCE,
        provider=SOURCE,
        recording_id=recording_id(SOURCE, name),
        provider_key=name,
        started_at=STARTED_AT,
        call_date=date(2026, 10, 20),
        raw="{}",
        audio_url=url,
    )
