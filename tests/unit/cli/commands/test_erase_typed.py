"""``call-lake erase`` as it is typed: what it asks, what it refuses, its exit codes, and the proofs that it leaves."""

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.exceptions
import pytest
import typer
from rich.progress import Progress
from typer.testing import CliRunner, Result

from call_lake.model.layout import Partition
from call_lake.operations.erase import proofs
from call_lake.operations.erase.targets import Near, Target, Targets
from call_lake.settings import SourceSettings
from call_lake_cli.commands import erase
from call_lake_cli.erasure.question import approve, summary
from call_lake_cli.main import app
from call_lake_cli.stack.handle import Stack
from tests.support.fakes.ids import ID_KEY, IDS
from tests.support.fakes.provider import make_recording
from tests.support.operator_bench import Bench
from tests.support.pipeline import URLS

ARN = "arn:aws:sts::123456789012:assumed-role/dpo/anna"
THEIRS = replace(make_recording(3), agent="Anna")
ALIKE = replace(make_recording(4), caller="9800000003")
NUMBER = "800 000 003"


class TypedStack(Stack):
    """A stack in AWS whose ledger and bucket are in memory."""

    bench: Bench
    answers: dict[str, Any]

    def client(self, service: str) -> Any:
        def answering(operation: str) -> Any:
            return lambda **_: self.answers[operation]

        class Client:
            meta = SimpleNamespace(region_name="eu-central-1")

            def __getattr__(self, operation: str) -> Any:
                return answering(operation)

        return Client()

    @property
    def table(self) -> Any:
        return self.bench.world.table

    @property
    def store(self) -> Any:
        return self.bench.world.store

    @property
    def sources(self) -> dict[str, SourceSettings]:
        return {name: SourceSettings(name, name, url, queue_url="queue") for name, url in URLS.items()}


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> TypedStack:
    bench = Bench(0)
    bench.thulium.add(THEIRS, make_recording(5))
    bench.settle()
    found = TypedStack("lake", "lake", "ledger", "/s", "dlq", "bus", "lake", "lake", {"compactor": "c"}, "key")
    counts = dict.fromkeys(("", "NotVisible", "Delayed"), "0")
    attributes = {f"ApproximateNumberOfMessages{name}": count for name, count in counts.items()}
    answers = {
        "get_queue_attributes": {"Attributes": {"MessageRetentionPeriod": "86400", **attributes}},
        "receive_message": {},
        "get_function_configuration": {
            "Environment": {"Variables": {"LEDGER_TABLE": "ledger", "BUCKET": "lake", "DATABASE": "lake"}}
        },
        "get_caller_identity": {"Arn": ARN},
        "get_secret_value": {"SecretString": json.dumps({"key": ID_KEY})},
    }
    object.__setattr__(found, "bench", bench)
    object.__setattr__(found, "answers", answers)
    monkeypatch.setattr(erase, "find_stack", lambda name=None: found)
    monkeypatch.chdir(tmp_path)
    return found


def type_(*words: str) -> Result:
    return CliRunner().invoke(app, ["erase", *words])


def erased(*words: str) -> Result:
    return type_("--number", NUMBER, "--now", "--yes", "--json", *words)


def test_without_a_terminal_and_without_yes_nothing_is_erased(stack: TypedStack) -> None:
    before = stack.bench.world.store.bodies()

    done = type_("--number", NUMBER, "--now")

    assert done.exit_code == 2
    assert "--yes" in done.stderr
    assert stack.bench.world.store.bodies() == before


def test_a_dry_run_says_what_would_go_and_asks_nothing(stack: TypedStack) -> None:
    stack.bench.world.store.put("athena-results/1.csv", b"")

    done = type_("--number", NUMBER, "--dry-run")

    assert done.exit_code == 0
    assert "1 recording of 2026-10-20 to 2026-10-20, of thulium" in done.stderr
    assert "agents: Anna (1)" in done.stderr
    assert "everybody's results of Athena's queries go too: 1 object" in done.stderr


