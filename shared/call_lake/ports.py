"""What the domain needs of the outside, as narrow interfaces.

``aws/`` implements them with boto3, ``tests/support/fakes`` in memory. The tests of ``tests/contract`` hold both to the
same behaviour; the crash suite counts and breaks the calls that go through them.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, BinaryIO, Protocol

from call_lake.model.layout import Partition
from call_lake.model.recording import ListedRecording, Recording
from call_lake.model.transcribing import Job, Start, Wanted
from call_lake.model.windows import Window


class PreconditionFailed(Exception):
    """The object or item is not as the writer expected (S3 412, DynamoDB ConditionalCheckFailed)."""


class WriteConflict(Exception):
    """Another conditional write was under way (S3 409), or the object of an ``if_match`` is gone (404): try again."""


class PartialFailure(Exception):
    """Some items of a batch call were refused; ``failed`` holds their positions in what was given (rule 10)."""

    def __init__(self, what: str, failed: Sequence[int], detail: str = "") -> None:
        super().__init__(f"{what}: {len(failed)} items were refused {detail}".rstrip())
        self.failed = tuple(failed)


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What S3 says of one object. ``size``: bytes."""

    key: str
    size: int
    etag: str
    last_modified: datetime
    metadata: Mapping[str, str] | None = None  # only ``head`` and ``get`` know it
    sha256: str | None = None  # hex; only ``head`` knows it, and only where it was given to ``put``


class ObjectStore(Protocol):
    """One S3 bucket. Reads and lists are strongly consistent, as S3's are."""

    bucket: str

    def put(
        self,
        key: str,
        body: bytes | BinaryIO,
        *,
        if_none_match: bool = False,
        if_match: str | None = None,
        sha256: str | None = None,
        metadata: Mapping[str, str] | None = None,
        content_type: str = "application/octet-stream",
    ) -> str:
        """Store one object in one request and return its ETag. ``if_none_match``: only where none exists.
        ``if_match``: only over this ETag. ``sha256`` (hex) is checked by S3. A file is read from its position 0.
        Raises PreconditionFailed, WriteConflict."""

    def get(self, key: str) -> tuple[bytes, str] | None:
        """Body and ETag, or None where there is no object."""

    def get_range(self, key: str, start: int, length: int, *, if_match: str | None = None) -> bytes:
        """``length`` bytes from ``start`` (fewer at the end). ``if_match``: only of this ETag. Raises KeyError where
        there is no object, PreconditionFailed where it has another ETag."""

    def head(self, key: str) -> ObjectInfo | None:
        """What S3 says of the object, or None where there is none."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Every object under ``prefix``, sorted by key; pages are followed."""

    def folders(self, prefix: str) -> Iterator[str]:
        """The prefixes that end with the next ``/`` after ``prefix`` and have an object, sorted; pages are followed.
        However many objects a folder has, it costs no more."""

    def delete(self, keys: Sequence[str]) -> None:
        """Delete any number of objects; absent ones are fine. Raises PartialFailure."""


