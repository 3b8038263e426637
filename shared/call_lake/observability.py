"""One logger and one metrics namespace for all functions (Powertools, embedded metric format).

Never put a phone number, a name, a file name or a provider key into either: a recording is named by its id.
"""

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit, single_metric

NAMESPACE = "CallLake"

log = Logger(service="call-lake", utc=True)
metrics = Metrics(namespace=NAMESPACE, service="call-lake")


def count(name: str, value: float, unit: MetricUnit = MetricUnit.Count, **dimensions: str) -> None:
    """Emit one metric under these dimensions and ``service``, the function's name, which Powertools adds."""
    with single_metric(name=name, unit=unit, value=value, namespace=NAMESPACE) as metric:
        for key, text in dimensions.items():
            metric.add_dimension(name=key, value=text)
