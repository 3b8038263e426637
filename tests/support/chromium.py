"""A real Chromium, driven over a pipe by its own protocol: https://chromedevtools.github.io/devtools-protocol/

No port is opened, and no package is needed. Without a Chromium the tests skip and say so.
"""

import base64
import itertools
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
QUIET = [
    "--headless",
    "--no-first-run",
    *(
        f"--disable-{what}"
        for what in ("background-networking", "component-update", "dev-shm-usage", "gpu", "quic", "sync")
    ),
]
DEADLINE_S = 60.0


def browser() -> str:
    """The browser's program. Skips the test where there is none."""
    found = os.environ.get("CALL_LAKE_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("no Chromium here: install one, or name it in CALL_LAKE_CHROMIUM")
    return found


def command(profile: Path, *more: str) -> list[str]:
    """How to start it, with a profile of this test alone."""
    started = [browser(), *QUIET, f"--user-data-dir={profile}", *more]
    if os.geteuid() == 0:
        started.append("--no-sandbox")  # Chromium's own sandbox does not start for root
    return started


class Failed(Exception):
    """The page threw, or the browser refused."""


class Page:
    """One tab."""

    def __init__(self, send: int, receive: int) -> None:
        self._out, self._in = os.fdopen(send, "wb", 0), os.fdopen(receive, "rb")
        self._numbers = itertools.count(1)
        self._rest = b""
        self._session = ""
        self.said: list[str] = []
        """What the page's console and the browser's log said, errors above all."""

    def attach(self) -> None:
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._ask(f"{domain}.enable")

    def open(self, url: str) -> None:
        self._ask("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        """The value of an expression; of a promise, what it becomes. Raises Failed."""
        found = self._ask(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in found:
            raise Failed(json.dumps(found["exceptionDetails"])[:2000])
        return found["result"].get("value")

    def wait(self, condition: str) -> None:
        """Until the expression is true."""
        deadline = time.monotonic() + DEADLINE_S
        while not self.run(f"Boolean({condition})"):
            assert time.monotonic() < deadline, f"{condition}\n{self.run('document.body.innerText')}\n{self.said}"
            self.run("new Promise((done) => setTimeout(done, 20))")

    def press(self, key: str, *, text: str = "") -> None:
        """One key as a person presses it: ``Tab``, ``Enter``, ``Escape``, ``ArrowRight``."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowRight": 39, " ": 32}
        key_of = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": codes[key]}
        text = {"Enter": "\r", " ": " "}.get(key, text)
        self._ask("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **key_of)
        self._ask("Input.dispatchKeyEvent", type="keyUp", **key_of)

    def type(self, text: str) -> None:
        self._ask("Input.insertText", text=text)

    def look(self, width: int, height: int, *, scheme: str = "light") -> None:
        """The size of the window, and whether the person wants it dark."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._ask("Emulation.setDeviceMetricsOverride", **size)
        self._ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def picture(self, file: Path) -> None:
        """What the window shows, as PNG."""
        file.write_bytes(base64.b64decode(self._ask("Page.captureScreenshot", format="png")["data"]))

    def accessible(self) -> list[dict[str, Any]]:
        """What a screen reader is told: role and name of each node."""
        nodes = self._ask("Accessibility.getFullAXTree")["nodes"]
        return [
            {"role": one["role"]["value"], "name": one.get("name", {}).get("value", "")}
            for one in nodes
            if not one.get("ignored") and "role" in one
        ]

    def close(self) -> None:
        self._session = ""
        self._ask("Browser.close")

    def _ask(self, method: str, **params: Any) -> Any:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._out.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == number:
                if "error" in answer:
                    raise Failed(f"{method}: {answer['error']}")
                return answer["result"]
            self._note(answer)

    def _next(self) -> Any:
        while b"\0" not in self._rest:
            some = os.read(self._in.fileno(), 1 << 20)
            if not some:
                raise Failed("the browser has ended")
            self._rest += some
        text, _, self._rest = self._rest.partition(b"\0")
        return json.loads(text)

    def _note(self, event: Any) -> None:
        params = event.get("params", {})
        if event.get("method") == "Log.entryAdded":
            self.said.append(f"{params['entry'].get('text')} {params['entry'].get('url', '')}")
        elif event.get("method") == "Runtime.exceptionThrown":
            self.said.append(json.dumps(params["exceptionDetails"])[:500])
        elif event.get("method") == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            self.said.append(json.dumps(params["args"])[:500])


@contextmanager
def chromium(profile: Path, *more: str) -> Iterator[Page]:
    """A browser with one tab, until the block ends."""
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()

    def hand_over() -> None:  # Chromium reads from 3 and writes to 4
        one, two = os.dup(theirs_in), os.dup(theirs_out)
        os.dup2(one, 3)
        os.dup2(two, 4)
        os.set_inheritable(3, True)
        os.set_inheritable(4, True)

    started = command(profile, "--remote-debugging-pipe", "--autoplay-policy=no-user-gesture-required", *more)
    with (profile.parent / "browser.log").open("wb") as log:
        process = subprocess.Popen(
            started, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=hand_over, close_fds=False
        )
    os.close(theirs_in)
    os.close(theirs_out)
    page = Page(ours_out, ours_in)
    try:
        page.attach()
        yield page
    finally:
        process.terminate()
        process.wait(30)
        page._out.close()
        page._in.close()
