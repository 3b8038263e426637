"""Rule 34: a speech engine loses no recording, touches nothing else, and invents no text."""

from tests.mutations.mutation import Mutation, at
from tests.mutations.operations import giving, ignoring, never, skipping, swapping, uncaught

LIBRARY = ("unit/engines/test_engine_library.py",)
WORKER = ("unit/engines/test_whisper_worker.py",)
DEPLOYED = ("unit/deployment/test_engines.py",)

_serve_one = at("call_lake_engine", "Engine.serve_one")
_serve = at("call_lake_engine", "Engine._serve")
_whisper = at("whisper_worker", "Whisper._hear")

MUTATIONS = (
    Mutation(
        34,
        "a message is deleted before its document is written",
        _serve_one,
        swapping("_Heartbeat", "delete_message"),
        LIBRARY,
    ),
    Mutation(
        34, "an engine that is ended keeps its message", _serve_one, skipping("change_message_visibility"), LIBRARY
    ),
    Mutation(34, "an error ends the engine", _serve_one, uncaught("Exception"), LIBRARY),
    Mutation(34, "what cannot be used is tried again and again", _serve, uncaught("Unusable"), LIBRARY),
    Mutation(34, "erased audio gets a document", _serve, never("_download"), LIBRARY),
    Mutation(
        34,
        "a missing right is taken for erased audio",
        at("call_lake_engine", "_download"),
        never("list_objects_v2"),
        LIBRARY,
    ),
    Mutation(
        34,
        "any message names what is read and written",
        at("call_lake_engine", "of_message"),
        never("AUDIO"),
        LIBRARY,
    ),
    Mutation(
        34,
        "a key in a message leads out of its folder",
        at("call_lake_engine", "of_message"),
        ignoring("AUDIO"),
        LIBRARY,
    ),
    Mutation(
        34,
        "SQS is not told of long work",
        at("call_lake_engine", "_beat"),
        skipping("change_message_visibility"),
        LIBRARY,
    ),
    Mutation(
        34, "recordings of other sources are transcribed", at("call_lake_engine", "takes"), never("_sources"), LIBRARY
    ),
    Mutation(34, "the model hears silence", _whisper, never("find_voices"), WORKER),
    Mutation(34, "a text that repeats itself is kept", at("whisper_worker", "_segments"), never("REPETITIVE"), WORKER),
    Mutation(
        34, "the sides of a call are not told apart", at("whisper_worker", "Whisper.transcribe"), never("sides"), WORKER
    ),
    Mutation(
        34, "Amazon's name is an engine's", at("call_lake_local.engine", "check_engines"), never("AWS_ENGINE"), DEPLOYED
    ),
    Mutation(
        34, "two engines share a name", at("call_lake_local.engine", "check_engines"), giving("sorted", "[]"), DEPLOYED
    ),
    Mutation(
        34, "an engine moves and loses its queue", at("call_lake_local.engine", "check_engines"), never("at"), DEPLOYED
    ),
)
