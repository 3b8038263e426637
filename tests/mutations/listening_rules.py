"""Rule 28: each play is noted before audio leaves, and the listening page answers its own page alone."""

from tests.mutations.mutation import Mutation, at
from tests.mutations.operations import always, ignoring, never, skipping

DOOR = ("unit/cli/listening/test_door.py",)
QUESTIONS = ("unit/cli/listening/test_pages_questions.py",)

_door = "call_lake_cli.listening.door"
_loopback = "call_lake_local.loopback"
_plays = "call_lake_cli.listening.plays"
_library = "call_lake_cli.listening.library"
_documents = "call_lake_cli.listening.documents"
_app = "call_lake_cli.listening.app"

MUTATIONS = (
    Mutation(28, "nobody needs the token", at(_door, "Door.why_refused"), never("compare_digest"), DOOR),
    Mutation(28, "a page is answered under another name", at(_loopback, "why_foreign"), never("hosts"), DOOR),
    Mutation(28, "a page of another origin is answered", at(_loopback, "why_foreign"), never("origins"), DOOR),
    Mutation(28, "another site's request is answered", at(_loopback, "why_foreign"), never("sites"), DOOR),
    Mutation(28, "any path may be opened from elsewhere", at(_loopback, "why_foreign"), ignoring("is_page"), DOOR),
    Mutation(28, "the page may be framed", at(_loopback, "why_foreign"), ignoring("dests"), DOOR),
    Mutation(28, "a play is not noted", at(_plays, "Plays.begin"), skipping("note"), QUESTIONS),
    Mutation(28, "a ticket never ends", at(_plays, "Plays.find"), ignoring("until"), QUESTIONS),
    Mutation(28, "words are read without a play", at(_app, "Desk._play"), never("play"), QUESTIONS),
    Mutation(28, "a document of any size is read", at(_documents, "document_of"), always("BYTES_MAX"), QUESTIONS),
    Mutation(28, "a row's other audio is played", at(_library, "Library.audio_key"), never("fullmatch"), QUESTIONS),
)
