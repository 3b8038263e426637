"""Rule 35: every later version goes on from what an earlier one stored."""

from tests.mutations.mutation import Mutation, at
from tests.mutations.operations import becoming, returning

DATA = ("upgrade/test_data.py",)
NAMES = ("upgrade/test_names.py",)

MUTATIONS = (
    Mutation(
        35,
        "messages that waited during the upgrade are not read",
        at("model.messages", "MESSAGE_VERSION"),
        becoming("3"),
        DATA,
    ),
    Mutation(
        35,
        "a recording has another id than before the upgrade",
        at("model.recording_ids", "RecordingIds.of_key"),
        returning('f"{source}-{self._digest(provider_key)}"'),
        DATA,
    ),
    Mutation(
        35,
        "rows that waited during the upgrade are not found",
        at("model.layout", "INBOX"),
        becoming('"waiting/"'),
        DATA,
    ),
    Mutation(
        35,
        "proofs from before the upgrade are not found",
        at("model.layout", "PROOFS"),
        becoming('"proof/"'),
        DATA,
    ),
    Mutation(
        35,
        "jobs from before the upgrade have no state",
        at("ledger.jobs", "STATE"),
        becoming('"state_of_job"'),
        DATA,
    ),
    Mutation(
        35,
        "the access log moves",
        at("model.layout", "ACCESS_LOG"),
        becoming('"log/"'),
        NAMES,
    ),
)
