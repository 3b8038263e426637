"""Proof that every rule of correctness (docs/architecture.md, section 4) has a test that fails without it.

A mutation takes one rule out of the code. It reads like this:

    Mutation(
        12,
        "a body shorter than promised is stored",
        at("audio.spool", "spool"),
        never("declared", "size"),
        AUDIO,
    )

It names the rule, says what goes wrong without it, and names the function (or the constant) that keeps the rule. Then
comes the operation: here, the condition of ``spool`` that mentions ``declared`` and ``size`` is never true. The last
part names the tests that must fail. ``operations.py`` lists the operations.

``make mutations`` applies one mutation after the other to a copy of the code and runs its tests there. A mutation
that no test notices has SURVIVED: a test is missing. ``python -m tests.mutations spool`` runs those of one function.

When you add a rule, or code that keeps one, add a mutation. When you rename or move a function, change its ``at(...)``.
``pytest tests/tools/test_mutations.py`` takes seconds and says which mutations no longer fit the code, and why.
"""

from tests.mutations import (
    copying_rules,
    deploy_rules,
    doctor_rules,
    engine_rules,
    erasing_rules,
    expiry_rules,
    finding_rules,
    key_rules,
    lake_rules,
    laptop_rules,
    listening_rules,
    polling_rules,
    reading_rules,
    rebuild_rules,
    report_rules,
    request_rules,
    retention_rules,
    retry_rules,
    screen_rules,
    sound_rules,
    status_rules,
    transcribing_rules,
    transcript_retention_rules,
    upgrade_rules,
    verify_rules,
)

ALL = (
    *polling_rules.MUTATIONS,
    *request_rules.MUTATIONS,
    *retention_rules.MUTATIONS,
    *transcript_retention_rules.MUTATIONS,
    *retry_rules.MUTATIONS,
    *copying_rules.MUTATIONS,
    *lake_rules.MUTATIONS,
    *erasing_rules.MUTATIONS,
    *rebuild_rules.MUTATIONS,
    *expiry_rules.MUTATIONS,
    *key_rules.MUTATIONS,
    *laptop_rules.MUTATIONS,
    *listening_rules.MUTATIONS,
    *verify_rules.MUTATIONS,
    *sound_rules.MUTATIONS,
    *status_rules.MUTATIONS,
    *doctor_rules.MUTATIONS,
    *engine_rules.MUTATIONS,
    *deploy_rules.MUTATIONS,
    *report_rules.MUTATIONS,
    *screen_rules.MUTATIONS,
    *finding_rules.MUTATIONS,
    *reading_rules.MUTATIONS,
    *transcribing_rules.MUTATIONS,
    *upgrade_rules.MUTATIONS,
)
