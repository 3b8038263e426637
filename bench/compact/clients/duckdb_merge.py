"""Read, merge, write: the merge in DuckDB's SQL, the files through pyarrow, for DuckDB's own S3 is an extension."""

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from bench.compact.clients.plain import Plain

NEWEST = """
    SELECT * FROM (SELECT * FROM standing UNION ALL BY NAME SELECT * FROM new)
    QUALIFY row_number() OVER (PARTITION BY recording_id ORDER BY stored_at DESC) = 1
"""


class Table(Plain):
    def load(self, rows: pa.Table) -> None:
        self.each(rows, lambda path, part: self._merge(path, part.slice(0, 0), part))

    def merge(self, rows: pa.Table) -> None:
        def one(path: str, part: pa.Table) -> None:
            self._merge(path, pq.read_table(path, filesystem=self.s3, partitioning=None), part)

        self.each(rows, one)

    def _merge(self, path: str, standing: pa.Table, new: pa.Table) -> None:
        with duckdb.connect() as connection:
            connection.execute("SET threads = 1")  # four partitions are worked on at once
            connection.register("standing", standing).register("new", new)
            merged = connection.execute(NEWEST).to_arrow_table()
        self.write(path, merged.select(new.column_names).cast(new.schema))
