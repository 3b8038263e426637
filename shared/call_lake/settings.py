"""Settings, read and checked once at cold start. No other module reads the environment.

The function's own settings are environment variables of the template. Each source's settings are one JSON document
in SSM Parameter Store under ``<SourcesPath>/<source name>``: a source is one marked block of the template, with
nothing to change elsewhere but the list of names.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_address
from typing import Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import idna
import jmespath

from call_lake.errors import ConfigError
from call_lake.model.rules import Rule, Rules
from call_lake.model.transcribing import why_unfit

HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*|[^\s/:@?#\[\]]+)(:[1-9]\d{0,4})?")
NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")
AUDIO_HOSTS = ("", "public", "listed")
SOURCE_NAME = re.compile(r"[a-z0-9-]{1,32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """The description of a vendor: what settings, polls, the command line and the deployment ask about it.

    Each vendor has one, in ``providers/<vendor>/description.py``. It is data alone, so that it costs no import time.
    """

    name: str
    """What ``provider`` says in a source's settings, and the name of the vendor's folder: ``thulium``."""
    title: str
    """The name as people write it: ``Thulium``."""
    secret_fields: Mapping[str, bool]
    """The fields of a secret's JSON, and whether each is hidden while somebody types it."""
    page_size: int
    """Rows of a page, where the source's settings say nothing else."""
    max_page_size: int | None = None
    """The largest page that the vendor gives; None if that is unknown."""
    rows_per_window: int
    """How many rows a poll wants in one window: a little less than two pages (rule 4)."""
    download_url: str
    """Where the audio of a recording is, where the source's settings say nothing else. ``{base_url}`` means the
    source's base URL, ``download_placeholder`` for what names the recording."""
    download_placeholder: str
    """What every ``download_url`` must contain: ``{filename}``."""
    base_url_question: str
    """What ``make deploy`` asks for the base URL of the vendor's API."""
    base_url_description: str
    """What the template says about the parameter of the base URL."""
    time_zone_question: str
    """What ``make deploy`` asks for the time zone."""
    time_zone_description: str
    """What the template says about the parameter of the time zone."""
    time_zone: str = "Europe/Warsaw"
    """The time zone that ``make deploy`` and the template offer."""

    def missing_from(self, secret: Mapping[str, str]) -> str | None:
        """The first field that a secret does not have, or has empty; None if it has all of them."""
        return next((field for field in self.secret_fields if not secret.get(field)), None)


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """One configured account of a provider. Defaults are those of docs/providers.md.

    What depends on the vendor is not checked before ``checked``: the vendors' descriptions are handed in.
    """

    name: str
    provider: str
    base_url: str
    secret: str = ""
    queue_url: str = ""
    time_zone: str = "Europe/Warsaw"
    country: str = "PL"  # of phone numbers without a country's code (docs/adr/0034)
    page_size: int = 0  # 0: the vendor's default
    requests_per_second: float = 5.0  # per running function instance
    timeout_s: float = 30.0  # to connect, and between two bytes
    recording_deadline_s: float = 200.0  # one audio body, first byte to last
    allowed_hosts: tuple[str, ...] = ()  # if any: audio may come from these other hosts alone
    audio_hosts: str = ""  # "public": from any public https host, "listed": from allowed_hosts alone; "" decides by it
    download_url: str = ""  # template; empty: the provider's default
    encode_slashes: bool = True
    mapping: Mapping[str, str] = field(default_factory=dict)  # JMESPath by canonical field, over the defaults
    max_bytes: int = 5_000_000_000  # S3's limit for one PUT is 5 GB
    new_per_day: int = 250_000  # new recordings that polls publish on one UTC day (docs/adr/0023)
    include: tuple[Rule, ...] = ()  # if any: only recordings that fit one of them
    exclude: tuple[Rule, ...] = ()  # never recordings that fit one of them
    queues: Mapping[str, str] = field(default_factory=dict)  # column queue_name by value of column queue
    teams: Mapping[str, str] = field(default_factory=dict)  # column team_name by value of column team

    def __post_init__(self) -> None:
        where = f"source {self.name!r}"
        if not SOURCE_NAME.fullmatch(self.name):
            raise ConfigError(f"{where}: a source's name is 1 to 32 of a-z, 0-9 and '-'")
        if not re.fullmatch(r"https?://[^/\s?#@]+(/[^\s?#]*)?", self.base_url):
            raise ConfigError(f"{where}: base URL {self.base_url!r} must look like https://example.thulium.com/api")
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ConfigError(f"{where}: unknown time zone {self.time_zone!r}; use a name like Europe/Warsaw") from None
        if not re.fullmatch("[A-Z]{2}", self.country):
            raise ConfigError(f"{where}: country {self.country!r} must be two letters of ISO 3166, like PL")
        self._check_mapping(where)
        if self.audio_hosts not in AUDIO_HOSTS:
            raise ConfigError(f"{where}: audio_hosts {self.audio_hosts!r} must be public, listed or empty")
        for name in ("requests_per_second", "timeout_s", "recording_deadline_s", "max_bytes", "new_per_day"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{where}: {name} must be above 0")

    def checked(self, vendors: Mapping[str, Vendor]) -> Self:
        """These settings, once they fit their vendor. Raises ConfigError."""
        where = f"source {self.name!r}"
        vendor = vendors.get(self.provider)
        if vendor is None:
            raise ConfigError(f"{where}: provider {self.provider!r} is not one of {', '.join(vendors)}")
        self._check_template(where, vendor.download_placeholder)
        largest = vendor.max_page_size
        if self.page_size < 0 or (largest is not None and self.page_size > largest):
            sizes = "1 or more" if largest is None else f"1 to {largest}"
            raise ConfigError(f"{where}: page_size must be {sizes} for {vendor.title}, or 0 for the provider's default")
        return self

    def _check_template(self, where: str, wanted: str) -> None:
        if self.download_url and wanted not in self.download_url:
            raise ConfigError(f"{where}: download URL template {self.download_url!r} has no {wanted} in it")
        unknown = set(re.findall(r"{([^}]*)}", self.download_url)) - {wanted[1:-1], "base_url"}
        if unknown:
            raise ConfigError(
                f"{where}: download URL template has unknown {{{unknown.pop()}}}; known: {wanted}, {{base_url}}"
            )

    def _check_mapping(self, where: str) -> None:
        for name, expression in self.mapping.items():
            try:
                jmespath.compile(expression)
            except Exception as error:  # jmespath raises several unrelated types
                raise ConfigError(f"{where}: mapping of {name!r} is no JMESPath: {error}") from None

    @property
    def any_public_host(self) -> bool:
        """Whether audio may come from every public https host (docs/adr/0018). No host but the configured one ever
        gets the credentials."""
        return self.audio_hosts == "public" or (not self.audio_hosts and not self.allowed_hosts)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def rules(self) -> Rules:
        return Rules(self.include, self.exclude)

    @classmethod
    def from_json(cls, name: str, text: str) -> Self:
        """Settings as the template writes them: every value may be a string, ``more`` holds further ones. Raises
        ConfigError."""
        try:
            data = json.loads(text)
        except ValueError as error:
            raise ConfigError(f"source {name!r}: its settings are no JSON: {error}") from None
        if not isinstance(data, dict):
            raise ConfigError(f"source {name!r}: its settings must be a JSON object")
        more = data.pop("more", {})
        if not isinstance(more, dict):
            raise ConfigError(f"source {name!r}: its further settings must be a JSON object")
        data |= more
        known = {f.name: f.type for f in fields(cls)}
        for key in data:
            if key not in known or key == "name":
                raise ConfigError(
                    f"source {name!r}: unknown setting {key!r}; known: {', '.join(sorted(set(known) - {'name'}))}"
                )
        return cls(
            name=name, **{key: _coerce(name, key, known[key], value) for key, value in data.items() if value != ""}
        )


def _coerce(source: str, key: str, kind: Any, value: Any) -> Any:
    if key in ("include", "exclude"):
        return _rules(source, key, value)
    try:
        if kind is bool:
            return {"true": True, "false": False}[str(value).lower()]
        if kind in (int, float):
            return kind(value)
        if key == "allowed_hosts":
            hosts = value if isinstance(value, list) else str(value).split(",")
            return tuple(_allowed_host(source, host.strip()) for host in hosts if host.strip())
        if key == "mapping":
            return dict(json.loads(value) if isinstance(value, str) else value)
        if key in ("queues", "teams"):
            return _names(json.loads(value) if isinstance(value, str) else value)
        return str(value)
    except (KeyError, ValueError, TypeError):
        raise ConfigError(f"source {source!r}: setting {key} cannot be {value!r}") from None


def _names(given: Any) -> dict[str, str]:
    """Raises ValueError for what is no object of texts, and TypeError."""
    if not isinstance(given, dict) or not all(isinstance(name, str) and name.strip() for name in given.values()):
        raise ValueError
    return {value.strip(): name.strip() for value, name in given.items()}


def _allowed_host(source: str, text: str) -> str:
    """``cdn.example.com``, ``cdn.example.com:8443`` or an address, as hosts are compared: lower case, punycode, an IPv6
    address in its shortest form. Raises ConfigError for what could never be a host."""
    found = HOST.fullmatch(text)
    try:
        if found is None or int((found[2] or ":0")[1:]) > 65535:
            raise ValueError
        name = found[1].lower() if found[1].isascii() else idna.encode(found[1], uts46=True).decode()
        if ":" in name:
            address = ip_address(name.strip("[]")).compressed
            name = f"[{address}]" if name.startswith("[") else address
        elif NAME.fullmatch(name) is None or (name.rpartition(".")[2].isdigit() and str(ip_address(name)) != name):
            raise ValueError
    except ValueError:  # idna's errors are such, too
        raise ConfigError(
            f"source {source!r}: allowed_hosts has {text!r}, which is no host. Write the name alone, like "
            "cdn.example.com, with its port if that is not the usual one. There are no wildcards: an empty list allows "
            "every public host"
        ) from None
    return name + (found[2] or "")


def _rules(source: str, key: str, value: Any) -> tuple[Rule, ...]:
    try:
        given = json.loads(value) if isinstance(value, str) else value
        if not isinstance(given, list):
            raise ValueError("it must be a JSON list of rules")
        return tuple(Rule.from_json(rule) for rule in given)
    except ValueError as error:
        raise ConfigError(f"source {source!r}: setting {key}: {error}") from None


@dataclass(frozen=True, slots=True)
class PollerSettings:
    """Settings of the poller. Names that end in ``_s`` are seconds.

    A poll reads up to ``settle_s`` ago, from ``lookback_s`` before the checkpoint on. The daily sweep reads
    ``sweep_days`` days again. A published recording that is silent for ``republish_after_s`` is published again. A hole
    becomes a gap after ``gap_after_s``. ``recording_id_key``: the secret with the key of recording ids (ADR 0026).
    """

    ledger_table: str
    sources_path: str
    recording_id_key: str
    settle_s: int = 120
    lookback_s: int = 7200
    sweep_days: int = 14
    republish_after_s: int = 86_400
    gap_after_s: int = 21_600
    first_poll_from: str = ""  # ISO date of the first poll; empty: one look-back ago
    retention_days: int = 0  # after which the bucket deletes audio; 0: never (ADR 0010)
    row_retention_days: int = 0  # older calls are not taken in; 0: all are (ADR 0039)


@dataclass(frozen=True, slots=True)
class CopierSettings:
    """Settings of the copier. Names that end in ``_s`` are seconds.

    Retries wait from ``retry_base_s`` to ``retry_ceiling_s``, each about twice as long as the one before. Audio that is
    not ready for ``not_ready_deadline_s`` has failed. ``bytes_in_flight``: of all downloads of one copier together.
    """

    ledger_table: str
    sources_path: str
    bucket: str
    event_bus: str
    dlq_url: str
    retry_base_s: float = 30.0
    retry_ceiling_s: float = 21_600.0
    queue_delay_max_s: float = 900.0  # longer delays wait in the ledger
    not_ready_deadline_s: float = 172_800.0
    republish_after_s: int = 86_400
    bytes_in_flight: int = 400_000_000
    storage_mib: int = 512  # disk of one copier; a larger recording has failed
    copy_threads: int = 8
    retention_days: int = 0  # after which the bucket deletes audio; 0: never (ADR 0010)


@dataclass(frozen=True, slots=True)
class CompactorSettings:
    """Settings of the compactor. ``database``: the Glue database of its tables. ``grace_s``: for so many seconds a
    replaced data file stays."""

    ledger_table: str
    bucket: str
    database: str
    grace_s: int = 86_400
    open_table: bool = False  # whether the table calls_open is kept (ADR 0009)
    row_retention_days: int = 0  # rows of older calls are removed; 0: none are (ADR 0039)
    transcript_retention_days: int = 0  # transcripts of older calls are removed; 0: with the audio (ADR 0047)
    audio_retention_days: int = 0  # the bucket deletes older audio; 0: never


@dataclass(frozen=True, slots=True)
class TranscriberSettings:
    """Settings of the transcriber. ``transcription_languages``: codes of Amazon Transcribe with commas between; of
    several it finds out which one is spoken. ``documents_url``: the queue of the transcript reader."""

    ledger_table: str
    bucket: str
    queue_url: str
    dlq_url: str
    documents_url: str
    transcription_languages: str
    job_prefix: str  # the stack's name: all stacks of an account share the names of jobs
    kms_key_arn: str = ""  # empty: the transcripts are encrypted with S3's own key
    vocabulary: str = ""  # a custom vocabulary of the account and region
    redaction: bool = False  # whether spoken personal data are masked in the document
    hours_per_day: int = 100  # of audio that jobs are started for on one UTC day

    def __post_init__(self) -> None:
        """Raises ConfigError for settings with which Amazon Transcribe would refuse every job."""
        if why := why_unfit(self.languages, self.vocabulary, redaction=self.redaction):
            raise ConfigError(f"{why}. Correct the parameter and deploy again")

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(self.transcription_languages.split(","))


@dataclass(frozen=True, slots=True)
class ReaderSettings:
    """Settings of the transcript reader. ``queue_url``: its queue, which the sweep writes to.
    ``transcription_languages``: as the transcriber's."""

    ledger_table: str
    bucket: str
    event_bus: str
    queue_url: str
    transcription_languages: str


@dataclass(frozen=True, slots=True)
class SoundAnalyzerSettings:
    """Settings of the sound analyzer, which measures stored recordings."""

    ledger_table: str
    bucket: str


def strict_requests() -> bool:
    """Whether requests to AWS are checked against AWS's own models (docs/adr/0029). The template sets it on the local
    stack alone."""
    return os.environ.get("STRICT_REQUESTS") == "true"


def from_environment[T](kind: type[T], environment: Mapping[str, str] | None = None) -> T:
    """Read a settings class from upper-case variables of the same names. Raises ConfigError naming the variable."""
    variables = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    for item in fields(kind):  # type: ignore[arg-type]
        text = variables.get(item.name.upper(), "")
        if text == "":
            continue
        if item.type is bool:
            values[item.name] = text == "true"
            continue
        try:
            values[item.name] = item.type(text)  # type: ignore[operator]
        except ValueError:
            raise ConfigError(f"environment variable {item.name.upper()} cannot be {text!r}") from None
    try:
        return kind(**values)
    except TypeError as error:
        raise ConfigError(f"environment variable missing: {str(error).split(': ')[-1].upper()}") from None


RETRY_AFTER_MAX_S = 86_400.0
"""A longer Retry-After is a slip (a date of another century), and must not stop a source forever."""
