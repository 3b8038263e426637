"""One rule taken out of the code: where, and what is done to the syntax tree there."""

import ast
import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.mutations.operations import Operation

PACKAGES = {
    "call_lake": "shared",
    "call_lake_cli": "cli",
    "call_lake_local": "local",
    **dict.fromkeys(("call_lake_engine", "whisper_worker"), "docs/examples/engine"),
}
"""The packages and modules with rules, and the folder of the repository that each is in."""


class Misfit(ValueError):
    """The code has no such place, or several."""


@dataclass(frozen=True, slots=True)
class Place:
    """A function or a constant of a module, both as dotted names."""

    module: str
    name: str

    @property
    def file(self) -> Path:
        """Within the repository."""
        package, _, module = self.module.partition(".")
        if package not in PACKAGES:
            package, module = "call_lake", self.module
        return Path(PACKAGES[package], package, *module.split(".")).with_suffix(".py")

    def find(self, tree: ast.Module) -> list[ast.AST]:
        return [node for name, node in _named(tree) if f".{name}".endswith(f".{self.name}")]


def at(module: str, name: str) -> Place:
    """A place within ``call_lake``: ``at("lake.merge", "merged")``. Add the class if the module has two of it. Places
    in other packages begin with the package: ``at("call_lake_local.loopback", "why_refused")``."""
    return Place(module, name)


@dataclass(frozen=True, slots=True)
class Mutation:
    """``tests`` are those that must fail, as paths within ``tests``."""

    rule: int
    name: str
    place: Place
    operation: Operation
    tests: tuple[str, ...]

    def texts(self, repository: Path) -> tuple[str, str]:
        """Return the module's code as it is and without the rule, both without comments. Raises ``Misfit``."""
        module = repository / self.place.file
        if not module.exists():
            raise Misfit(f"{self.name}: there is no module {self.place.module}")
        text = module.read_text()
        before, tree = _without_comments(text), ast.parse(text)
        found = self.place.find(tree)
        places = [_apply(self.operation, tree, node) for node in found]
        if places != [1]:
            where = (
                f"{self.place.module} has {len(found)} of {self.place.name}, with {sum(places)} places for it, not one"
            )
            raise Misfit(f"{self.name}: {where}. It fits {self._fitting(before)}")
        return before, ast.unparse(ast.fix_missing_locations(tree))

    def difference(self, repository: Path) -> str:
        before, after = self.texts(repository)
        lines = difflib.unified_diff(
            before.splitlines(), after.splitlines(), self.place.module, "mutated", n=1, lineterm=""
        )
        return "\n".join(lines)

    def _fitting(self, code: str) -> list[str]:
        """Where in the module the operation can be applied: the function may have another name now."""
        names = [name for name, _ in _named(ast.parse(code))]
        trees = [ast.parse(code) for _ in names]
        return [
            name
            for position, (name, tree) in enumerate(zip(names, trees, strict=True))
            if _apply(self.operation, tree, list(_named(tree))[position][1]) == 1
        ]


@cache
def _without_comments(code: str) -> str:
    return ast.unparse(ast.parse(code))


def _apply(operation: Operation, tree: ast.Module, place: ast.AST) -> int:
    """Change the nodes of a function or constant within the tree; return how many were changed."""
    edit = _Edit(operation, place)
    edit.visit(tree)
    return edit.places


class _Edit(ast.NodeTransformer):
    def __init__(self, operation: Operation, place: ast.AST) -> None:
        self.places = 0
        self._operation, self._place, self._is_within = operation, place, False

    def visit(self, node: ast.AST) -> ast.AST | list[ast.stmt]:
        was_within = self._is_within
        self._is_within |= node is self._place
        new = self._operation(node) if self._is_within else None
        self.places += new is not None
        self.generic_visit(node)
        self._is_within = was_within
        return node if new is None else new


def _named(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Functions, named with the classes and functions around them, and the module's constants."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            name = f"{prefix}{child.name}"
            if isinstance(child, ast.FunctionDef):
                yield name, child
            yield from _named(child, f"{name}.")
        elif isinstance(node, ast.Module) and isinstance(child, ast.Assign | ast.AnnAssign):
            targets = child.targets if isinstance(child, ast.Assign) else [child.target]
            yield from (
                (part.id, child) for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)
            )
        elif isinstance(child, ast.stmt | ast.ExceptHandler):
            yield from _named(child, prefix)
