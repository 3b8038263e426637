"""The model of CloudWatch's evaluation gives what AWS's tables say.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cloudwatch import Alarm, Evaluations, Missing, Series, State, Unknown, evaluate

OK, ALARM, NO_DATA, RETAINED = State.OK, State.ALARM, State.NO_DATA, None
THREE_OF_THREE = [
    # points        missing   ignore    breaching  notBreaching
    ("0 - X - X", OK, OK, OK, OK),
    ("0 - - - -", OK, OK, OK, OK),
    ("- - - - -", NO_DATA, RETAINED, ALARM, OK),
    ("0 X X - X", ALARM, ALARM, ALARM, ALARM),
    ("- - X - -", ALARM, RETAINED, ALARM, OK),
    ("- - - - X", NO_DATA, RETAINED, ALARM, OK),  # in the section on premature transitions
    ("- - - X -", NO_DATA, RETAINED, ALARM, OK),
]
TWO_OF_THREE = [
    ("0 - X - X", ALARM, ALARM, ALARM, ALARM),
    ("0 0 X 0 X", ALARM, ALARM, ALARM, ALARM),
    ("0 - X - -", OK, OK, ALARM, OK),
    ("- - - - 0", OK, OK, ALARM, OK),
    ("- - - X -", ALARM, RETAINED, ALARM, OK),
]
TREATMENTS = (Missing.MISSING, Missing.IGNORE, Missing.BREACHING, Missing.NOT_BREACHING)
COUNT = Alarm("Errors", "Sum", 5, 1, 1, 0, is_below=False, missing=Missing.NOT_BREACHING)
POINTS = st.lists(st.sampled_from((True, False, None)), min_size=5, max_size=9)


def points(text: str) -> list[bool | None]:
    return [{"0": False, "X": True, "-": None}[one] for one in text.split()]


@pytest.mark.parametrize("before", State)
@pytest.mark.parametrize(
    ("to_alarm", "row"), [(3, row) for row in THREE_OF_THREE] + [(2, row) for row in TWO_OF_THREE], ids=str
)
def test_the_tables_of_aws(to_alarm, row, before):
    for treatment, expected in zip(TREATMENTS, row[1:], strict=True):
        assert evaluate(points(row[0]), 3, to_alarm, treatment, before) == (expected or before), treatment


@given(POINTS, st.integers(1, 3), st.sampled_from(TREATMENTS))
def test_without_a_missing_point_only_the_latest_count_and_the_treatment_does_not(given_points, to_alarm, treatment):
    whole = [bool(point) for point in given_points]
    assert evaluate(whole, 3, to_alarm, treatment, OK) == (ALARM if sum(whole[-3:]) >= to_alarm else OK)


@given(POINTS, st.integers(1, 3))
def test_what_fires_where_silence_is_good_fires_where_it_is_bad(given_points, to_alarm):
    if evaluate(given_points, 3, to_alarm, Missing.NOT_BREACHING, OK) is ALARM:
        assert evaluate(given_points, 3, to_alarm, Missing.BREACHING, OK) is ALARM


def test_a_window_slides_by_a_minute():
    """ "At the end of minute 5 the alarm evaluates based on data from minutes 1 to 5" (minutes 0 to 4 here)."""
    changes = Evaluations(COUNT, Series.of([(2, 1.0), (7, 0.0)]), Unknown(extra=0)).changes(0, 20)
    assert list(changes) == [(0, OK), (3, ALARM), (8, OK)]


def test_a_window_that_does_not_slide_ends_where_the_clock_does():
    unknown = Unknown(extra=0, slides=False, offset=1)
    changes = Evaluations(COUNT, Series.of([(2, 1.0), (7, 0.0)]), unknown).changes(0, 20)
    assert list(changes) == [(0, OK), (6, ALARM), (11, OK)]


def test_an_older_point_stands_in_for_a_missing_one_as_far_as_the_range_goes():
    for extra in range(4):
        changes = Evaluations(COUNT, Series.of([(2, 1.0)]), Unknown(extra=extra)).changes(0, 60)
        assert list(changes) == [(0, OK), (3, ALARM), (8 + 5 * extra, OK)]


def test_a_late_value_counts_from_when_it_is_shown():
    changes = Evaluations(COUNT, Series.of([(2, 1.0)], delay=3), Unknown(extra=0)).changes(0, 20)
    assert list(changes) == [(0, OK), (5, ALARM), (8, OK)]
