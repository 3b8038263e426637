"""What Call Lake has to know of Thulium (docs/providers.md)."""

from call_lake.settings import Vendor

VENDOR = Vendor(
    name="thulium",
    title="Thulium",
    secret_fields={"username": False, "password": True},
    page_size=100,
    max_page_size=100,
    rows_per_window=180,
    download_url="{base_url}/recordings/download?filename={filename}",
    download_placeholder="{filename}",
    base_url_question="Thulium's API, like https://NAME.thulium.com/api",
    base_url_description="The Thulium system's API, like https://example.thulium.com/api",
    time_zone_question="Time zone of the Thulium system's clock",
    time_zone_description="Time zone of the system's clock, and of the call dates in the lake",
)
