"""Lines of the log: valid JSON in UTF-8, whatever a provider sent."""

import io
import json
import logging
import math

from hypothesis import given
from hypothesis import strategies as st

from call_lake.observability import log

HOSTILE = (
    "\x1b[2J",
    "\x9b31m",
    "a\r\nb",
    "\x7f",
    "\u202egpj",
    "\u2028",
    "\ud800",
    "\x00",
    '"}\n{"level":"ERROR"',
    "zażółć",
)


def logged(**fields: object) -> str:
    """One line as Lambda writes it: in UTF-8, and an error where that has no bytes for a character."""
    written = io.BytesIO()
    handler = logging.StreamHandler(io.TextIOWrapper(written, "utf-8", errors="strict", write_through=True))
    handler.setFormatter(log.registered_formatter)
    handler.handleError = fail  # type: ignore[method-assign]
    logger = logging.getLogger("call-lake")
    logger.addHandler(handler)
    try:
        log.warning("a listed record is unusable", extra=fields)
    finally:
        logger.removeHandler(handler)
    return written.getvalue().decode()


def fail(record: logging.LogRecord) -> None:
    raise


@given(st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(), max_size=10)))
def test_a_line_is_valid_json_and_gives_the_text_back(text: str) -> None:
    line = logged(why=text, seen={text: [text]})

    assert line.count("\n") == 1
    assert not set(line) & {"\x1b", "\x9b", "\r", "\x7f", "\u202e", "\u2028", "\x00"}
    found = json.loads(line)["why"]
    assert found.encode("utf-16", "surrogatepass") == text.encode("utf-16", "surrogatepass")


def test_what_is_no_number_is_null() -> None:
    line = json.loads(logged(rate=math.nan, most=[math.inf]), parse_constant=lambda name: name)

    assert (line["rate"], line["most"]) == (None, [None])


def test_a_polish_name_of_a_file_stays_readable() -> None:
    assert "zażółć" in logged(why="zażółć")
