"""Nothing personal is in the logs, the answers of the functions or the keys of objects, after days of every trouble."""

import io
import json
import logging
import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, timedelta
from urllib.parse import quote, quote_plus

import pytest

from call_lake.observability import log
from call_lake_local.simulators.world import World as CallWorld
from tests.support.simulated_time import SOURCES, SimulatedTime

TROUBLES = (
    "http_500:0.05,http_502:0.02,reset:0.05,unauthorized:0.02,html_listing:0.02,cut_json:0.02,error_with_200:0.02,"
    "duplicate_rows,odd_keys,no_key:0.1,no_start:0.1,url_foreign,url_link_local,not_ready,html_audio,json_audio,truncated,"
    "cut_chunked,reset_midway,redirect_same_host,redirect_foreign,redirect_link_local,forbidden,gone,garbage,pgp"
)


class Run:
    """Three days with both sources, and what the functions logged in them, as Lambda would write it."""

    def __init__(self) -> None:
        calls = CallWorld.generate(seed=11, count=60, start=date(2026, 10, 20), days=2, tiny_audio=True)
        self.time = SimulatedTime(calls, TROUBLES)
        written = io.StringIO()
        handler = logging.StreamHandler(written)
        handler.setFormatter(log.registered_formatter)
        logger = logging.getLogger("call-lake")
        logger.addHandler(handler)
        try:
            self.time.run_for(timedelta(days=3), step=timedelta(minutes=20))
        finally:
            logger.removeHandler(handler)
        self.lines = written.getvalue().splitlines()

    def personal(self) -> set[str]:
        """Numbers, names and file names of all recordings; names also as they stand in an URL."""
        found: set[str] = set()
        for source in SOURCES:
            for entry in self.time.entries(source):
                assert entry.recording
                recording = entry.recording
                names = {recording.agent, recording.provider_key, recording.provider_key.rpartition("/")[2]}
                found |= {form(name) for name in names if name for form in (str, quote, quote_plus)}
                found |= {number for number in (recording.caller, recording.callee) if number}
        return {text for text in found if len(text) > 5}

    def numbers(self) -> set[str]:
        """Last nine digits of every number: whatever its prefix and spaces."""
        digits = {re.sub(r"\D", "", text)[-9:] for text in self.personal() if re.fullmatch(r"[+\d\s()-]+", text)}
        return {number for number in digits if len(number) == 9}

    def held_in(self, texts: Sequence[str]) -> list[tuple[str, str]]:
        """What is personal, with the text that holds it: the first few."""
        secrets = sorted(self.personal() | self.numbers(), key=len, reverse=True)
        found = re.compile("|".join(map(re.escape, secrets)))
        return [(match[0], text) for text in texts if (match := found.search(text))][:3]


@pytest.fixture(scope="module")
def run() -> Run:
    return Run()


def test_the_run_had_something_to_hide_and_much_to_say(run: Run) -> None:
    assert len(run.personal()) > 200
    assert len(run.numbers()) > 50
    assert run.held_in(["nothing", f"agent {min(run.personal())} called"])
    said = "\n".join(run.lines)
    assert len(run.lines) > 200
    assert {"will be tried again", "failed permanently", "a listed record is unusable"} <= set(
        re.findall(r'"message":"([^";]+)', said)
    )


def test_no_line_of_the_log_holds_a_number_a_name_or_a_file_name(run: Run) -> None:
    assert run.held_in(run.lines) == []


def test_no_answer_of_a_function_holds_one_either(run: Run) -> None:
    results = [result for source in SOURCES for result in run.time.results[source]]
    assert run.held_in([json.dumps(asdict(result), ensure_ascii=False) for result in results]) == []


def test_no_key_of_an_object_and_no_event_holds_one_either(run: Run) -> None:
    assert run.held_in([info.key for info in run.time.world.store.list("")]) == []
    assert run.held_in([json.dumps(event.detail, ensure_ascii=False) for event in run.time.world.bus.events]) == []
