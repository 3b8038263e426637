"""Thousands of runs write the same few files: what pyarrow made of the same tables and options once, it need not make
again."""

import io
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

_Writer = pq.ParquetWriter
_written: dict[tuple[Any, ...], bytes] = {}


class RememberingWriter:
    """Stands in for ``pyarrow.parquet.ParquetWriter`` as far as the lake uses it: same input, same bytes."""

    def __init__(self, sink: Any, schema: pa.Schema, **options: Any) -> None:
        self._sink = sink
        self._schema = schema
        self._options = options
        self._metadata: dict[str, str] = {}
        self._groups: list[tuple[pa.Table, int]] = []

    def add_key_value_metadata(self, metadata: dict[str, str]) -> None:
        self._metadata |= metadata

    def write_table(self, table: pa.Table, row_group_size: int) -> None:
        self._groups.append((table, row_group_size))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self._sink.write(self._file())

    def _file(self) -> bytes:
        rows = tuple((_exact(table), size) for table, size in self._groups)
        key = (rows, str(self._schema), repr(self._options), repr(self._metadata))
        if key not in _written:
            body = io.BytesIO()
            with _Writer(body, self._schema, **self._options) as writer:
                writer.add_key_value_metadata(self._metadata)
                for table, size in self._groups:
                    writer.write_table(table, row_group_size=size)
            _written[key] = body.getvalue()
        return _written[key]


def _exact(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content
