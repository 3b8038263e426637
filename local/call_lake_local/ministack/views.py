"""Views of the Glue catalogue, in the form that Athena and Trino keep them: ``/* Presto View: <base64 JSON> */``."""

import base64
import json
import re

from sqlglot import exp, parse_one

from call_lake_local.ministack.locations import BadTable
from call_lake_local.ministack.tables import Table

_ENCODED = re.compile(r"/\*\s*Presto View:\s*([A-Za-z0-9+/=]+)\s*\*/")


def query_of_view(view: Table) -> tuple[exp.Expression, str | None]:
    """The view's query, parsed, and the database that its unqualified names are of. Raises BadTable."""
    match = _ENCODED.search(view.view_text or "")
    try:
        definition = json.loads(base64.b64decode(match[1])) if match else {}
        return parse_one(definition["originalSql"], read="athena"), definition.get("schema")
    except (ValueError, KeyError) as error:
        raise BadTable(f"INVALID_VIEW: View '{view.database}.{view.name}' cannot be read: {error}") from None


def view_text(sql: str, database: str, columns: list[tuple[str, str]]) -> str:
    """What Glue's ViewOriginalText holds for this view; columns are (name, Trino type)."""
    definition = {
        "originalSql": sql,
        "catalog": "awsdatacatalog",
        "schema": database,
        "columns": [{"name": name, "type": kind} for name, kind in columns],
    }
    return f"/* Presto View: {base64.b64encode(json.dumps(definition).encode()).decode()} */"
