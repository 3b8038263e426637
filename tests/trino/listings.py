"""Count the requests for a list of objects that Trino sends to S3, in the log of its AWS SDK."""

from pathlib import Path

LISTS = "queryParameters=[list-type"  # ListObjectsV2 alone has this parameter


class Listings:
    """The SDK logs each request before it sends it, so none is missing when an answer is there."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._at = 0
        self.taken()

    def taken(self) -> int:
        """How many there were since the last time."""
        with self._log.open(encoding="utf-8", errors="replace") as lines:
            lines.seek(self._at)
            count = sum(LISTS in line for line in lines)
            self._at = lines.tell()
        return count
