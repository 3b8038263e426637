"""``call-lake env``: a shell takes its lines as they are."""

import subprocess
from dataclasses import replace

import pytest

from tests.support.fakes import World
from tests.support.memory_stack import MemoryStack, stack_of, typed, use


def read_by_a_shell(stack: MemoryStack, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    use(stack, monkeypatch)
    done = typed("env")
    assert done.exit_code == 0, done.output
    lines = subprocess.run(["sh", "-c", f"{done.stdout}\nexec env"], capture_output=True, text=True, env={}, check=True)
    found = dict(line.split("=", 1) for line in lines.stdout.splitlines())
    return {name: value for name, value in found.items() if name.startswith(("AWS_", "CALL_LAKE_"))}


def test_a_stack_in_aws_is_named_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_by_a_shell(stack_of(World.make()), monkeypatch) == {
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "CALL_LAKE_BUCKET": "call-lake-test",
        "CALL_LAKE_DATABASE": "call_lake",
        "CALL_LAKE_WORKGROUP": "call-lake",
    }


def test_the_laptops_stack_has_its_endpoint_and_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = {
        "endpoint_url": "http://127.0.0.1:4566",
        "aws_access_key_id": "invented",
        "aws_secret_access_key": "it's $secret",
    }
    found = read_by_a_shell(replace(stack_of(World.make()), local=True, connection=connection), monkeypatch)

    assert found["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert (found["AWS_ACCESS_KEY_ID"], found["AWS_SECRET_ACCESS_KEY"]) == ("invented", "it's $secret")
    assert found["AWS_ALLOW_HTTP"] == "true"
