"""When each alarm of the template fires, when it ends, and that a healthy week is quiet.

CloudWatch is a model (``tests/support/cloudwatch.py``). Where AWS does not say how it evaluates, every way is tried.
Times are minutes.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from random import Random

import pytest

from call_lake.errors import Reason, Transient
from tests.support.cloudwatch import Alarm, Evaluations, Missing, Series, State, Unknown, metric_of
from tests.support.fakes.provider import make_recording, raising
from tests.support.functions_in_memory import Functions
from tests.support.template import ROOT, of_type, properties, resource

HOUR, DAY = 60, 24 * 60
WEEK = 7 * DAY
OF_ANOTHER_SOURCE = "Conpeek"  # made from the same text
ALARMS = [name for name in of_type("AWS::CloudWatch::Alarm") if not name.startswith(OF_ANOTHER_SOURCE)]
EVERY = (5, 10)  # PollEvery and CompactEvery: as deployed, and the slowest that the template takes
type Value = Callable[[int], float | None]
"""What a run emits that many minutes after the trouble began; None for nothing."""
type Key = tuple[str, str]
"""The metric's name, and the value of its one dimension."""


def key_of(alarm: str) -> Key:
    watched, _ = metric_of(properties(alarm))
    (dimension,) = watched["Dimensions"]
    return watched["MetricName"], _name(dimension["Value"])


def _name(value: object) -> str:
    """``compactor``, or the logical id that stands there."""
    if isinstance(value, dict):
        (found,) = value.values()
        return str(found[0] if isinstance(found, list) else found).partition(".")[0]
    return str(value)


