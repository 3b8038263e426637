"""CloudWatch as it evaluates an alarm, minute by minute, so that a test can say when an alarm fires and when it ends.

From AWS's user guide:

- An alarm with periods of a minute or longer is evaluated every minute, over windows that end at that minute
  (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html). They slide unless the alarm
  says otherwise (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation-window.html).
- CloudWatch retrieves more data points than ``EvaluationPeriods``, the evaluation range. Where some are missing, older
  ones take their place; only what is missing then is treated as ``TreatMissingData`` says
  (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html). AWS does not say how
  many more. Its examples have two more.
- ``FILL`` fills the latest period, too, although its data may still come
  (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html). AWS does not say whether it
  fills a metric without a single data point in the range.

What AWS does not say is a field of ``Unknown``; tests try all its values.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

MINUTE_S = 60


class State(StrEnum):
    """Of an alarm."""

    OK = "OK"
    ALARM = "ALARM"
    NO_DATA = "INSUFFICIENT_DATA"


class Missing(StrEnum):
    """``TreatMissingData``."""

    MISSING = "missing"
    IGNORE = "ignore"
    BREACHING = "breaching"
    NOT_BREACHING = "notBreaching"


type Point = bool | None
"""Whether the data point breaches the threshold; None where it is missing."""


def evaluate(points: Sequence[Point], periods: int, to_alarm: int, missing: Missing, before: State) -> State:
    """The state after the data points of the evaluation range, the oldest first. ``before``: the state until now."""
    real = [point for point in points if point is not None][-periods:]
    if len(real) == periods or missing in (Missing.BREACHING, Missing.NOT_BREACHING):
        filled = periods - len(real) if missing is Missing.BREACHING else 0
        return State.ALARM if sum(real) + filled >= to_alarm else State.OK
    if sum(real) >= to_alarm:
        return State.ALARM
    if False in real:
        return State.OK
    undecided = before if missing is Missing.IGNORE else State.NO_DATA
    # "Avoiding premature transitions to alarm state": a breach counts alone when it is old enough.
    if real and len(points) - points.index(True) >= to_alarm:
        return before if missing is Missing.IGNORE else State.ALARM
    return undecided


STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "Sum": sum,
    "Minimum": min,
    "Maximum": max,
    "SampleCount": len,
}


@dataclass(frozen=True, slots=True)
class Alarm:
    """What the template says of an alarm. ``period``: in minutes. ``fill``: of ``FILL``, None without it."""

    metric: str
    statistic: str
    period: int
    periods: int
    to_alarm: int
    threshold: float
    is_below: bool
    missing: Missing
    fill: float | None = None

    @classmethod
    def of(cls, properties: Mapping[str, Any]) -> "Alarm":
        """Of one metric, or of ``FILL(metric, number)``."""
        watched, fill = metric_of(properties)
        return cls(
            watched["MetricName"],
            watched["Statistic"],
            watched["Period"] // MINUTE_S,
            properties["EvaluationPeriods"],
            properties.get("DatapointsToAlarm", properties["EvaluationPeriods"]),
            properties["Threshold"],
            {"LessThanThreshold": True, "GreaterThanThreshold": False}[properties["ComparisonOperator"]],
            Missing(properties["TreatMissingData"]),
            fill,
        )

    def breaches(self, value: float) -> bool:
        return value < self.threshold if self.is_below else value > self.threshold


def metric_of(properties: Mapping[str, Any]) -> tuple[Mapping[str, Any], float | None]:
    """The metric that an alarm of the template watches, with ``Statistic`` and ``Period``, and the number that fills
    its gaps. Raises ValueError for other metric math than ``FILL(metric, number)``."""
    if "Metrics" not in properties:
        return properties, None
    expression, metric = properties["Metrics"]
    stat = metric["MetricStat"]
    name, _, fill = expression["Expression"].removeprefix("FILL(").removesuffix(")").partition(", ")
    if name != metric["Id"] or metric["ReturnData"] is not False or "ReturnData" in expression:
        raise ValueError(f"{properties['Metrics']}: only FILL of the one metric is understood")
    return {**stat["Metric"], "Statistic": stat["Stat"], "Period": stat["Period"]}, float(fill)


@dataclass(frozen=True, slots=True)
class Unknown:
    """What AWS does not say. ``extra``: data points of the range beyond ``EvaluationPeriods``. ``slides``: else windows
    end where the clock does, plus ``offset`` minutes. ``fills_nothing``: ``FILL`` also fills a range without a data
    point. ``late``: minutes until an evaluation sees that a window has ended."""

    extra: int = 2
    slides: bool = True
    offset: int = 0
    fills_nothing: bool = True
    late: int = 0


@dataclass(slots=True)
class Series:
    """The values of one metric: when (minutes), how much, and from which minute on CloudWatch shows it."""

    minutes: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    shown: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, values: Iterable[tuple[int, float]], delay: int = 0) -> "Series":
        ordered = sorted(values)
        minutes = [minute for minute, _ in ordered]
        return cls(minutes, [value for _, value in ordered], [minute + delay for minute in minutes])

    def between(self, start: int, end: int, now: int) -> list[float]:
        """Those of ``start <= minute < end`` that are shown by now."""
        first, behind = bisect_left(self.minutes, start), bisect_left(self.minutes, end)
        return [self.values[at] for at in range(first, behind) if self.shown[at] <= now]


class Evaluations:
    """An alarm over a series, from its creation on."""

    def __init__(self, alarm: Alarm, series: Series, unknown: Unknown) -> None:
        self._alarm = alarm
        self._series = series
        self._unknown = unknown
        self._settled: dict[int, Point] = {}  # by the minute at which the window ends
        self._latest = max(
            (shown - minute for minute, shown in zip(series.minutes, series.shown, strict=True)), default=0
        )

    def changes(self, start: int, end: int) -> Iterator[tuple[int, State]]:
        """The minutes in which the state changes, and to what. An alarm begins as INSUFFICIENT_DATA."""
        state = State.NO_DATA
        for now in range(start, end):
            alarm = self._alarm
            after = evaluate(self._points(now), alarm.periods, alarm.to_alarm, alarm.missing, state)
            if after is not state:
                state = after
                yield now, state

    def _points(self, now: int) -> list[Point]:
        alarm, unknown = self._alarm, self._unknown
        last = now - unknown.late
        if not unknown.slides:
            last = (last - unknown.offset) // alarm.period * alarm.period + unknown.offset
        ends = range(last - (alarm.periods + unknown.extra - 1) * alarm.period, last + 1, alarm.period)
        points = [self._point(end, now) for end in ends]
        if alarm.fill is None or (not unknown.fills_nothing and not any(point is not None for point in points)):
            return points
        filled = alarm.breaches(alarm.fill)
        return [filled if point is None else point for point in points]

    def _point(self, end: int, now: int) -> Point:
        if end in self._settled:
            return self._settled[end]
        found = self._series.between(end - self._alarm.period, end, now)
        point = self._alarm.breaches(STATISTICS[self._alarm.statistic](found)) if found else None
        if end + self._latest <= now:
            self._settled[end] = point
        return point
