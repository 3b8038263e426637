"""Reads ``calls`` with PyAthena and with awswrangler, and prints as JSON what each got. Runs in ``.tools/peers``.

Arguments: database, workgroup, results (s3://…). The endpoint and the keys come from the environment.
"""

import json
import sys
from typing import Any

import awswrangler as wr
import boto3
from pyathena import connect
from pyathena.pandas.cursor import PandasCursor

SQL = "SELECT recording_id, started_at, agent, talk_s, audio_bytes, source, call_date FROM calls ORDER BY recording_id"


def main(database: str, workgroup: str, results: str) -> None:
    common: dict[str, Any] = {"work_group": workgroup, "schema_name": database, "poll_interval": 0.05}
    found: dict[str, Any] = {}
    with connect(**common) as connection:
        cursor = connection.cursor()
        cursor.execute(SQL)
        found["pyathena"] = [list(row) for row in cursor.fetchall()]
        cursor.execute("SELECT count(*) FROM calls WHERE source = %(source)s", {"source": "thulium"})
        found["pyathena parameters"] = cursor.fetchone()[0]
    with connect(**common, cursor_class=PandasCursor) as connection:
        found["pyathena pandas"] = connection.cursor().execute(SQL).as_pandas().to_dict("records")
    session = boto3.Session()
    options: dict[str, Any] = {
        "database": database,
        "workgroup": workgroup,
        "s3_output": results,
        "boto3_session": session,
    }
    approaches: dict[str, dict[str, Any]] = {
        "awswrangler ctas": {"ctas_approach": True},
        "awswrangler unload": {"ctas_approach": False, "unload_approach": True},
        "awswrangler csv": {"ctas_approach": False},
    }
    for name, more in approaches.items():
        found[name] = wr.athena.read_sql_query(SQL, **options, **more).to_dict("records")
    qmark: dict[str, Any] = {"params": ["'thulium'"], "paramstyle": "qmark", "ctas_approach": False}
    counted = wr.athena.read_sql_query("SELECT count(*) AS n FROM calls WHERE source = ?", **options, **qmark)
    found["awswrangler parameters"] = int(counted["n"][0])
    found["awswrangler columns"] = wr.catalog.get_table_types(database, "calls", boto3_session=session)
    print(json.dumps(found, default=str))


if __name__ == "__main__":
    main(*sys.argv[1:])
