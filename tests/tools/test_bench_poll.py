"""The judge of bench/poll sees what is lost and what comes twice."""

from bench.poll.job import Poll
from bench.poll.provider import Judged, Polled, judge


def polled(*keys: str) -> Polled:
    return Polled(list(keys), 1.0, 1.0, 1.0, 1.0, 1, 1)


def test_lost_and_twice_are_told_apart_over_both_polls():
    assert judge({"a", "b", "c"}, [polled("a", "b"), polled("b", "d")]) == Judged(lost=1, twice=1)


def test_a_client_remembers_until_its_next_poll(tmp_path):
    poll = Poll("thulium", "http://127.0.0.1", {"username": "u", "password": "p"}, "", "", "", 1, str(tmp_path))
    assert poll.remembered("nothing") == "nothing"
    poll.remember({"known": ["a"]})
    assert poll.remembered({}) == {"known": ["a"]}
    assert poll.authorization == "Basic dTpw"
