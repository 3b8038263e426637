"""`python -m tests.torture`: the lake, and the control that has to fail."""

import argparse
import sys
import tempfile
from pathlib import Path

from call_lake_local.emulator import start_emulator
from tests.integration.tools import ministack_python
from tests.torture.run import torture

CONTROL_SHARE = 6


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--grace", type=float, default=10.0, help="seconds until a replaced file is deleted")
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="torture-") as folder,
        start_emulator(ministack_python(), Path(folder)) as emulator,
    ):
        lake = torture(emulator, seconds=asked.seconds, grace_s=asked.grace)
        print(f"lake: {lake}", flush=True)
        control = torture(emulator, seconds=asked.seconds / CONTROL_SHARE, grace_s=asked.grace, naive=True)
        print(f"naive overwrite: {control}")
    for anomaly in lake.anomalies[:20]:
        print(f"torture: {anomaly}", file=sys.stderr)
    if not control.anomalies:
        print("torture: the control shows no anomaly, so this run proves nothing: let it run longer", file=sys.stderr)
    return 1 if lake.anomalies or not control.anomalies else 0


if __name__ == "__main__":
    sys.exit(main())
