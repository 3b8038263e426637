"""Start ministack with Call Lake's Athena adapter. Runs in ministack's own environment: ``python launch.py``."""

import sys
from importlib.metadata import version
from pathlib import Path

# Our packages instead of this script's folder, which is named like the package that it starts.
LOCAL = Path(__file__).resolve().parents[2]
sys.path[:1] = [str(LOCAL), str(LOCAL.parent / "shared")]

from call_lake_local.processes import exit_with_parent  # noqa: E402

MINISTACK = "1.5.33"


def main() -> None:
    exit_with_parent()
    if (found := version("ministack")) != MINISTACK:
        sys.exit(f"the Athena adapter is made for ministack {MINISTACK}, but {found} is installed")
    import ministack.app

    from call_lake_local.ministack import athena_adapter, shorter_waits

    athena_adapter.install()
    shorter_waits.install()
    ministack.app.main()


if __name__ == "__main__":
    main()
