"""Calls and talk time per source and day with PyAthena: Athena reads the manifests itself.

Arguments: the first and the last day, like 2026-10-25.
"""

import os
import sys
from datetime import date

from pyathena import connect


def calls_per_day(first_day: str, last_day: str) -> list[tuple]:
    with connect(
        work_group=os.environ["CALL_LAKE_WORKGROUP"], schema_name=os.environ["CALL_LAKE_DATABASE"]
    ) as connection:
        cursor = connection.cursor()
        cursor.execute(
            """
            SELECT source, call_date, calls, talk_s FROM calls_daily
            WHERE call_date BETWEEN %(first)s AND %(last)s ORDER BY source, call_date
            """,
            {"first": date.fromisoformat(first_day), "last": date.fromisoformat(last_day)},
        )
        return cursor.fetchall()


if __name__ == "__main__":
    for row in calls_per_day(*sys.argv[1:]):
        print(*row)
