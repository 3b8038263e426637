"""The operations that take a rule out of a function. They change its syntax tree: comments and layout do not matter.

An operation finds its place by names that occur there: of variables, attributes, keywords, and whole strings. It must
find exactly one place. Give as few names as that takes; ``never()`` is the only condition of a function. A call is
found by the name of what it calls; if that is called several times, give a tuple with more names from the call.
Values and statements are given as Python text. ``tests/tools/test_mutations.py`` has an example of each operation.
"""

import ast
import copy
from collections.abc import Callable
from typing import Any, TypeIs

type Names = str | tuple[str, ...]
type Operation = Callable[[ast.AST], Any]
"""Returns what replaces a node: another node, or a list of statements. ``None`` leaves the node as it is."""


def never(*names: str) -> Operation:
    """Make the condition that mentions the names false: of ``if``, ``while``, ``a if b else c``, a comprehension."""
    return _condition(False, names)


def always(*names: str) -> Operation:
    """Make the condition that mentions the names true."""
    return _condition(True, names)


def ignoring(*names: str) -> Operation:
    """Drop the part of an ``and`` or ``or`` that mentions the names, or the right side of ``a - b``, ``a + b`` …."""

    def edit(node: ast.AST) -> ast.AST | None:
        if isinstance(node, ast.BinOp) and _mentions(node.right, names) and not _holds(node.right, ast.BinOp):
            return node.left
        if isinstance(node, ast.BoolOp):
            rest = [part for part in node.values if not _mentions(part, names) or _holds(part, ast.BoolOp)]
            if len(rest) == len(node.values) - 1:
                return rest[0] if len(rest) == 1 else _changed(node, values=rest)
        return None

    return edit


def skipping(*names: str) -> Operation:
    """Drop the simple statement that mentions the names."""
    return lambda node: ast.Pass() if _is_step(node) and not hasattr(node, "body") and _says(node, names) else None


def before(names: Names, statements: str) -> Operation:
    """Insert statements before the one that mentions the names."""
    return lambda node: [*_statements(statements), node] if _is_step(node) and _says(node, _all(names)) else None


def swapping(first: str, second: str) -> Operation:
    """Swap two statements of one block: one that mentions the first name, and a later one that mentions the second."""

    def edit(node: ast.AST) -> ast.AST | None:
        for field, steps in ast.iter_fields(node):
            if isinstance(steps, list) and all(isinstance(step, ast.stmt) for step in steps):
                firsts = [place for place, step in enumerate(steps) if _mentions(step, (first,))]
                seconds = [place for place, step in enumerate(steps) if _mentions(step, (second,))]
                pairs = [(one, two) for one in firsts for two in seconds if one < two]
                if len(pairs) == 1:
                    one, two = pairs[0]
                    moved = list(steps)
                    moved[one], moved[two] = steps[two], steps[one]
                    return _changed(node, **{field: moved})
        return None

    return edit


def returning(value: str) -> Operation:
    """Replace the body of the function by ``return value``."""
    body = _statements(f"return {value}")
    return lambda node: _changed(node, body=body) if isinstance(node, ast.FunctionDef) else None


def becoming(value: str) -> Operation:
    """Give the constant another value."""
    return lambda node: _changed(node, value=_value(value)) if isinstance(node, ast.Assign | ast.AnnAssign) else None


def giving(call: Names, value: str | int) -> Operation:
    """Replace the call by a value: an expression, or the argument that is passed at this position."""

    def edit(node: ast.AST) -> ast.AST | None:
        if not _calls(node, call):
            return None
        if isinstance(value, str):
            return _value(value)
        return node.args[value] if value < len(node.args) else None

    return edit


def calling(call: Names, other: str) -> Operation:
    """Call another function with the same arguments."""
    return lambda node: _changed(node, func=_value(other)) if _calls(node, call) else None


def passing(call: Names, where: int | str, value: str) -> Operation:
    """Pass another argument to the call, at this position or under this keyword."""
    return lambda node: _with_arguments(node, {where: _value(value)}) if _calls(node, call) else None


