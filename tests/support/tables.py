"""Read a table as a command prints it on a screen."""

import re


def read_table(text: str) -> list[dict[str, str]]:
    """The cells of each row by column. The line of dashes says where each column is."""
    lines = text.splitlines()
    dashes = next(n for n, line in enumerate(lines) if re.fullmatch(r"-+(  -+)*", line))
    columns = [slice(*found.span()) for found in re.finditer("-+", lines[dashes])]
    names = [lines[dashes - 1][column].strip() for column in columns]
    rows = []
    for line in lines[dashes + 1 :]:
        if not line:
            break
        rows.append(dict(zip(names, (line[column].strip() for column in columns), strict=True)))
    return rows
