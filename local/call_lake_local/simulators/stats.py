"""What a server saw: the counts that tests and benches compare."""

from collections import Counter
from collections.abc import Iterator
from threading import Lock
from typing import Any

from call_lake_local.simulators.http_exchange import Answer, Request


class Stats:
    """``rows_walked`` is offset + returned rows, summed: what paging by offset costs a database."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.reset()

    def reset(self) -> None:
        with self._lock:
            self._counts: Counter[str] = Counter()
            self._statuses: Counter[int] = Counter()
            self._faults: Counter[str] = Counter()
            self._credentials: Counter[str] = Counter()
            self._audio: Counter[str] = Counter()

    def fault(self, name: str) -> None:
        with self._lock:
            self._faults[name] += 1

    def listing(self, offset: int, returned: int) -> None:
        with self._lock:
            self._counts["listings"] += 1
            self._counts["rows_walked"] += offset + returned
            self._counts["rows_returned"] += returned

    def audio(self, key: str) -> None:
        with self._lock:
            self._counts["audio_requests"] += 1
            self._audio[key] += 1

    def exchange(self, request: Request, answer: Answer) -> Answer:
        """Count one exchange; its bytes are counted while they are sent."""
        with self._lock:
            self._counts["requests"] += 1
            self._statuses[answer.status] += 1
            self._credentials[request.headers.get("authorization", "")] += 1

        def counted() -> Iterator[bytes]:
            for chunk in answer.body():
                with self._lock:
                    self._counts["bytes_served"] += len(chunk)
                yield chunk

        return answer.but(body=counted)

    def snapshot(self) -> dict[str, Any]:
        """Counts, ``statuses`` (0: no answer), ``faults`` that happened, ``credentials`` (values of Authorization,
        empty for none) and ``audio_per_key``, each with how often."""
        with self._lock:
            names = ("requests", "listings", "rows_walked", "rows_returned", "audio_requests", "bytes_served")
            return {name: self._counts[name] for name in names} | {
                "statuses": {str(status): count for status, count in self._statuses.items()},
                "faults": dict(self._faults),
                "credentials": dict(self._credentials),
                "audio_per_key": dict(self._audio),
            }