def test_the_proof_is_written_to_the_file_and_to_the_bucket(stack: TypedStack) -> None:
    done = erased("--proof", "erased.json", "--reference", "DSR-17")

    assert done.exit_code == 0, done.output
    [(key, kept)] = stack.bench.world.store.bodies("proofs/").items()
    proof = json.loads(Path("erased.json").read_text())
    assert json.loads(kept) == proof
    assert {name: proof[name] for name in ("stack", "account", "region", "by", "reference", "people", "matched")} == {
        "stack": "lake",
        "account": "123456789012",
        "region": "eu-central-1",
        "by": ARN,
        "reference": "DSR-17",
        "people": [IDS.of_person("number", "+48800000003")],
        "matched": 1,
    }
    assert json.loads(done.stdout)["key"] == key
    assert "800" not in json.dumps([proof[name] for name in ("recordings", "people", "request", "places")])


def test_running_again_searches_again_erases_what_came_since_and_shows_both_proofs(stack: TypedStack) -> None:
    assert erased("--reference", "first").exit_code == 0
    since = replace(make_recording(13), caller="+48 800 000 003", listed_at=stack.bench.world.clock.now())
    stack.bench.thulium.add(replace(since, started_at=since.started_at + timedelta(minutes=1)))
    stack.bench.settle()

    second = erased("--reference", "second")
    third = erased()

    assert (second.exit_code, third.exit_code) == (0, 0), second.output
    told = json.loads(second.stdout)
    assert [one["recording_id"] for one in told["recordings"]] == [since.recording_id]
    assert [one["reference"] for one in told["earlier"]] == ["first"]
    assert [one["reference"] for one in json.loads(third.stdout)["earlier"]] == ["first", "second"]
    assert json.loads(third.stdout)["matched"] == 0
    shown = type_("--number", NUMBER, "--now", "--yes")
    assert all(word in shown.stdout for word in ("first", "second"))


def test_nothing_matched_has_its_own_exit_code_is_in_the_json_and_leaves_no_proof_in_the_bucket(
    stack: TypedStack,
) -> None:
    stack.bench.world.store.put("athena-results/1.csv", b"of other people")

    done = type_("--number", "800 777 777", "--now", "--yes", "--json", "--proof", "nothing.json")

    assert done.exit_code == 5
    told = json.loads(done.stdout)
    assert (told["matched"], told["near"]) == (0, {"numbers": {}, "agents": {}, "mentioned": []})
    assert json.loads(Path("nothing.json").read_text())["matched"] == 0
    assert stack.bench.world.store.bodies("proofs/") == {}
    assert "again" not in done.stderr
    assert "nothing is stored of whom you named" in done.stderr


def test_what_is_perhaps_theirs_stops_the_erasure_until_somebody_decides(stack: TypedStack) -> None:
    stack.bench.thulium.add(replace(ALIKE, listed_at=stack.bench.world.clock.now()))
    stack.bench.settle()
    before = stack.bench.world.store.bodies()

    refused = erased()
    assert refused.exit_code == 2
    assert "perhaps theirs: number 9800000003 (1 recording)" in refused.stderr
    assert "(--also NUMBER takes one); --exact leaves all others out; nothing was erased" in refused.stderr
    assert stack.bench.world.store.bodies() == before

    near = type_("--number", NUMBER, "--dry-run", "--json")
    assert (near.exit_code, json.loads(near.stdout)["near"]["numbers"]) == (0, {"9800000003": 1})
    both = type_("--number", NUMBER, "--also", "9800000003", "--dry-run", "--json")
    assert json.loads(both.stdout)["matched"] == 2

    assert json.loads(erased("--exact").stdout)["matched"] == 1
    only_near = type_("--number", NUMBER, "--dry-run", "--recording-id", ALIKE.recording_id, "--json")
    assert json.loads(only_near.stdout)["near"]["numbers"] == {}


def test_only_near_numbers_are_nothing_matched_and_say_what_to_type(stack: TypedStack) -> None:
    done = type_("--number", "+49800000003", "--now", "--yes")

    assert done.exit_code == 5
    assert "perhaps theirs by a stored number: 1 (--also NUMBER takes one)" in done.stderr


