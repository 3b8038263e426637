"""The simplest of clients for the simulators: one request, no retry."""

from dataclasses import replace
from datetime import UTC, date, datetime

from call_lake_local.simulators import transport
from call_lake_local.simulators.clock import SimClock
from call_lake_local.simulators.faults import FaultPlan
from call_lake_local.simulators.simulation import Simulation
from call_lake_local.simulators.world import World

WORLD = World.generate(seed=3, count=150, start=date(2026, 10, 17), days=30, tiny_audio=True)
SMALL = World.generate(seed=3, count=12, start=date(2026, 10, 17), days=30, tiny_audio=True)
NOW = datetime(2026, 12, 31, tzinfo=UTC)
THULIUM = ("api-user", "fake-password")


class Client:
    """Asks as simply as can be: one request, no retry."""

    def __init__(self, faults="", world=WORLD, **plan):
        self.clock = SimClock(NOW)
        self.simulation = Simulation.of(world, replace(FaultPlan.parse(faults), **plan), clock=self.clock)
        self.slept_s = 0.0
        self.session = transport.session(self.simulation, self._sleep)

    def _sleep(self, seconds):
        self.slept_s += seconds

    def thulium(self, **query):
        url = f"{transport.THULIUM_URL}/recordings"
        return self.session.get(url, auth=THULIUM, params=query, timeout=5, allow_redirects=False)

    def conpeek(self, **query):
        headers = {"Authorization": "fake-key"}
        return self.session.get(f"{transport.CONPEEK_URL}/cdr_dialog_recording", headers=headers, params=query)

    def audio(self, key, **options):
        url = f"{transport.THULIUM_URL}/recordings/download"
        options = {"allow_redirects": False} | options
        return self.session.get(url, auth=THULIUM, params={"filename": key}, timeout=5, **options)

    def rows(self, **query):
        return self.thulium(**query).json()["result"]


def file_of(number=5):
    """A recording and its right bytes."""
    recording = WORLD.recordings["thulium"][number]
    return recording, recording.audio.data()
