"""A proof lasts, names nobody, and is found again by a later erasure of the same people."""

import json

import pytest

from call_lake.operations.erase.eraser import ErasureReport
from call_lake.operations.erase.proofs import Proofs, Stamp, people_of, proof_of
from call_lake.operations.erase.targets import ErasureRequest, proved_by
from call_lake.ports import PreconditionFailed
from tests.support.erasing import erase, eraser_of, texts_of
from tests.support.fakes.ids import IDS
from tests.support.operator_bench import Bench, settled


@pytest.fixture
def bench() -> Bench:
    return settled()


def filed(bench: Bench, *numbers: str, agents: frozenset[str] = frozenset()) -> dict[str, object]:
    report = erase(bench, ErasureRequest(numbers=frozenset(numbers), agents=agents))
    people = people_of(report, IDS)
    return proof_of(report, Stamp("lake", "123456789012", "eu-central-1", "0.1.0", "arn:x", "DSR-17", people))


def test_a_proof_says_where_who_what_and_what_not_and_holds_nothing_of_the_person(bench: Bench) -> None:
    victim = bench.recordings[1]

    proof = filed(bench, "800 000 001", agents=frozenset({"AGENT 1"}))

    text = json.dumps(proof)
    assert not [one for one in (*texts_of(victim), "800000001", "800 000 001", "gent 1", "AGENT 1") if one in text]
    assert [proof[name] for name in ("stack", "account", "region", "version", "by", "reference")] == [
        *("lake", "123456789012", "eu-central-1", "0.1.0", "arn:x", "DSR-17")
    ]
    assert (proof["clean"], proof["matched"], proof["hits"]) == (True, 1, 0)
    assert any("transcripts" in place for place in proof["not_searched"])  # type: ignore[attr-defined]
    assert {target.recording_id for target in proved_by(text)} == {victim.recording_id}


def test_an_erasure_whose_proof_was_not_kept_is_found_again(bench: Bench) -> None:
    request = ErasureRequest(numbers=frozenset({"800 000 001"}))

    def dies(report: ErasureReport) -> None:
        assert report.is_clean
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        eraser_of(bench.world).erase(request, None, on_report=dies)

    assert [target.recording_id for target in erase(bench, request).targets.all] == [bench.recordings[1].recording_id]
    assert erase(bench, request).targets.all == ()


def test_the_people_are_the_same_hmac_in_every_spelling_and_others_have_another(bench: Bench) -> None:
    one, other = filed(bench, "800 000 001"), filed(bench, "+48800000001")
    different, name = filed(bench, "+48800000002"), filed(bench, agents=frozenset({"+48800000001"}))

    assert one["people"] == other["people"] == (IDS.of_person("number", "+48800000001"),)
    assert different["people"] != one["people"] != name["people"]


def test_earlier_proofs_of_the_same_people_are_found_and_those_of_others_are_not(bench: Bench) -> None:
    proofs = Proofs(bench.world.store, bench.world.clock)
    mine, others = filed(bench, "800 000 001"), filed(bench, "800 000 002")
    key = proofs.keep(mine)
    proofs.keep(others)
    for number, body in enumerate([b"", b"[]", b'{"people": 5}', b'{"people": [5]}', b"\xff"]):
        bench.world.store.put(f"proofs/{number}.json", body)

    assert key.startswith("proofs/20")
    assert proofs.about(mine["people"]) == [{"key": key, **json.loads(json.dumps(mine))}]  # type: ignore[arg-type]
    assert proofs.about(()) == []
    assert {target.recording_id for target in proofs.targets()} == {one.recording_id for one in bench.recordings[1:]}


def test_no_proof_is_ever_overwritten(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    proofs = Proofs(bench.world.store, bench.world.clock)
    monkeypatch.setattr("secrets.token_hex", lambda count: "0" * count)
    proofs.keep({"proof": 1})

    with pytest.raises(PreconditionFailed):
        proofs.keep({"proof": 2})
