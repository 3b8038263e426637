"""A vendor is one folder and one line: nothing else of the code names it."""

import ast
import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

from call_lake.errors import ConfigError
from call_lake.providers import VENDORS, load
from call_lake.providers.probe import VendorProbe
from call_lake.settings import SourceSettings, Vendor
from tests.support import template

ROOT = Path(__file__).parents[3]
PROVIDERS = ROOT / "shared/call_lake/providers"
MAY_NAME_VENDORS = {
    "shared/call_lake/providers/__init__.py",  # the line
    "cli/call_lake_cli/commands/local.py",  # options for the laptop's accounts, --thulium-url
}
FOLDERS = sorted(path.parent.name for path in PROVIDERS.glob("*/description.py"))
MODULES = [
    path
    for folder in ("shared", "cli", "functions")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path.relative_to(ROOT).as_posix() not in MAY_NAME_VENDORS
    and not any(path.is_relative_to(PROVIDERS / name) for name in FOLDERS)
]


def code_of(source: str) -> str:
    """A module without its docstrings, comments and the example of an address in an error."""
    tree = ast.parse(source)
    lines = source.splitlines()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            for number in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[number] = re.sub(r"\S.*", "...", lines[number]) if number == node.lineno - 1 else ""
    tokens = tokenize.generate_tokens(io.StringIO("\n".join(lines)).readline)
    code = " ".join(token.string for token in tokens if token.type != tokenize.COMMENT)
    return code.replace("example.thulium.com", "")


def settings(vendor: str, **more: object) -> SourceSettings:
    return SourceSettings("s", vendor, "https://example.test", **more)  # type: ignore[arg-type]


def test_the_reader_of_code_leaves_out_docstrings_and_comments():
    assert "thulium" not in code_of('"""Of thulium."""\ndef f():\n    """thulium\n\n    thulium"""  # thulium\n')
    assert "thulium" in code_of('"""Of all."""\nKINDS = {"thulium": 1}\n')


def test_every_folder_with_a_description_is_registered():
    assert sorted(VENDORS) == FOLDERS


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_other_module_names_a_vendor(path):
    code = code_of(path.read_text(encoding="utf-8"))
    assert re.findall("|".join(VENDORS), code, re.IGNORECASE) == []


@pytest.mark.parametrize("name", VENDORS)
def test_a_folder_holds_description_client_and_probe(name):
    vendor = load(name, "description").VENDOR
    assert isinstance(vendor, Vendor)
    assert vendor.name == name
    assert load(name, "api").CLIENT.rows_per_window == vendor.rows_per_window
    assert isinstance(load(name, "probe").PROBE, VendorProbe)


@pytest.mark.parametrize("vendor", VENDORS.values(), ids=VENDORS)
def test_a_window_has_a_little_less_than_two_pages(vendor):
    assert vendor.page_size < vendor.rows_per_window < 2 * vendor.page_size


@pytest.mark.parametrize("vendor", VENDORS.values(), ids=VENDORS)
def test_the_template_says_what_the_description_says(vendor):
    base_url, zone = (template.parse()["Parameters"][f"{vendor.title}{name}"] for name in ("BaseUrl", "TimeZone"))
    assert base_url["Description"] == f"{vendor.base_url_description}; empty for no {vendor.title}"
    assert (zone["Description"], zone["Default"]) == (vendor.time_zone_description, vendor.time_zone)


@pytest.mark.parametrize("function", ["poller", "copier"])
def test_the_functions_load_every_client_when_they_start_and_no_probe(function):
    variables = "BUCKET LEDGER_TABLE SOURCES_PATH RECORDING_ID_KEY EVENT_BUS DLQ_URL"
    credentials = "AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY"
    environment = dict.fromkeys(f"{variables} {credentials}".split(), "none") | {"AWS_DEFAULT_REGION": "eu-central-1"}
    code = f"import sys, functions.{function}.handler; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | {"PYTHONPATH": f"{ROOT / 'shared'}:{ROOT}"},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {name for name in run.stdout.split() if name.startswith("call_lake.")}
    assert {f"call_lake.providers.{name}.api" for name in VENDORS} <= loaded
    assert not {name for name in loaded if name.endswith((".probe", ".look"))}


# -- settings that do not fit their vendor


@pytest.mark.parametrize(
    ("vendor", "more", "why"),
    [
        ("acme", {}, "provider 'acme' is not one of thulium, conpeek"),
        ("thulium", {"page_size": 101}, "page_size must be 1 to 100 for Thulium, or 0 for the provider's default"),
        ("conpeek", {"page_size": -1}, "page_size must be 1 or more for Conpeek, or 0 for the provider's default"),
        ("thulium", {"download_url": "{base_url}/a"}, "template '{base_url}/a' has no {filename} in it"),
        ("conpeek", {"download_url": "{dialog_uuid}{id}"}, "unknown {id}; known: {dialog_uuid}, {base_url}"),
    ],
)
def test_settings_that_do_not_fit_their_vendor_are_refused(vendor, more, why):
    with pytest.raises(ConfigError, match=re.escape(why)):
        settings(vendor, **more).checked(VENDORS)
