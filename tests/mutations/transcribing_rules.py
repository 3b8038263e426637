"""Rule 30: one job for each recording, within the day's hours, seen to its end."""

from tests.mutations.mutation import Mutation, at
from tests.mutations.operations import always, before, giving, ignoring, never, rewriting, skipping, uncaught

STARTER = ("unit/transcribing/test_starter.py",)
ENDED = ("unit/transcribing/test_ended.py",)
LEDGER = ("unit/ledger/test_transcripts.py",)
HOURS = ("unit/ledger/test_transcribed_hours.py",)
DEPLOY = ("unit/cli/stack/test_transcription.py",)

MUTATIONS = (
    Mutation(
        30,
        "the hours of a day have no end",
        at("ledger.transcribed_hours", "TranscribedHours.admit"),
        never("left_s"),
        HOURS,
    ),
    Mutation(
        30,
        "two transcribers take the last hour both",
        at("ledger.transcribed_hours", "TranscribedHours._write"),
        rewriting("{name: OneOf((item.get(name),)) for name in ('day', 'used_s')}", "{}"),
        HOURS,
    ),
    Mutation(
        30,
        "yesterday's hours are given back to today",
        at("ledger.transcribed_hours", "TranscribedHours.give_back"),
        ignoring("admitted"),
        HOURS,
    ),
    Mutation(
        30,
        "a recording is counted when its job has started",
        at("transcribing.starter", "Starter._start"),
        before(("admitted", "admit"), "self._jobs.start(wanted)"),
        STARTER,
    ),
    Mutation(
        30,
        "what did not start stays counted",
        at("transcribing.starter", "Starter._not_started"),
        skipping("give_back"),
        STARTER,
    ),
    Mutation(
        30,
        "a recording beyond the day's hours is forgotten",
        at("transcribing.starter", "Starter._wait"),
        skipping("waiting"),
        STARTER,
    ),
    Mutation(
        30,
        "audio of unknown length is free",
        at("transcribing.limits", "counted_s"),
        rewriting("min(MOST_S, wanted.bytes / BYTES_PER_S)", "0.0"),
        STARTER,
    ),
    Mutation(
        30,
        "a known recording is asked for again at each event",
        at("transcribing.starter", "_is_wanted"),
        always("WAITING"),
        STARTER,
    ),
    Mutation(
        30,
        "who asked again once is heard at each delivery",
        at("transcribing.starter", "_is_wanted"),
        ignoring("changed_at"),
        STARTER,
    ),
    Mutation(
        30,
        "who asks again gets the old job's name refused",
        at("transcribing.starter", "Starter._start"),
        never("attempts"),
        STARTER,
    ),
    Mutation(
        30,
        "an erased recording is transcribed",
        at("transcribing.starter", "Starter.start"),
        never("ERASED"),
        STARTER,
    ),
    Mutation(
        30,
        "what Amazon Transcribe never takes is asked for",
        at("transcribing.starter", "Starter.start"),
        giving("refusal_of", "''"),
        STARTER,
    ),
    Mutation(
        30,
        "what the queue gives up is lost",
        at("transcribing.starter", "Starter.later"),
        always("TRIES_IN_QUEUE"),
        STARTER,
    ),
    Mutation(
        30,
        "a batch without room goes on asking",
        at("transcribing.transcriber", "Transcriber.take"),
        rewriting("refusal or self._starter.start(asked)", "self._starter.start(asked)"),
        STARTER,
    ),
    Mutation(
        30,
        "a late note that a job runs undoes what was read meanwhile",
        at("transcribing.starter", "Starter._note_running"),
        giving("as_read", "{}"),
        STARTER,
    ),
    Mutation(
        30,
        "the transcriber writes over what another has written",
        at("ledger.transcripts", "as_read"),
        rewriting("OneOf((entry.state,))", "OneOf(tuple(TranscriptState))"),
        LEDGER,
    ),
    Mutation(
        30,
        "an erased transcript comes back",
        at("ledger.transcripts", "TranscriptLedger._change"),
        never("expect"),
        LEDGER,
    ),
    Mutation(
        30,
        "a job that failed is no failure",
        at("transcribing.ended", "EndedJobs._look"),
        skipping("fail", "reason"),
        ENDED,
    ),
    Mutation(
        30,
        "a job that nobody heard of is never looked at",
        at("transcribing.sweep", "Sweep.run"),
        skipping("look"),
        ENDED,
    ),
    Mutation(
        30,
        "a document that S3 did not tell of is told to nobody",
        at("transcribing.ended", "EndedJobs._ended"),
        skipping("send"),
        ENDED,
    ),
    Mutation(
        30,
        "a job without a document starts again for ever",
        at("transcribing.ended", "EndedJobs._ended"),
        never("MOST_ATTEMPTS"),
        ENDED,
    ),
    Mutation(
        30,
        "a masked document stays where nobody looks",
        at("transcribing.ended", "EndedJobs._moved"),
        skipping("put"),
        ENDED,
    ),
    Mutation(
        30,
        "the job of an erased recording stays",
        at("transcribing.ended", "EndedJobs.look"),
        ignoring("ERASED", "_books"),
        ENDED,
    ),
    Mutation(
        30,
        "a sweep sends more than the day has room for",
        at("transcribing.sweep", "Sweep._send_waiting"),
        never("left_s"),
        ENDED,
    ),
    Mutation(
        30,
        "what a sweep sends is never sent again",
        at("transcribing.sweep", "Sweep._send"),
        rewriting("IN_QUEUE", "timedelta(days=9999)"),
        ENDED,
    ),
    Mutation(
        30,
        "one item that somebody changed stops all sweeps",
        at("transcribing.sweep", "Sweep._due"),
        uncaught("KeyError"),
        ENDED,
    ),
    Mutation(
        30,
        "masking is asked for in a language that has none",
        at("model.transcribing", "why_unfit"),
        never("REDACTED_LANGUAGES"),
        DEPLOY,
    ),
)
