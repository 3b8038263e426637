"""Put the parts together for the command line: those that a stack's functions have, with the operator's credentials."""

from typing import Any, Protocol

from call_lake.aws.clock import SystemClock
from call_lake.aws.dynamodb import DynamoTable
from call_lake.aws.glue import GlueCatalog
from call_lake.aws.messages import SqsDeadLetters, SqsQueue
from call_lake.aws.parameters import SecretsManagerSecrets
from call_lake.aws.s3 import S3ObjectStore
from call_lake.aws.transcribe import TranscribeJobs
from call_lake.ledger.id_key import IdKey
from call_lake.ledger.ledger import Ledger
from call_lake.ledger.transcripts import TranscriptLedger
from call_lake.model.layout import DOCUMENTS
from call_lake.model.recording_ids import RecordingIds
from call_lake.ports import Provider
from call_lake.providers import make_provider
from call_lake.settings import CompactorSettings, SourceSettings, TranscriberSettings, from_environment

CLOCK = SystemClock()


class Stack(Protocol):
    """What the parts need to know of a deployed stack; the command line's ``Stack`` has it."""

    @property
    def name(self) -> str: ...

    @property
    def dlq_url(self) -> str: ...

    @property
    def database(self) -> str:
        """The Glue database of its tables."""

    @property
    def recording_id_key(self) -> str:
        """The secret with the key of recording ids."""

    @property
    def functions(self) -> dict[str, str]:
        """The functions' names by kind: poller, copier, compactor, and the transcriber where there is one."""

    @property
    def engines(self) -> dict[str, str]:
        """The queues of the engines that transcribe, by the engine's name."""

    @property
    def sound_url(self) -> str:
        """The queue of the sound analyzer."""

    @property
    def documents_url(self) -> str:
        """The queue of documents that become transcripts."""

    @property
    def table(self) -> DynamoTable: ...

    @property
    def store(self) -> S3ObjectStore: ...

    @property
    def sources(self) -> dict[str, SourceSettings]: ...

    def client(self, service: str) -> Any:
        """A boto3 client."""


def ledger_of(stack: Stack) -> Ledger:
    """The ledger publishes a recording again after as long as its queue keeps messages (template.yaml)."""
    some_queue = next(iter(stack.sources.values())).queue_url
    wanted = "MessageRetentionPeriod"
    found = stack.client("sqs").get_queue_attributes(QueueUrl=some_queue, AttributeNames=[wanted])
    return Ledger(stack.table, CLOCK, float(found["Attributes"][wanted]))


def ids_of(stack: Stack) -> RecordingIds:
    """Recording ids under the stack's key, which is the ledger's. Raises KeyRefused, and Transient where AWS fails."""
    secrets = SecretsManagerSecrets(stack.client("secretsmanager"))
    key = IdKey(stack.table, CLOCK, lambda: secrets.get(stack.recording_id_key), lambda: stack.sources)
    return key.ids()


def compactor_settings(stack: Stack) -> CompactorSettings:
    """As the stack's own compactor has them: which tables it keeps, and when it deletes unused files."""
    found = stack.client("lambda").get_function_configuration(FunctionName=stack.functions["compactor"])
    return from_environment(CompactorSettings, found["Environment"]["Variables"])


def transcriber_settings(stack: Stack) -> TranscriberSettings:
    """As the stack's own transcriber has them: languages, and the hours of a day."""
    found = stack.client("lambda").get_function_configuration(FunctionName=stack.functions["transcriber"])
    return from_environment(TranscriberSettings, found["Environment"]["Variables"])


def catalog_of(stack: Stack) -> GlueCatalog:
    return GlueCatalog(stack.client("glue"), stack.database)


def queue_of(stack: Stack, source: SourceSettings) -> SqsQueue:
    return SqsQueue(stack.client("sqs"), source.queue_url)


def engine_queue(stack: Stack, engine: str) -> SqsQueue:
    """The queue from which an engine takes recordings. Raises KeyError for one that the stack does not have."""
    return SqsQueue(stack.client("sqs"), stack.engines[engine])


def transcripts_of(stack: Stack) -> list[TranscriptLedger]:
    """What the ledger knows of the transcripts of each engine, by the engine's name."""
    return [TranscriptLedger(stack.table, CLOCK, engine) for engine in sorted(stack.engines)]


def sound_queue(stack: Stack) -> SqsQueue:
    """The queue from which the sound analyzer takes recordings."""
    return SqsQueue(stack.client("sqs"), stack.sound_url)


def documents_queue(stack: Stack) -> SqsQueue:
    """Where a message makes a row of a transcript's document (``model.transcribing.document_written``)."""
    return SqsQueue(stack.client("sqs"), stack.documents_url)


def dead_letters_of(stack: Stack) -> SqsDeadLetters:
    return SqsDeadLetters(stack.client("sqs"), stack.dlq_url)


def provider_of(stack: Stack, source: SourceSettings) -> Provider:
    """Raises ConfigError. The provider's calls raise SecretEmpty and ConfigError for the secret."""
    secrets = SecretsManagerSecrets(stack.client("secretsmanager"))
    return make_provider(source, lambda fresh: secrets.get(source.secret, fresh=fresh), CLOCK)


def transcriptions_of(stack: Stack) -> TranscribeJobs | None:
    """None where the stack has no transcriber and no transcript. It never called Amazon Transcribe then, and its region
    may not even have the service."""
    if "transcriber" not in stack.functions and next(iter(stack.store.list_versions(DOCUMENTS)), None) is None:
        return None
    return TranscribeJobs(stack.client("transcribe"), f"{stack.name}-")