class Catalog(Protocol):
    """The Glue database with the lake's tables. A query reads a table's registered partitions, and no other."""

    def registered(self, table: str) -> set[Partition]:
        """The partitions that are registered as the table is described now. Raises Transient."""

    def register(self, table: str, partitions: Sequence[Partition]) -> None:
        """Register any number of partitions as the table is described; those that are registered are updated.
        Raises Transient, and PartialFailure with the positions that were refused."""

    def unregister(self, table: str, partition: Partition) -> None:
        """Let no query look for this partition any more; it may be unregistered already. Raises Transient."""


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One version of an object. ``is_marker``: a deletion that a versioned bucket remembers; it has no bytes."""

    key: str
    version_id: str  # "null" in a bucket that was never versioned
    last_modified: datetime
    is_latest: bool
    is_marker: bool = False


class VersionedStore(ObjectStore, Protocol):
    """What only erasing needs of a bucket. Where the bucket keeps versions, deleting a key leaves the older ones."""

    def list_versions(self, prefix: str) -> Iterator[ObjectVersion]:
        """Every version and marker under ``prefix``, by key, a key's latest first; pages are followed. In a bucket
        without versioning: every object. Needs ``s3:ListBucketVersions``."""

    def version_folders(self, prefix: str) -> Iterator[str]:
        """As ``folders``, and those in which only older versions are. Needs ``s3:ListBucketVersions``."""

    def get_version(self, version: ObjectVersion) -> bytes | None:
        """The body of one version, or None where it is gone. Needs ``s3:GetObjectVersion``."""

    def delete_versions(self, versions: Sequence[ObjectVersion]) -> None:
        """Delete versions and markers permanently; absent ones are fine. Needs ``s3:DeleteObjectVersion``.
        Raises PartialFailure."""


class Queue(Protocol):
    """One SQS queue."""

    def send(self, bodies: Sequence[str], *, attributes: Mapping[str, str] | None = None) -> None:
        """Send any number of messages in batches of 10 (and 256 KiB); refused ones are sent once more.
        Raises PartialFailure with the positions that were refused twice."""

    def delay(self, receipt_handle: str, seconds: int) -> None:
        """Hide a received message for ``seconds`` (at most 43,200) from now (ChangeMessageVisibility)."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """Expectation: the attribute has one of these values. A None among them also accepts a missing attribute and a
    missing item."""

    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Below:
    """Expectation: the attribute is absent or smaller than this value."""

    value: Any


type Item = dict[str, Any]
type Expectation = Mapping[str, OneOf | Below]
ABSENT: Expectation = {"id": OneOf((None,))}
"""Expectation: there is no such item."""


FIRST_DUE = "0"
"""A ``due_at`` before every moment and every day. An empty text is no value of a key."""


class Table(Protocol):
    """The ledger's DynamoDB table: hash key ``id``, sparse index ``due`` (hash ``due_list``, range ``due_at``).

    Values are str, bytes, int, float, bool, None-free dicts and lists. Reads are strongly consistent, except
    ``query_due`` and a ``scan`` that may be late.
    """

    def get(self, id: str) -> Item | None:
        """The item, or None where there is none."""

    def get_many(self, ids: Sequence[str]) -> dict[str, Item]:
        """The items that exist, by id; any number of ids, unprocessed keys are asked again."""

    def update(self, id: str, changes: Mapping[str, Any], expect: Expectation | None = None) -> None:
        """Set attributes (None removes one) where every expectation holds, creating the item if it is missing. With
        ``ABSENT`` among the expectations only a missing item is written. Raises PreconditionFailed."""

    def insert(self, items: Sequence[Item]) -> set[str]:
        """Write each item whose ``id`` no item has, whatever becomes of the others. Return the ids that were written.
        Any number of items, each id once. Raises Transient; any of them may have been written then."""

    def query_due(self, due_list: str, due_before: str, limit: int, *, due_from: str = FIRST_DUE) -> list[Item]:
        """Keys (``id``, ``due_list``, ``due_at``), ``state`` and ``reason`` of at most ``limit`` items of the
        list that are due from ``due_from`` to ``due_before``, both included, soonest first. Eventually consistent."""

    def created_at(self) -> datetime:
        """When this table was made. A table that is restored from a backup is made then: it may lack items that the one
        before had. https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html"""

    def scan(self, attributes: Sequence[str], *, may_be_late: bool = False) -> Iterator[Item]:
        """Of every item these attributes, as far as it has them, in no order. For the operator's commands, never in a
        function. It costs the read units of whole items. ``may_be_late``: items that were written within the last
        seconds may be missing or older, for half the read units."""


class EventBus(Protocol):
    """One EventBridge bus."""

    def publish(self, detail_type: str, details: Sequence[Mapping[str, Any]]) -> None:
        """Put any number of events in batches of 10; refused ones are sent once more. Raises PartialFailure."""


class Secrets(Protocol):
    """The secret values of sources."""

    def get(self, name: str, *, fresh: bool = False) -> dict[str, str]:
        """The secret's JSON object, cached for some minutes; ``fresh`` asks Secrets Manager again.
        Raises SecretEmpty where no value was filled in yet, ConfigError where it is not a JSON object of strings."""


class Clock(Protocol):
    """Time and waiting. Tests have one that moves when they say so."""

    def now(self) -> datetime:
        """Aware UTC."""

    def monotonic(self) -> float:
        """Seconds of a clock that never goes back, for deadlines."""

    def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A listed record without what a recording needs. ``raw`` is personal data: never log it."""

    why: str
    raw: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing. ``bad``: its rows that are no usable recordings."""

    recordings: tuple[ListedRecording, ...]
    bad: tuple[BadRecord, ...] = ()


class AudioStream(Protocol):
    """The body of one recording while it arrives."""

    declared_length: int | None
    """Bytes that the provider promised (Content-Length), None if it did not say."""
    content_type: str | None
    other_host: str | None
    """The host that the audio comes from, where it is not the configured one."""

    def __iter__(self) -> Iterator[bytes]:
        """Chunks of the body. Raises Transient on time-outs, resets, truncation, and when the deadline passes."""


class Provider(Protocol):
    """One account of a vendor. Many threads may use it."""

    unit: timedelta
    """The smallest step of the provider's clock: a minute, a second. No window is narrower (rule 4)."""
    rows_per_window: int
    """How many rows a poll wants in one window (rule 4)."""

    def list_window(self, window: Window, *, may_be_wide: bool = False) -> Iterator[Page]:
        """Yield every recording of the closed window, page by page, in any order. It may yield recordings twice, and
        others from just before and after the window.

        The window was read whole if the iterator comes to its end without an error. Pages that it yielded before an
        error stay valid: a listed row is never wrong.

        ``may_be_wide``: the caller cannot split the window further, so list it to its end, however many rows it has.

        Raises TooWide where the caller should split the window (never with ``may_be_wide``), Drifted where rows moved
        between two pages, Transient, Terminal(FORBIDDEN), SecretEmpty.
        """

    def open_audio(self, recording: Recording, *, deadline_s: float) -> AbstractContextManager[AudioStream]:
        """Start to read the audio; the whole body has to arrive within ``deadline_s`` seconds.

        Where the record gives the audio's URL, and it may have expired, this asks for another before it fails.

        Raises Transient, NotReady (404, 410), Terminal (403, host not allowed, no URL), SecretEmpty.
        """


