"""The domain's parts for a stack, as its functions have them, with the operator's own credentials."""

from datetime import date, datetime

from call_lake.aws.clock import SystemClock
from call_lake.aws.messages import SqsQueue
from call_lake.aws.parameters import SecretsManagerSecrets
from call_lake.ledger.ledger import Ledger
from call_lake.ports import Provider
from call_lake.providers import make_provider
from call_lake.settings import CompactorSettings, SourceSettings, from_environment
from call_lake_cli.console.errors import UserError
from call_lake_cli.stack.handle import Stack

CLOCK = SystemClock()


def sources_of(stack: Stack, only: str | None) -> dict[str, SourceSettings]:
    """Settings of one source or of all. Raises UserError for a source that is not there."""
    if only is None:
        return stack.sources
    if only not in stack.sources:
        raise UserError(f"there is no source {only!r}; there are: {', '.join(stack.sources) or 'none'}")
    return {only: stack.sources[only]}


def ledger_of(stack: Stack) -> Ledger:
    """A message lives in its queue for as long as the ledger waits before it publishes again (template.yaml)."""
    some_queue = next(iter(stack.sources.values())).queue_url
    wanted = "MessageRetentionPeriod"
    found = stack.client("sqs").get_queue_attributes(QueueUrl=some_queue, AttributeNames=[wanted])
    return Ledger(stack.table, CLOCK, float(found["Attributes"][wanted]))


def compactor_settings(stack: Stack) -> CompactorSettings:
    """As the stack's compactor has them: which days and sources the table shows, and after what files are collected."""
    found = stack.client("lambda").get_function_configuration(FunctionName=stack.functions["compactor"])
    return from_environment(CompactorSettings, found["Environment"]["Variables"])


def queue_of(stack: Stack, source: SourceSettings) -> SqsQueue:
    return SqsQueue(stack.client("sqs"), source.queue_url)


def provider_of(stack: Stack, source: SourceSettings) -> Provider:
    """Raises ConfigError; its calls raise SecretEmpty and ConfigError for the secret."""
    secrets = SecretsManagerSecrets(stack.client("secretsmanager"))
    return make_provider(source, lambda fresh: secrets.get(source.secret, fresh=fresh), CLOCK)


def day(text: str) -> date:
    """Raises UserError."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a calendar day
    except ValueError:
        raise UserError(f"{text!r} is no day: write it like 2026-10-25") from None
