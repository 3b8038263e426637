"""Rule 24: no request leaves that AWS's models refuse, also not one of a library."""

from tests.mutations.mutation import Mutation, at
from tests.mutations.operations import always, becoming, ignoring, never, returning, rewriting, skipping, uncaught

REQUESTS = ("unit/aws/strict/test_requests.py",)
PATTERNS = ("unit/aws/strict/test_patterns.py",)
LIMITS = ("unit/aws/strict/test_limits.py",)

_requests = "aws.strict.requests"
_patterns = "aws.strict.patterns"
_limits = "aws.strict.limits"

MUTATIONS = (
    Mutation(
        24, "a function's requests are not checked", at("aws.client", "client"), never("strict_requests"), REQUESTS
    ),
    Mutation(
        24,
        "every function loads the check",
        at("aws.client", "client"),
        always("strict_requests"),
        REQUESTS,
    ),
    Mutation(
        24,
        "the requests to the laptop's stack are not checked",
        at("call_lake_local.endpoint", "Endpoint.client"),
        skipping("check_every_request"),
        REQUESTS,
    ),
    Mutation(
        24,
        "a command's requests to the laptop's stack are not checked",
        at("call_lake_cli.stack.handle", "Stack._session"),
        skipping("check_every_request"),
        REQUESTS,
    ),
    Mutation(24, "what is found is not raised", at(_requests, "_check"), never("found"), REQUESTS),
    Mutation(24, "no pattern is held", at(_requests, "_of_text"), never("fits"), REQUESTS),
    Mutation(24, "no enumeration is held", at(_requests, "_of_text"), never("allowed"), REQUESTS),
    Mutation(24, "nothing is too small", at(_requests, "_of_size"), never("lowest"), REQUESTS),
    Mutation(24, "nothing is too large", at(_requests, "_of_size"), never("highest"), REQUESTS),
    Mutation(
        24, "a map's key may be anything", at(_requests, "_of_value"), rewriting("shape.key", "shape.value"), REQUESTS
    ),
    Mutation(
        24, "an unknown pattern passes", at(_requests, "_of_text"), uncaught("UntranslatablePatternError"), REQUESTS
    ),
    Mutation(24, "a phone number is shown", at(_requests, "PLAIN_NAME"), becoming("re.compile('.*')"), REQUESTS),
    Mutation(24, "the pages' limits are not held", at(_requests, "complaints"), never("has_errors"), REQUESTS),
    Mutation(
        24,
        "a pattern holds for a part of a text",
        at(_patterns, "fits"),
        rewriting("_compiled(pattern).fullmatch(text)", "_compiled(pattern).search(text)"),
        PATTERNS,
    ),
    Mutation(
        24,
        "Java's digits are those of all alphabets",
        at(_patterns, "_compiled"),
        rewriting("re.ASCII", "re.UNICODE"),
        PATTERNS,
    ),
    Mutation(24, "a full stop is any character", at(_patterns, "_one"), never("text", "in_class"), PATTERNS),
    Mutation(
        24, "a hyphen after a shorthand is a range", at(_patterns, "_translated"), ignoring("after_shorthand"), PATTERNS
    ),
    Mutation(24, "a batch may be too long", at(_limits, "_send_batch"), never("size"), LIMITS),
    Mutation(
        24,
        "a message's labels weigh nothing",
        at(_limits, "_message_bytes"),
        returning("size_bytes(entry['MessageBody'])"),
        LIMITS,
    ),
    Mutation(24, "events may be too long together", at(_limits, "_put_events"), never("size"), LIMITS),
    Mutation(
        24,
        "a request may delete nothing",
        at(_limits, "_objects"),
        rewriting("1 <= len(objects) <= DELETED_KEYS", "len(objects) <= DELETED_KEYS"),
        LIMITS,
    ),
    Mutation(24, "a placeholder needs no meaning", at(_limits, "_table"), skipping("_placeholders"), LIMITS),
    Mutation(24, "a flag means nothing", at(_patterns, "_one"), never("flags"), PATTERNS),
    Mutation(24, "what only looks like Java's passes", at(_patterns, "_translated"), never("unlike"), PATTERNS),
    Mutation(24, "a key may be too long", at(_limits, "_objects"), never("KEY_BYTES"), LIMITS),
    Mutation(24, "a number may be out of its range", at(_limits, "RANGES"), becoming("{}"), LIMITS),
    Mutation(24, "a message may hold any character", at(_limits, "_message"), never("NO_TEXT_OF_SQS"), LIMITS),
    Mutation(24, "a label may have any name", at(_limits, "_message"), never("LABEL"), LIMITS),
    Mutation(24, "a key may be asked for twice", at(_limits, "_batch_get"), never("keys"), LIMITS),
    Mutation(24, "a query may be too long", at(_limits, "_query"), never("QUERY_BYTES"), LIMITS),
    Mutation(24, "a parameter may be too long", at(_limits, "_put_parameter"), never("PARAMETER_CHARACTERS"), LIMITS),
    Mutation(24, "an event need not be JSON", at(_limits, "_put_events"), never("_is_json_object"), LIMITS),
    Mutation(
        24,
        "a transcript's key has an equals sign",
        at("model.layout", "Partition.transcripts_of"),
        rewriting("self.source", "self.path"),
        REQUESTS,
    ),
    Mutation(
        24,
        "a request that boto3 calls malformed is tried for a week",
        at("aws.transcribe", "TranscribeJobs.start"),
        uncaught("ParamValidationError"),
        ("unit/aws/test_transcribe.py",),
    ),
)
