"""One rule taken out of the code, as an exact replacement of its text."""

from dataclasses import dataclass
from pathlib import Path

PACKAGE = "call_lake"


@dataclass(frozen=True, slots=True)
class Mutation:
    """``file`` is within the package, ``tests`` within ``tests``: those that have to turn red."""

    rule: int
    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def times(self, shared: Path) -> int:
        """How often its text stands in the code; it can be applied where that is once."""
        return (shared / PACKAGE / self.file).read_text().count(self.old)

    def apply(self, shared: Path) -> str:
        """Change the code under ``shared``, which must be a copy; return what the file was."""
        path = shared / PACKAGE / self.file
        before = path.read_text()
        if before.count(self.old) != 1:
            raise ValueError(f"{self.name}: its text stands {before.count(self.old)} times in {self.file}, not once")
        path.write_text(before.replace(self.old, self.new))
        return before

    def undo(self, shared: Path, before: str) -> None:
        (shared / PACKAGE / self.file).write_text(before)
