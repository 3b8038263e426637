"""Put the compactor together on AWS."""

from collections.abc import Callable

from call_lake.aws.client import client
from call_lake.aws.clock import SystemClock
from call_lake.aws.dynamodb import DynamoTable
from call_lake.aws.glue import GlueCatalog
from call_lake.aws.s3 import S3ObjectStore
from call_lake.lake.compactor import CompactionResult, Compactor
from call_lake.settings import CompactorSettings

CLOCK = SystemClock()


def make_compactor(settings: CompactorSettings) -> Callable[[float], CompactionResult]:
    """The compactor of a function instance: a function that compacts until the monotonic time it is given. The files
    that it has read are remembered between runs."""
    store = S3ObjectStore(client("s3"), settings.bucket)
    table = DynamoTable(client("dynamodb"), settings.ledger_table)
    catalog = GlueCatalog(client("glue"), settings.database)
    return Compactor(store, table, catalog, CLOCK, settings).run
