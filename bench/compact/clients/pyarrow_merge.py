"""Read, merge, write with pyarrow."""

import pyarrow as pa
import pyarrow.parquet as pq

from bench.compact.clients.plain import Plain
from bench.compact.worker import newest


class Table(Plain):
    def load(self, rows: pa.Table) -> None:
        self.each(rows, lambda path, part: self.write(path, newest(part)))

    def merge(self, rows: pa.Table) -> None:
        def one(path: str, part: pa.Table) -> None:
            standing = pq.read_table(path, filesystem=self.s3, partitioning=None)
            self.write(path, newest(pa.concat_tables([standing, part])))

        self.each(rows, one)
