"""The two servers of a copy, each a process: the provider's audio server and the S3."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from bench.harness.runner import serving
from bench.harness.s3_server import ask


@dataclass(frozen=True, slots=True)
class Found:
    """What a run left: by key every object that ever stood there, oldest first, as the sizes and SHA-256 (hex) of its
    parts; the keys that stand at the end; requests by method; GETs by recording."""

    versions: Mapping[str, list[tuple[tuple[int, str], ...]]]
    standing: frozenset[str]
    s3_requests: Mapping[str, int]
    gets: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Servers:
    audio_url: str
    s3_url: str

    def reset(self) -> None:
        for url in (self.audio_url, self.s3_url):
            ask(url, "reset")

    def found(self) -> Found:
        s3 = ask(self.s3_url, "found")
        versions = {
            _key(path): [tuple((size, sha256) for size, sha256 in parts) for parts in stored]
            for path, stored in s3["versions"].items()
        }
        return Found(versions, frozenset(map(_key, s3["standing"])), s3["requests"], ask(self.audio_url, "found"))


def _key(path: str) -> str:
    return path.partition("/")[2]


@contextmanager
def running() -> Iterator[Servers]:
    with serving("bench.copy.audio_server") as audio_url, serving("bench.harness.s3_server") as s3_url:
        yield Servers(audio_url, s3_url)
