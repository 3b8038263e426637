"""Attacks on the emulator from this machine: without its key, as another user, and as a web page."""

import hashlib
import io
import json
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import date
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from call_lake_local import private_folder
from call_lake_local.emulator import Emulator
from call_lake_local.simulators.serving import running
from call_lake_local.simulators.world import World
from tests.support.chromium import browser, command
from tests.support.other_user import NOBODY, python_of_all
from tests.support.web_site import Site, serving

INTERNAL = ("/_ministack/health", "/_ministack/config", "/_ministack/reset", "/_localstack/health", "/health")
ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "s3": ("list_buckets", {}),
    "dynamodb": ("list_tables", {}),
    "sts": ("get_caller_identity", {}),
    "lambda": ("list_functions", {}),
    "secretsmanager": ("list_secrets", {}),
    "cloudformation": ("list_stacks", {}),
}


def ask(
    emulator: Emulator, method: str, path: str, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str]]:
    """Status and headers of a request as it is given, without a signature."""
    connection = HTTPConnection(urlsplit(emulator.endpoint.url).netloc, timeout=20)
    try:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}
    finally:
        connection.close()


def client(emulator: Emulator, service: str, key: str, secret: str, token: str | None = None) -> Any:
    return boto3.client(  # type: ignore[call-overload]
        service,
        emulator.endpoint.region,
        endpoint_url=emulator.endpoint.url,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
    )


@pytest.fixture
def treasure(aws: boto3.Session, emulator: Emulator) -> Iterator[Any]:
    """An object that no attack may reach; gives its bytes."""
    s3 = aws.client("s3", endpoint_url=emulator.endpoint.url)
    s3.create_bucket(Bucket="treasure", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket="treasure", Key="a", Body=b"invented")
    yield lambda: s3.get_object(Bucket="treasure", Key="a")["Body"].read()
    s3.delete_object(Bucket="treasure", Key="a")
    s3.delete_bucket(Bucket="treasure")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_nothing_is_answered_without_a_signature(emulator: Emulator, treasure: Any, method: str) -> None:
    for path in ("/", "/treasure/a", "/treasure?list-type=2", "/2015-03-31/functions", *INTERNAL):
        status, headers = ask(emulator, method, path)
        assert (path, status) == (path, 403)
        assert not any(name.startswith("access-control-") for name in headers)
    assert treasure() == b"invented"


@pytest.mark.parametrize("service", ASKED)
@pytest.mark.parametrize("key", ["test", "000000000000", "123456789012", "AKIAIOSFODNN7EXAMPLE"])
def test_the_keys_that_ministack_takes_for_the_root_open_nothing(emulator: Emulator, service: str, key: str) -> None:
    operation, arguments = ASKED[service]
    with pytest.raises(ClientError) as refused:
        getattr(client(emulator, service, key, "test"), operation)(**arguments)
    assert refused.value.response["Error"]["Code"] == "InvalidClientTokenId"


@pytest.mark.parametrize("service", ASKED)
def test_the_roots_key_opens_nothing_without_its_secret(emulator: Emulator, service: str) -> None:
    operation, arguments = ASKED[service]
    with pytest.raises(ClientError) as refused:
        getattr(client(emulator, service, emulator.endpoint.access_key_id, "test"), operation)(**arguments)
    assert refused.value.response["Error"]["Code"] == "SignatureDoesNotMatch"
    getattr(emulator.endpoint.client(service), operation)(**arguments)


@pytest.mark.parametrize("name", ["Origin", "Sec-Fetch-Site", "Host"])
@pytest.mark.parametrize("path", ["/", "/treasure/a", "/_ministack/health"])
def test_the_right_key_opens_nothing_from_a_page_or_under_another_name(
    emulator: Emulator, treasure: Any, name: str, path: str
) -> None:
    here = emulator.endpoint
    for headers, status in (({}, 200), ({name: "evil.example"}, 403)):
        request = AWSRequest("GET", here.url + path, headers=dict(headers))
        SigV4Auth(Credentials(here.access_key_id, here.secret_access_key), "s3", here.region).add_auth(request)
        assert ask(emulator, "GET", path, dict(request.headers.items()))[0] == status


def test_the_root_itself_cannot_open_the_emulators_other_internal_paths(emulator: Emulator) -> None:
    assert emulator.is_healthy()
    assert emulator._ask("POST", "/_ministack/config", timeout_s=20).status_code == 403


CODE = """
import boto3, os
def handler(event, context):
    return {"arn": boto3.client("sts").get_caller_identity()["Arn"], "environment": dict(os.environ)}
"""


