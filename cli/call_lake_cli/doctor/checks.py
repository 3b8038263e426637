"""The checks of ``call-lake doctor``, except regions, alarms and the canary. Each only reads, and says what to do."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import botocore.exceptions
import requests

from call_lake.aws.parameters import SecretsManagerSecrets
from call_lake.errors import CallLakeError, SecretEmpty, StepFailed
from call_lake.lake.registration import tables_of, unregistered
from call_lake.ledger.counts import count_failed
from call_lake.ledger.id_key import check_key, ids_under
from call_lake.ledger.source_state import SourceState
from call_lake.model.times import parse_iso
from call_lake.ports import Clock, PartialFailure
from call_lake.providers import VENDORS
from call_lake.providers.probe import load_probe, skew_of
from call_lake.settings import SourceSettings
from call_lake.wiring.operator import catalog_of, compactor_settings
from call_lake_cli.commands.secrets import Secret
from call_lake_cli.console.output import Level as Level
from call_lake_cli.console.words import counted
from call_lake_cli.doctor import refusals
from call_lake_cli.stack.athena import QueryFailed, run_query
from call_lake_cli.stack.handle import Stack

SKEW_WARN_S, SKEW_FAIL_S = 60.0, 300.0  # AWS refuses requests that are five minutes off
SILENT = timedelta(minutes=25)  # as long as the alarm of the same meaning waits
SPARE_CONCURRENCY = 5
MOST = 10_000
"""More failed recordings of one source are not counted."""


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check. ``name``: what was checked. ``to_do``: empty where it is ok."""

    name: str
    level: Level
    found: str
    to_do: str = ""


def ok(name: str, found: str) -> Check:
    return Check(name, Level.OK, found)


def warn(name: str, found: str, to_do: str) -> Check:
    return Check(name, Level.WARN, found, to_do)


def fail(name: str, found: str, to_do: str) -> Check:
    return Check(name, Level.FAIL, found, to_do)


