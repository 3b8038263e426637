"""``call-lake listen`` as a supervisor types it, on a running local stack, and what others of the machine see of it."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from call_lake.model.layout import ACCESS_LOG
from call_lake_cli.stack.handle import read_local
from tests.e2e.conftest import CALL_LAKE, DAYS, Shell, _environment
from tests.support.other_user import NOBODY, python_of_all

# Notes how it was called and what it was given, then ends.
BROWSER = """#!/bin/sh
printf '%s\\n' "$@" > "$SEEN.args"
stat -c %a "$1" > "$SEEN.mode"
cat "$1" > "$SEEN.part"
mv "$SEEN.part" "$SEEN"
"""
INTRUDER = """
import http.client, json, os, sys
port, pid, file = int(sys.argv[1]), sys.argv[2], sys.argv[3]
found = {"uid": os.getuid(), "opened": [], "answered": []}
for path in (file, os.path.dirname(file), f"/proc/{pid}/environ", f"/proc/{pid}/mem"):
    try:
        os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1)
        found["opened"].append(path)
    except OSError:
        pass
for method, path in (*(("POST", f"/api/{what}") for what in ("about", "calls", "story", "play")), ("GET", "/audio/a")):
    for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer " + "a" * 43}):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request(method, path, body="{}", headers=headers)
        if connection.getresponse().status not in (403, 404):
            found["answered"].append([method, path])
found["commands"] = [open(f"/proc/{one}/cmdline").read() for one in os.listdir("/proc") if one.isdigit()]
print(json.dumps(found))
"""


@dataclass
class Page:
    """The running command. ``file``: what its browser was given."""

    process: subprocess.Popen[str]
    url: str
    file: Path
    seen: Path

    @property
    def token(self) -> str:
        return self.url.partition("#")[2]

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        try:
            given = {"Authorization": f"Bearer {self.token}"} | headers
            connection.request(method, path, json.dumps(body) if body is not None else None, given)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def question(self, what: str, body: Any) -> Any:
        status, answer = self.ask("POST", f"/api/{what}", body)
        assert status == 200, answer
        return json.loads(answer)


@contextmanager
def listening(laptop: Shell, tmp_path: Path) -> Iterator[Page]:
    program = tmp_path / "xdg-open"
    program.write_text(BROWSER)
    program.chmod(0o755)
    seen = tmp_path / "seen"
    environment = _environment() | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SEEN": str(seen)}
    command = [str(CALL_LAKE), "listen", "--open"]
    with subprocess.Popen(
        command, cwd=laptop.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            page = Page(process, url, Path(), seen)
            while not seen.exists():
                assert process.poll() is None, process.communicate()
                page.ask("GET", "/")
            page.file = Path((tmp_path / "seen.args").read_text().strip())
            yield page
        finally:
            process.kill()


def test_a_supervisor_listens_and_nobody_else_does(laptop: Shell, tmp_path: Path) -> None:
    store = read_local(laptop.folder / ".call-lake/local.json").store
    with listening(laptop, tmp_path) as page:
        # the browser's arguments are everybody's to see, so they have no token
        assert page.url in page.seen.read_text()
        assert (tmp_path / "seen.mode").read_text().strip() == "600"
        assert page.token not in (tmp_path / "seen.args").read_text()

        found = page.question("calls", {"first": DAYS[1], "last": DAYS[3]})
        assert found["total"] == 60
        call = next(one for one in found["calls"] if one["source"] == "thulium")
        id = {name: call[name] for name in ("source", "call_date", "recording_id")}
        story = page.question("story", id)
        assert "Call Lake found it in the provider's list" in [event["what"] for event in story["events"]]
        before = {info.key for info in store.list(ACCESS_LOG)}
        play = page.question("play", id)
        status, part = page.ask("GET", play["audio"], Range="bytes=100-199")
        assert (status, len(part)) == (206, 100)
        assert page.question("peaks", {"ticket": play["ticket"]})["peaks"]
        (key,) = {info.key for info in store.list(ACCESS_LOG)} - before
        note = json.loads((store.get(key) or (b"", ""))[0])
        assert (note["action"], note["recording_ids"]) == ("play", [id["recording_id"]])

        page.process.send_signal(signal.SIGINT)
        out, err = page.process.communicate(timeout=60)
        assert page.process.returncode == 0, err
        assert "the page has ended" in err
        assert page.token not in err + out
        assert not page.file.exists()


def test_another_user_of_the_machine_hears_and_sees_nothing(laptop: Shell, tmp_path: Path) -> None:
    python = python_of_all()
    with listening(laptop, tmp_path) as page:
        port = page.url.partition("/#")[0].rpartition(":")[2]
        ran = subprocess.run(
            [python, "-Ic", INTRUDER, port, str(page.process.pid), str(page.file)],
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            text=True,
            check=True,
        )
        page.process.terminate()
        page.process.wait(60)
        assert not page.file.exists()
    found = json.loads(ran.stdout)
    assert found["uid"] == NOBODY
    assert (found["opened"], found["answered"]) == ([], [])
    assert [command for command in found["commands"] if page.token in command] == []


@pytest.mark.parametrize("arguments", [("--source", "another"), ("--stack", "no-such-stack")])
def test_what_there_is_not_is_said_in_one_line(laptop: Shell, arguments: tuple[str, ...]) -> None:
    typed = laptop.type("listen", *arguments)
    assert typed.code != 0
    assert typed.err.startswith("error: ")
    assert typed.out == ""
