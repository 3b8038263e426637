"""Bad input gets one clear line that says what to do, a non-zero exit, and leaves nothing half-made."""

import socket
from collections.abc import Iterator
from datetime import date

import pytest

from call_lake_local.simulators.serving import running
from call_lake_local.simulators.world import World
from tests.e2e.conftest import Shell

UNREACHABLE = "http://127.0.0.1:1/api"


@pytest.fixture(scope="module")
def thulium() -> Iterator[str]:
    world = World.generate(3, count=3, start=date(2026, 10, 1), days=1, tz="Europe/Warsaw")
    with running(world) as handles:
        yield handles.thulium_url


def refused(shell: Shell, *arguments: str, says: str, **environment: str) -> None:
    typed = shell.type(*arguments, environment=environment)

    assert typed.code != 0
    assert says in typed.err
    assert "Traceback" not in typed.err + typed.out
    assert len([line for line in typed.err.splitlines() if line.startswith("error:")]) == 1
    assert shell.running() == []
    assert not (shell.folder / ".call-lake/local.json").exists()


def test_a_wrong_password(shell: Shell, thulium: str) -> None:
    arguments = ("local", "up", "--detach", "--thulium-url", thulium, "--thulium-user", "api")
    refused(shell, *arguments, says="check --thulium-user and THULIUM_PASSWORD", THULIUM_PASSWORD="wrong")


def test_a_host_that_cannot_be_reached(shell: Shell) -> None:
    arguments = ("local", "up", "--detach", "--thulium-url", UNREACHABLE, "--thulium-user", "api")
    refused(shell, *arguments, says="check --thulium-url", THULIUM_PASSWORD="any")


def test_a_url_that_is_none(shell: Shell) -> None:
    arguments = ("local", "up", "--detach", "--conpeek-url", "conpeek.example")
    refused(shell, *arguments, says="must look like https://", CONPEEK_KEY="any")


def test_no_secret_and_no_terminal_to_ask(shell: Shell) -> None:
    refused(shell, "local", "up", "--detach", "--conpeek-url", "https://conpeek.example", says="set CONPEEK_KEY")


def test_a_url_without_its_user(shell: Shell) -> None:
    refused(shell, "local", "up", "--detach", "--thulium-url", UNREACHABLE, says="--thulium-user")


@pytest.mark.parametrize(
    ("parameter", "says"),
    [
        ('ThuliumSettings={"download_url": "{base_url}/download"}', "has no {filename} in it"),
        ("ThuliumTimeZone=Europe/Atlantis", "unknown time zone 'Europe/Atlantis'"),
        ('ThuliumSettings={"pagesize": 10}', "unknown setting 'pagesize'"),
        ("ThuliumSettings={not json", "JSON"),
        ("NoSuchParameter=1", "NoSuchParameter"),
        ("ThuliumTimeZone", "must be PARAMETER=VALUE"),
    ],
)
def test_a_mistyped_setting(shell: Shell, thulium: str, parameter: str, says: str) -> None:
    arguments = ("local", "up", "--detach", "--thulium-url", thulium, "--thulium-user", "api", "--set", parameter)
    refused(shell, *arguments, says=says, THULIUM_PASSWORD="any")


def test_a_busy_port(shell: Shell) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused(shell, "local", "up", "--detach", "--port", port, says=f"port {port}")


def test_a_schedule_that_no_clock_has(shell: Shell) -> None:
    refused(shell, "local", "up", "--detach", "--poll-every", "10s", says="from one to ten: 60s, 5m, 10m")
    refused(shell, "local", "up", "--detach", "--compact-every", "1h", says="from one to ten: 60s, 5m, 10m")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("query", "SELECT 1"), "call-lake local up"),
        (("status",), "call-lake local up"),
        (("local", "settle"), "call-lake local up"),
        (("local", "settle", "--from", "2026-10-01"), "belong together"),
        (("local", "settle", "--from", "yesterday", "--to", "today"), "write it like"),
        (("local", "settle", "--from", "2026-10-02", "--to", "2026-10-01"), "is before"),
    ],
)
def test_commands_without_what_they_need(shell: Shell, arguments: tuple[str, ...], says: str) -> None:
    refused(shell, *arguments, says=says)


def test_down_without_anything_running_is_fine(shell: Shell) -> None:
    typed = shell.type("local", "down")

    assert typed.code == 0
    assert "nothing was running" in typed.err
