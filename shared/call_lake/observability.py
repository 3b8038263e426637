"""One logger and one namespace of metrics for all functions (Powertools; CloudWatch's embedded metric format).

Never put a phone number, a name, a file name or a provider key into either: a recording is named by its id.
Each stack has a namespace: the template gives it in ``POWERTOOLS_METRICS_NAMESPACE``, which Powertools reads.
"""

from collections.abc import Mapping

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from call_lake.plain_text import json_text

log = Logger(service="call-lake", utc=True, json_serializer=json_text)
"""Each line is valid JSON in UTF-8, whatever a provider sent."""

UNITS: Mapping[str, MetricUnit] = {
    # Source
    "PollSucceeded": MetricUnit.Count,
    "RecordsUnusable": MetricUnit.Count,
    "RecordsShortened": MetricUnit.Count,
    "RecordingsExcluded": MetricUnit.Count,
    "GapsOpen": MetricUnit.Count,
    "CeilingReached": MetricUnit.Count,
    "CheckpointLag": MetricUnit.Seconds,
    "RecordingsStored": MetricUnit.Count,
    # Source, Reason
    "AttemptsFailed": MetricUnit.Count,
    # Function
    "Collisions": MetricUnit.Count,
    "RowsCommitted": MetricUnit.Count,
    "RowsInQuarantine": MetricUnit.Count,
    "PartitionsFailed": MetricUnit.Count,
    "TranscriptionsFailed": MetricUnit.Count,
    "TranscriptionCeilingReached": MetricUnit.Count,
    "TranscriptsRead": MetricUnit.Count,
    "TranscriptsFailed": MetricUnit.Count,
    "TranscriptsUnknown": MetricUnit.Count,
}
"""Every metric with its unit, under a comment that names its dimensions. The alarms and the dashboard of the template
read these.

CloudWatch bills each combination of a name and dimensions as one metric, for each hour in which it gets a value
(https://aws.amazon.com/cloudwatch/pricing/). So they are few, and those of trouble have no value without it.
"""


def measure(values: Mapping[str, float], **dimensions: str) -> None:
    """Emit metrics in one line of the log, under exactly these dimensions. An alarm sees a metric only where all of its
    dimensions match. Raises KeyError for a name that ``UNITS`` does not know.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    # The service is empty: Powertools would make it one more dimension.
    provider = AmazonCloudWatchEMFProvider(dimension_set=dict(dimensions), service="")
    for name, value in values.items():
        provider.add_metric(name=name, unit=UNITS[name], value=value)
    provider.flush_metrics()