def test_a_function_has_a_key_of_its_own_that_nobody_can_compute(aws: boto3.Session, emulator: Emulator) -> None:
    url = emulator.endpoint.url
    iam, functions = aws.client("iam", endpoint_url=url), aws.client("lambda", endpoint_url=url)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("code.py", CODE)
    role = iam.create_role(RoleName="closed", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    function = functions.create_function(
        FunctionName="closed",
        Runtime="python3.13",
        Role=role,
        Handler="code.handler",
        Code={"ZipFile": packed.getvalue()},
    )["FunctionArn"]
    try:
        answer = json.load(functions.invoke(FunctionName="closed")["Payload"])
        assert answer["arn"].endswith(":assumed-role/closed/closed")
        environment = answer["environment"]
        assert emulator.endpoint.secret_access_key not in environment.values()
        key, secret, token = (
            environment[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        )
        assert client(emulator, "sts", key, secret, token).get_caller_identity()["Arn"] == answer["arn"]
        for guessed in (
            (key, secret, None),
            (key, "test", token),
            (key, secret, "test"),
            _as_ministack_does(function, role),
        ):
            with pytest.raises(ClientError, match=r"InvalidClientTokenId|SignatureDoesNotMatch"):
                client(emulator, "sts", *guessed).get_caller_identity()
    finally:
        functions.delete_function(FunctionName="closed")
        iam.delete_role(RoleName="closed")


def _as_ministack_does(function: str, role: str) -> tuple[str, str, str]:
    """The temporary key that ministack computes for a function."""
    digest = hashlib.sha256(f"{function}:{role}".encode()).hexdigest()
    secret, token = (hashlib.sha256(f"{what}:{digest}".encode()).hexdigest() for what in ("secret", "token"))
    return f"ASIA{digest[:16].upper()}", secret, token


# As another user

INTRUDER = """
import http.client, json, os, sys
port, pid, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3]
found = {"uid": os.getuid(), "opened": [], "answered": []}
for path in (folder, folder + "/local.json", folder + "/emulator.log", f"/proc/{pid}/environ", f"/proc/{pid}/mem"):
    try:
        os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1)
        found["opened"].append(path)
    except OSError:
        pass
key = "AWS4-HMAC-SHA256 Credential=%s/20261130/eu-central-1/s3/aws4_request, "
key += "SignedHeaders=host;x-amz-date, Signature=" + "0" * 64
asked = (("GET", "/"), ("GET", "/_ministack/health"), ("POST", "/_ministack/reset"), ("POST", "/_ministack/config"))
for authorization in (None, key % "test", key % "000000000000", "AWS test:test"):
    for method, path in asked:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        headers = {"Authorization": authorization, "X-Amz-Date": "20261130T000000Z"} if authorization else {}
        connection.request(method, path, headers=headers)
        if connection.getresponse().status != 403:
            found["answered"].append([method, path, authorization])
found["command"] = open(f"/proc/{pid}/cmdline").read()
print(json.dumps(found))
"""


def test_another_user_reads_nothing_and_is_answered_nothing(emulator: Emulator, treasure: Any) -> None:
    python, pid = python_of_all(), str(emulator.process.pid)
    with tempfile.TemporaryDirectory() as everybodys:
        Path(everybodys).chmod(0o755)
        folder = Path(everybodys, ".call-lake")
        private_folder.make(folder)
        private_folder.write(folder / "local.json", "{}")
        ran = subprocess.run(
            [python, "-Ic", INTRUDER, emulator.endpoint.url.rpartition(":")[2], pid, folder],
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            text=True,
            check=True,
        )
    found = json.loads(ran.stdout)
    assert found["uid"] == NOBODY
    assert (found["opened"], found["answered"]) == ([], [])
    assert emulator.endpoint.secret_access_key not in found["command"]
    assert treasure() == b"invented"


# As a web page

ATTACKS = 21
PAGE = Path(__file__).with_name("hostile_page.html")


def visit(url: str, profile: Path, site: Site) -> dict[str, str]:
    """Open a page in a real browser until it has reported; what it reported."""
    started = command(profile, "--host-resolver-rules=MAP evil.example 127.0.0.1", url)
    with (profile.parent / "browser.log").open("wb") as log:
        process = subprocess.Popen(started, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            assert site.reported.wait(60), (profile.parent / "browser.log").read_text()[-2000:]
        finally:
            process.terminate()
            process.wait(30)
    return json.loads(site.posted["/report"])


def test_a_page_in_a_real_browser_reaches_neither_the_emulator_nor_a_provider(
    emulator: Emulator, treasure: Any, tmp_path: Path
) -> None:
    browser()
    page, open_server = Site(PAGE), Site(PAGE)
    world = World.generate(seed=5, count=3, start=date(2026, 10, 17), days=5, tiny_audio=True)
    with serving(page) as page_url, serving(open_server) as control_url, running(world) as providers:
        provider = providers.conpeek_url
        port = urlsplit(emulator.endpoint.url).port
        targets = f"port={port}&provider={provider}&control={control_url}"
        found = visit(f"{page_url}/?{targets}", tmp_path / "profile", page)
        rows = providers.simulation.conpeek.truth(with_audio=False)
    assert open_server.posted["/written-by-a-page"] == b"from a page", "the page's attack works where nothing is closed"
    assert found["control"] == "sent"
    assert {name: said for name, said in found.items() if said == "succeeded"} == {}
    assert len(found) == ATTACKS
    assert treasure() == b"invented"
    assert len(rows) == 3
