"""Rule 24, before a deployment: what AWS would refuse late, `deploy` and `source add` refuse at once."""

from tests.mutations.mutation import Mutation, at
from tests.mutations.operations import becoming, never, rewriting, skipping

DEPLOY = ("unit/cli/commands/test_deploy.py",)
_template_sources = "unit/deployment/test_template_sources.py"
_template_limits = "unit/deployment/test_template_limits.py"
SOURCES = (
    f"{_template_sources}::test_a_source_that_cannot_be_is_refused",
    f"{_template_sources}::test_a_removed_source_cannot_come_back_as_another_vendors",
    f"{_template_sources}::test_ids_that_would_be_one_are_refused",
)
LIMITS = (
    f"{_template_limits}::test_so_many_sources_have_room_in_one_stack",
    f"{_template_limits}::test_a_functions_environment_has_room_in_4_kb_with_removed_sources_too",
)

_deploy = "call_lake_cli.commands.deploy"
_sources = "call_lake_local.template_sources"

MUTATIONS = (
    Mutation(24, "a stack copies from nowhere", at(_deploy, "check_together"), rewriting("not used", "False"), DEPLOY),
    Mutation(24, "names are too long together", at(_deploy, "NAMES_TOGETHER"), becoming("1000"), DEPLOY),
    Mutation(24, "a network has no security group", at(_deploy, "check_together"), never("SubnetIds"), DEPLOY),
    Mutation(24, "audio moves after it is deleted", at(_deploy, "check_together"), never("cold", "kept"), DEPLOY),
    Mutation(27, "rows go before their audio", at(_deploy, "check_together"), never("rows"), DEPLOY),
    Mutation(24, "audio moves before its class takes it", at(_deploy, "check_together"), never("IA_DAYS"), DEPLOY),
    Mutation(24, "a topic is in another region", at(_deploy, "check_places"), never("region"), DEPLOY),
    Mutation(24, "a secret is in another account", at(_deploy, "check_places"), never("account"), DEPLOY),
    Mutation(24, "places are not checked", at(_deploy, "deploy_stack"), skipping("check_places"), DEPLOY),
    Mutation(24, "values are not checked", at(_deploy, "deploy_stack"), skipping("check_values"), DEPLOY),
    Mutation(24, "a stack has a name of AWS's", at(_deploy, "deploy_stack"), never("NAMES_OF_AWS"), DEPLOY),
    Mutation(24, "a stack has a name that no queue can have", at(_deploy, "deploy_stack"), never("STACK_NAME"), DEPLOY),
    Mutation(
        24,
        "a stack that cannot be updated is built",
        at(_deploy, "deploy_stack"),
        skipping("_check_that_it_can_be_updated"),
        DEPLOY,
    ),
    Mutation(24, "a parameter is unknown", at(_deploy, "_checked_all"), skipping("check_parameters"), DEPLOY),
    Mutation(24, "a processor is none of Lambda's", at(_deploy, "_checked_all"), never("ARCHITECTURES"), DEPLOY),
    Mutation(24, "an account is deployed like the laptop", at(_deploy, "_checked_all"), never("IsCloud"), DEPLOY),
    Mutation(6, "another key is deployed", at(_deploy, "deploy_stack"), skipping("refuse_key"), DEPLOY),
    Mutation(6, "the ledger's key is not compared", at(_deploy, "check_id_key"), never("LedgerTable"), DEPLOY),
    Mutation(24, "a source has no name", at(_sources, "with_source"), skipping("_check_name"), SOURCES),
    Mutation(24, "a source is of an unknown vendor", at(_sources, "with_source"), never("VENDORS"), SOURCES),
    Mutation(24, "a source is there twice", at(_sources, "with_source"), never("removed"), SOURCES),
    Mutation(
        24,
        "a removed source comes back as another vendor's",
        at(_sources, "with_source"),
        never("other", "provider"),
        SOURCES,
    ),
    Mutation(24, "two sources have one logical id", at(_sources, "with_source"), never("id"), SOURCES),
    Mutation(
        24, "a source takes a name of the template", at(_sources, "write_sources"), skipping("_check_ids"), SOURCES
    ),
    Mutation(24, "the names fit no environment", at(_sources, "with_source"), skipping("_check_names"), LIMITS),
    Mutation(24, "a template has too many resources", at(_sources, "with_source"), skipping("_check_size"), LIMITS),
)
