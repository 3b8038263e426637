"""What expired (ADR 0010), under the rules that it bends or leans on."""

from tests.mutations.mutation import Mutation, at
from tests.mutations.operations import always, ignoring, passing, rewriting, skipping, storing, without

EXPIRY = ("unit/ledger/test_expiry.py",)

MUTATIONS = (
    Mutation(
        7,
        "what expired is published again by redrive or repair",
        at("ledger.expiry", "expired"),
        rewriting("State.EXPIRED", "State.FAILED"),
        EXPIRY,
    ),
    Mutation(
        7,
        "what expired is fetched again when a message comes late",
        at("copying.copier", "_attempt"),
        rewriting("State.EXPIRED", "State.FAILED"),
        EXPIRY,
    ),
    Mutation(
        7,
        "an object that is lost has expired before its time",
        at("ledger.expiry", "is_over"),
        ignoring("_clock", "stored_at"),
        EXPIRY,
    ),
    Mutation(
        7,
        "an object that stands has expired",
        at("copying.stored", "has_expired"),
        ignoring("existing"),
        EXPIRY,
    ),
    Mutation(
        7,
        "what was stamped again meanwhile has expired all the same",
        at("ledger.expiry", "expired"),
        storing("stored_at", None),
        EXPIRY,
    ),
    Mutation(
        7,
        "a row is said to stand that expired meanwhile",
        at("ledger.ledger", "restamped"),
        passing("OneOf", 0, "(State.STORED, State.EXPIRED)"),
        EXPIRY,
    ),
    Mutation(
        7,
        "nobody asks what has expired",
        at("polling.poller", "poll"),
        skipping("_ask_what_expired"),
        EXPIRY,
    ),
    Mutation(
        7,
        "what was asked about is asked about by every poll",
        at("ledger.expiry", "asked"),
        passing("_update_if", 1, "{}"),
        EXPIRY,
    ),
    Mutation(
        7,
        "what expired while it was asked about is asked about again",
        at("ledger.expiry", "asked"),
        passing("_update_if", 2, "{}"),
        EXPIRY,
    ),
    Mutation(
        14,
        "the row of what expired is forgotten",
        at("copying.stored", "expire"),
        skipping("put_rows"),
        EXPIRY,
    ),
    Mutation(
        18,
        "of two rows of one time the one that names audio may win",
        at("lake.arrow_rows", "ranks_of"),
        always("column_names"),
        EXPIRY,
    ),
    Mutation(
        18,
        "a rebuild brings back the name of audio that expired",
        at("operations.rebuild", "rows"),
        without("row_of", "expired"),
        EXPIRY,
    ),
)
