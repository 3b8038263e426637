"""The bare write: the rows of each partition as one Parquet file. Nothing is sorted, nothing deduplicated."""

import pyarrow as pa

from bench.compact.clients.plain import Plain


class Table(Plain):
    def load(self, rows: pa.Table) -> None:
        self.each(rows, self.write)