def test_a_bucket_that_refuses_the_copy_hides_no_erasure(stack: TypedStack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.bench.world.store.put("proofs/there.json", b"")
    monkeypatch.setattr(proofs, "proof_key", lambda at, random: "proofs/there.json")

    done = erased()

    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert (told["key"], told["clean"]) == (None, True)
    assert "no copy of the proof is in the bucket" in done.stderr
    assert told["recordings"][0]["recording_id"] in done.stderr, "the proof is printed, for no file has it"


def test_without_the_key_and_without_sts_the_erasure_is_done_and_the_proof_says_less(stack: TypedStack) -> None:
    refused = botocore.exceptions.ClientError({"Error": {"Code": "AccessDenied"}}, "GetCallerIdentity")
    stack.answers["get_secret_value"] = {"SecretString": json.dumps({"key": "another-key-0123456789-abcdefghijklmn"})}

    class Refusing(dict[str, Any]):
        def __getitem__(self, operation: str) -> Any:
            if operation == "get_caller_identity":
                raise refused
            return super().__getitem__(operation)

    object.__setattr__(stack, "answers", Refusing(stack.answers))

    done = erased()

    told = json.loads(done.stdout)
    assert (done.exit_code, told["matched"], told["by"], told["people"]) == (0, 1, "unknown", None)
    assert "does not say who erased" in done.stderr
    assert "does not say whom it is about" in done.stderr


def test_after_a_restore_the_proofs_in_the_bucket_are_enough_to_erase_again(stack: TypedStack) -> None:
    assert erased().exit_code == 0
    stack.bench.lose_item(THEIRS)

    done = type_("--again-all", "--now", "--yes", "--json")

    assert (done.exit_code, json.loads(done.stdout)["matched"]) == (0, 1)
    assert stack.bench.item(THEIRS)["state"] == "ERASED"


@pytest.mark.parametrize("file", ["there.json", "no/folder/erased.json"])
def test_a_proof_that_cannot_be_written_stops_before_anything_is_erased(stack: TypedStack, file: str) -> None:
    Path("there.json").write_text("mine")
    before = stack.bench.world.store.bodies()

    done = erased("--proof", file)

    assert (done.exit_code, Path("there.json").read_text()) == (2, "mine")
    assert stack.bench.world.store.bodies() == before


def test_a_dry_run_proves_nothing(stack: TypedStack) -> None:
    done = type_("--number", NUMBER, "--dry-run", "--proof", "erased.json")

    assert (done.exit_code, Path("erased.json").exists()) == (2, False)


# -- the question


def targets(**more: Any) -> Targets:
    days = [date(2026, 10, 1), date(2026, 10, 20)]
    all_ = [Target(f"thulium-{n:032x}", Partition("thulium", day)) for n, day in enumerate(days)]
    return replace(Targets(tuple(all_), matched=2, agents={f"Agent {n}": n + 1 for n in range(7)}), **more)


def asked(found: Targets, answer: str, *, yes: bool = False) -> Result:
    little = typer.Typer()

    @little.command()
    def go() -> None:
        approve(found, 12, yes=yes, bar=Progress(disable=True))
        typer.echo("approved")

    return CliRunner().invoke(little, input=answer)


def test_the_question_says_how_many_of_which_days_sources_and_agents() -> None:
    assert summary(targets(matched=1), 12) == [
        "2 recordings of 2026-10-01 to 2026-10-20, of thulium",
        "agents: Agent 6 (7), Agent 5 (6), Agent 4 (5), Agent 3 (4), Agent 2 (3) and 2 more",
        "1 of them are what an earlier erasure left that did not end",
        "everybody's results of Athena's queries go too: 12 objects, at most 7 days old",
    ]


def test_only_a_yes_approves() -> None:
    said = asked(targets(), "y\n").output
    assert "approved" in said
    assert "half an hour" in said, "before the answer, for nobody waits on a Friday"
    for answer in ("n\n", "\n", ""):
        done = asked(targets(), answer)
        assert (done.exit_code, "approved" in done.output) == (1, False)


def test_nothing_is_asked_with_yes_or_where_nothing_was_found() -> None:
    assert "Erase" not in asked(targets(), "", yes=True).output
    assert "Erase" not in asked(Targets(()), "").output


def test_yes_does_not_take_what_is_perhaps_theirs() -> None:
    done = asked(targets(near=Near(mentioned=("thulium-1",))), "", yes=True)
    assert "approved" not in done.output
