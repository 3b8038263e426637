"""How much audio jobs are started for on a UTC day (rule 30)."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from call_lake.ledger.transcribed_hours import HOUR_S, HoursToday, TranscribedHours
from tests.support.fakes import Call, World
from tests.support.fakes.calls import Proceed

LIMIT_HOURS = 5.0
SECONDS = st.floats(0.5, 4 * HOUR_S)
STEPS = st.lists(st.tuples(st.sampled_from(["admit", "give back", "next day"]), SECONDS), max_size=40)


@given(STEPS)
def test_no_day_has_more_than_its_hours_and_what_fits_is_admitted(steps: list[tuple[str, float]]) -> None:
    world = World.make()
    hours = TranscribedHours(world.table, world.clock, LIMIT_HOURS)
    admitted: list[tuple[float, HoursToday]] = []
    used = 0.0
    for step, seconds in steps:
        match step:
            case "admit":
                fits = seconds <= LIMIT_HOURS * HOUR_S - used
                answer = hours.admit(seconds)
                assert (answer is not None) == fits
                if answer:
                    admitted.append((seconds, answer))
                    used += seconds
            case "give back" if admitted:
                given_back, of = admitted.pop()
                hours.give_back(given_back, of)
                used = max(0.0, used - given_back) if of.day == hours.today().day else used
            case "next day":
                world.clock.advance(timedelta(days=1))
                used = 0.0
        assert abs(hours.today().used_s - used) < 0.001
        assert hours.today().used_s <= LIMIT_HOURS * HOUR_S


def test_two_functions_at_once_cannot_both_take_the_last_hour(world: World) -> None:
    one, other = (TranscribedHours(world.table, world.clock, 1) for _ in range(2))
    meanwhile: list[HoursToday | None] = []

    def hook(call: Call, proceed: Proceed) -> object:
        if call.method == "update" and not meanwhile:
            meanwhile.append(None)
            meanwhile[0] = other.admit(HOUR_S)
        return proceed()

    world.calls.on_call(hook)

    assert one.admit(HOUR_S) is None
    assert meanwhile[0] is not None
    assert one.today().used_s == HOUR_S


def test_the_count_of_yesterday_is_given_back_to_nobody(world: World) -> None:
    hours = TranscribedHours(world.table, world.clock, 1)
    yesterday = hours.admit(HOUR_S)
    assert yesterday is not None
    world.clock.advance(timedelta(days=1))
    hours.admit(HOUR_S)

    hours.give_back(HOUR_S, yesterday)

    assert hours.today().left_s == 0
