"""Providers that nobody here wrote the simulators of, as a customer points the local stack at them."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
import pytest

from tests.e2e.conftest import Shell
from tests.e2e.strange_web import Call
from tests.e2e.strangers import Strangers, serving

SEED = 20261025
RECORDINGS = 130  # more than either gives in one page
QUICK = '{"requests_per_second": 200}'
WINDOW = ("--from", "2026-10-10", "--to", "2026-11-03")


@dataclass
class Outcome:
    """What stood there when ``settle`` had returned 0."""

    shell: Shell
    strangers: Strangers
    sources: dict[str, dict[str, Any]]
    rows: list[dict[str, Any]]

    @cached_property
    def facts(self) -> dict[str, Any]:
        return json.loads((self.shell.folder / ".call-lake/local.json").read_text())

    def s3(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.facts["endpoint_url"],
            region_name=self.facts["region"],
            aws_access_key_id=self.facts["access_key_id"],
            aws_secret_access_key=self.facts["secret_access_key"],
        )

    def must_stand(self) -> Iterator[tuple[str, Call]]:
        """Source and call of everything that its provider goes on listing and can give."""
        for server in (self.strangers.thulium, self.strangers.conpeek):
            absent = [*server.to_come, *server.gone]
            for call in server.calls.values():
                if call.fate == "stored" and call not in absent:
                    yield type(server).__name__.lower(), call

    def pairs(self) -> list[tuple[dict[str, Any], Call]]:
        rows = {(row["source"], row["provider_key"]): row for row in self.rows}
        return [(rows[source, call.key], call) for source, call in self.must_stand()]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    shell = Shell(tmp_path_factory.mktemp("strangers"))
    with serving(RECORDINGS, SEED) as strangers:
        try:
            settings = ("--set", f"ThuliumSettings={QUICK}", "--set", f"ConpeekSettings={QUICK}")
            up = shell.type("local", "up", "--detach", *strangers.arguments, *settings, environment=strangers.secrets)
            assert up.code == 0, up.err
            settled = shell.type("local", "settle", *WINDOW, "--timeout", "280", "--json", timeout_s=500)
            assert settled.code in (0, 3), settled.err + settled.out  # 3: what is gone at the provider has failed
            assert json.loads(settled.out)["settled"], settled.err
            sources = {one["source"]: one for one in json.loads(settled.out)["sources"]}
            queried = shell.type("query", "SELECT * FROM calls", "--json")
            assert queried.code == 0, queried.err
            yield Outcome(shell, strangers, sources, json.loads(queried.out))
        finally:
            shell.type("local", "down")
            assert shell.running() == []


def test_every_recording_is_one_row(outcome: Outcome) -> None:
    rows = Counter((row["source"], row["provider_key"]) for row in outcome.rows)
    gone = {call.key for server in (outcome.strangers.thulium, outcome.strangers.conpeek) for call in server.gone}
    assert set(rows.values()) == {1}
    must = {(source, call.key) for source, call in outcome.must_stand()}
    assert must <= set(rows)
    assert {key for _, key in set(rows) - must} <= gone


def test_the_bytes_in_s3_are_the_providers(outcome: Outcome) -> None:
    s3 = outcome.s3()
    for row, call in outcome.pairs():
        key = row["audio_uri"].removeprefix(f"s3://{outcome.facts['bucket']}/")
        stored = s3.get_object(Bucket=outcome.facts["bucket"], Key=key)["Body"].read()
        assert hashlib.sha256(stored).hexdigest() == call.sha256 == row["audio_sha256"], call.key


def test_starts_are_right_in_utc_both_passes_of_the_repeated_hour_included(outcome: Outcome) -> None:
    for row, call in outcome.pairs():
        shown = "%Y-%m-%dT%H:%M" if row["source"] == "thulium" else "%Y-%m-%dT%H:%M:%S.000Z"
        written = call.started_at.strftime(shown)
        assert row["started_at"][: len(written)] == written, call.row
        assert row["call_date"] == call.call_date, call.row


def test_columns_say_what_was_listed_and_what_the_audio_is(outcome: Outcome) -> None:
    for row, call in outcome.pairs():
        assert {name: row[name] for name in call.says} == call.says
        sound = (row["audio_format"], row["audio_channels"], row["audio_sample_rate"], row["audio_bytes"])
        assert sound == (
            call.sound.format,
            call.sound.channels,
            call.sound.sample_rate,
            len(call.sound.content),
        )
        assert json.loads(row["raw"]) == call.row


def test_what_has_failed_says_why(outcome: Outcome) -> None:
    for name, server in (("thulium", outcome.strangers.thulium), ("conpeek", outcome.strangers.conpeek)):
        fates = Counter(call.fate for call in server.calls.values())
        expected = {fate: number for fate, number in fates.items() if fate != "stored"}
        assert outcome.sources[name]["failed"] == expected
        assert server.broken == [], "requests that no documented API understands"


def test_a_foreign_host_is_not_even_asked(outcome: Outcome) -> None:
    assert outcome.strangers.foreign.received == []
