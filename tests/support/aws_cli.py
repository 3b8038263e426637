"""Read the AWS CLI's commands in the documentation, and compare them with AWS's own models.

The CLI makes its commands and options from the models that botocore ships too. What it adds itself is listed here; what
is neither in a model nor in a list is a complaint.
"""

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import jmespath
from botocore import xform_name
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.validate import ParamValidator

from call_lake.aws.strict import requests as strict

ROOT = Path(__file__).parents[2]
SHELL = {"sh", "bash", "shell", "console"}
SERVICES = {"s3api": "s3"}  # the CLI's names for botocore's services
# Commands that the CLI adds, with their options: https://docs.aws.amazon.com/cli/latest/reference/
CLI_ONLY: dict[tuple[str, str], frozenset[str]] = {("sso", "login"): frozenset()}
# Options of every command; None takes any value: https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-options.html
GLOBAL: dict[str, str | None] = {
    "query": None,
    "output": "json|text|table|yaml|yaml-stream",
    "region": "[a-z]{2}(-[a-z]+)+-[0-9]",
    "profile": None,
    "cli-read-timeout": "[0-9]+",
    "cli-binary-format": "base64|raw-in-base64-out",
}
PLACEHOLDER = re.compile(r"\$|\b(ID|UUID)\b")
"""What a value contains that the reader, or the shell, replaces by another text."""


@dataclass(frozen=True, slots=True)
class AwsCommand:
    """One ``aws …``. ``is_mention``: prose names it without any option, as one would name a function."""

    page: str
    words: tuple[str, ...]
    is_mention: bool = False

    def __str__(self) -> str:
        return f"{self.page}: {' '.join(self.words)}"


def commands_in(page: str, text: str) -> Iterator[AwsCommand]:
    """Every command of the page: in shell blocks, also within ``$(…)`` and functions, and in the prose's code."""
    blocks = [code for language, code in re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL) if language in SHELL]
    for words in (words for block in blocks for words in _simple_commands(block)):
        yield AwsCommand(page, tuple(words))
    for code in re.findall(r"`(aws [^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        for words in _simple_commands(code.replace("\n", " ")):
            yield AwsCommand(page, tuple(words), is_mention=not any(word.startswith("-") for word in words))


def _simple_commands(script: str) -> Iterator[list[str]]:
    script = re.sub(r"\\\n\s*", " ", script)
    while (start := script.rfind("$(")) >= 0:  # the last one has no other within
        end = _closing(script, start + 1)
        yield from _simple_commands(script[start + 2 : end]) if script[start + 2] != "(" else ()
        script = f"{script[:start]}$output{script[end + 1 :]}"
    for line in script.splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=";|&()")
        lexer.whitespace_split = True
        command: list[str] = []
        for word in [*lexer, ";"]:
            if set(word) <= set(";|&(){}"):
                yield from [command] if command[:1] == ["aws"] else []
                command = []
            elif command or not re.fullmatch(r"\w+=.*", word):
                command.append(word)