HIDDEN_S = 900
"""How long a received dead letter stays hidden where the process ends before it makes it visible again."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One received dead letter. The copier labels what failed permanently with reason, source and recording id. What
    SQS moved there by itself has no labels."""

    message_id: str
    body: str
    receipt_handle: str
    attributes: Mapping[str, str]


class DeadLetters(Protocol):
    """The dead-letter queue, from its reader's side."""

    def __len__(self) -> int:
        """About how many there are, hidden ones included."""

    def receive(self) -> Sequence[DeadLetter]:
        """Up to ten dead letters, hidden for ``HIDDEN_S`` seconds from now; none when the queue is empty."""

    def delete(self, receipt_handle: str) -> None: ...

    def release(self, receipt_handle: str) -> None:
        """Make it visible again at once. Raises Transient."""


class Transcriptions(Protocol):
    """The jobs of Amazon Transcribe, one for each recording, which stay listed for 90 days
    (https://docs.aws.amazon.com/transcribe/latest/dg/limits-guidelines.html)."""

    def start(self, wanted: Wanted) -> Start:
        """Start the job of a recording. Raises nothing for what AWS answers: the result says it."""

    def job(self, recording_id: str) -> Job | None:
        """The job of the recording, None if Amazon Transcribe knows none. Raises Transient."""

    def delete(self, recording_id: str) -> bool:
        """Delete the job of a recording, and return whether it is gone. A job that still runs cannot be deleted, and
        stays. Raises Transient."""
