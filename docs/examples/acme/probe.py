"""What an Acme account tells: whether it lists, in which order, and whether a recording can be downloaded."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

from call_lake.providers.acme.api import authorization, listing_rows, written
from call_lake.providers.acme.description import VENDOR

from call_lake.model import json_values
from call_lake.providers.probe import Findings, Form, Prober, VendorProbe

LOOK_BACK = timedelta(days=30)


def probe_acme(prober: Prober) -> Findings:
    prober.tell("listing")
    base, now = prober.looker.base.url.rstrip("/"), prober.clock.now()
    query = {"from": written(now - LOOK_BACK), "to": written(now), "limit": str(VENDOR.page_size)}
    listed = prober.listing(f"{base}/v1/recordings?{urlencode(query)}", listing_rows)
    if listed is not None:
        rows, _ = listed
        prober.found.say("listing", f"{len(rows)} rows of the last {LOOK_BACK.days} days")
        prober.audio(lambda row: forms(base, row), rows)
    return prober.finish()


def forms(base: str, row: Any) -> list[Form]:
    """Every address that may have the audio of a listed row; an account tells which one works."""
    key = quote(json_values.key(row.get("id")) or "", safe="")
    url = VENDOR.download_url.replace("{base_url}", base).replace("{id}", key)
    return [Form("/v1/recordings/{id}/audio", url, {"download_url": ""})]


PROBE = VendorProbe(authorization, "v1/recordings?limit=1", listing_rows, probe_acme)
