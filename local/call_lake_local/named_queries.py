"""Write the queries of docs/queries into the template as Athena's named queries: ``make queries``.

CloudFormation can include text only from S3, so the template holds a copy; a test compares it with the files.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "template.yaml"
BEGIN = "  # >>> queries: written by `make queries` from docs/queries\n"
END = "  # <<< queries\n"


def query_files() -> list[Path]:
    """The queries in their order. ``calls_daily.sql`` is left out, because it is a view."""
    return sorted((ROOT / "docs/queries").glob("[0-9]*.sql"))


def title_of(file: Path) -> str:
    """``01-longest-calls.sql`` is ``Longest calls``."""
    return file.stem.partition("-")[2].replace("-", " ").capitalize()


def with_queries(template: str) -> str:
    """The template with the current files between its marks. Raises ValueError where the marks are missing."""
    before, begin, rest = template.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"template.yaml lacks the marks {BEGIN.strip()!r} and {END.strip()!r}")
    return before + begin + "".join(_resource(file) for file in query_files()) + end + after


def _resource(file: Path) -> str:
    text = file.read_text()
    name = title_of(file)
    description = text.splitlines()[0].removeprefix("-- ")
    lines = [
        f"  {name.title().replace(' ', '')}Query:",
        "    Type: AWS::Athena::NamedQuery",
        "    Condition: Cloud  # the emulator has no named queries",
        "    Properties:",
        f"      Name: {name}",
        "      Description: >-",
        f"        {description}",
        "      Database: !Ref Database",
        "      WorkGroup: !Ref Workgroup",
        "      QueryString: |",
        *(f"        {line}".rstrip() for line in text.splitlines()),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TEMPLATE.write_text(with_queries(TEMPLATE.read_text()))
