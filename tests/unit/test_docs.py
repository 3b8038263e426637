"""The documentation says what the code and the template have."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer.main

from call_lake.errors import Reason
from call_lake.ledger.entry import State
from call_lake.providers.conpeek.mapping import CONPEEK
from call_lake.settings import SourceSettings
from call_lake_cli.main import app
from call_lake_local.simulators.faults import FAULTS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
ADRS = sorted(ROOT.glob("docs/adr/*.md"))
ADR_PARTS = ["Status", "Context", "Decision", "Consequences"]
SHELL = {"sh", "bash", "shell", "console"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def prose(text: str) -> str:
    """Markdown without its code blocks, in which a bracket is no link."""
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def anchors(text: str) -> set[str]:
    """The fragments that a page's headings make."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path, text: str) -> Iterator[str]:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(text)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, fragment = target.partition("#")
        found = (page.parent / file).resolve() if file else page
        if not found.exists() or (fragment and fragment not in anchors(found.read_text(encoding="utf-8"))):
            yield target


def commands(text: str) -> Iterator[list[str]]:
    """The words of every line in the page's shell blocks."""
    for language, block in re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL):
        if language not in SHELL:
            continue
        lines = re.sub(r"\\\n\s*", " ", block).splitlines()
        for line in lines:
            words = shlex.split(line.strip(), comments=True)
            if words:
                yield words


def commands_of(program: str) -> list[tuple[str, list[str]]]:
    found = []
    for page in PAGES:
        for words in commands(page.read_text(encoding="utf-8")):
            if words[0].rpartition("/")[2] == program:
                found.append((name_of(page), words))
    return found