def without(call: Names, *where: int | str) -> Operation:
    """Do not pass these arguments (positions or keywords) to the call."""
    return lambda node: _with_arguments(node, dict.fromkeys(where)) if _calls(node, call) else None


def storing(key: str, value: str | None) -> Operation:
    """Change the value under this key of a dictionary display; ``None`` drops the key."""

    def edit(node: ast.AST) -> ast.AST | None:
        if not isinstance(node, ast.Dict):
            return None
        names = [one.value if isinstance(one, ast.Constant) else None for one in node.keys]
        if key not in names:
            return None
        place = names.index(key)
        keys, values = list(node.keys), list(node.values)
        keys[place : place + 1], values[place : place + 1] = ([keys[place]], [_value(value)]) if value else ([], [])
        return _changed(node, keys=keys, values=values)

    return edit


def uncaught(error: str) -> Operation:
    """Let the ``except`` that mentions the error catch nothing."""
    return lambda node: (
        _changed(node, type=_value("()"))
        if isinstance(node, ast.ExceptHandler) and node.type is not None and _mentions(node.type, (error,))
        else None
    )


def rewriting(old: str, new: str) -> Operation:
    """Replace an expression. The last resort: every edit of this expression breaks the mutation."""
    was, becomes = ast.dump(_value(old)), _value(new)
    return lambda node: becomes if ast.dump(node) == was else None


def _condition(value: bool, names: tuple[str, ...]) -> Operation:
    def edit(node: ast.AST) -> ast.AST | None:
        if isinstance(node, ast.If | ast.While | ast.IfExp) and _mentions(node.test, names):
            return _changed(node, test=ast.Constant(value))
        if isinstance(node, ast.comprehension) and any(_mentions(test, names) for test in node.ifs):
            return _changed(node, ifs=[ast.Constant(value)])
        return None

    return edit


def _all(names: Names) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names


def _mentions(node: ast.AST, names: tuple[str, ...]) -> bool:
    return _names(node).issuperset(names)


def _says(step: ast.AST, names: tuple[str, ...]) -> bool:
    """Does a statement mention the names? For a compound statement, only its header counts."""
    within = (ast.stmt, ast.ExceptHandler, ast.match_case)
    header = [_names(part) for part in ast.iter_child_nodes(step) if not isinstance(part, within)]
    return set[str]().union(*header).issuperset(names)


def _names(node: ast.AST) -> set[str]:
    return {
        word
        for part in ast.walk(node)
        for field, word in ast.iter_fields(part)
        if isinstance(word, str) and field in ("id", "attr", "arg", "value")
    }


def _is_step(node: ast.AST) -> bool:
    return isinstance(node, ast.stmt) and not isinstance(node, ast.FunctionDef | ast.ClassDef)


def _calls(node: ast.AST, call: Names) -> TypeIs[ast.Call]:
    called = getattr(node, "func", None)
    return getattr(called, "id", getattr(called, "attr", None)) == _all(call)[0] and _mentions(node, _all(call))


def _holds(node: ast.AST, kind: type[ast.AST]) -> bool:
    return any(isinstance(part, kind) for part in ast.walk(node))


def _with_arguments(call: ast.Call, others: dict[int | str, ast.expr | None]) -> ast.AST | None:
    """``None`` as an argument leaves it out."""
    if not others.keys() <= {*range(len(call.args)), *(one.arg for one in call.keywords)}:
        return None
    args = [arg for place, one in enumerate(call.args) if (arg := others.get(place, one))]
    keywords = [ast.keyword(one.arg, arg) for one in call.keywords if (arg := others.get(one.arg or "", one.value))]
    return _changed(call, args=args, keywords=keywords)


def _changed(node: ast.AST, **fields: Any) -> ast.AST:
    other = copy.copy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return other


def _statements(text: str) -> list[ast.stmt]:
    return ast.parse(text).body


def _value(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body
