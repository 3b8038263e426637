"""Rules 12 to 15: what is stored, and in which order."""

from tests.mutations.mutation import Mutation, at
from tests.mutations.operations import always, before, calling, giving, ignoring, never, passing, skipping, without

COPYING = ("unit/copying/test_copying.py",)
AUDIO = ("unit/audio/test_audio.py", "unit/audio/test_audio_spool.py")
RULES = ("unit/copying/test_copying_rules.py",)
INTERIM = ("unit/providers/http/test_http_interim.py",)

MUTATIONS = (
    Mutation(
        12,
        "the provider is believed that it is audio",
        at("audio.inspection", "inspect"),
        giving("sniff", "'wav'"),
        AUDIO,
    ),
    Mutation(
        12,
        "a page that is followed by other bytes is no page",
        at("audio.sniff", "_no_audio"),
        never("MARKUP"),
        AUDIO,
    ),
    Mutation(
        12,
        "a body shorter than promised is stored",
        at("audio.spool", "spool"),
        never("declared", "size"),
        AUDIO,
    ),
    Mutation(
        12,
        "a file shorter than its header says is stored",
        at("audio.header", "_truncated"),
        calling("Transient", "NotReady"),
        AUDIO,
    ),
    Mutation(
        12,
        "an OGG of headers alone is stored",
        at("audio.header", "read_header"),
        skipping("_check_ogg_audio"),
        AUDIO,
    ),
    Mutation(
        12,
        "an OGG that is still written is stored",
        at("audio.inspection", "inspect"),
        never("is_finished"),
        (*AUDIO, "unit/copying/test_copying_patience.py"),
    ),
    Mutation(
        12,
        "an OGG that never marks its end is never stored",
        at("copying.fetcher", "fetch"),
        without("inspect", 2),
        ("unit/copying/test_copying_patience.py",),
    ),
    Mutation(
        12,
        "a recording may be of any size",
        at("audio.spool", "spool"),
        never("max_bytes", "size"),
        AUDIO,
    ),
    Mutation(
        12,
        "an interim answer is taken for the answer",
        at("providers.http.transport", "_read_status"),
        before("parse_headers", "return version, status, reason"),
        INTERIM,
    ),
    Mutation(
        12,
        "a connection on which bytes wait is used again",
        at("providers.http.transport", "is_connected"),
        ignoring("follow"),
        INTERIM,
    ),
    Mutation(
        12,
        "a body that is compressed more than once is read",
        at("providers.http.decompress", "coding_of"),
        never("len"),
        ("unit/providers/http/test_http_bodies.py",),
    ),
    Mutation(
        12,
        "bytes in flight are not budgeted",
        at("concurrency", "_may_take"),
        always("_limit"),
        AUDIO,
    ),
    Mutation(
        13,
        "an object that stands is overwritten",
        at("bucket.audio_objects", "put"),
        passing("put", "if_none_match", "False"),
        COPYING,
    ),
    Mutation(
        13,
        "another attempt's object is taken for one's own",
        at("bucket.audio_objects", "put"),
        before(("_store", "head"), "return StoredAudio(self._store.bucket, key, facts, _rounded(now))"),
        COPYING,
    ),
    Mutation(
        13,
        "S3 is not told the SHA-256",
        at("bucket.audio_objects", "put"),
        without("put", "sha256"),
        COPYING,
    ),
    Mutation(
        13,
        "a 409 is not tried again",
        at("bucket.audio_objects", "put"),
        always("CONFLICT_TRIES"),
        RULES,
    ),
    Mutation(
        13,
        "audio that stands is downloaded again",
        at("copying.copier", "_attempt"),
        giving("existing", "[]"),
        COPYING,
    ),
    Mutation(
        13,
        "the loser of two formats leaves its object",
        at("copying.copier", "_settle"),
        skipping("drop_strays"),
        COPYING,
    ),
    Mutation(
        14,
        "STORED is written before row and event",
        at("copying.copier", "_finish"),
        before("put_rows", "in_threads(self._settle_safely, copied, self._threads)"),
        COPYING,
    ),
    Mutation(
        14,
        "the row is forgotten",
        at("copying.copier", "_finish"),
        skipping("put_rows"),
        COPYING,
    ),
    Mutation(
        14,
        "a recording whose event was refused is STORED",
        at("copying.copier", "_finish"),
        always("refused", "position"),
        COPYING,
    ),
    Mutation(
        14,
        "a message is done although the ledger was not written",
        at("copying.copier", "_settle_safely"),
        passing("Outcome", 1, "Result.NOTHING_TO_DO"),
        RULES,
    ),
    Mutation(
        15,
        "nobody looks whether it was erased meanwhile",
        at("copying.copier", "_attempt"),
        never("_is_erased"),
        COPYING,
    ),
    Mutation(
        15,
        "an object of an attempt that died stays when it was erased",
        at("copying.copier", "_attempt"),
        skipping("erase_audio", "listed"),
        ("unit/copying/test_copying_erased.py",),
    ),
    Mutation(
        15,
        "an old version of an erased object stays",
        at("bucket.audio_objects", "erase_audio"),
        giving("delete_versions", "store.delete([one.key for one in store.list_versions(audio_prefix(recording))])"),
        ("unit/copying/test_copying_erased.py",),
    ),
    Mutation(
        15,
        "who comes too late to an erasure keeps the object",
        at("copying.copier", "_settle"),
        never("ERASED"),
        RULES,
    ),
)
