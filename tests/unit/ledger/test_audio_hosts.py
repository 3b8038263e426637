"""Hosts, other than the configured one, that audio came from are kept for `call-lake status`."""

from call_lake.ledger.source_state import AUDIO_HOSTS_MOST, SourceState
from tests.support.fakes import World


def test_each_host_is_kept_once_and_not_without_end() -> None:
    world = World.make(("thulium",))
    state = SourceState(world.table, world.clock, "thulium")
    state.note(trouble="none")

    for host in ("b.test", "a.test", "b.test"):
        state.note_audio_host(host)

    assert state.facts()["audio_hosts"] == ["a.test", "b.test"]
    assert state.facts()["trouble"] == "none"
    for number in range(100):
        state.note_audio_host(f"{number}.test")
    assert len(state.facts()["audio_hosts"]) == AUDIO_HOSTS_MOST
