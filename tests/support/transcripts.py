"""Documents as Amazon Transcribe writes them, as long as wanted."""

import json
import random
from collections.abc import Iterator
from typing import Any

WORDS = ("dzień", "dobry", "chciałbym", "zmienić", "umowę", "na", "nowy", "numer", "proszę", "chwilę", "poczekać")
WORDS_A_MINUTE = 150


def amazon_document(minutes: float, channels: int = 1, seed: int = 1) -> bytes:
    """A whole document of invented Polish: sentences of eight words, by turns of two speakers or two channels. The
    members and their order are those of Amazon's pages (transcripts/amazon.py names them)."""
    items = list(_items(minutes, channels, random.Random(seed)))
    for number, item in enumerate(items):
        item["id"] = number
    text = " ".join(item["alternatives"][0]["content"] for item in items)
    results: dict[str, Any] = {"transcripts": [{"transcript": text}]}
    if channels == 2:
        of = [[item for item in items if item["channel_label"] == f"ch_{number}"] for number in range(2)]
        labels = [{"channel_label": f"ch_{number}", "items": of[number]} for number in range(2)]
        results["channel_labels"] = {"channels": labels, "number_of_channels": 2}
    results["items"] = items
    results["audio_segments"] = [
        {"id": n, "transcript": "", "items": list(range(start, min(start + 40, len(items))))}
        for n, start in enumerate(range(0, len(items), 40))
    ]
    document = {"jobName": "job", "accountId": "123456789012", "status": "COMPLETED", "results": results}
    return json.dumps(document, ensure_ascii=False).encode()


def _items(minutes: float, channels: int, dice: random.Random) -> Iterator[dict[str, Any]]:
    label = "channel_label" if channels == 2 else "speaker_label"
    for number in range(int(minutes * WORDS_A_MINUTE)):
        turn = number // 24 % 2
        said_by = {label: f"ch_{turn}" if channels == 2 else f"spk_{turn}"}
        start = number * 60 / WORDS_A_MINUTE
        word = {"content": dice.choice(WORDS), "confidence": f"{dice.uniform(0.5, 1):.3f}"}
        times = {"start_time": f"{start:.3f}", "end_time": f"{start + 0.3:.3f}"}
        yield {"type": "pronunciation", "alternatives": [word], **times, **said_by}
        if number % 8 == 7:
            mark = {"content": ".", "confidence": "0.0"}
            yield {"type": "punctuation", "alternatives": [mark], **said_by}
