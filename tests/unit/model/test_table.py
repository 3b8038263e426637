"""What a row says."""

import pytest

from call_lake.model.table import Row, talk_of


@pytest.mark.parametrize(
    ("row", "talked_s"),
    [
        ({"talk_s": 40.0, "duration_s": 60.0, "audio_s": 45.0}, 40.0),
        ({"talk_s": 0.0, "duration_s": 60.0}, 0.0),
        ({"talk_s": None, "duration_s": 60.0}, 60.0),
        ({"audio_s": 45.0}, 45.0),
        ({}, 0.0),
    ],
)
def test_talk_is_what_the_vendor_says_else_the_length(row: Row, talked_s: float) -> None:
    assert talk_of(row) == talked_s
