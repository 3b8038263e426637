"""What the functions tell CloudWatch: each metric under its name, its unit and its dimensions, and when."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from call_lake.errors import Reason, SecretEmpty, Terminal, Transient
from call_lake.model.lake_tables import CALLS
from call_lake.model.recording import Recording
from call_lake.model.windows import Window
from call_lake.observability import UNITS, measure
from call_lake.ports import BadRecord
from tests.support.fakes.ids import ID_KEY_SECRET
from tests.support.fakes.provider import make_recording, raising
from tests.support.functions_in_memory import NAMESPACE, Functions, metrics_in, value_of
from tests.support.template import ROOT


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Functions:
    return Functions(monkeypatch)


def list_one(functions: Functions, number: int = 1, source: str = "thulium") -> Recording:
    recording = make_recording(number, source, listed_at=functions.world.clock.now() - timedelta(minutes=30))
    functions.providers[source].add(recording)
    return recording


# -- the format


def test_metrics_of_the_same_dimensions_are_one_line_of_the_log(monkeypatch, capsys):
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", NAMESPACE)
    measure({"PollSucceeded": 1, "CheckpointLag": 88}, Source="thulium")
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) == 1
    assert {(m.name, m.unit, m.value) for m in metrics_in(printed)} == {
        ("PollSucceeded", "Count", 1),
        ("CheckpointLag", "Seconds", 88),
    }


def test_a_metric_has_the_dimensions_that_were_given_and_no_other(monkeypatch, capsys):
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", NAMESPACE)
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "poller")
    measure({"PollSucceeded": 1}, Source="thulium")
    (metric,) = metrics_in(capsys.readouterr().out)
    assert metric.dimensions == {("Source", "thulium")}


def test_two_stacks_of_one_account_have_namespaces_of_their_own(monkeypatch, capsys):
    for stack in ("one", "other"):
        monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", f"CallLake/{stack}")
        measure({"PollSucceeded": 1}, Source="thulium")
    assert [m.namespace for m in metrics_in(capsys.readouterr().out)] == ["CallLake/one", "CallLake/other"]


def test_a_name_that_nobody_declared_is_refused():
    with pytest.raises(KeyError):
        measure({"PollSuceeded": 1}, Source="thulium")


# -- the poller


def test_a_poll_tells_what_it_found_and_how_far_it_is(functions):
    list_one(functions)
    found = functions.poll("thulium")
    assert value_of(found, "PollSucceeded", Source="thulium") == 1
    assert value_of(found, "GapsOpen", Source="thulium") is None
    assert value_of(found, "CheckpointLag", Source="thulium") == 120  # SettleSeconds


def test_a_poll_that_cannot_list_has_not_succeeded_and_falls_behind(functions):
    functions.poll("thulium")
    functions.providers["thulium"].on_list = raising(Transient(Reason.CONNECTION, "refused"))
    functions.world.clock.advance(timedelta(hours=2))
    found = functions.poll("thulium")
    assert value_of(found, "PollSucceeded", Source="thulium") == 0
    assert value_of(found, "CheckpointLag", Source="thulium") == 7200 + 120


def test_a_source_that_was_never_set_up_wakes_nobody(functions):
    functions.providers["conpeek"].on_list = raising(SecretEmpty("fill it"))
    assert value_of(functions.poll("conpeek"), "PollSucceeded", Source="conpeek") == 1


def test_a_secret_that_was_emptied_after_it_worked_does(functions):
    functions.poll("conpeek")
    functions.providers["conpeek"].on_list = raising(SecretEmpty("fill it"))
    assert value_of(functions.poll("conpeek"), "PollSucceeded", Source="conpeek") == 0


def test_a_poll_under_another_key_has_not_succeeded_so_that_the_alarm_silent_fires(functions):
    functions.poll("thulium")
    functions.world.secrets.set(ID_KEY_SECRET, key="another invented key, of another stack")
    functions.pipeline.restart()
    assert value_of(functions.poll("thulium"), "PollSucceeded", Source="thulium") == 0


def test_a_paused_source_has_no_poll_that_succeeds_so_that_nobody_forgets_it(functions):
    functions.poll("thulium")
    functions.pipeline.book("thulium").pause()
    assert value_of(functions.poll("thulium"), "PollSucceeded", Source="thulium") == 0


def test_a_gap_is_told_by_every_poll_until_it_is_read(functions):
    provider, clock = functions.providers["thulium"], functions.world.clock
    functions.poll("thulium")
    poison = clock.now() + timedelta(minutes=20)

    def poisoned(window: Window) -> None:
        if window.start - provider.unit <= poison <= window.end + provider.unit:
            raise Transient(Reason.HTTP_ERROR, "500")

    provider.on_list = poisoned
    told = []
    for _ in range(15):
        clock.advance(timedelta(minutes=30))
        told.append(value_of(functions.poll("thulium"), "GapsOpen", Source="thulium"))
    assert told[0] is None
    assert told[-1]
    assert told[-1] == told[-2], "not only by the poll that gave it up"

    provider.on_list = lambda window: None
    clock.advance(timedelta(days=1, hours=1))
    assert value_of(functions.poll("thulium"), "GapsOpen", Source="thulium") is None


def test_the_ceiling_is_told_by_every_poll_that_it_holds_and_is_no_silence(functions):
    functions.more = {"new_per_day": 2}
    for number in range(3):
        list_one(functions, number)
    told = []
    for _ in range(12):
        functions.world.clock.advance(timedelta(minutes=5))
        found = functions.poll("thulium")
        told.append([value_of(found, name, Source="thulium") for name in ("CeilingReached", "PollSucceeded")])
    assert told == [[1, 1]] * 12
    assert value_of(functions.poll("conpeek"), "CeilingReached", Source="conpeek") is None

    functions.world.clock.advance(timedelta(days=1))
    found = functions.poll("thulium")
    assert value_of(found, "PollSucceeded", Source="thulium") == 1
    assert value_of(found, "CeilingReached", Source="thulium") is None


def test_an_outage_while_the_ceiling_holds_is_silence(functions):
    functions.more = {"new_per_day": 1}
    list_one(functions)
    functions.poll("thulium")
    functions.providers["thulium"].on_list = raising(Transient(Reason.CONNECTION, "refused"))
    found = functions.poll("thulium")
    assert value_of(found, "CeilingReached", Source="thulium") == 1
    assert value_of(found, "PollSucceeded", Source="thulium") == 0


def test_records_that_cannot_be_stored_are_told_and_only_then(functions):
    provider, now = functions.providers["thulium"], functions.world.clock.now()
    assert value_of(functions.poll("thulium"), "RecordsUnusable", Source="thulium") is None
    provider.bad.append((now - timedelta(minutes=20), BadRecord("it has no filename", "{}")))
    assert value_of(functions.poll("thulium"), "RecordsUnusable", Source="thulium") == 1


def test_records_that_were_too_long_for_a_message_are_told_and_only_then(functions):
    one = list_one(functions)
    assert value_of(functions.poll("thulium"), "RecordsShortened", Source="thulium") is None
    long = replace(make_recording(2, listed_at=one.listed_at), raw=json.dumps({"notes": "x" * 300_000}))
    functions.providers["thulium"].add(long)
    found = functions.poll("thulium")
    assert value_of(found, "RecordsShortened", Source="thulium") == 1
    assert value_of(found, "RecordsUnusable", Source="thulium") is None
    functions.providers["thulium"].add(replace(make_recording(3, listed_at=one.listed_at), agent="x" * 300_000))
    found = functions.poll("thulium")
    assert value_of(found, "RecordsShortened", Source="thulium") is None, "it is known"
    assert value_of(found, "RecordsUnusable", Source="thulium") == 1


def test_a_collision_is_told(functions):
    first = list_one(functions)
    functions.poll("thulium")
    twin = make_recording(1, listed_at=first.listed_at, connection_id="1700000000.9", key=first.provider_key)
    functions.providers["thulium"].add(twin)
    assert value_of(functions.poll("thulium"), "Collisions", Function="poller") == 1


# -- the copier


def test_what_is_stored_is_told_by_source(functions):
    for number in (1, 2):
        list_one(functions, number, "conpeek")
    functions.poll("conpeek")
    found = functions.copy("conpeek")
    assert value_of(found, "RecordingsStored", Source="conpeek") == 2


@pytest.mark.parametrize(
    ("error", "reason"),
    [(Transient(Reason.HTTP_ERROR, "500"), "http_error"), (Terminal(Reason.FORBIDDEN, "403"), "forbidden")],
)
def test_each_failed_attempt_is_told_by_its_reason(functions, error, reason):
    list_one(functions)
    functions.poll("thulium")
    functions.providers["thulium"].on_audio = raising(error)
    found = functions.copy("thulium")
    assert value_of(found, "AttemptsFailed", Source="thulium", Reason=reason) == 1
    assert value_of(found, "RecordingsStored", Source="thulium") is None


def test_the_copier_is_told_how_often_a_message_came(functions):
    recording = list_one(functions)
    functions.poll("thulium")
    functions.world.queues["thulium"].receive()
    functions.world.clock.advance(timedelta(minutes=30))
    seen = []
    functions.providers["thulium"].on_audio = lambda one: seen.append(functions.pipeline.ledger.entry(one.recording_id))
    functions.copy("thulium")
    assert [(entry.recording_id, entry.marks) for entry in seen] == [(recording.recording_id, 1)]


# -- the compactor


def test_each_run_of_the_compactor_tells_its_rows_also_where_there_are_none(functions):
    assert value_of(functions.compact(), "RowsCommitted", Function="compactor") == 0
    list_one(functions)
    functions.poll("thulium")
    functions.copy("thulium")
    found = functions.compact()
    assert value_of(found, "RowsCommitted", Function="compactor") == 1


def test_the_quarantine_is_told_by_every_run_until_it_is_empty(functions):
    functions.world.store.put(f"{CALLS.inbox}source=thulium/call_date=2026-10-20/bad.json", b"no row\n")
    assert value_of(functions.compact(), "RowsInQuarantine", Function="compactor") == 1
    assert value_of(functions.compact(), "RowsInQuarantine", Function="compactor") == 1
    functions.world.store.delete([info.key for info in functions.world.store.list(CALLS.quarantine)])
    assert value_of(functions.compact(), "RowsInQuarantine", Function="compactor") is None


def test_a_partition_that_cannot_be_committed_is_told_by_every_run(functions):
    list_one(functions)
    functions.poll("thulium")
    functions.copy("thulium")
    manifest = "lake/calls/manifest/source=thulium/call_date=2026-10-20/symlink.txt"
    functions.world.store.put(manifest, b"s3://call-lake-test/nothing/of/ours\n")
    for _ in range(2):
        assert value_of(functions.compact(), "PartitionsFailed", Function="compactor") == 1


# -- all of them


def test_the_runbook_lists_every_metric():
    runbook = (ROOT / "docs/runbook.md").read_text()
    assert [name for name in UNITS if f"| `{name}` |" not in runbook] == []
