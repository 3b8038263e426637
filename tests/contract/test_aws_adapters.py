"""What only the boto3 adapters have: how they ask AWS, and what becomes of its errors. On moto alone."""

import hashlib
import json
import mmap
import socket
import tempfile
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, BinaryIO, cast

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config

from call_lake.aws import s3 as s3_module
from call_lake.aws.client import CONFIG, client
from call_lake.aws.dynamodb import SCAN_SEGMENTS, DynamoTable
from call_lake.aws.messages import SqsQueue
from call_lake.aws.parameters import SourceParameters
from call_lake.aws.s3 import S3ObjectStore
from call_lake.errors import ConfigError, KeyRefused, Reason, Transient
from call_lake.ledger.id_key import ITEM
from call_lake.providers import VENDORS
from call_lake.settings import PollerSettings
from call_lake.wiring import poller
from call_lake.wiring import sources as wiring_sources
from call_lake.wiring.poller import PollerParts
from tests.contract.clouds import BotoCloud
from tests.support.fakes.ids import ID_KEY, IDS
from tests.support.items import put

BODY = b"x" * 100_000
SOURCE = {"provider": "thulium", "base_url": "https://example.thulium.com/api"}


def requests_of(client: Any, operation: str) -> list[AWSPreparedRequest]:
    """Fills with the requests of ``operation``, signed and ready to be sent."""
    seen: list[AWSPreparedRequest] = []

    def keep(request: AWSPreparedRequest, **_: Any) -> None:
        seen.append(request)

    client.meta.events.register_first(f"before-send.{operation}", keep)
    return seen


