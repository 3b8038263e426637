"""What the lake's own code raises."""

from typing import Self

from call_lake.errors import CallLakeError
from call_lake.model.layout import Partition


class FileGone(CallLakeError):
    """A data file was collected meanwhile: the manifest that named it is no longer the one that stands."""


class LakeDamaged(CallLakeError):
    """A manifest names a data file that is not there or cannot be read, and nobody is replacing it."""

    @classmethod
    def by(cls, partition: Partition, broken: str) -> Self:
        """``broken``: what is wrong with the manifest."""
        return cls(
            f"{partition}: its manifest {broken}; `call-lake rebuild` writes the day anew, then type this command again"
        )


class NewerSchema(CallLakeError):
    """A file was written by a newer version of Call Lake: this one must not rewrite what it cannot read."""


class OutOfTime(CallLakeError):
    """The function's time is over; nothing was changed."""


class DoesNotFit(ValueError):
    """A row that the table cannot hold. The message names the column, never the value: it goes to the log."""


class TooSlow(Exception):
    """The new files were written so long ago that they may be collected before the manifest names them."""
