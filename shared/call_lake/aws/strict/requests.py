"""Check every request against AWS's own models before it is sent.

botocore ships a model of each service, but checks types, required parameters and smallest sizes alone. The models also
have patterns, enumerations and largest sizes, which AWS itself enforces.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ParamValidationError
from botocore.handlers import BUILTIN_HANDLERS, REGISTER_LAST
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from botocore.validate import ParamValidator

from call_lake.aws.strict import limits
from call_lake.aws.strict.patterns import UntranslatablePatternError, fits

PLAIN_NAME = re.compile(r"[A-Za-z_:#-]{1,64}\d{0,3}")
"""A map's key that an error may show: it cannot be a phone number."""


def check_every_request() -> None:
    """From now on every client of a new session in this process checks its requests, also those of libraries.

    A request that AWS would refuse fails with ParamValidationError. Its text has no value, for that may be personal.
    """
    if _HOOK not in BUILTIN_HANDLERS:
        BUILTIN_HANDLERS.append(_HOOK)


def complaints(params: Mapping[str, Any], model: OperationModel) -> Iterator[str]:
    """What AWS would refuse of this request: the parameter, the size of its value, and the rule."""
    if model.input_shape is None:
        return
    yield from _of_value(params, model.input_shape, "")
    if not ParamValidator().validate(params, model.input_shape).has_errors():  # else botocore refuses it
        yield from limits.complaints(model.service_model.service_name, model.name, params)


def _check(params: Mapping[str, Any], model: OperationModel, **_: Any) -> None:
    found = list(complaints(params, model))
    if found:
        lines = "\n".join(f"{model.service_model.service_name} {model.name}, {line}" for line in found)
        raise ParamValidationError(report=lines)


# Every session registers botocore's own list of handlers, and each client inherits its session's. The event comes after
# botocore has completed the parameters, and before they become a request in which they have no names any more.
_HOOK = ("before-parameter-build", _check, REGISTER_LAST)


def _of_value(value: Any, shape: Shape, path: str) -> Iterator[str]:
    """Values of a wrong type are left to botocore, which refuses them later."""
    match shape:
        case StructureShape() if isinstance(value, Mapping) and not shape.is_document_type:
            for name in value.keys() & shape.members.keys():
                yield from _of_value(value[name], shape.members[name], f"{path}.{name}".lstrip("."))
        case ListShape() if isinstance(value, list | tuple):
            yield from _of_size(len(value), "items", shape, path)
            for number, item in enumerate(value):
                yield from _of_value(item, shape.member, f"{path}[{number}]")
        case MapShape() if isinstance(value, Mapping):
            yield from _of_size(len(value), "entries", shape, path)
            for number, (key, item) in enumerate(value.items()):
                is_plain = isinstance(key, str) and PLAIN_NAME.fullmatch(key)
                inside = f"{path}.{key if is_plain else number}"
                yield from _of_value(key, shape.key, f"{inside} (its key)")
                yield from _of_value(item, shape.value, inside)
        case Shape(type_name="string") if isinstance(value, str):
            yield from _of_text(value, shape, path)
        case Shape(type_name="blob") if isinstance(value, bytes | bytearray | str):  # a stream's size is unknown
            yield from _of_size(limits.size_bytes(value), "bytes", shape, path)
        case Shape(type_name="integer" | "long" | "float" | "double") if isinstance(value, int | float):
            yield from _of_size(value, "as a number", shape, path)


def _of_text(text: str, shape: Shape, path: str) -> Iterator[str]:
    yield from _of_size(len(text), "characters", shape, path)
    allowed = shape.metadata.get("enum")
    if allowed and text not in allowed:
        yield f"{path}: a text of {len(text)} characters is none of {', '.join(allowed)}"
    pattern = shape.metadata.get("pattern")
    if pattern is None:
        return
    try:
        if not fits(pattern, text):
            yield f"{path}: a text of {len(text)} characters does not fit AWS's pattern {pattern}"
    except UntranslatablePatternError as error:
        yield f"{path}: nothing can be said about it, so call_lake/aws/strict/patterns.py has to learn this: {error}"


def _of_size(size: float, unit: str, shape: Shape, path: str) -> Iterator[str]:
    lowest, highest = shape.metadata.get("min"), shape.metadata.get("max")
    if lowest is not None and size < lowest:
        yield f"{path}: {size} {unit} are less than {lowest}"
    if highest is not None and size > highest:
        yield f"{path}: {size} {unit} are more than {highest}"
