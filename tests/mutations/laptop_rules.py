"""Rule 22: the laptop's servers serve the stack's own keys, and its folder its own user. Rule 29: a command of another
version changes nothing that it could misunderstand."""

from tests.mutations.mutation import Mutation, at
from tests.mutations.operations import always, becoming, giving, ignoring, never, skipping

GATE = ("tools/test_gate.py",)
FOLDER = ("tools/test_private_folder.py",)
HANDLE = ("unit/cli/stack/test_laptop.py",)
PROJECT = ("tools/test_project.py",)
VERSION = ("unit/cli/stack/test_version.py",)

_gate = "call_lake_local.ministack.gate"
_folder = "call_lake_local.private_folder"
_loopback = "call_lake_local.loopback"

MUTATIONS = (
    Mutation(22, "a wrong signature passes", at(_gate, "check_body"), never("expected"), GATE),
    Mutation(22, "a body passes that was not signed", at(_gate, "check_body"), never("sha256"), GATE),
    Mutation(22, "a page's requests pass the gate", at(_gate, "Gate.check_head"), giving("why_refused", "None"), GATE),
    Mutation(22, "a key that the stack did not make passes", at(_gate, "Gate.check_head"), never("secret"), GATE),
    Mutation(22, "the emulator's internal paths are open", at(_gate, "Gate.check_head"), never("INTERNAL"), GATE),
    Mutation(22, "a function may reset the emulator", at(_gate, "Gate.check_head"), ignoring("key", "root"), GATE),
    Mutation(22, "the root opens every internal path", at(_gate, "Gate.check_head"), ignoring("OPEN_TO_ROOT"), GATE),
    Mutation(22, "an old signature passes", at(_gate, "MAX_SKEW"), becoming("timedelta(days=1)"), GATE),
    Mutation(22, "a signed request names another key in its query", at(_gate, "_signed"), never("KEYS_IN_QUERY"), GATE),
    Mutation(22, "a header of AWS is added to a signed request", at(_gate, "_signed"), ignoring("must"), GATE),
    Mutation(22, "a body that is signed in chunks is not looked at", at(_gate, "_signed"), never("unsigned"), GATE),
    Mutation(22, "a header that counts is there twice", at(_gate, "_only"), never("values"), GATE),
    Mutation(22, "a page reaches a server under its own name", at(_loopback, "why_refused"), never("hosts"), GATE),
    Mutation(22, "a page's own requests are served", at(_loopback, "why_refused"), never("OF_PAGES"), GATE),
    Mutation(22, "another user's folder is used", at(_folder, "_check_owner"), never("geteuid"), FOLDER),
    Mutation(22, "a link is taken for the folder", at(_folder, "_check_owner"), never("S_IFMT"), FOLDER),
    Mutation(
        22, "a file is believed that others can change", at(_folder, "_check_writers"), never("_BY_OTHERS"), FOLDER
    ),
    Mutation(22, "a folder that was open stays open", at(_folder, "make"), skipping("chmod"), FOLDER),
    Mutation(
        22,
        "a pid that another user wrote is signalled",
        at("call_lake_local.processes", "find"),
        skipping("private_folder"),
        FOLDER,
    ),
    Mutation(
        22,
        "the laptop's stack is one of another machine",
        at("call_lake_cli.stack.handle", "read_local"),
        never("LOOPBACK"),
        HANDLE,
    ),
    Mutation(
        22,
        "the simulated providers serve a page",
        at("call_lake_local.simulators.serving", "_config"),
        giving("why_refused", "None"),
        ("tools/test_simulators_serving.py",),
    ),
    Mutation(
        22,
        "an address is used whose port another user may have by now",
        at("call_lake_cli.stack.handle", "_of_this_folder"),
        never("EMULATOR"),
        HANDLE,
    ),
    Mutation(
        22,
        "another process on its port is taken for the emulator",
        at("call_lake_local.emulator", "_start_once.is_ready"),
        ignoring("log"),
        ("tools/test_emulator_processes.py",),
    ),
    Mutation(
        22,
        "an installed command builds what others can change",
        at("call_lake_local.project", "lay_out"),
        skipping("check"),
        PROJECT,
    ),
    Mutation(
        22,
        "another user says where local stacks run",
        at("call_lake_local.registry", "running"),
        giving("read", "entry.read_text()"),
        HANDLE,
    ),
    Mutation(
        29,
        "an installed command deletes a source that it does not know",
        at("call_lake_cli.commands.deploy", "_check_that_no_source_is_lost"),
        giving("is_checkout", "True"),
        ("unit/cli/commands/test_deploy.py",),
    ),
    Mutation(
        29,
        "a newer stack is deployed over by an older command",
        at("call_lake_cli.stack.version", "_to_do"),
        always("_numbers"),
        VERSION,
    ),
    *(
        Mutation(
            29,
            f"{name} runs on a stack of another version",
            at(f"call_lake_cli.commands.{module}", name),
            skipping("refuse_other_version"),
            VERSION,
        )
        for module, name in (("erase", "erase"), ("rebuild", "rebuild"), ("quarantine", "retry"), ("verify", "verify"))
    ),
)
