"""Rule 6, as far as it is about the key: ids and digests are made under it, and no other one publishes anything."""

from tests.mutations.mutation import Mutation, at
from tests.mutations.operations import always, ignoring, never, rewriting, storing, uncaught, without

IDS = ("unit/model/test_recording_ids.py",)
KEY = ("unit/ledger/test_id_key.py",)
POLLS = ("unit/polling/test_id_key_refused.py",)
NAMES = ("unit/bucket/test_inbox.py",)
ERASE = ("unit/operations/erase/test_eraser.py",)

MUTATIONS = (
    Mutation(
        6,
        "ids are made under a key that everybody knows",
        at("model.recording_ids", "_digest"),
        rewriting("self._outer.copy()", "sha256()"),
        IDS,
    ),
    Mutation(
        6,
        "a key that can be guessed is taken",
        at("model.recording_ids", "RecordingIds.__init__"),
        never("KEY_CHARACTERS_LEAST"),
        IDS,
    ),
    Mutation(
        6,
        "a key of blanks is taken",
        at("model.recording_ids", "RecordingIds.__init__"),
        never("KEY_CHARACTERS_DIFFERENT"),
        KEY,
    ),
    Mutation(
        6,
        "a fingerprint that somebody overwrote ends the program that looks at it",
        at("ledger.id_key", "check_key"),
        always("FINGERPRINT"),
        KEY,
    ),
    Mutation(
        6,
        "a zero byte moves text from key to connection",
        at("model.recording_ids", "of_collision"),
        rewriting("len(provider_key)", "0"),
        IDS,
    ),
    Mutation(
        6,
        "two sources show that they list one file",
        at("model.recording_ids", "of_key"),
        rewriting("f'recording\\0{source}\\0{provider_key}'", "f'recording\\0{provider_key}'"),
        IDS,
    ),
    Mutation(
        6,
        "a tombstone keeps the connection id in clear",
        at("ledger.ledger", "Ledger._bury"),
        storing("connection_id", "item.get('connection_id')"),
        ERASE,
    ),
    Mutation(
        6,
        "a key of another stack is let in",
        at("ledger.id_key", "check_key"),
        never("known", "ids"),
        KEY,
    ),
    Mutation(
        6,
        "ids of the old kind are mixed with keyed ones",
        at("ledger.id_key", "check_key"),
        never("polled"),
        KEY,
    ),
    Mutation(
        6,
        "who only looks notes the key",
        at("ledger.id_key", "IdKey.ids"),
        ignoring("first_use"),
        KEY,
    ),
    Mutation(
        6,
        "of two first polls the second one's key wins",
        at("ledger.id_key", "IdKey.ids"),
        without("update", 2),
        KEY,
    ),
    Mutation(
        6,
        "a warm poller asks for the key at every poll",
        at("ledger.id_key", "IdKey.ids"),
        always("_ids"),
        POLLS,
    ),
    Mutation(
        6,
        "a key that was put right counts only when a cache has expired",
        at("wiring.poller", "_read_id_key"),
        without("get", "fresh"),
        ("contract/test_aws_adapters.py",),
    ),
    Mutation(
        6,
        "a poll under another key publishes what is due",
        at("polling.poller", "Poller.poll"),
        never("_check_id_key"),
        POLLS,
    ),
    Mutation(
        6,
        "a refused key ends the function, and status says nothing",
        at("polling.poller", "_try"),
        uncaught("KeyRefused"),
        POLLS,
    ),
    Mutation(
        6,
        "a known key with another connection is left out before it is looked at",
        at("polling.publisher", "_not_remembered"),
        ignoring("connection_id"),
        ("unit/polling/test_collisions.py", "unit/polling/test_polling.py"),
    ),
    Mutation(
        6,
        "a number is hashed into the name of an inbox object",
        at("bucket.inbox", "put_rows"),
        always("unnamed"),
        NAMES,
    ),
    Mutation(
        6,
        "a row set aside overwrites another one of its place",
        at("bucket.quarantine", "_put"),
        without("put", "if_none_match"),
        NAMES,
    ),
    Mutation(
        6,
        "a number is hashed into the name of what an erasure keeps",
        at("operations.erase.bucket_places", "InboxObjects._before_deletion"),
        rewriting("list(kept)", "body"),
        ERASE,
    ),
)
