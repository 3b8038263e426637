"""What expired (ADR 0010), under the rules that it bends or leans on."""

from tests.mutations.mutation import Mutation

EXPIRY = ("unit/ledger/test_expiry.py",)

MUTATIONS = (
    Mutation(
        7,
        "what expired is published again by redrive or repair",
        "ledger/expiry.py",
        '{"state": State.EXPIRED, "expired_at"',
        '{"state": State.FAILED, "expired_at"',
        EXPIRY,
    ),
    Mutation(
        7,
        "what expired is fetched again when a message comes late",
        "copying/copier.py",
        "if entry.state in (State.FAILED, State.EXPIRED):",
        "if entry.state is State.FAILED:",
        EXPIRY,
    ),
    Mutation(
        7,
        "an object that is lost has expired before its time",
        "ledger/expiry.py",
        "return bool(self._kept) and self._clock.now() - audio.stored_at >= self._kept",
        "return bool(self._kept)",
        EXPIRY,
    ),
    Mutation(
        7,
        "an object that stands has expired",
        "copying/stored.py",
        "return not standing and entry.audio is not None and",
        "return entry.audio is not None and",
        EXPIRY,
    ),
    Mutation(
        7,
        "what was stamped anew meanwhile has expired all the same",
        "ledger/expiry.py",
        '{"state": OneOf((State.STORED,)), "stored_at": OneOf((iso(entry.audio.stored_at),))}',
        '{"state": OneOf((State.STORED,))}',
        EXPIRY,
    ),
    Mutation(
        7,
        "a row is said to stand that expired meanwhile",
        "ledger/ledger.py",
        "return self._update_if(entry.recording_id, changes, OneOf((entry.state,)))",
        "return self._update_if(entry.recording_id, changes, OneOf((State.STORED, State.EXPIRED)))",
        EXPIRY,
    ),
    Mutation(
        7,
        "nobody asks what has expired",
        "polling/poller.py",
        "        self._try(self._ask_what_expired)\n",
        "",
        EXPIRY,
    ),
    Mutation(
        7,
        "what was asked about is asked about by every poll",
        "ledger/expiry.py",
        'self._update_if(entry, {"due_at": iso(due_at)})',
        "self._update_if(entry, {})",
        EXPIRY,
    ),
    Mutation(
        14,
        "the row of what expired is forgotten",
        "copying/stored.py",
        "        inbox.put_rows(self._store, rows)\n",
        "",
        EXPIRY,
    ),
    Mutation(
        18,
        "of two rows of one time the one that names audio may win",
        "lake/arrow_rows.py",
        'rank = pc.add(rank, pc.is_null(table["audio_uri"]).cast(pa.int64()))',
        "pass",
        EXPIRY,
    ),
    Mutation(
        18,
        "a rebuild brings back the name of audio that expired",
        "operations/rebuild.py",
        "row_of(entry.recording, audio, expired=entry.state is State.EXPIRED)",
        "row_of(entry.recording, audio)",
        EXPIRY,
    ),
)