def test_a_broken_link_is_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A Head\n[a](page.md#a-head) [b](https://example.com) [c](gone.md) [d](#gone)\n```\n[e](no)\n```")
    assert list(broken_links(page, page.read_text())) == ["gone.md", "#gone"]


def test_a_command_is_seen_across_lines():
    page = "```sh\ncall-lake a \\\n  --c 'd e'\n```\n```json\ncall-lake no\n```"
    assert list(commands(page)) == [["call-lake", "a", "--c", "d e"]]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_somewhere(page):
    assert list(broken_links(page, page.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_page_is_reached_by_a_link(page):
    if page.parent == ROOT:
        return
    others = "".join(other.read_text(encoding="utf-8") for other in PAGES if other != page and other not in ADRS)
    assert re.search(rf"\]\([^)]*\b{re.escape(page.name)}[#)]", others)


@pytest.mark.parametrize("adr", ADRS, ids=name_of)
def test_every_decision_has_its_four_parts_and_a_rejected_alternative(adr):
    text = adr.read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ADR_PARTS
    assert text.startswith(f"# {adr.name[:4]} ")
    assert "Rejected:" in text


def test_decisions_are_numbered_without_a_hole():
    assert [int(adr.name[:4]) for adr in ADRS] == list(range(1, len(ADRS) + 1))


@pytest.mark.parametrize("setting", [field.name for field in fields(SourceSettings)])
def test_every_setting_of_a_source_is_described(setting):
    assert re.search(rf"^\| `{setting}` \|", read("docs/providers.md"), re.MULTILINE)


@pytest.mark.parametrize(
    "field", [field for field in fields(SourceSettings) if isinstance(field.default, str | int | float)]
)
def test_every_default_of_a_setting_is_the_documented_one(field):
    row = re.search(rf"^\| `{field.name}` \|([^|]*)\|", read("docs/providers.md"), re.MULTILINE)
    assert row
    plain = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
    assert row[1].strip() in ({f"`{plain}`"} if plain else {"", "empty"})


@pytest.mark.parametrize(("name", "expression"), CONPEEK.items())
def test_every_default_of_the_mapping_is_the_documented_one(name, expression):
    documented = f"`{expression.replace('|', r'\|')}`" if expression else ""
    assert f"| `{name}` | {documented} |" in read("docs/providers.md")


@pytest.mark.parametrize("state", list(State))
def test_every_state_of_the_ledger_is_explained(state):
    assert f"`{state}`" in read("docs/architecture.md")


TERMINAL = [reason for reason in Reason if list(Reason).index(reason) >= list(Reason).index(Reason.FORBIDDEN)]


@pytest.mark.parametrize("reason", TERMINAL)
def test_the_runbook_says_what_to_do_on_every_reason_that_is_final(reason):
    assert re.search(rf"^\| `{reason}` \|", read("docs/runbook.md"), re.MULTILINE)


def test_every_fault_of_the_simulators_stands_in_the_page_of_the_local_stack():
    table = re.findall(r"^\| `(\w+)` \| (.*) \| (.*) \| (.*) \|$", read("docs/local-stack.md"), re.MULTILINE)
    assert table == [
        (fault.name, fault.place, f"{fault.rate:g}{', for ever' if fault.sticky else ''}", fault.what)
        for fault in FAULTS.values()
    ]


def test_every_module_that_the_architecture_names_exists():
    code = [path.relative_to(ROOT).as_posix() for path in ROOT.glob("shared/call_lake/**/*.py")]
    rules = read("docs/architecture.md").split("## 4.")[1].split("## 5.")[0]
    named = re.findall(r"`((?:providers/)?[\w*]+\.py)`", rules)
    assert named
    patterns = [re.compile("shared/call_lake/" + re.escape(name).replace(r"\*", r"\w*")) for name in named]
    assert [pattern.pattern for pattern in patterns if not any(pattern.fullmatch(path) for path in code)] == []


@pytest.mark.parametrize(("page", "words"), commands_of("call-lake"))
def test_every_command_of_ours_in_a_page_exists(page, words):
    command: Any = typer.main.get_command(app)
    rest = words[1:]
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        command = command.commands.get(rest.pop(0))
        assert command, f"{page}: {' '.join(words)}"
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    assert {word.partition("=")[0] for word in rest if word.startswith("--")} <= known, f"{page}: {' '.join(words)}"


def packages_under(top: str) -> set[str]:
    """The packages of a folder, one and two levels deep, as the architecture's tree names them."""
    found = {path.parent.relative_to(ROOT / top).as_posix() for path in (ROOT / top).rglob("__init__.py")}
    return {f"{top}/{name}" for name in found if name != "." and not name.startswith("ministack/")}


def tree_of_the_architecture() -> set[str]:
    """Whole paths of the folders that its tree names."""
    block = read("docs/architecture.md").split("## 3.")[1].split("```text\n")[1].split("```")[0]
    found: set[str] = set()
    above: list[str] = []
    for line in block.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        above = [*above[:depth], line.split()[0].rstrip("/")]
        found.add("/".join(above))
    return found


def test_the_architectures_tree_is_the_folders_that_exist():
    tree = tree_of_the_architecture()
    assert [folder for folder in tree if not (ROOT / folder).is_dir()] == []
    inside = {folder for folder in tree if folder.count("/") >= 2}
    tops = ("shared/call_lake", "cli/call_lake_cli", "local/call_lake_local")
    assert inside == set().union(*map(packages_under, tops))


def stops_of_the_tours() -> list[tuple[str, str]]:
    """Module and function of each stop of the reading tours; a stop may name several functions."""
    section = read("docs/architecture.md").split("### Follow one recording")[1].split("## 4.")[0]
    stops = re.findall(r"^\d\. \[[^\]]+\]\(\.\./([^)]+)\) ((?:`[\w.]+`(?:, )?)+)", section, re.MULTILINE)
    return [(path, name) for path, names in stops for name in re.findall(r"`([\w.]+)`", names)]


@pytest.mark.parametrize(("path", "name"), stops_of_the_tours())
def test_every_stop_of_a_reading_tour_is_a_function_of_its_module(path, name):
    assert f"def {name.rpartition('.')[2]}(" in read(path)


def test_a_tour_is_short_and_comes_back_to_a_module_seldom():
    section = read("docs/architecture.md").split("### Follow one recording")[1].split("## 4.")[0]
    for tour in section.split("\n**")[1:]:
        modules = re.findall(r"^\d\. \[([^\]]+)\]", tour, re.MULTILINE)
        assert 0 < len(modules) <= 9
        assert len(set(modules)) <= 5
        assert max(modules.count(module) for module in modules) <= 3


def test_the_prices_on_the_readmes_first_screen_are_those_of_the_cost_page():
    table = re.findall(r"^\| 10*0? [kM] \|.*$", read("docs/cost.md"), re.MULTILINE)
    rows = {line.split("|")[1].strip(): [cell.strip(" *") for cell in line.split("|")[2:-1]] for line in table[:3]}
    told = re.search(
        r"about (\d+) USD a month for an idle stack, (\d+) USD with 100,000 .*, (\d+) USD with 10 million; "
        r".* about ([\d.]+) USD a month for each 100,000",
        read("README.md"),
    )
    assert told
    idle, small, large, kept = map(float, told.groups())
    _, fixed, _, together, _, storage = rows["100 k"]
    assert (idle, small, large) == (round(float(fixed)), round(float(together)), round(float(rows["10 M"][3])))
    assert kept == pytest.approx(float(storage), abs=0.05)