@pytest.fixture
def s3(moto_cloud: BotoCloud) -> Any:
    s3 = moto_cloud.client("s3")
    s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return s3


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Fills with the sizes of what is mapped of a file."""
    sizes: list[int] = []

    def counting(descriptor: int, length: int, **more: Any) -> mmap.mmap:
        sizes.append(length)
        return mmap.mmap(descriptor, length, **more)

    monkeypatch.setattr(s3_module, "mmap", counting)
    return sizes


def put_from_disk(store: S3ObjectStore, body: bytes) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(body)
        file.flush()
        store.put("key", cast(BinaryIO, file), sha256=hashlib.sha256(body).hexdigest())


def test_a_file_of_known_sha256_is_not_read_before_it_is_sent(s3, windows):
    requests = requests_of(s3, "s3.PutObject")
    read_before_sending: list[int] = []
    s3.meta.events.register_first("before-send.s3.PutObject", lambda **_: read_before_sending.append(len(windows)))

    put_from_disk(S3ObjectStore(s3, "bucket"), BODY)

    assert read_before_sending == [0]
    assert requests[0].headers["X-Amz-Content-SHA256"] == b"UNSIGNED-PAYLOAD"
    assert b"x-amz-checksum-sha256" in requests[0].headers["Authorization"]  # so the signature covers the body


def test_a_body_without_a_sha256_goes_with_the_checksum_that_botocore_adds(s3):
    requests = requests_of(s3, "s3.PutObject")

    S3ObjectStore(s3, "bucket").put("key", BODY)

    assert requests[0].headers["X-Amz-Trailer"] == b"x-amz-checksum-crc32"


def test_messages_of_one_batch_are_at_most_ten_and_256_kib(moto_cloud: BotoCloud):
    sqs = moto_cloud.client("sqs")
    url = sqs.create_queue(QueueName="queue")["QueueUrl"]
    batches: list[list[str]] = []

    def keep(params: dict[str, Any], **_: Any) -> None:
        batches.append([entry["MessageBody"] for entry in params["Entries"]])

    sqs.meta.events.register("provide-client-params.sqs.SendMessageBatch", keep)

    SqsQueue(sqs, url).send([*("ż" * 50_000 for _ in range(4)), *("small" for _ in range(12))])

    assert [len(batch) for batch in batches] == [2, 10, 4]
    assert all(sum(len(body.encode()) for body in batch) <= 256 * 1024 for batch in batches)


class _Unprocessed:
    """Leaves keys of a BatchGetItem unprocessed so many times."""

    def __init__(self, client: Any, times: int) -> None:
        self.left = times
        self.asked: list[int] = []
        client.meta.events.register("provide-client-params.dynamodb.BatchGetItem", self._count)
        client.meta.events.register("after-call.dynamodb.BatchGetItem", self._leave)

    def _count(self, params: dict[str, Any], **_: Any) -> None:
        self.asked.append(len(params["RequestItems"]["table"]["Keys"]))

    def _leave(self, parsed: dict[str, Any], **_: Any) -> None:
        if not self.left:
            return
        self.left -= 1
        items = parsed["Responses"]["table"]
        kept, dropped = items[:-1], items[-1:]
        parsed["Responses"]["table"] = kept
        parsed["UnprocessedKeys"] = {
            "table": {"Keys": [{"id": item["id"]} for item in dropped], "ConsistentRead": True}
        }


@pytest.fixture
def dynamodb(moto_cloud: BotoCloud) -> Any:
    dynamodb = moto_cloud.client("dynamodb")
    dynamodb.create_table(
        TableName="table",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    return dynamodb


def test_keys_that_were_left_unprocessed_are_asked_again_after_a_pause(dynamodb):
    pauses: list[float] = []
    table = DynamoTable(dynamodb, "table", sleep=pauses.append)
    for id in ("a", "b", "c"):
        put(table, {"id": id})
    unprocessed = _Unprocessed(dynamodb, times=2)

    assert set(table.get_many(["a", "b", "c"])) == {"a", "b", "c"}

    assert unprocessed.asked == [3, 1, 1]
    assert len(pauses) == 2
    assert pauses[1] > 0


def test_keys_that_stay_unprocessed_are_an_aws_error(dynamodb):
    table = DynamoTable(dynamodb, "table", sleep=lambda seconds: None)
    put(table, {"id": "a"})
    _Unprocessed(dynamodb, times=1000)

    with pytest.raises(Transient) as error:
        table.get_many(["a"])
    assert error.value.reason is Reason.AWS


def test_reads_of_the_table_are_strongly_consistent(dynamodb):
    table = DynamoTable(dynamodb, "table")
    asked: list[bool] = []
    for operation, flag in {
        "GetItem": lambda params: params["ConsistentRead"],
        "BatchGetItem": lambda params: params["RequestItems"]["table"]["ConsistentRead"],
        "Scan": lambda params: params["ConsistentRead"],
    }.items():
        dynamodb.meta.events.register(
            f"provide-client-params.dynamodb.{operation}", lambda params, flag=flag, **_: asked.append(flag(params))
        )

    table.get("a")
    table.get_many(["a"])
    list(table.scan(["id"]))

    assert asked == [True, True, *[True] * SCAN_SEGMENTS]


def test_a_scan_that_may_be_late_costs_half(dynamodb):
    asked: list[bool] = []
    dynamodb.meta.events.register(
        "provide-client-params.dynamodb.Scan", lambda params, **_: asked.append(params["ConsistentRead"])
    )

    list(DynamoTable(dynamodb, "table").scan(["id"], may_be_late=True))

    assert asked == [False] * SCAN_SEGMENTS


class _Statements:
    """Keeps the statements of each BatchExecuteStatement, and answers them as told: by an item's id, the codes of its
    errors, one each time; then it is written."""

    def __init__(self, client: Any, refuse: Mapping[str, list[str]] | None = None) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self._refuse = refuse or {}
        client.meta.events.register("provide-client-params.dynamodb.BatchExecuteStatement", self._keep)
        client.meta.events.register("before-call.dynamodb.BatchExecuteStatement", self._answer)

    def _keep(self, params: dict[str, Any], **_: Any) -> None:
        self.batches.append(params["Statements"])

    def _answer(self, **_: Any) -> Any:
        codes = [self._refuse.get(one["Parameters"][0]["S"]) for one in self.batches[-1]]
        responses = [{"TableName": "table"} | ({"Error": {"Code": code.pop(0)}} if code else {}) for code in codes]
        return SimpleNamespace(status_code=200), {"Responses": responses}


def test_an_insert_is_written_as_in_awss_example(dynamodb):
    asked = _Statements(dynamodb)

    DynamoTable(dynamodb, "table").insert([{"id": "a", "version": 1, "source": "it's"}])

    assert asked.batches == [
        [
            {
                "Statement": "INSERT INTO \"table\" VALUE {'id': ?, 'version': ?, 'source': ?}",
                "Parameters": [{"S": "a"}, {"N": "1"}, {"S": "it's"}],
            }
        ]
    ]


def test_inserts_of_one_batch_are_at_most_25_and_a_million_bytes(dynamodb):
    asked = _Statements(dynamodb)
    large = [{"id": f"large-{number}", "record": "x" * 300_000} for number in range(4)]

    DynamoTable(dynamodb, "table").insert([*large, *({"id": str(number)} for number in range(30))])

    assert [len(batch) for batch in asked.batches] == [3, 25, 6]


@pytest.mark.parametrize("code", ["ThrottlingError", "ProvisionedThroughputExceeded", "InternalServerError"])
def test_a_statement_that_is_refused_is_sent_again_and_what_is_known_is_not(dynamodb, code):
    asked = _Statements(dynamodb, {"b": [code, code], "c": [code, "DuplicateItem"], "d": ["DuplicateItem"]})
    pauses: list[float] = []

    written = DynamoTable(dynamodb, "table", pauses.append).insert([{"id": id} for id in "abcd"])

    assert written == {"a", "b"}
    assert [[one["Parameters"][0]["S"] for one in batch] for batch in asked.batches] == [[*"abcd"], [*"bc"], ["b"]]
    assert len(pauses) == 2


def test_a_statement_that_is_always_refused_is_transient(dynamodb):
    _Statements(dynamodb, {"b": ["ThrottlingError"] * 1000})

    with pytest.raises(Transient, match="1 statements refused 8 times: ThrottlingError") as error:
        DynamoTable(dynamodb, "table", lambda seconds: None).insert([{"id": id} for id in "ab"])
    assert error.value.reason is Reason.AWS


def test_what_aws_refuses_is_transient_and_says_what_was_asked(moto_cloud: BotoCloud):
    store = S3ObjectStore(moto_cloud.client("s3"), "no-such-bucket")

    with pytest.raises(Transient, match=r"PutObject audio/a\.wav.*NoSuchBucket") as error:
        store.put("audio/a.wav", b"", if_match='"etag"')
    assert error.value.reason is Reason.AWS


def test_a_connection_that_fails_is_transient():
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        s3 = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{nobody_listens.getsockname()[1]}",
            config=CONFIG.merge(Config(retries={"total_max_attempts": 1})),
        )

        with pytest.raises(Transient, match="EndpointConnectionError") as error:
            S3ObjectStore(s3, "bucket").get("key")
    assert error.value.reason is Reason.AWS


def test_one_process_has_one_client_of_a_service_with_our_settings():
    assert client("s3") is client("s3")
    assert client("s3").meta.config.retries == CONFIG.retries  # type: ignore[attr-defined]


@pytest.fixture
def ssm(moto_cloud: BotoCloud) -> Any:
    return moto_cloud.client("ssm")


def fill(ssm: Any, **texts: str) -> None:
    for name, text in texts.items():
        ssm.put_parameter(Name=f"/call-lake/sources/{name}", Value=text, Type="String", Overwrite=True)


def test_the_settings_of_all_sources_are_read_page_by_page(ssm):
    names = [f"tenant{number:02d}" for number in range(12)]
    fill(ssm, **{name: json.dumps(SOURCE) for name in names})
    fill(ssm)

    settings = SourceParameters(ssm, "/call-lake/sources", VENDORS).all()

    assert list(settings) == names
    assert {one.name for one in settings.values()} == set(names)
    assert settings["tenant03"].base_url == SOURCE["base_url"]


def test_a_source_is_read_whatever_is_wrong_with_another(ssm):
    fill(ssm, thulium=json.dumps(SOURCE), broken="{")
    sources = SourceParameters(ssm, "/call-lake/sources/", VENDORS)

    assert sources.one("thulium").name == "thulium"
    with pytest.raises(ConfigError, match="broken"):
        sources.one("broken")
    with pytest.raises(ConfigError, match="broken"):
        sources.all()
    assert sources.names() == ["broken", "thulium"]


def test_the_poller_reads_the_key_of_recording_ids_and_reads_it_again_while_it_is_refused(
    ssm, dynamodb, moto_cloud, monkeypatch
):
    """A key that is put right counts at the next poll, not when a cache of minutes has passed."""
    secrets = moto_cloud.client("secretsmanager")
    clients = {"secretsmanager": secrets, "dynamodb": dynamodb, "ssm": ssm}
    for module in (poller, wiring_sources):
        monkeypatch.setattr(module, "client", clients.__getitem__)
    wiring_sources.secrets.cache_clear()
    key = secrets.create_secret(Name="key", SecretString=json.dumps({"key": "short"}))["ARN"]
    fill(ssm, thulium=json.dumps(SOURCE))
    parts = PollerParts(PollerSettings("table", "/call-lake/sources", key))

    with pytest.raises(KeyRefused, match="the key has 5 characters"):
        parts._id_key.ids(first_use=True)
    secrets.put_secret_value(SecretId=key, SecretString=json.dumps({"key": ID_KEY}))
    assert parts._id_key.ids(first_use=True).fingerprint == IDS.fingerprint
    assert DynamoTable(dynamodb, "table").get(ITEM) == {"id": ITEM, "version": 1, "fingerprint": IDS.fingerprint}
    wiring_sources.secrets.cache_clear()


def test_an_unknown_source_is_named_beside_those_that_are_known(ssm):
    fill(ssm, thulium=json.dumps(SOURCE))

    with pytest.raises(ConfigError, match=r"unknown source 'thulum'; /call-lake/sources has: thulium"):
        SourceParameters(ssm, "/call-lake/sources", VENDORS).one("thulum")


def test_settings_are_kept_for_a_while(ssm):
    fill(ssm, thulium=json.dumps(SOURCE))
    sources = SourceParameters(ssm, "/call-lake/sources", VENDORS)
    sources.one("thulium")
    fill(ssm, thulium=json.dumps(SOURCE | {"page_size": "50"}))

    assert sources.one("thulium").page_size == 0