def ways(alarm: Alarm) -> list[Unknown]:
    """Every way in which CloudWatch may evaluate: sliding, or by a clock of whole periods with every offset."""
    fills = (True,) if alarm.fill is None else (True, False)
    sliding = [
        Unknown(extra=extra, fills_nothing=fills_nothing, late=late)
        for extra, fills_nothing, late in product((0, 2, 4), fills, (0, 2))
    ]
    offsets = range(0, alarm.period, 1 if alarm.period <= 5 else alarm.period // 6)
    return sliding + [Unknown(extra=extra, slides=False, offset=offset) for extra, offset in product((0, 3), offsets)]


def changes(alarm: Alarm, series: Series, unknown: Unknown, end: int) -> list[tuple[int, State]]:
    return list(Evaluations(alarm, series, unknown).changes(0, end))


# -- a week without trouble


@dataclass(frozen=True, slots=True)
class Emitted:
    """What one run of a function really emits, by metric: dimensions of source ``thulium`` and of functions."""

    idle: Mapping[Key, float]
    busy: Mapping[Key, float]
    down: Mapping[Key, float]
    sweep: Mapping[Key, float]
    compaction: Mapping[Key, float]


@pytest.fixture(scope="module")
def emitted() -> Iterator[Emitted]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        functions = Functions(monkeypatch)
        provider, clock = functions.providers["thulium"], functions.world.clock

        def run(call: Callable[..., list], *arguments: str) -> dict[Key, float]:
            return {(one.name, next(iter(one.dimensions))[1]): one.value for one in call(*arguments)}

        idle = run(functions.poll, "thulium")
        provider.add(make_recording(1, "thulium", listed_at=clock.now() - timedelta(minutes=30)))
        busy = run(functions.poll, "thulium")
        compaction = run(functions.compact)
        clock.advance(timedelta(minutes=5))
        provider.on_list = raising(Transient(Reason.CONNECTION, "refused"))
        down = run(functions.poll, "thulium")
        provider.on_list = lambda window: None
        yield Emitted(idle, busy, down, run(functions.sweep, "thulium"), compaction)


def healthy_week(emitted: Emitted, every: int, delay: int) -> dict[Key, Series]:
    """A new stack's first week, from a Monday on: nights, a weekend, sweeps, a provider that is down for five minutes,
    a backfill whose polls take four minutes, and a deployment that costs a poll and a compaction."""
    random = Random(every)
    values: dict[Key, list[tuple[int, float]]] = defaultdict(list)
    down, backfill, deployment = 2 * DAY + 11 * HOUR, 3 * DAY + 20 * HOUR, DAY + 14 * HOUR

    def add(minute: int, run: Mapping[Key, float], function: str) -> None:
        for key, value in {**run, ("Errors", function): 0.0}.items():
            values[key].append((minute, value))

    for start in range(3, WEEK, every):
        takes = 4 if backfill <= start < backfill + 3 * HOUR else random.choices((0, 1, 2, 4), (80, 12, 6, 2))[0]
        is_work = start // DAY < 5 and 8 * HOUR <= start % DAY < 18 * HOUR
        if not deployment <= start < deployment + every:
            kind = emitted.down if down <= start < down + max(5, every) else emitted.busy if is_work else emitted.idle
            add(start + takes, kind, "Poller")
            add(start + random.choice((0, 0, 1)), emitted.compaction, "Compactor")
        if is_work:
            add(start + 1, {("ApproximateAgeOfOldestMessage", "ThuliumQueue"): 45.0}, "Copier")
            add(start + 1, {}, "Transcriber")
    for day in range(7):
        add(day * DAY + 2 * HOUR + 17 + random.choice((0, 1, 3)), emitted.sweep, "Poller")
    return {key: Series.of(found, delay) for key, found in values.items()}


@pytest.mark.parametrize(
    "unknown",
    [
        Unknown(extra=0),
        Unknown(extra=2, late=2),
        Unknown(fills_nothing=False),
        Unknown(extra=0, slides=False, offset=2),
    ],
    ids=str,
)
@pytest.mark.parametrize("every", EVERY)
def test_no_alarm_fires_in_a_healthy_week_but_those_of_silence_before_the_first_run(emitted, every, unknown):
    fired = {}
    for name in ALARMS:
        series = healthy_week_of(emitted, every).get(key_of(name), Series())
        fired[name] = [
            now for now, state in changes(Alarm.of(properties(name)), series, unknown, WEEK) if state is State.ALARM
        ]
    early = {name for name, times in fired.items() if times}
    assert early <= {"ThuliumSilentAlarm", "CompactorAlarm"}
    assert all(len(times) == 1 and times[0] < 3 for times in fired.values() if times)


WEEKS: dict[int, dict[Key, Series]] = {}


def healthy_week_of(emitted: Emitted, every: int) -> dict[Key, Series]:
    if every not in WEEKS:
        WEEKS[every] = healthy_week(emitted, every, delay=2)
    return WEEKS[every]


# -- trouble


@dataclass(frozen=True, slots=True)
class Fault:
    """``good``: what each run emits in health; ``bad``: in trouble. ``every``: minutes between two runs, 0 for those of
    the schedules. ``lasts``: how long the trouble does.

    ``fires``: at most so long after the first run that met the trouble. ``ends``: at most so long after the first good
    run; ``stays``: longer, for each data point that CloudWatch retrieves beyond ``EvaluationPeriods``. Windows that do
    not slide may end a period later.
    """

    good: Value
    bad: Value
    fires: int
    ends: int
    every: int = 0
    stays: int = 0
    lasts: int = 6 * HOUR


def always(value: float | None) -> Value:
    return lambda _: value


def once(after: int) -> float | None:
    return 1 if after == 0 else None


NOTHING = always(None)
ERRORS = [Fault(always(0), always(1), fires=3, ends=16), Fault(always(0), always(1), fires=3, ends=16, lasts=1)]
# A queue is inactive after six hours without a message and without a request. When it becomes active, its metrics come
# up to 15 minutes late, and each minute from then on
# (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/monitoring-using-cloudwatch.html).
DEAD_LETTERS = [Fault(NOTHING, lambda after: 1 if after >= 15 else None, fires=18, ends=6, every=1, stays=5)]
IN_TROUBLE_ALONE = [Fault(NOTHING, always(1), fires=3, ends=16, stays=15)]
FAULTS: dict[str, list[Fault]] = {
    "ThuliumSilentAlarm": [
        Fault(always(1), NOTHING, fires=23, ends=3),  # no poll starts
        Fault(always(1), always(0), fires=23, ends=3),  # polls cannot list
    ],
    "ThuliumLagAlarm": [Fault(always(120), lambda after: 120 + 60 * after, fires=77, ends=3)],
    "ThuliumOldestMessageAlarm": [
        Fault(NOTHING, lambda after: 60 * after, fires=135, ends=16, every=1, stays=5),  # an empty queue has no age
    ],
    **{f"Thulium{kind}Alarm": IN_TROUBLE_ALONE for kind in ("Gap", "Ceiling", "Unusable")},
    "DeadLettersAlarm": DEAD_LETTERS,
    "TranscriptionDeadLettersAlarm": DEAD_LETTERS,
    **{f"Engine{place}DeadLettersAlarm": DEAD_LETTERS for place in (1, 2, 3)},
    "SoundDeadLettersAlarm": DEAD_LETTERS,
    "PollerErrorsAlarm": ERRORS,
    "CompactorErrorsAlarm": ERRORS,
    # A message that breaks the copier comes again after half an hour and the copier's own time, also at night; so does
    # one that breaks the sound analyzer. One that breaks the transcriber comes after ten minutes.
    "CopierAlarm": [Fault(NOTHING, always(1), fires=36, ends=91, every=33, stays=30)],
    "TranscriptReaderErrorsAlarm": [Fault(NOTHING, always(1), fires=36, ends=91, every=33, stays=30)],
    "TranscriptDocumentsDeadLettersAlarm": DEAD_LETTERS,
    "TranscriptsFailedAlarm": [Fault(NOTHING, once, fires=3, ends=6, stays=5, lasts=1)],
    "SoundErrorsAlarm": [Fault(NOTHING, always(1), fires=36, ends=91, every=33, stays=30)],
    "TranscriptionErrorsAlarm": [Fault(NOTHING, always(1), fires=18, ends=61, every=11, stays=15)],
    "TranscriptionFailedAlarm": [Fault(NOTHING, once, fires=3, ends=6, stays=5, lasts=1)],
    "TranscriptionCeilingAlarm": [Fault(always(0), always(1), fires=3, ends=6, every=15)],
    "CollisionAlarm": [Fault(NOTHING, once, fires=3, ends=6, stays=5, lasts=1)],
    "CompactorAlarm": [Fault(always(0), NOTHING, fires=23, ends=3)],
    "PartitionsAlarm": [Fault(always(0), always(1), fires=33, ends=3)],
    "QuarantineAlarm": IN_TROUBLE_ALONE,
}
CASES = [(name, at, every) for name, faults in FAULTS.items() for at in range(len(faults)) for every in EVERY]


@dataclass(frozen=True, slots=True)
class Course:
    """``begins``: the first run in trouble, ``every`` minutes after the last good one. ``heals``: the next good one."""

    series: Series
    begins: int
    heals: int
    end: int


def course_of(fault: Fault, every: int) -> Course:
    begins = 4 * HOUR
    runs = range(begins % every, begins + fault.lasts + fault.ends + 5 * fault.stays + 2 * HOUR, every)
    heals = min(run for run in runs if run >= begins + fault.lasts)
    emitted = ((run, fault.bad(run - begins) if begins <= run < heals else fault.good(run)) for run in runs)
    return Course(Series.of((run, value) for run, value in emitted if value is not None), begins, heals, runs.stop)


def test_every_alarm_has_its_trouble():
    assert set(FAULTS) == set(ALARMS)


@pytest.mark.parametrize(("name", "at", "every"), CASES)
def test_an_alarm_fires_in_time_and_once_and_ends(name, at, every):
    fault, alarm = FAULTS[name][at], Alarm.of(properties(name))
    course = course_of(fault, fault.every or every)
    for unknown in ways(alarm):
        slack = 0 if unknown.slides else alarm.period
        found = changes(alarm, course.series, unknown, course.end)
        *before, (fired, is_alarm), (ended, is_ok) = found
        assert (is_alarm, is_ok) == (State.ALARM, State.OK), (unknown, found)
        assert all(now < 10 for now, state in before if state is State.ALARM), (unknown, found)
        assert course.begins <= fired - unknown.late + every, (unknown, found)
        assert fired <= course.begins + fault.fires + slack, (unknown, found)
        assert ended <= course.heals + fault.ends + fault.stays * unknown.extra + slack + unknown.late, (unknown, found)


@pytest.mark.parametrize("every", EVERY)
@pytest.mark.parametrize("name", ["ThuliumSilentAlarm", "CompactorAlarm"])
def test_what_no_longer_starts_is_told_within_35_minutes(name, every):
    alarm, course = Alarm.of(properties(name)), course_of(FAULTS[name][0], every)
    last_good_run = course.begins - every
    times = [
        now - last_good_run
        for unknown in ways(alarm)
        for now, state in changes(alarm, course.series, unknown, course.heals)
        if state is State.ALARM and now > last_good_run
    ]
    assert len(times) == len(ways(alarm))
    assert min(times) >= 25
    assert max(times) <= 35


def test_missing_data_that_breaches_alone_would_be_told_after_an_hour_and_a_half():
    """Why the alarms of silence fill: without it, good runs of the evaluation range stand in for the missing ones."""
    course = course_of(FAULTS["ThuliumSilentAlarm"][0], 5)
    alarm = Alarm("PollSucceeded", "Sum", 30, 1, 1, 1, is_below=True, missing=Missing.BREACHING)
    (*_, (fired, state)) = changes(alarm, course.series, Unknown(extra=2), course.heals)
    assert state is State.ALARM
    assert 85 <= fired - course.begins <= 91


@pytest.mark.parametrize("name", ["CopierAlarm", "TranscriptionErrorsAlarm", "TranscriptReaderErrorsAlarm"])
def test_errors_that_come_once_tell_nobody(name):
    alarm = Alarm.of(properties(name))
    for unknown in ways(alarm):
        found = changes(alarm, Series.of([(5 * HOUR, 1.0)]), unknown, 12 * HOUR)
        assert State.ALARM not in [state for _, state in found]


def test_a_partition_that_failed_once_tells_nobody_even_where_no_run_came_before():
    alarm = Alarm.of(properties("PartitionsAlarm"))
    for every, unknown in product(EVERY, ways(alarm)):
        series = Series.of((run, float(run == HOUR)) for run in range(HOUR, 4 * HOUR, every))
        assert State.ALARM not in [state for _, state in changes(alarm, series, unknown, 4 * HOUR)], (every, unknown)


@pytest.mark.parametrize("name", [name for name in of_type("AWS::CloudWatch::Alarm") if name.startswith("Thulium")])
def test_no_alarm_of_a_source_outlives_it(name):
    assert resource(name)["Condition"] in {"Thulium", "ThuliumInCloud"}


def test_the_runbook_says_how_long_each_alarm_takes_at_most():
    section = (ROOT / "docs/runbook.md").read_text().partition("\n## When an alarm fires\n")[2].partition("\n### ")[0]
    told = {
        name: (int(fires), int(ends))
        for name, fires, ends in re.findall(r"\| \[`(.+?)`\].* \| (\d+) \| (\d+) \|", section)
    }
    assert told == {_word(name): _slowest(name) for name in ALARMS}


def _word(name: str) -> str:
    return str(properties(name)["AlarmName"]["Fn::Sub"]).removeprefix("${AWS::StackName}-").removesuffix("-thulium")


def _slowest(name: str) -> tuple[int, int]:
    """At most so many minutes until it fires and until it ends, in every way to evaluate. Where good runs emit
    something, the trouble begins with the last of them."""
    fault, alarm = FAULTS[name][0], Alarm.of(properties(name))
    every = fault.every or EVERY[0]
    course = course_of(fault, every)
    began = course.begins - (0 if fault.good is NOTHING else every)
    lasts = [changes(alarm, course.series, unknown, course.end)[-2:] for unknown in ways(alarm)]
    return max(fired - began for (fired, _), _ in lasts), max(ended - course.heals for _, (ended, _) in lasts)
