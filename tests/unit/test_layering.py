"""Dependencies point one way: read from the imports of every module."""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "call_lake": ROOT / "shared",
    "call_lake_cli": ROOT / "cli",
    "call_lake_local": ROOT / "local",
    "functions": ROOT,
}
OURS = {*PACKAGES, "tests", "bench"}
AWS = {"boto3", "botocore", "aws_lambda_powertools", "mypy_boto3_dynamodb", "mypy_boto3_s3", "mypy_boto3_sqs"}
GROUND = ("model", "errors", "plain_text", "observability", "concurrency", "ports", "settings")
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "": ("wiring",),  # the package itself: call_lake.read
    "model": (),
    "errors": (),
    "plain_text": (),
    "observability": ("plain_text",),
    "concurrency": ("errors",),
    "ports": ("model",),
    "settings": ("errors", "model"),
    "ledger": GROUND,
    "bucket": GROUND,
    "aws": GROUND,
    "audio": GROUND,
    "providers": (*GROUND, "audio"),
    "polling": (*GROUND, "ledger"),
    "copying": (*GROUND, "ledger", "bucket", "audio"),
    "transcribing": (*GROUND, "ledger"),
    "transcripts": (*GROUND, "ledger", "bucket"),
    "lake": (*GROUND, "ledger", "bucket"),
    "sound": (*GROUND, "ledger", "bucket"),
    "operations": (*GROUND, "ledger", "bucket", "audio", "lake", "polling"),
    "wiring": (
        *(*GROUND, "ledger", "bucket", "aws", "audio", "providers", "polling", "copying", "transcribing"),
        *("transcripts", "sound", "lake", "operations"),
    ),
}
"""What each part of ``call_lake`` may import, besides itself."""
# Distributions whose import name is not their own.
IMPORT_NAMES = {"charset-normalizer": "charset_normalizer", "aws-lambda-powertools": "aws_lambda_powertools"}
RUNTIME_HAS = {"boto3", "botocore"}
OPERATORS_ALONE = {"call_lake.model.phone_numbers"}
"""Modules that need more than Lambda's layer has. The command line alone loads them."""


