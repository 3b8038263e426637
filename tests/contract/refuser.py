"""What AWS does and no emulator can be made to do, put into botocore's own event system."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class _Answered:
    """All that botocore reads of a response that never came over the wire."""

    status_code: int


class Refuser:
    """Takes chosen entries out of a batch request and reports them in the answer as refused."""

    def __init__(
        self,
        client: Any,
        operation: str,
        *,
        entries: Callable[[dict[str, Any]], list[Any]],
        text: Callable[[Any], str],
        refuse: Callable[[dict[str, Any], Any, int], object],
    ) -> None:
        self._entries = entries
        self._text = text
        self._refuse = refuse
        self._left: dict[str, int] = {}
        self._refused: list[tuple[int, Any]] = []
        self._nothing_left = False
        client.meta.events.register(f"provide-client-params.{operation}", self._take_out)
        client.meta.events.register(f"before-call.{operation}", self._answer_alone)
        client.meta.events.register(f"after-call.{operation}", self._report)

    def refuse(self, what: Mapping[int, str], times: int) -> None:
        self._left = dict.fromkeys(what.values(), times)

    def _take_out(self, params: dict[str, Any], **_: Any) -> None:
        entries = self._entries(params)
        self._refused = [pair for pair in enumerate(entries) if self._left.get(self._text(pair[1]), 0) > 0]
        for _position, entry in self._refused:
            self._left[self._text(entry)] -= 1
        kept = [entry for entry in entries if entry not in [refused for _position, refused in self._refused]]
        self._nothing_left = not kept
        if kept:
            entries[:] = kept

    def _answer_alone(self, **_: Any) -> tuple[_Answered, dict[str, Any]] | None:
        if not self._nothing_left:
            return None
        return _Answered(200), {"Entries": [], "ResponseMetadata": {"HTTPStatusCode": 200}}

    def _report(self, parsed: dict[str, Any], **_: Any) -> None:
        for position, entry in self._refused:
            self._refuse(parsed, entry, position)


def answer_conflict(client: Any) -> None:
    """S3's 409 for the next write: another conditional write to the key was under way."""
    error = {"Code": "ConditionalRequestConflict", "Message": "The conditional request cannot succeed"}

    def conflict(**_: Any) -> tuple[_Answered, dict[str, Any]]:
        client.meta.events.unregister("before-call.s3.PutObject", conflict)
        return _Answered(409), {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 409}}

    client.meta.events.register("before-call.s3.PutObject", conflict)


def small_pages(client: Any, operation: str, parameter: str) -> None:
    """Pages of two, so that a few items make several pages."""

    def ask_for_two(params: dict[str, Any], **_: Any) -> None:
        params[parameter] = 2

    client.meta.events.register(f"provide-client-params.{operation}", ask_for_two)
