"""Errors of the lake: a file that is gone or newer, a damaged manifest, a row that does not fit, no time left."""

from typing import Self

from call_lake.errors import CallLakeError
from call_lake.model.lake_tables import TablePartition


class FileGone(CallLakeError):
    """A data file was deleted meanwhile: the manifest that named it is no longer the current one."""


class LakeDamaged(CallLakeError):
    """The current manifest names a data file that does not exist or cannot be read."""

    @classmethod
    def by(cls, partition: TablePartition, broken: str) -> Self:
        """``broken``: what is wrong with the manifest."""
        return cls(
            f"{partition}: its manifest {broken}; "
            "`call-lake rebuild` writes the day again, then type this command again"
        )


class NewerSchema(CallLakeError):
    """A newer version of Call Lake wrote this file. This version cannot read it, so it must not rewrite it."""


class OutOfTime(CallLakeError):
    """The function's time is over in the middle of a step. The step changed nothing; the next run repeats it."""


class DoesNotFit(ValueError):
    """A row that the table cannot hold. The message names the column, never the value, because it goes to the log."""
