"""A listing's answer is limited by what it takes in memory, not by its bytes alone."""

import subprocess
import sys
from pathlib import Path

import pytest

import call_lake
from call_lake.errors import Reason, Transient
from call_lake.model.json_values import VALUES_MOST, has_too_many_values
from call_lake.providers.http.client import LISTING_LIMIT_BYTES
from tests.support.stub_conpeek import HOUR, Tenant, make, row
from tests.support.stub_web import Reply, StubWeb, keys

MOST_MB = 120
"""Of the poller's 256 MB, beside 60 MB of Python and libraries, and 40 MB of known ids (``KNOWN_MAX``)."""
SHAPES = {
    "lists": b"[],",
    "objects": b"{},",
    "an object in each": b'{"a":{}},',
    "lists in lists": b"[[[]]],",
    "short texts": '"ż",'.encode(),
    "numbers": b"1.5,",
    "names": b'{"%d":0},',
    "an odd text in each": b'{"a":"\xff"},',
}
MEASURE = """
import re, sys
sys.path.insert(0, sys.argv[1])
from call_lake.model import json_values
def peak_mb():  # not getrusage's, which begins with that of the process that started this one
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) // 1024
document = sys.stdin.buffer.read()
before = peak_mb()
json_values.parse(document)
print(peak_mb() - before)
"""


def answer_of(shape: bytes, length: int) -> bytes:
    return b'{"count":1,"data":[' + shape * (length // len(shape)) + b"{}]}"


def added_mb(document: bytes) -> int:
    package = Path(call_lake.__file__).parents[1]
    run = subprocess.run([sys.executable, "-c", MEASURE, str(package)], input=document, capture_output=True, check=True)
    return int(run.stdout)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_largest_answer_that_is_parsed_fits_into_the_poller(shape: str) -> None:
    unit = SHAPES[shape]
    values = sum(map(unit.count, (b",", b":", b"[", b"{")))
    document = answer_of(unit, (VALUES_MOST - 10) // values * len(unit))
    assert not has_too_many_values(document)
    assert added_mb(document) <= MOST_MB


@pytest.mark.parametrize("letter", ["😀".encode(), "😀".encode() + b"\xff"], ids=["as it is", "with a bad byte"])
def test_nor_do_the_longest_texts_take_more(letter: bytes) -> None:
    """A letter beyond the basic ones makes each letter of its text take four bytes."""
    many = SHAPES["an object in each"] * (VALUES_MOST // 4 - 10)
    text = b"x" * (LISTING_LIMIT_BYTES - len(many) - 200)
    document = b'{"data":[' + many + b'{"a":"' + text + letter + b'"}]}'
    assert not has_too_many_values(document)
    assert added_mb(document) <= MOST_MB


@pytest.mark.parametrize(
    "unit",
    [b"\xff", b'\\"', b"\x01", b"\\n\x01", b"\\x", b"\xff\n", b"\xff\\"],
    ids=["bad", "quotes", "controls", "mixed", "backslashes", "bad and controls", "bad and backslashes"],
)
def test_nor_does_one_text_that_needs_repair_at_each_of_its_letters(unit: bytes) -> None:
    document = b'{"data":[{"a":"' + unit * ((LISTING_LIMIT_BYTES - 100) // len(unit)) + b'\xff"}]}'
    assert added_mb(document) <= MOST_MB


@pytest.mark.parametrize("shape", [unit for unit in SHAPES.values() if len(unit) < 8])
def test_more_values_are_refused_before_they_are_parsed(shape: bytes) -> None:
    document = answer_of(shape, LISTING_LIMIT_BYTES - 100)
    with pytest.raises(Transient, match=f"more than {VALUES_MOST} values") as caught:
        list(make(StubWeb(lambda seen: Reply(body=document))).list_window(HOUR))
    assert caught.value.reason is Reason.BAD_LISTING


def test_more_bytes_are_refused() -> None:
    document = answer_of(b"[],", 32 * 1024 * 1024)
    with pytest.raises(Transient, match=f"longer than {LISTING_LIMIT_BYTES} bytes"):
        list(make(StubWeb(lambda seen: Reply(body=document))).list_window(HOUR))


def test_a_page_of_500_rich_records_passes() -> None:
    rich = {f"field {number}": f"a text, with commas: {{and}} [brackets] {number}" for number in range(60)}
    tenant = Tenant([row(number, **rich) for number in range(500)])
    assert len(keys(tenant.provider().list_window(HOUR))) == 500
