"""Start ministack behind our gate, with Call Lake's Athena adapter. Runs in ministack's own environment:
``python launch.py``."""

import os
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
    secret = os.environ.pop("CALL_LAKE_ROOT_SECRET")  # functions inherit the environment
    if (found := version("ministack")) != MINISTACK:
        sys.exit(f"the Athena adapter is made for ministack {MINISTACK}, but {found} is installed")
    import ministack.app

    from call_lake_local.ministack import athena_adapter, conditions, glue_partitions, glue_tables, keys, shorter_waits
    from call_lake_local.ministack.gate import Gate

    athena_adapter.install()
    conditions.install()
    glue_partitions.install()
    glue_tables.install()
    shorter_waits.install()
    keys.install()
    root = os.environ["AWS_ACCESS_KEY_ID"]
    address = f"{os.environ['BIND_HOST']}:{os.environ['GATEWAY_PORT']}"
    ministack.app.app = Gate(ministack.app.app, address, root, keys.Keys(root, secret).secret)
    ministack.app.main()


if __name__ == "__main__":
    main()
