"""What Call Lake has to know of Conpeek (docs/providers.md)."""

from call_lake.settings import Vendor

VENDOR = Vendor(
    name="conpeek",
    title="Conpeek",
    secret_fields={"key": True},
    page_size=500,  # the vendor's default; nobody knows the maximum
    rows_per_window=900,
    download_url="{base_url}/cdr_dialog/{dialog_uuid}/recording",
    download_placeholder="{dialog_uuid}",
    base_url_question="Conpeek's API, before /cdr_dialog_recording",
    base_url_description="The Conpeek server's API, the address before /cdr_dialog_recording",
    time_zone_question="Time zone of Conpeek's call dates",
    time_zone_description="Time zone of the call dates in the lake (Conpeek's own clock is UTC)",
)
