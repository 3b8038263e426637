"""What the sound of a recording adds: the real sound analyzer on the metered AWS, without the samples themselves."""

import json

from bench.cost.metered import BATCH, Meter, MeteredQueue, Unit, metered_world
from bench.cost.prices import Prices
from call_lake.model.events import RECORDING_STORED
from call_lake.model.lake_tables import SOUND
from call_lake.model.layout import Partition
from call_lake.model.sound import SoundNote
from call_lake.sound.analyzer import SoundAnalyzer
from tests.support.lake_samples import TODAY

ANALYZER_GB = 1769 / 1024  # MemorySize
ANALYZER_DISK_GB = 0.5  # EphemeralStorage, except the 512 MB that are free
GIGABYTE = 1024**3
IN_TIME_S = 1e9

type Counts = dict[str, float]


def sound() -> Counts:
    """Units of one recording, where batches are full."""
    meter = Meter()
    world = metered_world(("thulium",), meter)
    queue = MeteredQueue("sound", world.clock, world.calls, meter)
    details = [_stored(number) for number in range(BATCH)]
    for detail in details:
        place = Partition("thulium", TODAY)
        world.store.put(f"{place.audio_of(detail['recording_id'])}wav", b"audio")
    meter.take()
    for detail in details:
        queue.send([json.dumps({"detail-type": RECORDING_STORED, "detail": detail})])  # EventBridge sends each
    analyzer = SoundAnalyzer(world.store, world.table, world.clock, lambda _: SoundNote.NO_SAMPLES)
    received = queue.receive(BATCH)
    report = analyzer.analyze({one.message_id: one.body for one in received}, IN_TIME_S)
    for one in received:
        queue.delete(one.receipt_handle)
    (body,) = world.store.bodies(SOUND.inbox).values()
    assert not report.again
    assert len(body.splitlines()) == BATCH, "every recording has a row"
    return {str(unit): amount / BATCH for unit, amount in sorted(meter.take().items())}


def _stored(number: int) -> dict[str, object]:
    return {
        "recording_id": f"thulium-{number:032x}",
        "source": "thulium",
        "call_date": TODAY.isoformat(),
        "format": "wav",
        "bytes": 5,
        "sha256": f"{number:064x}",
    }


def sound_usd(counts: Counts, prices: Prices) -> dict[str, float]:
    """Dollars for a million recordings whose sound is measured."""
    runs = 1e6 / BATCH
    hours = prices.assumed("recording_minutes") / 60 * 1e6
    seconds = 1e6 * prices.assumed("sound_recording_s") + hours * prices.assumed("sound_hour_s")
    return {
        "S3 requests": 1e6 * sum(prices.usd(unit, counts[unit]) for unit in (Unit.S3_WRITE, Unit.S3_READ)),
        "DynamoDB": 1e6 * prices.usd("dynamodb_read", counts[Unit.DYNAMODB_READ]),
        "SQS": 1e6 * prices.usd("sqs_request", counts[Unit.SQS_REQUEST]),
        "Lambda": prices.usd("lambda_gb_second", seconds * ANALYZER_GB)
        + prices.usd("lambda_disk_gb_second", seconds * ANALYZER_DISK_GB)
        + prices.usd("lambda_request", runs),
        "CloudWatch logs": prices.usd("log_gb", runs * prices.assumed("copier_log_bytes") / GIGABYTE),
    }
