"""The two ends of a copy, each a process of its own on 127.0.0.1: the provider's audio server and the S3."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Found:
    """What a run left: by key every object that ever stood there, oldest first, as the sizes and SHA-256 (hex) of its
    parts; the keys that stand at the end; requests by method; GETs by recording."""

    versions: Mapping[str, list[tuple[tuple[int, str], ...]]]
    standing: frozenset[str]
    s3_requests: Mapping[str, int]
    gets: Mapping[str, int]


class Ends:
    def __enter__(self) -> Self:
        self._processes = [_start("audio_server"), _start("s3_sink")]
        self.audio_url, self.s3_url = (f"http://127.0.0.1:{_port(process)}" for process in self._processes)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        for process in self._processes:
            process.communicate()  # closes their standard input, at which they end

    def environment(self) -> dict[str, str]:
        """With which every client talks to the two ends, whatever the machine's own settings for AWS are."""
        return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
            "NO_PROXY": "127.0.0.1",
            "AWS_ENDPOINT_URL": self.s3_url,
            "AWS_REGION": "eu-central-1",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }

    def reset(self) -> None:
        for url in (self.audio_url, self.s3_url):
            _get(f"{url}/-/reset")

    def found(self) -> Found:
        s3 = json.loads(_get(f"{self.s3_url}/-/found"))
        gets = json.loads(_get(f"{self.audio_url}/-/stats"))
        versions = {
            key: [tuple((part["size_bytes"], part["sha256"]) for part in parts) for parts in stored]
            for key, stored in s3["versions"].items()
        }
        return Found(versions, frozenset(s3["standing"]), s3["requests"], gets)


def _start(module: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", f"bench.copy.{module}"]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _port(process: Any) -> int:
    return int(process.stdout.readline())


def _get(url: str) -> bytes:
    with urlopen(url, timeout=120) as answer:  # noqa: S310 - our own server
        return bytes(answer.read())
