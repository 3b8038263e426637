"""Drive a running simulator from another process, under `/_sim/`. For this machine's programs, without credentials.

| request | body | answer |
| --- | --- | --- |
| `GET /_sim/stats` | | what the server counted |
| `DELETE /_sim/stats` | | counts start again |
| `GET /_sim/truth` (`?audio=0`: without hashes) | | every recording, its exact start, its audio |
| `GET /_sim/faults` | | every fault there is, and which are on |
| `PUT /_sim/faults` | `{"faults": "NAME,NAME:0.2", "seed": 7}` | which are on |
| `PUT /_sim/outages` | `[["2026-11-01T00:00:00Z", "2026-11-01T06:00:00Z"]]` | |
| `PUT /_sim/clock` | `{"now": "2026-11-01T00:00:00Z"}` or `{"now": null}` | |
| `PUT /_sim/secret` | `{"secret": "…"}` | |
| `POST /_sim/rows` | `{"started_at": "…"}` | the new row's truth |
| `DELETE /_sim/rows/<index>` | | |

A new row may also name its `large_bytes` (a WAV of that size), `created_at`, `available_at`, `key`, `connection_id`,
`agent`, `src`, `dst`.
"""

import json
from dataclasses import asdict, replace
from typing import Any

from call_lake.model.times import iso, parse_iso
from call_lake_local.simulators.faults import FAULTS, FaultPlan
from call_lake_local.simulators.http_exchange import Answer, Request, json_answer
from call_lake_local.simulators.provider import SimulatedProvider

PREFIX = "/_sim/"
_TIMES = ("created_at", "available_at")
_NAMES = ("key", "connection_id", "agent", "src", "dst")


class Admin:
    """A provider with its admin routes before it."""

    def __init__(self, provider: SimulatedProvider) -> None:
        self.provider = provider

    def handle(self, request: Request) -> Answer:
        if not request.path.startswith(PREFIX):
            return self.provider.handle(request)
        try:
            data = json.loads(request.body) if request.body else {}
            return json_answer(200, self._do(request, data))
        except LookupError as error:
            return json_answer(404, {"error": f"{type(error).__name__}: {error}"})
        except (ValueError, TypeError, AttributeError) as error:
            return json_answer(400, {"error": str(error)})

    def _do(self, request: Request, data: Any) -> Any:
        provider = self.provider
        match (request.method, *request.path.removeprefix(PREFIX).split("/")):
            case ("GET", "stats"):
                return provider.stats.snapshot()
            case ("DELETE", "stats"):
                provider.stats.reset()
            case ("GET", "truth"):
                return provider.truth(with_audio=request.query.get("audio") != "0")
            case ("GET", "faults"):
                return self._faults()
            case ("PUT", "faults"):
                plan = FaultPlan.parse(data["faults"], int(data.get("seed", provider.plan.seed)))
                provider.plan = replace(plan, outages=provider.plan.outages)
                return self._faults()["active"]
            case ("PUT", "outages"):
                spans = tuple((parse_iso(start), parse_iso(end)) for start, end in data)
                provider.plan = replace(provider.plan, outages=spans)
            case ("PUT", "clock"):
                provider.clock.set(parse_iso(data["now"]) if data["now"] else None)
            case ("PUT", "secret"):
                provider.change_secret(str(data["secret"]))
            case ("POST", "rows"):
                return self._insert(data)
            case ("DELETE", "rows", index):
                provider.catalog.delete(int(index))
            case _:
                raise LookupError(f"no {request.method} {request.path}")
        return {"now": iso(provider.clock.now())}

    def _faults(self) -> dict[str, Any]:
        active = {name: asdict(how) for name, how in self.provider.plan.active.items()}
        return {"known": [asdict(fault) for fault in FAULTS.values()], "active": active}

    def _insert(self, data: dict[str, Any]) -> dict[str, Any]:
        """A new recording; times that are not given follow from its start."""
        provider = self.provider
        made = provider.world.make(
            provider.kind,
            provider.catalog.next_index(),
            parse_iso(data["started_at"]),
            large_bytes=int(data.get("large_bytes", 0)),
        )
        given: dict[str, Any] = {name: parse_iso(data[name]) for name in _TIMES if name in data}
        given |= {name: str(data[name]) for name in _NAMES if name in data}
        made = replace(made, **given)
        provider.catalog.insert(made)
        return next(row for row in provider.truth(with_audio=False) if row["index"] == made.index)
