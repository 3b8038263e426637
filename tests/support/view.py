"""The template's view as CloudFormation would make it."""

import base64
import json
from typing import Any

from tests.support.template import properties

COLUMNS_OF_VIEW: list[dict[str, str]] = properties("CallsDailyView")["TableInput"]["StorageDescriptor"]["Columns"]


def view_definition(database: str) -> dict[str, Any]:
    """What the view's ViewOriginalText has inside its base64, in a stack with this database."""
    separator, parts = properties("CallsDailyView")["TableInput"]["ViewOriginalText"]["Fn::Join"]
    begin, encoded, end = parts
    assert (separator, begin, end) == ("", "/* Presto View: ", " */")
    definition: dict[str, Any] = json.loads(encoded["Fn::Base64"]["Fn::Sub"].replace("${Database}", database))
    return definition


def view_table(database: str) -> Any:
    """Glue's TableInput of the view, in a stack that is named as its database is."""
    text = base64.b64encode(json.dumps(view_definition(database)).encode()).decode()
    given = properties("CallsDailyView")["TableInput"]
    return given | {"Owner": database, "ViewOriginalText": f"/* Presto View: {text} */"}