@cache
def modules() -> dict[str, Path]:
    """Every module of ours by its dotted name."""
    found = {}
    for package, base in PACKAGES.items():
        for path in sorted((base / package).rglob("*.py")):
            parts = path.relative_to(base).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_of(source: str) -> set[str]:
    """Dotted names that a module imports anywhere in it; ``from a import b`` gives ``a.b``."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return found


@cache
def imports(module: str) -> frozenset[str]:
    return frozenset(imports_of(modules()[module].read_text(encoding="utf-8")))


def roots(module: str) -> set[str]:
    """The top-level packages that a module imports."""
    return {name.partition(".")[0] for name in imports(module)}


@cache
def used_by(module: str) -> frozenset[str]:
    """Our modules that a module imports, or imports a name from."""
    candidates = {name if name in modules() else name.rpartition(".")[0] for name in imports(module)}
    return frozenset(candidates & set(modules()))


def reached_from(module: str) -> set[str]:
    """The module and all of ours that come with importing it."""
    reached: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += used_by(name)
    return reached


def of(*packages: str) -> list[str]:
    return [name for name in modules() if name.partition(".")[0] in packages]


def reads_the_environment(source: str) -> bool:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"}:
            return True
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            return bool({alias.name for alias in node.names} & {"environ", "environb", "getenv"})
    return False


def shipped(requirements: str) -> Iterator[str]:
    """Import names that a requirements file brings."""
    text = (ROOT / requirements).read_text(encoding="utf-8")
    for name in re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE):
        yield IMPORT_NAMES.get(name, name.replace("-", "_"))


def test_the_reader_of_imports_sees_them_wherever_they_stand():
    source = "import a.b\nfrom c import d\ndef f():\n    from . import e\n"
    assert imports_of(source) == {"a.b", "c.d", "..e"}


@pytest.mark.parametrize(
    "source", ["import os\nos.environ['A']", "import os\nos.getenv('A')", "from os import environ"]
)
def test_the_reader_of_the_environment_is_recognised(source):
    assert reads_the_environment(source)


def test_all_four_packages_are_seen():
    assert {name.partition(".")[0] for name in modules()} == set(PACKAGES)


def part_of(module: str) -> str:
    """The part of ``call_lake`` that a module belongs to: ``call_lake.lake.merge`` is of ``lake``."""
    return module.split(".")[1] if module.startswith("call_lake.") else ""


def test_the_table_names_every_part():
    assert {part_of(name) for name in of("call_lake")} == set(MAY_IMPORT)


def test_the_table_points_one_way():
    TopologicalSorter({part: set(may) - set(GROUND) for part, may in MAY_IMPORT.items()}).prepare()


def test_a_part_imports_only_what_the_table_allows():
    used = {(part_of(module), part_of(name)) for module in of("call_lake") for name in used_by(module)}
    assert [(part, name) for part, name in used if name not in {"", part, *MAY_IMPORT.get(part, ())}] == []


@pytest.mark.parametrize(
    ("package", "may_import"),
    [
        ("call_lake", set()),
        ("functions", {"call_lake"}),
        ("call_lake_local", {"call_lake"}),
        ("call_lake_cli", {"call_lake", "call_lake_local"}),
    ],
)
def test_packages_import_one_way(package, may_import):
    assert {root for module in of(package) for root in roots(module) & OURS} - {package} <= may_import


def test_imports_are_absolute():
    ours = of("call_lake", "functions")
    assert [(module, name) for module in ours for name in imports(module) if name.startswith(".")] == []


def test_boto3_is_imported_by_the_aws_modules_alone():
    assert {part_of(module) for module in of("call_lake") if roots(module) & {"boto3", "botocore"}} == {"aws"}


def test_pyarrow_is_imported_by_the_lake_modules_alone():
    assert {part_of(module) for module in of("call_lake", "functions") if "pyarrow" in roots(module)} == {"lake"}


@pytest.mark.parametrize(
    "function", ["poller", "copier", "compactor", "transcriber", "transcript_reader", "sound_analyzer"]
)
def test_no_function_loads_numpy_before_its_process_for_sound_does(function):
    reached = reached_from(f"functions.{function}.handler")
    assert not {name for name in reached if roots(name) & {"numpy", "soundfile"}}


@pytest.mark.parametrize("function", ["poller", "copier", "transcriber", "transcript_reader", "sound_analyzer"])
def test_only_the_compactor_loads_pyarrow(function):
    reached = reached_from(f"functions.{function}.handler")
    assert not {name for name in reached if "pyarrow" in roots(name)}


@pytest.mark.parametrize(
    "function", ["poller", "copier", "compactor", "transcriber", "transcript_reader", "sound_analyzer"]
)
def test_no_function_loads_what_only_the_operator_has(function):
    assert not reached_from(f"functions.{function}.handler") & OPERATORS_ALONE


def test_only_the_settings_read_the_environment():
    texts = {module: modules()[module].read_text(encoding="utf-8") for module in of("call_lake", "functions")}
    assert [module for module, text in texts.items() if reads_the_environment(text)] == ["call_lake.settings"]


def test_no_modules_of_the_domain_import_each_other_in_a_circle():
    TopologicalSorter(
        {name: used_by(name) for name in of("call_lake")}
    ).prepare()  # raises CycleError, which names the circle


SHIPPED_WITH = {"compactor": "lake", "transcript_reader": "transcripts", "sound_analyzer": "sound"}
"""Functions that have requirements besides the layer's, and the part of ``call_lake`` that imports them."""


def test_what_runs_in_lambda_imports_only_what_is_shipped_there():
    everywhere = sys.stdlib_module_names | RUNTIME_HAS | {"call_lake"} | set(shipped("shared/requirements.txt"))
    more = {function: set(shipped(f"functions/{function}/requirements.txt")) for function in SHIPPED_WITH}
    for module in set(of("call_lake", "functions")) - OPERATORS_ALONE:
        theirs = [more[one] for one, part in SHIPPED_WITH.items() if one in module or part_of(module) == part]
        types_only = {name for name in roots(module) if name.startswith("mypy_boto3_")}
        assert roots(module) - types_only <= everywhere.union(*theirs), module
