"""Ask Trino by its own HTTP protocol: https://trino.io/docs/476/develop/client-protocol.html"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
from sqlglot import exp

from call_lake_local.ministack.results import text_of

CATALOG = "awsdatacatalog"  # Athena's name for it, which the stored view has
TIMEOUT_S = 300.0


class TrinoError(Exception):
    """Trino ended the query with this error: ``NAME: message``."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``types``: of an array or a row the word alone, and without precisions. ``rows`` as Athena prints them, None for
    NULL. ``read_bytes``: of data files, as they are in S3."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: list[tuple[str | None, ...]]
    read_bytes: int


class Trino:
    """A Trino server, and the schema that unqualified names are of. Use each from one thread."""

    def __init__(self, url: str, schema: str = "", session: requests.Session | None = None) -> None:
        self.url = url
        self.schema = schema
        self._session = session or requests.Session()
        self._session.trust_env = False  # your proxies are not meant for it

    def of(self, schema: str) -> "Trino":
        return Trino(self.url, schema)

    def rows(self, sql: str) -> list[tuple[str | None, ...]]:
        return self.ask(sql).rows

    def ask(self, sql: str, settings: Mapping[str, str] | None = None) -> Answer:
        """Run one statement to its end. ``settings`` are session properties of the catalogue. Raises TrinoError."""
        headers = {"User": "call-lake", "Catalog": CATALOG, "Schema": self.schema, "Time-Zone": "UTC"}
        if settings:
            headers["Session"] = ",".join(f"{CATALOG}.{name}={value}" for name, value in settings.items())
        sent = self._session.post(
            f"{self.url}/v1/statement",
            data=sql.encode(),
            headers={f"X-Trino-{name}": value for name, value in headers.items()},
            timeout=TIMEOUT_S,
        )
        rows: list[tuple[str | None, ...]] = []
        columns: list[dict[str, str]] = []
        while True:
            sent.raise_for_status()
            page = sent.json()
            if error := page.get("error"):
                raise TrinoError(f"{error['errorName']}: {error['message']}")
            columns = page.get("columns") or columns
            kinds = [column["type"] for column in columns]
            rows += [tuple(map(printed, row, kinds)) for row in page.get("data") or []]
            if (next_uri := page.get("nextUri")) is None:
                break
            sent = self._session.get(next_uri, timeout=TIMEOUT_S)
        return Answer(
            tuple(column["name"] for column in columns),
            tuple(_without_parameters(column["type"]) for column in columns),
            rows,
            page["stats"]["physicalInputBytes"],
        )


def _without_parameters(kind: str) -> str:
    nested = re.match(r"(array|row|map)\(", kind)
    return nested[1] if nested else re.sub(r"\([\d, ]+\)", "", kind)


def printed(value: Any, kind: str) -> str | None:
    """A value of Trino's JSON as Athena prints it: numbers are numbers there, a row is a list, all else is text."""
    return text_of(_named(value, exp.DataType.build(kind, dialect="trino")) if "row(" in kind else value)


def _named(value: Any, kind: exp.Expression) -> Any:
    """The value with its rows as dictionaries, at every depth."""
    if value is None:
        return None
    if kind.is_type(exp.DType.ARRAY):
        return [_named(item, kind.expressions[0]) for item in value]
    if not kind.is_type(exp.DType.STRUCT):
        return value
    fields = [
        (field.name or f"_{place}", field.args.get("kind") or field) for place, field in enumerate(kind.expressions)
    ]
    return {name: _named(item, inner) for item, (name, inner) in zip(value, fields, strict=True)}