def _closing(text: str, opening: int) -> int:
    depth = 0
    for place in range(opening, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return place
    raise ValueError(f"no closing parenthesis: {text[opening:]}")


@cache
def _model_of(service: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(service)


def complaints(command: AwsCommand) -> Iterator[str]:
    """What the CLI, or AWS, would refuse of the command."""
    if len(command.words) < 3 or command.words[1].startswith("-"):
        yield "a command has a service and an operation"
        return
    service, name = command.words[1:3]
    if (service, name) in CLI_ONLY:
        given = {word[2:] for word in command.words[3:]}
        yield from (f"--{option} is no option of it" for option in given - CLI_ONLY[service, name])
        return
    if SERVICES.get(service, service) not in botocore.session.get_session().get_available_services():
        yield f"{service} is no service"
        return
    model = _model_of(SERVICES.get(service, service))
    operations = {xform_name(known, "-"): known for known in model.operation_names}
    if name not in operations:
        yield f"{service} has no operation {name}"
    elif not command.is_mention:
        yield from _of_options(command.words[3:], model.operation_model(operations[name]))


def call_of(command: AwsCommand) -> tuple[str, str, dict[str, Any]]:
    """The call of botocore that the command makes: service, method, arguments. Raises ValueError."""
    service, name = SERVICES.get(command.words[1], command.words[1]), command.words[2]
    model = _model_of(service)
    operations = {xform_name(known, "-"): known for known in model.operation_names}
    shape = model.operation_model(operations[name]).input_shape
    shapes = {xform_name(member, "-"): (member, one) for member, one in shape.members.items()} if shape else {}
    options, _ = _split(command.words[3:], shapes)
    given = {shapes[option][0]: _parsed(values, shapes[option][1]) for option, values in options if option in shapes}
    return service, xform_name(operations[name]), given


def _of_options(words: Sequence[str], model: OperationModel) -> Iterator[str]:
    members = model.input_shape.members if model.input_shape else {}
    shapes = {xform_name(member, "-"): (member, shape) for member, shape in members.items()}
    options, files = _split(words, shapes)
    if len(files) != model.has_streaming_output:
        yield f"{len(files)} words without an option, not {int(model.has_streaming_output)}: {files}"
    literal: dict[str, Any] = {}
    for option, values in options:
        if option in GLOBAL:
            yield from _of_global(option, values, model)
        elif option not in shapes:
            yield f"--{option} is no option of it"
        elif not PLACEHOLDER.search(" ".join(values)):
            member, shape = shapes[option]
            try:
                literal[member] = _parsed(values, shape)
            except ValueError as error:
                yield f"--{option}: {error}"
                continue
            wrong = ParamValidator().validate(literal[member], shape)
            yield from [f"--{option}: {wrong.generate_report()}"] if wrong.has_errors() else []
    given = {option for option, _ in options}
    required = model.input_shape.required_members if model.input_shape else []
    yield from (
        f"--{xform_name(member, '-')} is missing" for member in required if xform_name(member, "-") not in given
    )
    yield from strict.complaints(literal, model)


def _split(words: Sequence[str], shapes: dict[str, tuple[str, Shape]]) -> tuple[list[tuple[str, list[str]]], list[str]]:
    """The options, each with its values, and the words that belong to none."""
    options: list[tuple[str, list[str]]] = []
    files: list[str] = []
    for word in words:
        if word.startswith("--"):
            options.append((word[2:], []))
        elif options and len(options[-1][1]) < _most_values(options[-1][0], shapes):
            options[-1][1].append(word)
        else:
            files.append(word)
    return options, files


def _most_values(option: str, shapes: dict[str, tuple[str, Shape]]) -> float:
    _, shape = shapes.get(option, ("", None))
    if shape is not None and shape.type_name == "boolean":
        return 0
    return float("inf") if isinstance(shape, ListShape) else 1


def _of_global(option: str, values: list[str], model: OperationModel) -> Iterator[str]:
    allowed = GLOBAL[option]
    if len(values) != 1:
        yield f"--{option} needs a value"
    elif option == "query":
        yield from query_complaints(values[0], model.output_shape)
    elif allowed and not PLACEHOLDER.search(values[0]) and not re.fullmatch(allowed, values[0]):
        yield f"--{option} {values[0]} is none of {allowed}"


def _parsed(values: list[str], shape: Shape) -> Any:
    """The values of one option as the CLI understands them, JSON and shorthand. Raises ValueError.

    https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-shorthand.html
    """
    if shape.type_name == "boolean":
        return True
    if not values:
        raise ValueError("has no value")
    if values[0].startswith(("file://", "fileb://")):
        return _file(values[0].partition("://")[2], shape)
    if values[0].startswith(("{", "[")) and shape.type_name != "string":
        return json.loads(values[0])
    if isinstance(shape, ListShape):
        return [_parsed([value], shape.member) for value in values]
    if isinstance(shape, StructureShape):
        pairs = dict(part.partition("=")[::2] for part in values[0].split(","))
        return {
            key: _parsed([text], shape.members[key]) if key in shape.members else text for key, text in pairs.items()
        }
    if isinstance(shape, MapShape):
        return dict(part.partition("=")[::2] for part in values[0].split(","))
    if shape.type_name in ("integer", "long"):
        return int(values[0])
    return values[0].encode() if shape.type_name == "blob" else values[0]


def _file(name: str, shape: Shape) -> Any:
    """What the repository's file holds; a file without a folder is the reader's own, which nobody can read here."""
    if "/" not in name:
        return "the reader's own text"
    if not (ROOT / name).is_file():
        raise ValueError(f"there is no file {name}")
    body = (ROOT / name).read_bytes()
    return body if shape.type_name == "blob" else body.decode()


def query_complaints(query: str, output: Shape | None) -> Iterator[str]:
    """What is wrong with a ``--query`` over this answer: its syntax, or a key that the answer does not have."""
    try:
        tree = jmespath.compile(re.sub(r"\$\w+", "x", query)).parsed
    except jmespath.exceptions.JMESPathError as error:
        yield f"--query {query}: {str(error).splitlines()[0]}"
        return
    missing: list[str] = []
    _follow(tree, output, missing)
    yield from (f"--query {query}: the answer has no {key}" for key in missing)


@dataclass(frozen=True, slots=True)
class _Projected:
    """A list that the expression makes."""

    member: "_Found"


type _Found = Shape | _Projected | None
"""What an expression gives; None where nothing is known of it."""


def _follow(node: Any, found: _Found, missing: list[str]) -> _Found:
    """What the expression gives where it is applied to ``found``. Collects the keys that are not there."""
    children = node["children"]
    match node["type"]:
        case "field":
            return _member(node["value"], found, missing)
        case "subexpression" | "pipe" | "index_expression":
            for child in children:
                found = _follow(child, found, missing)
            return found
        case "projection" | "filter_projection":
            item = _item(_follow(children[0], found, missing))
            for condition in children[2:]:
                _follow(condition, item, missing)
            return _Projected(_follow(children[1], item, missing))
        case "flatten":
            outer = _follow(children[0], found, missing)
            inner = _item(outer)
            return inner if isinstance(inner, ListShape | _Projected) else outer
        case "index":
            return _item(found)
        case "identity" | "current" | "slice":
            return found
        case _:  # a literal, a comparison, a function, several keys: their parts are followed, their result is not
            for child in children:
                _follow(child, found, missing)
            return None


def _member(key: str, found: _Found, missing: list[str]) -> _Found:
    if isinstance(found, MapShape) and key in (found.key.metadata.get("enum") or [key]):
        return found.value
    if isinstance(found, StructureShape) and key in found.members:
        return found.members[key]
    if found is not None:
        missing.append(key)
    return None


def _item(found: _Found) -> _Found:
    return found.member if isinstance(found, ListShape | _Projected) else None
