"""`python -m bench.cost`: count the AWS calls of simulated days, and write what they cost into docs/cost.md."""

import argparse
import sys
from collections.abc import Sequence

from bench.cost.prices import Prices
from bench.cost.runs import count
from bench.cost.tables import PAGE, tables
from bench.harness.tables import fill


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.cost", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/cost.md and bench/cost/counts.json")
    asked = parser.parse_args(arguments)
    try:
        prices = Prices.load()
    except (KeyError, TypeError, ValueError) as error:
        print(f"cost: docs/prices.json cannot be read: {error}", file=sys.stderr)
        return 1
    print("cost: counting the calls of two simulated days, some seconds", file=sys.stderr, flush=True)
    counted = count()
    made = tables(counted, prices)
    print("\n\n".join(made[name] for name in ("month", "marginal", "fixed")))
    if asked.write:
        page = fill(PAGE.read_text(encoding="utf-8"), made)
        counted.keep()
        PAGE.write_text(page, encoding="utf-8")
        print("cost: wrote docs/cost.md and bench/cost/counts.json", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
