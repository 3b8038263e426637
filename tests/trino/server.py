"""Start one Trino over the local stack's Glue and S3: on 127.0.0.1 only, all its files in one folder."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from call_lake_local import processes
from call_lake_local.bootstrap import ROOT
from call_lake_local.endpoint import Endpoint
from call_lake_local.processes import LOOPBACK
from tests.trino.client import CATALOG, Trino, TrinoError

HEAP = "3G"
READY_DEADLINE_S = 180.0
LAUNCHER = Path(__file__).parent / "launch.py"


@contextmanager
def running_trino(home: Path, java: Path, state_dir: Path, endpoint: Endpoint) -> Iterator[Trino]:
    """A Trino that reads what ``endpoint`` has. Raises LocalError where it does not start."""
    port = processes.free_port()
    url = f"http://{LOOPBACK}:{port}"
    for name, text in files(url, home, endpoint).items():
        file = state_dir / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(0o600)
    process = processes.start(
        "trino",
        [sys.executable, LAUNCHER, java, *options(home, state_dir)],
        state_dir=state_dir,
        environment={"PATH": os.environ["PATH"], "HOME": str(state_dir), "PYTHONPATH": str(ROOT / "local")},
        attached=True,
    )
    try:
        processes.wait_until_ready(process, lambda: _is_ready(url), deadline_s=READY_DEADLINE_S)
        yield Trino(url)
    finally:
        processes.end(process)


def options(home: Path, state_dir: Path) -> list[str]:
    """Java's arguments."""
    properties = {
        "config": "etc/config.properties",
        "log.levels-file": "etc/log.properties",
        "node.environment": "test",
        "node.id": "call-lake",
        "node.data-dir": str(state_dir / "data"),
        "node.internal-address": LOOPBACK,
        "node.bind-ip": LOOPBACK,
    }
    return [
        f"-Xmx{HEAP}",
        "--add-modules=jdk.incubator.vector",
        "--enable-native-access=ALL-UNNAMED",
        "--sun-misc-unsafe-memory-access=allow",
        *(f"-D{name}={value}" for name, value in properties.items()),
        *("-cp", f"{home}/lib/*", "io.trino.server.TrinoServer"),
    ]


def files(url: str, home: Path, endpoint: Endpoint) -> dict[str, str]:
    """Trino's configuration, by name. ``fs.cache`` stays off, so that each query reads what is in the bucket."""
    config = {
        "coordinator": "true",
        "node-scheduler.include-coordinator": "true",
        "http-server.http.port": url.rpartition(":")[2],
        "discovery.uri": url,
        "plugin.dir": str(home / "plugin"),
        "catalog.config-dir": "etc/catalog",
        "catalog.management": "static",
    }
    catalog = {
        "connector.name": "hive",
        "hive.metastore": "glue",
        "hive.metastore.glue.region": endpoint.region,
        "hive.metastore.glue.endpoint-url": endpoint.url,
        "hive.metastore.glue.aws-access-key": endpoint.access_key_id,
        "hive.metastore.glue.aws-secret-key": endpoint.secret_access_key,
        "fs.native-s3.enabled": "true",
        "s3.endpoint": endpoint.url,
        "s3.region": endpoint.region,
        "s3.path-style-access": "true",
        "s3.aws-access-key": endpoint.access_key_id,
        "s3.aws-secret-key": endpoint.secret_access_key,
    }
    # The SDK says each request that it sends: tests/trino/requests.py counts them.
    levels = {"io.trino": "WARN", "software.amazon.awssdk.request": "DEBUG"}
    return {
        "etc/config.properties": _properties(config),
        "etc/log.properties": _properties(levels),
        f"etc/catalog/{CATALOG}.properties": _properties(catalog),
    }


def _properties(values: dict[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in values.items())


def _is_ready(url: str) -> bool:
    """The server has started, and knows a node that runs queries: itself. It announces itself some time later."""
    with requests.Session() as session:
        session.trust_env = False
        try:
            answer = session.get(f"{url}/v1/info", timeout=5)
            if not answer.ok or answer.json()["starting"]:
                return False
            ((nodes,),) = Trino(url).rows("SELECT count(*) FROM system.runtime.nodes WHERE state = 'active'")
        except (requests.RequestException, TrinoError):
            return False
    return nodes != "0"
