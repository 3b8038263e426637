"""Stops that are left out, as nobody can tell them from others, end as those others do."""

from collections.abc import Iterator
from functools import partial

from tests.crash import duos
from tests.crash.duos import Works, meetings, stops
from tests.crash.harness import Invocation
from tests.crash.small_world import SmallWorld


class Bare(SmallWorld):
    """Two values, which processes read and then write."""

    def furnish(self) -> None:
        self.values = {"store": "", "table": ""}

    def round(self) -> Iterator[Invocation]:
        return iter(())

    def is_settled(self) -> bool:
        return True

    def add(self, letter: str, ports: tuple[str, ...]) -> None:
        seen = {port: self.calls.run(port, "get", partial(self.values.get, port)) for port in ports}
        for port in ports:
            self.calls.run(port, "put", partial(self.values.update, {port: seen[port] + letter}))


def two_that_forget_each_other(run: Bare) -> Works:
    return partial(run.add, "a", ("store", "table")), partial(run.add, "b", ("table", "store", "table"))


def test_every_stop_ends_as_if_it_were_run_and_fewer_are(monkeypatch):
    ran = []
    meet = duos._meet

    def counted(scene, duo, stop, look):
        ran.append(stop)
        return meet(scene, duo, stop, look)

    expected = {
        stop: meet(Bare, two_that_forget_each_other, stop, lambda run: dict(run.values)).found
        for stop in stops(Bare, two_that_forget_each_other)
    }
    monkeypatch.setattr(duos, "_meet", counted)

    assert dict(meetings(Bare, two_that_forget_each_other, lambda run: dict(run.values))) == expected
    assert len({str(found) for found in expected.values()}) > 3
    assert len(ran) < len(expected)
