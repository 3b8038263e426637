"""The ZIP file of ``call-lake export``: audio, rows and stories of calls, their SHA-256, and a cover sheet.

Memory holds one call and one piece of audio at a time, beside a short entry for each file.
"""

import csv
import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from io import BytesIO, StringIO
from typing import IO, Any, BinaryIO, Self
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from call_lake.plain_text import json_text, safe
from call_lake_cli.console.output import csv_cell

FOLDER = "audio"
COVER = "cover.txt"
SUMS = "SHA256SUMS"
SPOOL_BYTES = 4 * 1024 * 1024
PIECE_BYTES = 1024 * 1024
BYTE_ORDER_MARK = "\ufeff"  # without it Excel reads UTF-8 as another encoding
CONTENTS = """\
audio/        the recordings, as they were stored; each name begins with the call's local start
calls.csv     a line for each call, for a spreadsheet: import it with all columns as text, so that numbers keep their +
calls.json    the same with every column of the table
stories/      what is known of each recording: how it was listed, fetched and stored
SHA256SUMS    the SHA-256 of every file but this sheet and itself; check with: sha256sum -c SHA256SUMS

A call's length may include ringing. Its recording is often shorter: audio_s. Local times name their time zone.
Calls that were not recorded, were erased, or are not in the table yet are not here.
"""


class ExportFile:
    """Adds one call after the other to a ZIP file. It is complete after ``finish`` and the end of the ``with`` block.
    ``columns``: of ``calls.csv``. ``at``: the time of every file."""

    def __init__(self, out: BinaryIO, at: datetime, columns: Sequence[str]) -> None:
        self.calls = 0
        self.audio = 0
        self.missing: list[tuple[str, str]] = []
        """Names of recordings without audio here, each with the reason."""
        self._open = ExitStack()
        self._zip = self._open.enter_context(ZipFile(out, "w"))
        self._at = at
        self._columns = columns
        self._sums: list[str] = []
        self._csv = self._open.enter_context(tempfile.SpooledTemporaryFile(SPOOL_BYTES))  # noqa: SIM115
        self._json = self._open.enter_context(tempfile.SpooledTemporaryFile(SPOOL_BYTES))  # noqa: SIM115
        self._csv.write(BYTE_ORDER_MARK.encode() + _csv_line(columns))
        self._json.write(b"[")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def add_call(self, short: Mapping[str, Any], row: Mapping[str, Any]) -> None:
        """A line of both lists. ``short``: what ``calls.csv`` shows of it."""
        self._csv.write(_csv_line([short[name] for name in self._columns]))
        self._json.write((",\n" if self.calls else "\n").encode() + json_text(dict(row)).encode())
        self.calls += 1

    def add_audio(self, name: str, body: IO[bytes]) -> str:
        """Return the file's name within the ZIP file."""
        file = f"{FOLDER}/{name}"
        self._add(file, body, ZIP_STORED)
        self.audio += 1
        return file

    def add_story(self, recording_id: str, story: Mapping[str, Any]) -> None:
        self._add(f"stories/{recording_id}.json", BytesIO(json_text(dict(story), indent=2).encode() + b"\n"))

    def finish(self, facts: Mapping[str, str]) -> None:
        """Add the lists and the cover sheet. ``facts``: what the sheet begins with."""
        self._json.write(b"\n]\n")
        self._add("calls.csv", self._csv)
        self._add("calls.json", self._json)
        self._add(SUMS, BytesIO("".join(f"{line}\n" for line in self._sums).encode()))
        self._add(COVER, BytesIO(self._cover(facts).encode()))

    def _cover(self, facts: Mapping[str, str]) -> str:
        counts = {"Calls": f"{self.calls}", "With audio": f"{self.audio}", "Without audio": f"{len(self.missing)}"}
        lines = [f"{name + ':':<15} {safe(text)}" for name, text in {**facts, **counts}.items()]
        why = [f"  {safe(name)}: {safe(reason)}" for name, reason in self.missing]
        missing = ["Without audio:", *why, ""] if why else []
        return "\n".join(["Recorded calls", "", *lines, "", *missing, CONTENTS])

    def _add(self, name: str, body: IO[bytes], compression: int = ZIP_DEFLATED) -> None:
        info = ZipInfo(name, self._at.timetuple()[:6])
        info.compress_type = compression
        info.external_attr = 0o600 << 16
        digest = hashlib.sha256()
        body.seek(0)
        with self._zip.open(info, "w", force_zip64=True) as out:
            while piece := body.read(PIECE_BYTES):
                digest.update(piece)
                out.write(piece)
        self._sums.append(f"{digest.hexdigest()}  {name}")


def _csv_line(values: Sequence[Any]) -> bytes:
    line = StringIO()
    csv.writer(line, lineterminator="\r\n").writerow([csv_cell(value) for value in values])
    return line.getvalue().encode()
