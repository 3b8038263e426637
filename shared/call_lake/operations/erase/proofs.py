"""Keep the proofs of erasures in the bucket, and find the earlier ones of the same people (ADR 0035).

A proof holds no number and no name. The people are HMACs under the stack's key of recording ids, so a later erasure of
the same people finds it, and nobody without the key can test a guess.
"""

import json
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from call_lake.model.layout import PROOFS, proof_key
from call_lake.model.recording_ids import RecordingIds
from call_lake.operations.erase.eraser import ErasureReport
from call_lake.operations.erase.targets import NoProof, Target, proved_by
from call_lake.ports import Clock, ObjectStore

PROOF_VERSION = 1


@dataclass(frozen=True, slots=True)
class Stamp:
    """Where an erasure ran, and for whom. ``by``: who ran it, as AWS knows them. ``version``: of Call Lake.
    ``reference``: the operator's own, of the request to erase. ``people``: their HMACs; None where the stack's key
    cannot be read."""

    stack: str
    account: str
    region: str
    version: str
    by: str
    reference: str | None
    people: tuple[str, ...] | None


def people_of(report: ErasureReport, ids: RecordingIds) -> tuple[str, ...]:
    """The people of an erasure, each as one HMAC for all spellings."""
    return tuple(sorted(ids.of_person(kind, text) for kind, text in report.request.people.normalised))


def proof_of(report: ErasureReport, stamp: Stamp) -> dict[str, Any]:
    """A proof as it is filed."""
    return {"proof": PROOF_VERSION, **asdict(stamp), "clean": report.is_clean, **report.to_json()}


class Proofs:
    """The proofs that a bucket keeps. Nothing of Call Lake overwrites or deletes one."""

    def __init__(self, store: ObjectStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def keep(self, proof: dict[str, Any]) -> str:
        """Store a proof, and return its key. Raises what S3 refuses it with."""
        key = proof_key(self._clock.now(), secrets.token_hex(8))
        body = json.dumps(proof, indent=2, ensure_ascii=False).encode()
        self._store.put(key, body, if_none_match=True, content_type="application/json")
        return key

    def about(self, people: Iterable[str]) -> list[dict[str, Any]]:
        """The kept proofs of any of these people, oldest first, each with its ``key``. What is no proof is left
        out."""
        wanted = set(people)
        proofs = ({"key": key, **_read(body)} for key, body in (self._bodies() if wanted else ()))
        found = [proof for proof in proofs if not wanted.isdisjoint(proof.get("people") or ())]
        return sorted(found, key=lambda proof: str(proof.get("ended_at")))  # keys of one second are in no order

    def targets(self) -> frozenset[Target]:
        """The recordings of all kept proofs. What is no proof is left out."""
        found: frozenset[Target] = frozenset()
        for _, body in self._bodies():
            with suppress(NoProof):
                found |= proved_by(body.decode("utf-8", "replace"))
        return found

    def _bodies(self) -> Iterator[tuple[str, bytes]]:
        for info in self._store.list(PROOFS):
            if (found := self._store.get(info.key)) is not None:
                yield info.key, found[0]


def _read(body: bytes) -> dict[str, Any]:
    try:
        proof = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    is_proof = isinstance(proof, dict) and isinstance(proof.get("people"), list)
    return proof if is_proof and all(isinstance(one, str) for one in proof["people"]) else {}
