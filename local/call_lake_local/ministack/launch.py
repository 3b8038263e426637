"""Starts ministack with Call Lake's Athena adapter. Runs in ministack's own environment: ``python launch.py``."""

import sys
from importlib.metadata import version
from pathlib import Path

# The repository instead of this script's folder, which is named like the package that it starts.
sys.path[0] = str(Path(__file__).resolve().parents[2])

from call_lake_local.processes import exit_with_parent  # noqa: E402

MINISTACK = "1.5.33"


def main() -> None:
    exit_with_parent()
    if (found := version("ministack")) != MINISTACK:
        sys.exit(f"the Athena adapter is made for ministack {MINISTACK}, but {found} is installed")
    import ministack.app

    from call_lake_local.ministack import athena_adapter, patience

    athena_adapter.install()
    patience.install()
    ministack.app.main()


if __name__ == "__main__":
    main()
