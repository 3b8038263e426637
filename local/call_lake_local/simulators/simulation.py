"""One world behind both simulated providers and the foreign host. ``serving`` and ``transport`` make it reachable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from call_lake_local.simulators.admin import Admin
from call_lake_local.simulators.clock import SimClock
from call_lake_local.simulators.conpeek import Conpeek
from call_lake_local.simulators.faults import FaultPlan
from call_lake_local.simulators.foreign_host import ForeignHost
from call_lake_local.simulators.http_exchange import Handler
from call_lake_local.simulators.provider import SimulatedProvider
from call_lake_local.simulators.thulium import Thulium
from call_lake_local.simulators.world import World

FAKE_PASSWORD = "fake-password"
FAKE_KEY = "fake-key"


@dataclass(frozen=True, slots=True)
class Simulation:
    """``clock`` is one for all. Set ``thulium.plan``, ``conpeek.plan`` to change the faults of one of them."""

    world: World
    clock: SimClock
    thulium: Thulium
    conpeek: Conpeek
    foreign: ForeignHost = field(default_factory=ForeignHost)

    @classmethod
    def of(
        cls,
        world: World,
        faults: FaultPlan | str = "",
        *,
        clock: SimClock | None = None,
        password: str = FAKE_PASSWORD,
        key: str = FAKE_KEY,
        url_in_record: bool = True,
    ) -> Self:
        """Raises ValueError for an unknown fault."""
        plan = FaultPlan.parse(faults, world.seed) if isinstance(faults, str) else faults
        clock = clock or SimClock()
        thulium = Thulium(world, password, clock, plan)
        conpeek = Conpeek(world, key, clock, plan, url_in_record=url_in_record)
        made = cls(world, clock, thulium, conpeek)
        made.foreign.providers = made.providers
        return made

    @property
    def providers(self) -> Mapping[str, SimulatedProvider]:
        return {"thulium": self.thulium, "conpeek": self.conpeek}

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """Whole servers by name, admin routes included."""
        servers: dict[str, Handler] = {name: Admin(provider).handle for name, provider in self.providers.items()}
        return servers | {"foreign": self.foreign.handle}

    def foreign_is_at(self, url: str) -> None:
        """Tell the providers where redirects and URLs to another host lead."""
        for provider in self.providers.values():
            provider.foreign_url = url
