"""`python -m tests.rights`: let the functions work in memory, and write docs/security.md's table of their rights."""

import logging
import sys

from bench.harness.tables import fill
from tests.rights.page import MARK, PAGE, rights

if __name__ == "__main__":
    logging.disable()  # what the functions log is not asked for here
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), {MARK: rights()}), encoding="utf-8")
    print("rights: wrote docs/security.md", file=sys.stderr)
