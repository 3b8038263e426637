"""Building and deploying with sam, here a stand-in that does what sam does to files and notes what it was given."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from zipfile import ZipFile

import pytest

from call_lake_local import deploy
from call_lake_local.deploy import SamBuild
from call_lake_local.endpoint import Endpoint
from call_lake_local.errors import DeployError

SAM = f"""#!{sys.executable}
import json, os, pathlib, sys
arguments = sys.argv[1:]
value = lambda name: arguments[arguments.index(name) + 1]
with open(os.path.join(os.path.dirname(__file__), "calls.jsonl"), "a") as calls:
    calls.write(json.dumps({{"arguments": arguments, "environment": dict(os.environ)}}) + "\\n")
if os.path.exists(os.path.join(os.path.dirname(__file__), "broken")):
    print("\\n".join(f"line {{n}}" for n in range(20)) + "\\nError: no such thing")
    sys.exit(1)
if arguments[0] == "build":
    package = pathlib.Path(value("--build-dir"), "Poller", "call_lake")
    package.mkdir(parents=True, exist_ok=True)
    (package / "code.py").write_text("code")
    pathlib.Path(value("--build-dir"), "template.yaml").write_text("Poller:\\n  CodeUri: Poller\\n  Other: Poller\\n")
"""


def at(url: str) -> Endpoint:
    return Endpoint(url, "us-east-1", "key", "secret")


class World:
    """A repository, a stand-in for sam and a place for the build."""

    def __init__(self, root: Path) -> None:
        self.repo, self.build_dir, tools = root / "repo", root / "out", root / "tools"
        for folder in (self.repo / "shared", self.repo / "functions/poller", tools):
            folder.mkdir(parents=True)
        (self.repo / "template.yaml").write_text("Resources: {}")
        (self.repo / "shared/code.py").write_text("1")
        self.sam = tools / "sam"
        self.sam.write_text(SAM)
        self.sam.chmod(0o755)
        self.said: list[str] = []

    @property
    def calls(self) -> list[Any]:
        file = self.sam.with_name("calls.jsonl")
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def break_sam(self) -> None:
        self.sam.with_name("broken").touch()

    def build(self) -> Path:
        return deploy.build(SamBuild(self.repo, self.sam, self.build_dir), say=self.said.append)

    def deploy(self, endpoint: str, **parameters: str) -> dict[str, str]:
        target = SamBuild(self.repo, self.sam, self.build_dir)
        return deploy.deploy(target, at(endpoint), "call-lake", parameters, say=self.said.append)


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


class FakeAws(BaseHTTPRequestHandler):
    """As much of AWS as a deployment asks for beside sam: a bucket is made, one stack is described."""

    def do_PUT(self) -> None:
        self._answer(200, "")

    def do_POST(self) -> None:
        known = b"StackName=call-lake" in self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200 if known else 400, STACK if known else NO_STACK)

    def _answer(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


STACK = """<DescribeStacksResponse><DescribeStacksResult><Stacks><member>
<StackName>call-lake</StackName><StackStatus>CREATE_COMPLETE</StackStatus><Outputs><member>
<OutputKey>BucketName</OutputKey><OutputValue>a-bucket</OutputValue>
</member></Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"""
NO_STACK = """<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>
<Message>Stack with id other does not exist</Message></Error></ErrorResponse>"""


@pytest.fixture
def endpoint():
    with ThreadingHTTPServer(("127.0.0.1", 0), FakeAws) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_build_is_repeated_only_when_its_inputs_have_changed(world):
    world.build()
    world.build()
    assert len(world.calls) == 1
    (world.repo / "shared/code.py").write_text("2")
    world.build()
    assert len(world.calls) == 2


@pytest.mark.parametrize("name", ["template.yaml", "shared/new.py", "functions/poller/handler.py"])
def test_a_new_or_changed_file_is_a_changed_input(world, name):
    world.build()
    (world.repo / name).write_text("3")
    world.build()
    assert len(world.calls) == 2


def test_what_python_leaves_behind_is_no_input(world):
    world.build()
    (world.repo / "shared/__pycache__").mkdir()
    (world.repo / "shared/__pycache__/code.pyc").write_bytes(b"0")
    world.build()
    assert len(world.calls) == 1


def test_a_build_that_failed_is_tried_again(world):
    world.build()
    (world.repo / "shared/code.py").write_text("2")
    world.break_sam()
    with pytest.raises(DeployError):
        world.build()
    world.sam.with_name("broken").unlink()
    world.build()
    assert len(world.calls) == 3


def test_packages_are_zipped_once_and_the_template_names_the_zip(world):
    built = world.build()
    assert built.read_text() == "Poller:\n  CodeUri: Poller.zip\n  Other: Poller\n"
    assert "call_lake/code.py" in ZipFile(built.with_name("Poller.zip")).namelist()


def test_sam_builds_without_the_users_aws_and_with_a_real_python(world, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "production")
    world.build()
    environment = world.calls[0]["environment"]
    assert "AWS_PROFILE" not in environment
    assert environment["SAM_CLI_TELEMETRY"] == "0"
    assert Path(environment["PATH"].split(":")[0], "python3.13").resolve() == Path(sys.executable).resolve()


def test_sam_deploys_to_the_given_endpoint_and_knows_no_other_account(world, endpoint, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # where nobody listens
    assert world.deploy(endpoint) == {"BucketName": "a-bucket"}
    environment = world.calls[-1]["environment"]
    assert environment["AWS_ENDPOINT_URL"] == endpoint
    assert environment["AWS_ACCESS_KEY_ID"] == "key"
    assert not {"AWS_PROFILE", "HTTP_PROXY"} & set(environment)
    assert environment["AWS_CONFIG_FILE"] == environment["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"


def test_parameters_reach_sam_as_they_are_written(world, endpoint):
    world.deploy(endpoint, ThuliumSettings='{"mapping": {"agent": "user, or x"}}', PollEvery="rate(1 minute)")
    arguments = world.calls[-1]["arguments"]
    file = Path(arguments[arguments.index("--parameter-overrides") + 1].removeprefix("file://"))
    parameters = json.loads(file.read_text())
    assert parameters["ThuliumSettings"] == '{"mapping": {"agent": "user, or x"}}'
    assert (parameters["PollEvery"], parameters["IsCloud"]) == ("rate(1 minute)", "false")


def test_a_failure_is_one_line_and_the_tail_of_sams_output(world):
    world.break_sam()
    with pytest.raises(DeployError) as failure:
        world.build()
    first, *tail = str(failure.value).splitlines()
    assert first.startswith("sam build ended with exit code 1; all of its output is in ")
    assert tail[-1] == "  Error: no such thing"
    assert len(tail) == deploy.TAIL_LINES


def test_a_missing_sam_is_said_in_one_line(world):
    world.sam.unlink()
    with pytest.raises(DeployError, match=r"^sam build did not start: .*No such file"):
        world.build()


def test_a_stack_that_does_not_exist_is_said_in_one_line(endpoint):
    cloudformation = at(endpoint).client("cloudformation")
    with pytest.raises(DeployError, match="stack other was not found"):
        deploy.outputs_of("other", cloudformation)
