"""Rule 32: each stored recording has one row of sound, or a row that says why not."""

from tests.mutations.mutation import Mutation, at
from tests.mutations.operations import never, rewriting, skipping

ANALYZER = ("unit/sound/test_analyzer.py",)
TRUTH = ("unit/sound/test_truth.py", "unit/sound/test_analysis.py")
DECODER = ("unit/sound/test_decoder.py",)

MUTATIONS = (
    Mutation(
        32,
        "a row of sound is left for a recording that was erased meanwhile",
        at("sound.analyzer", "SoundAnalyzer._write"),
        skipping("delete"),
        ANALYZER,
    ),
    Mutation(
        32,
        "an erased recording's sound is measured",
        at("sound.analyzer", "SoundAnalyzer.analyze"),
        never("erased"),
        ANALYZER,
    ),
    Mutation(
        32,
        "a recording is begun that may not end in time",
        at("sound.analyzer", "SoundAnalyzer.analyze"),
        never("until_s"),
        ANALYZER,
    ),
    Mutation(
        32,
        "what the library does not read is downloaded",
        at("sound.limits", "why_unread"),
        never("format"),
        ANALYZER,
    ),
    Mutation(
        32,
        "a download has no bound",
        at("sound.analyzer", "SoundAnalyzer._download"),
        rewriting("LARGEST_BYTES", "1e18"),
        ANALYZER,
    ),
    Mutation(
        32,
        "a key is made of what is no recording's",
        at("sound.analyzer", "StoredSound.of_detail"),
        never("FORMAT"),
        ANALYZER,
    ),
    Mutation(
        32,
        "a broken package leaves rows for all recordings",
        at("sound.reader", "SoundReader.measured"),
        never("ready"),
        DECODER,
    ),
    Mutation(
        32,
        "files are read by one process, which the first of them may end",
        at("sound.decoder", "serve"),
        rewriting("os.fork()", "0"),
        DECODER,
    ),
    Mutation(
        32,
        "the process that reads a file has no limits",
        at("sound.decoder", "limit"),
        skipping("setrlimit"),
        DECODER,
    ),
    Mutation(
        32,
        "an echo counts as talk",
        at("sound.voice", "talk_of"),
        never("other"),
        TRUTH,
    ),
    Mutation(
        32,
        "a mono call in a stereo file is talk of both",
        at("sound.analysis", "Meter.sound"),
        rewriting("not self._is_one_call_twice", "True"),
        TRUTH,
    ),
)
