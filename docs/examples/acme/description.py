"""What Call Lake has to know of Acme."""

from call_lake.settings import Vendor

VENDOR = Vendor(
    name="acme",
    title="Acme",
    secret_fields={"key": True},
    page_size=200,
    rows_per_window=360,
    download_url="{base_url}/v1/recordings/{id}/audio",
    download_placeholder="{id}",
    base_url_question="Acme's API, the address before /v1",
    base_url_description="Acme's API, the address before /v1",
    time_zone_question="Time zone of Acme's call dates",
    time_zone_description="Time zone of the call dates in the lake (Acme's own clock is UTC)",
)