def guarded(name: str, checks: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """Yield these checks. If AWS or Call Lake fails meanwhile, that is a failed check too, so that the others go on."""
    try:
        yield from checks()
    except botocore.exceptions.ClientError as error:
        refusal = refusals.of_call(error)
        yield fail(name, refusal.found, refusal.to_do)
    except QueryFailed as error:
        refusal = refusals.of_query(error.reason)
        yield fail(name, refusal.found, refusal.to_do)
    except botocore.exceptions.BotoCoreError as error:
        yield fail(name, str(error), "check AWS credentials, region and network")
    except (CallLakeError, PartialFailure) as error:
        cause = error.__cause__
        refused = refusals.of_call(cause) if isinstance(cause, botocore.exceptions.ClientError) else None
        yield fail(name, str(error), refused.to_do if refused else "docs/runbook.md has a section on it")


def skew(name: str, header: str | None, clock: Clock) -> Iterator[Check]:
    """Compare the ``Date`` header of an answer with this machine's clock."""
    seconds = skew_of(header, clock.now())
    if seconds is None:
        return
    found = f"{round(seconds):+d} s from this machine's"
    if abs(seconds) < SKEW_WARN_S:
        yield ok(name, found)
    elif abs(seconds) < SKEW_FAIL_S:
        yield warn(name, found, "set this machine's clock (NTP)")
    else:
        yield fail(name, found, "set this machine's clock (NTP): AWS refuses what is five minutes off")


# -- the account and the stack


def account(stack: Stack, clock: Clock) -> Iterator[Check]:
    """Do the credentials work, and does this machine's clock agree with that of AWS?"""
    answer = stack.client("sts").get_caller_identity()
    yield ok("credentials", f"account {answer['Account']}")
    yield from skew("clock of AWS", answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date"), clock)


def storage(stack: Stack) -> Iterator[Check]:
    """Can bucket, ledger and table be read, and is Athena's workgroup enabled?"""
    stack.client("s3").list_objects_v2(Bucket=stack.bucket, MaxKeys=1)
    yield ok("bucket", "it can be listed")
    stack.table.get("source#doctor")
    yield ok("ledger", "it can be read")
    yield from table(stack)
    state = stack.client("athena").get_work_group(WorkGroup=stack.workgroup)["WorkGroup"].get("State", "ENABLED")
    if state == "ENABLED":
        yield ok("Athena", "its workgroup is enabled")
    else:
        yield fail("Athena", f"its workgroup is {state}", f"enable workgroup {stack.workgroup}")


def recording_ids(stack: Stack, clock: Clock) -> Iterator[Check]:
    """Is the stack's key of recording ids there, and is it the ledger's?"""
    secrets = SecretsManagerSecrets(stack.client("secretsmanager"))
    ids = ids_under(lambda: secrets.get(stack.recording_id_key, fresh=True))
    if check_key(stack.table, clock, ids, stack.sources):
        yield ok("recording ids", "the stack's key is the one that the ledger knows")
    else:
        yield ok("recording ids", "their key can be read; the first poll notes its fingerprint")


def query(stack: Stack, clock: Clock) -> Iterator[Check]:
    """Does Athena answer a question about the table? It reads the calls since yesterday, which may be none.

    It names a column, because Lake Formation may hide columns and still let rows be counted.
    """
    yesterday = (clock.now() - timedelta(days=1)).date()
    # A day has digits and hyphens only.
    sql = f"SELECT count(recording_id) AS calls FROM calls WHERE call_date >= DATE '{yesterday}'"  # noqa: S608
    answer = run_query(stack, sql)
    yield ok("query", f"Athena counted {answer.rows[0][0]} calls since {yesterday} in {answer.cost.seconds:.1f} s")


def table(stack: Stack) -> Iterator[Check]:
    """Does table ``calls`` exist? CloudFormation does not notice when somebody drops it."""
    try:
        stack.client("glue").get_table(DatabaseName=stack.database, Name="calls")
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "EntityNotFoundException":
            raise
        yield fail("table", "there is no table calls: somebody dropped it", "docs/runbook.md, A dropped table")
    else:
        yield ok("table", "calls exists")


def partitions(stack: Stack) -> Iterator[Check]:
    """Does a query see every partition that was committed?"""
    for table in tables_of(open_table=compactor_settings(stack).open_table):
        what = f"partitions of {table.name}"
        if hidden := unregistered(stack.store, catalog_of(stack), table):
            found = f"{len(hidden)} are not registered, or not as the table is now; the first is {hidden[0]}"
            yield fail(what, found, "the compactor registers them within an hour; see its log if it does not")
        else:
            yield ok(what, "queries see all that were committed")


def functions(stack: Stack) -> Iterator[Check]:
    """Is each function active, and was its last update successful?"""
    client = stack.client("lambda")
    for kind, name in stack.functions.items():
        found = client.get_function_configuration(FunctionName=name)
        states = found.get("State", "Active"), found.get("LastUpdateStatus", "Successful")
        if states == ("Active", "Successful"):
            yield ok(kind, "its function is active")
        else:
            reason = found.get("StateReason") or found.get("LastUpdateStatusReason") or "AWS gives no reason"
            yield fail(kind, f"its function is {' and '.join(states)}: {reason}", "deploy the stack again")


TAKERS = ("copier", "transcriber", "transcript-reader", "sound-analyzer")
"""Functions that queues start."""


def concurrency(stack: Stack) -> Iterator[Check]:
    """Is the account's limit of functions that run at once high enough? A new account may run ten."""
    client = stack.client("lambda")
    limit = client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    takers = [stack.functions[kind] for kind in TAKERS if kind in stack.functions]
    mappings = [client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"] for name in takers]
    taking = sum(one.get("ScalingConfig", {}).get("MaximumConcurrency", 2) for of in mappings for one in of)
    wanted = taking + len(stack.sources) + 1
    if limit >= wanted + SPARE_CONCURRENCY:
        yield ok("Lambda quota", f"{limit} at once, up to {wanted} are used")
    else:
        yield warn(
            "Lambda quota",
            f"{limit} functions at once in this account and region; this stack uses up to {wanted}",
            "ask AWS for more (Service Quotas, Lambda, concurrent executions), or lower the sources' concurrency",
        )


def schedule(stack: Stack, name: str, what: str) -> Iterator[Check]:
    """Is the schedule of this ``name`` there and enabled? ``what``: how the check is called."""
    client = stack.client("scheduler")
    try:
        state = client.get_schedule(Name=name).get("State", "ENABLED")
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] not in refusals.MISSING:
            raise
        yield fail(what, f"there is no schedule {name}", "deploy the stack again")
        return
    if state == "ENABLED":
        yield ok(what, "its schedule is enabled")
    else:
        yield fail(what, f"its schedule is {state}", f"enable schedule {name}; to let a source rest: call-lake pause")


def failures(stack: Stack) -> Iterator[Check]:
    """Have recordings failed permanently? Counts what ``call-lake failed`` lists, up to ``MOST`` of a source."""
    counts = {name: count_failed(stack.table, name, MOST) for name in stack.sources}
    number = sum(one.total() for one in counts.values())
    if not number:
        yield ok("failed recordings", "none")
        return
    more = " or more" if any(one.total() >= MOST for one in counts.values()) else ""
    reasons = ", ".join(f"{name} {reason} {n}" for name, one in counts.items() for reason, n in sorted(one.items()))
    found = f"{counted(number, 'recording')}{more} failed permanently: {reasons}"
    yield warn("failed recordings", found, "call-lake failed says why")


def dead_letters(stack: Stack) -> Iterator[Check]:
    """Does the dead-letter queue hold messages? A failed recording has one or none: they vanish after 14 days."""
    wanted = "ApproximateNumberOfMessages"
    found = stack.client("sqs").get_queue_attributes(QueueUrl=stack.dlq_url, AttributeNames=[wanted])
    number = int(found["Attributes"].get(wanted, 0))
    if number:
        to_do = "call-lake failed says which recordings failed; docs/runbook.md, The alarm dead-letters"
        yield warn("dead letters", f"{counted(number, 'message')} in the dead-letter queue", to_do)
    else:
        yield ok("dead letters", "none")


# -- one source


def source(stack: Stack, settings: SourceSettings, clock: Clock, session: requests.Session | None) -> Iterator[Check]:
    """Check one source: its secret, listing, polls and copies. Without a secret nothing else can be asked."""
    name = settings.name
    try:
        secret = SecretsManagerSecrets(stack.client("secretsmanager")).get(settings.secret, fresh=True)
    except SecretEmpty:
        yield warn(f"{name}: secret", "it is empty: the source is not set up", f"call-lake secrets set {name}")
        return
    if missing := VENDORS[settings.provider].missing_from(secret):
        yield fail(f"{name}: secret", f"it has no {missing!r}", f"call-lake secrets set {name}")
        return
    yield ok(f"{name}: secret", "it is filled")
    yield from guarded(f"{name}: listing", lambda: listing(settings, secret, clock, session))
    yield from guarded(f"{name}: polls", lambda: polls(stack, name, clock))
    queue = settings.queue_url.rpartition("/")[2]
    yield from guarded(f"{name}: copies", lambda: mapping(stack, "copier", queue, f"{name}: copies"))


def listing(
    settings: SourceSettings, secret: Secret, clock: Clock, session: requests.Session | None
) -> Iterator[Check]:
    """Ask the provider for one row. The request comes from this machine, the functions' requests come from AWS."""
    probe = load_probe(settings)
    prober = probe.prober(settings, secret, clock, lambda step: None, session)
    name = f"{settings.name}: listing"
    try:
        listed = probe.one_listed(prober)
    except StepFailed as error:
        yield fail(name, f"{settings.base_url}: {error}", "check the base URL and the network between")
        return
    if not listed:
        refusal = prober.found.facts[-1]
        yield fail(name, refusal.found, refusal.to_do)
    else:
        yield ok(name, f"{settings.base_url} answers")
    for fact in prober.finish().facts:
        if fact.topic == "clock":
            level = Level.WARN if fact.to_do else Level.OK
            yield Check(f"{settings.name}: clock", level, fact.found, fact.to_do)


def polls(stack: Stack, name: str, clock: Clock) -> Iterator[Check]:
    """Did the source's last poll succeed, was it recent, and are its schedules enabled?"""
    state = SourceState(stack.table, clock, name)
    facts: Mapping[str, Any] = state.facts()
    what = f"{name}: polls"
    if state.paused_since() is not None:
        yield warn(what, str(facts.get("trouble")), f"call-lake resume {name}, when it has rested enough")
    elif not facts.get("last_poll_at"):
        yield warn(what, "there was none yet", "wait for the schedule; then see the poller's log")
    elif facts.get("trouble"):
        yield fail(what, f"the last one had trouble: {facts['trouble']}", "docs/runbook.md, What `status` says")
    elif clock.now() - parse_iso(facts["last_ok_at"]) > SILENT:
        yield fail(what, f"the last good one was at {facts['last_ok_at']}", "see the schedule and the poller's log")
    else:
        yield ok(what, f"the last one was at {facts['last_ok_at']}")
    for kind in ("poll", "sweep"):
        yield from schedule(stack, f"{stack.name}-{kind}-{name}", f"{name}: {kind}")


def mapping(stack: Stack, kind: str, queue: str, what: str) -> Iterator[Check]:
    """Check the event source mapping that runs a function for each message of a queue."""
    found = stack.client("lambda").list_event_source_mappings(FunctionName=stack.functions[kind])
    states = [one["State"] for one in found["EventSourceMappings"] if one["EventSourceArn"].endswith(f":{queue}")]
    if not states:
        yield fail(what, f"nothing leads from queue {queue} to the {kind}", "deploy the stack again")
    elif states[0] == "Enabled":
        yield ok(what, f"its queue leads to the {kind}")
    elif states[0].endswith("ing"):
        yield warn(what, f"the mapping of its queue is {states[0]}", "look again in a minute")
    else:
        yield fail(what, f"the mapping of its queue is {states[0]}", f"enable the {kind}'s trigger of this queue")
