"""Keep what a version stores: ``make upgrade-base VERSION=0.2.0``, when the version is released.

Two captures of the same code give the same bytes: clock, key and random numbers are fixed.
"""

import random
import shutil
import sys
import tempfile
import uuid
from pathlib import Path
from unittest.mock import patch

from tests.support.fakes.ids import ID_KEY
from tests.support.template import ROOT
from tests.upgrade.kept import HERE, save
from tests.upgrade.names import names_now, names_text
from tests.upgrade.story import Story


def capture(version: str, folder: Path) -> None:
    """Write the kept files of the version into an empty folder."""
    dice = random.Random(35)
    with (
        patch("uuid.uuid4", lambda: uuid.UUID(int=dice.getrandbits(128), version=4)),
        patch("secrets.token_hex", lambda size: dice.randbytes(size).hex()),
    ):
        story = Story(version)
        story.run()
    save(story.account, ID_KEY, folder)
    shutil.copy(ROOT / "template.yaml", folder)
    (folder / "names.txt").write_text(names_text(names_now()), encoding="utf-8")


def main() -> None:
    (version,) = sys.argv[1:]
    with tempfile.TemporaryDirectory() as made:
        capture(version, Path(made))
        shutil.rmtree(HERE / version, ignore_errors=True)
        shutil.copytree(made, HERE / version)


if __name__ == "__main__":
    main()
