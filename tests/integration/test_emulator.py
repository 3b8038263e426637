"""The emulator as a process: where it listens, what it writes, how it starts and ends."""

import subprocess
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from call_lake_local import processes
from call_lake_local.emulator import Emulator, start_emulator
from call_lake_local.errors import LocalError
from tests.integration.tools import ministack_python

REPOSITORY = Path(__file__).parents[2]


def test_what_it_stores_is_gone_after_a_reset_and_when_it_stops(tmp_path: Path) -> None:
    with start_emulator(ministack_python(), tmp_path) as emulator:
        s3: Any = boto3.client(
            "s3",
            endpoint_url=emulator.endpoint.url,
            aws_access_key_id=emulator.endpoint.access_key_id,
            aws_secret_access_key=emulator.endpoint.secret_access_key,
            region_name=emulator.endpoint.region,
        )
        s3.create_bucket(Bucket="audio", CreateBucketConfiguration={"LocationConstraint": emulator.endpoint.region})
        s3.put_object(Bucket="audio", Key="a.wav", Body=b"RIFF")
        assert list((tmp_path / "aws" / "s3").rglob("a.wav"))
        emulator.reset()
        assert s3.list_buckets()["Buckets"] == []
        with pytest.raises(LocalError, match="runs already"):
            start_emulator(ministack_python(), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["emulator.log"]
    assert not emulator.is_healthy()


def test_a_table_has_a_description_only_where_one_was_given(aws: boto3.Session, emulator: Emulator) -> None:
    """As Glue's: all but the name may be missing from a Table
    (https://docs.aws.amazon.com/glue/latest/webapi/API_Table.html). Trino takes an empty one for a comment."""
    glue = aws.client("glue", endpoint_url=emulator.endpoint.url)
    glue.create_database(DatabaseInput={"Name": "described"})
    glue.create_table(DatabaseName="described", TableInput={"Name": "without"})
    glue.create_table(DatabaseName="described", TableInput={"Name": "with", "Description": "Rows", "Owner": "somebody"})
    listed = {table["Name"]: table for table in glue.get_tables(DatabaseName="described")["TableList"]}
    for name, expected in (("without", (None, None)), ("with", ("Rows", "somebody"))):
        for table in (glue.get_table(DatabaseName="described", Name=name)["Table"], listed[name]):
            assert (table.get("Description"), table.get("Owner")) == expected


def test_it_listens_on_one_port_of_the_loopback_interface_alone(emulator: Emulator) -> None:
    sockets = [str(file.readlink()) for file in Path(f"/proc/{emulator.process.pid}/fd").iterdir() if file.is_symlink()]
    inodes = {link[8:-1] for link in sockets if link.startswith("socket:")}
    listening = []
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/{emulator.process.pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in inodes and (fields[3] == "0A" or table.startswith("udp")):
                listening.append(fields[1])
    port = int(emulator.endpoint.url.rpartition(":")[2])
    assert listening == [f"0100007F:{port:04X}"]


def test_nobody_but_the_root_keys_is_let_in(emulator: Emulator) -> None:
    stranger = boto3.client(
        "sts",
        endpoint_url=emulator.endpoint.url,
        region_name=emulator.endpoint.region,
        aws_access_key_id="AKIA0000000000000000",
        aws_secret_access_key="guessed",
    )
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        stranger.get_caller_identity()


def test_an_environment_without_ministack_is_reported_with_the_reason(tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    subprocess.run([ministack_python(), "-m", "venv", "--without-pip", str(bare)], check=True)
    with pytest.raises(LocalError, match="ministack"):
        start_emulator(bare / "bin/python", tmp_path / "state")
    assert processes.find("emulator", tmp_path / "state") is None


def test_the_adapter_refuses_a_ministack_that_lacks_what_it_replaces() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(REPOSITORY / 'local')!r})\n"
        "from ministack.services import athena\n"
        "del athena._run_duckdb\n"
        "from call_lake_local.ministack import athena_adapter\n"
        "athena_adapter.install()"
    )
    ran = subprocess.run([ministack_python(), "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr.strip() == "the Athena adapter does not fit this ministack: _run_duckdb not found in its Athena"
