"""Everything that a check may ask: the deployed stack, the Athena adapter and Trino over it, a laboratory beside it."""

from dataclasses import dataclass
from pathlib import Path

import boto3

from call_lake_cli.stack.handle import Stack
from call_lake_local.emulator import Emulator
from tests.integration.athena_lake import Athena
from tests.trino.client import Trino
from tests.trino.laboratory import Laboratory
from tests.trino.listings import Listings


@dataclass(frozen=True, slots=True)
class World:
    """``athena`` and ``trino`` ask the deployed stack's database. ``root``: the folder of the stack;
    ``session``: the account's root."""

    root: Path
    stack: Stack
    athena: Athena
    trino: Trino
    listings: Listings
    emulator: Emulator
    session: boto3.Session
    laboratory: Laboratory
