"""Requests to AWS, noted as botocore builds them, and answered here: nothing is sent.

https://botocore.amazonaws.com/v1/documentation/api/latest/topics/events.html
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import boto3

from call_lake.aws.client import client
from call_lake.wiring import sources
from tests.support.resolved import REGION

type Answers = Mapping[str, Mapping[str, Any]]
"""What an operation answers, by its name; every other one answers with nothing."""


@dataclass(frozen=True, slots=True)
class Request:
    """``role``: the logical id of the role that sends it. ``service`` is botocore's name of it."""

    role: str
    service: str
    operation: str
    params: Mapping[str, Any]


class Recorder:
    """Notes the requests of all clients that are made while it is on, under the role that works at the moment; ``role``
    is empty while somebody else does."""

    def __init__(self, answers: Answers) -> None:
        self.role = ""
        self.requests: list[Request] = []
        self._answers = answers
        self._lock = threading.Lock()

    def note(self, params: Mapping[str, Any], model: Any, **_: Any) -> None:
        if self.role:
            with self._lock:
                self.requests.append(Request(self.role, model.service_model.service_name, model.name, dict(params)))

    def answer(self, model: Any, **_: Any) -> tuple[Any, dict[str, Any]]:
        metadata = {"HTTPStatusCode": 200, "HTTPHeaders": {}}
        return SimpleNamespace(status_code=200), {**self._answers.get(model.name, {}), "ResponseMetadata": metadata}


@contextmanager
def recording(answers: Answers) -> Iterator[Recorder]:
    """Every client of boto3's default session is recorded, as the functions make them, from a cold start on."""
    recorder = Recorder(answers)
    boto3.setup_default_session(
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        region_name=REGION,
    )
    session = boto3._get_default_session()
    session.events.register("before-parameter-build", recorder.note)
    answer: Any = recorder.answer  # botocore takes what a handler returns for the answer
    session.events.register("before-call", answer)
    _forget_clients()
    try:
        yield recorder
    finally:
        boto3.DEFAULT_SESSION = None
        _forget_clients()


def _forget_clients() -> None:
    client.cache_clear()
    sources.secrets.cache_clear()
    sources._providers.clear()
