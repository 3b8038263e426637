"""The errors of this package. The command line prints each as one line.

    LocalError          the laptop's stack cannot do what you asked
    ├── DeployError     sam build or sam deploy failed, or CloudFormation does not have the stack
    └── PackagingError  a folder does not hold what sam build makes

``bootstrap.SetupError`` is separate: set-up runs on a bare Python, before ``call_lake`` is installed.
"""

from call_lake.errors import CallLakeError


class LocalError(CallLakeError):
    """The message says what happened and what to do, in one line; the tail of a log may follow it."""


class DeployError(LocalError):
    """sam failed. The end of its output follows the first line."""


class PackagingError(LocalError):
    """A folder is not what ``sam build`` makes; the message says which."""
