"""The proof that every rule of correctness (docs/architecture.md) has a test that fails without it."""

from tests.mutations import (
    copying_rules,
    erasing_rules,
    expiry_rules,
    lake_rules,
    polling_rules,
    rebuild_rules,
    retry_rules,
)

ALL = (
    *polling_rules.MUTATIONS,
    *retry_rules.MUTATIONS,
    *copying_rules.MUTATIONS,
    *lake_rules.MUTATIONS,
    *erasing_rules.MUTATIONS,
    *rebuild_rules.MUTATIONS,
    *expiry_rules.MUTATIONS,
)
