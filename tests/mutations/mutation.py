"""One rule taken out of the code: where, and what is done to the syntax tree there."""

import ast
import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.mutations.operations import Operation

PACKAGE = "call_lake"


class Misfit(ValueError):
    """The code has no such place, or several."""


@dataclass(frozen=True, slots=True)
class Place:
    """A function or a constant of a module, both as dotted names."""

    module: str
    name: str

    @property
    def file(self) -> Path:
        return Path(PACKAGE, *self.module.split(".")).with_suffix(".py")

    def find(self, tree: ast.Module) -> ast.AST:
        named = list(_named(tree))
        found = [node for name, node in named if f".{name}".endswith(f".{self.name}")]
        if len(found) != 1:
            raise Misfit(f"{self.module} has {len(found)} of {self.name}, among {sorted(name for name, _ in named)}")
        return found[0]


def at(module: str, name: str) -> Place:
    """A place within the package: ``at("lake.merge", "choose")``; with its class where the name alone is not clear."""
    return Place(module, name)


@dataclass(frozen=True, slots=True)
class Mutation:
    """``tests`` are those that have to turn red, as paths within ``tests``."""

    rule: int
    name: str
    place: Place
    operation: Operation
    tests: tuple[str, ...]

    def texts(self, shared: Path) -> tuple[str, str]:
        """The module's code as it is and without the rule, both without comments. Raises ``Misfit``."""
        tree = ast.parse((shared / self.place.file).read_text())
        before = ast.unparse(tree)
        edit = _Edit(self.place.find(tree), self.operation)
        edit.visit(tree)
        after = ast.unparse(ast.fix_missing_locations(tree))
        if edit.places != 1:
            raise Misfit(f"{self.name}: {self.place.name} has {edit.places} places for it, not one")
        return before, after

    def difference(self, shared: Path) -> str:
        before, after = self.texts(shared)
        lines = difflib.unified_diff(
            before.splitlines(), after.splitlines(), self.place.module, "mutated", n=1, lineterm=""
        )
        return "\n".join(lines)


class _Edit(ast.NodeTransformer):
    """Applies an operation to all nodes of a function or a constant, and counts those that it changed."""

    def __init__(self, place: ast.AST, operation: Operation) -> None:
        self.places = 0
        self._place, self._operation, self._is_within = place, operation, False

    def visit(self, node: ast.AST) -> ast.AST | list[ast.stmt]:
        was_within = self._is_within
        self._is_within |= node is self._place
        new = self._operation(node) if self._is_within else None
        self.places += new is not None
        self.generic_visit(node)
        self._is_within = was_within
        return node if new is None else new


def _named(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Functions, with the classes and functions around them, and the module's constants."""
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
