"""Hold a source's listing, read anew, against ledger, audio objects and rows (``call-lake verify``).

Nothing is downloaded but lists and headers. What is asked first can only make a recording look less finished: listing,
ledger, inbox, then rows, so that a recording that moves on meanwhile is never called lost.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import batched

from call_lake.archive import audio_day
from call_lake.config import SourceSettings
from call_lake.errors import SecretEmpty, StepFailed
from call_lake.findings import Finding, Kind, RowSeen, Seen, judge
from call_lake.inbox import ids_set_aside, ids_waiting
from call_lake.ledger import Entry, Ledger, State, entry_of, same_recording
from call_lake.lake_layout import Partition
from call_lake.ports import Clock, ObjectInfo, ObjectStore
from call_lake.polling import ROWS_PER_WINDOW
from call_lake.providers.base import Page, Provider
from call_lake.recording import Recording, Window, iso
from call_lake.sources import SourceBook
from call_lake.windows import Hole, read_forward
