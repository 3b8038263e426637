"""Rule 26: a search that leaves nothing out, and audio that nobody gets without a line in the access log."""

from tests.mutations.mutation import Mutation, at
from tests.mutations.operations import always, never, rewriting, skipping, without

SEARCH = ("unit/lake/test_calls.py",)
READING = ("unit/lake/test_reading.py",)
GET = ("unit/cli/commands/test_get.py",)
EXPORT = ("unit/cli/commands/test_export.py",)
FIND = ("unit/cli/commands/test_find.py",)
SPOKEN = ("unit/lake/test_spoken.py",)
PHRASES = ("unit/model/test_phrases.py",)
PAGE = ("unit/cli/listening/test_pages_questions.py",)

MUTATIONS = (
    Mutation(
        26,
        "a number is compared at one end alone",
        at("lake.calls", "_fits"),
        rewriting("pc.or_(caller, callee)", "caller"),
        SEARCH,
    ),
    Mutation(
        26,
        "a stored number is read as one of Poland",
        at("lake.calls", "CallReader._fitting"),
        rewriting("self._countries.get(partition.source, DEFAULT_COUNTRY)", "DEFAULT_COUNTRY"),
        SEARCH,
    ),
    Mutation(
        26,
        "days are listed by the first one alone",
        at("lake.manifest", "_of_days"),
        rewriting("commonprefix([first.isoformat(), last.isoformat()])", "first.isoformat()"),
        SEARCH,
    ),
    Mutation(
        26,
        "what is no day is taken as it is",
        at("__init__", "_day"),
        always("isoformat"),
        READING,
    ),
    Mutation(
        26,
        "a line of the access log replaces another",
        at("bucket.access_log", "AccessLog.note"),
        without("put", "if_none_match"),
        ("unit/bucket/test_access_log.py",),
    ),
    Mutation(
        26,
        "get hands out audio without a line",
        at("call_lake_cli.commands.get", "get"),
        skipping("note"),
        GET,
    ),
    Mutation(
        26,
        "export hands out audio without a line",
        at("call_lake_cli.commands.export", "export"),
        skipping("note"),
        EXPORT,
    ),
    Mutation(
        26,
        "words are printed without a line",
        at("call_lake_cli.commands.find", "find"),
        skipping("note_search"),
        FIND,
    ),
    Mutation(
        26,
        "words are shown on the page without a line",
        at("call_lake_cli.listening.library", "Library.search"),
        skipping("_note"),
        PAGE,
    ),
    Mutation(
        26,
        "a search for other recordings finds all calls of a day",
        at("lake.spoken", "SpokenReader.calls"),
        rewriting("said.keys() & wanted.ids if wanted.ids else said.keys()", "wanted.ids or said.keys()"),
        SPOKEN,
    ),
    Mutation(
        26,
        "a part of a word is a hit",
        at("model.phrases", "Phrase._in_run"),
        rewriting(
            "words[position] == self.words[0] and tuple(words[position:position + length]) == self.words",
            "all(part in word for part, word in zip(self.words, words[position:]))",
        ),
        PHRASES,
    ),
    Mutation(
        26,
        "the quick question compares accents",
        at("model.names", "decomposed"),
        rewriting("unicodedata.normalize('NFKD', text)", "text"),
        PHRASES,
    ),
    Mutation(
        26,
        "the other side's words end a phrase",
        at("model.phrases", "_sides"),
        rewriting("sides.setdefault(segments[number].channel, [])", "sides.setdefault(None, [])"),
        PHRASES,
    ),
    Mutation(
        26,
        "other bytes than the stored ones are handed out",
        at("call_lake_cli.stack.audio", "copy_audio"),
        never("hexdigest"),
        (*GET, *EXPORT),
    ),
    Mutation(
        26,
        "an export has calls that are not in its line",
        at("call_lake_cli.commands.export", "_write"),
        rewriting("row['recording_id'] in left", "True"),
        EXPORT,
    ),
    Mutation(
        26,
        "an export has calls that may be another person's",
        at("call_lake_cli.commands.export", "_by_options"),
        never("may_be_another"),
        EXPORT,
    ),
    Mutation(
        26,
        "an export has rows of what was erased",
        at("call_lake_cli.commands.export", "_add"),
        rewriting("entry.state is State.ERASED", "False"),
        EXPORT,
    ),
    Mutation(
        26,
        "a file that came meanwhile is written over",
        at("call_lake_cli.console.files", "whole_file"),
        rewriting("os.O_CREAT | os.O_EXCL", "os.O_CREAT"),
        GET,
    ),
)
