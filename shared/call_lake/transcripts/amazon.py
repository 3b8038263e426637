"""Read what Amazon Transcribe writes: one item for each word and each mark of punctuation.

https://docs.aws.amazon.com/transcribe/latest/dg/how-input.html#how-output
https://docs.aws.amazon.com/transcribe/latest/dg/channel-id-output-batch.html
https://docs.aws.amazon.com/transcribe/latest/dg/diarization-output-batch.html

Segments are made of the items, a sentence each. Amazon's own ``audio_segments`` are as long as somebody speaks, so
they would not tell the second of what was said; older documents have none.
"""

import re
from collections import Counter
from dataclasses import dataclass, field

from call_lake.model.transcripts import Segment
from call_lake.transcripts.document import (
    LANGUAGE,
    MAX_SEGMENT_TEXT,
    MAX_SPEAKER,
    MAX_WORD_TEXT,
    BadDocument,
    Collected,
    Document,
    Word,
    one_line,
)
from call_lake.transcripts.json_stream import Body, JsonStream
from call_lake.transcripts.own_format import seconds, share

PAUSE_S = 1.5
"""A longer silence ends a segment, where the language has no punctuation."""
MAX_SENTENCE_WORDS = 60
MAX_LANGUAGES = 100
MAX_CHANNEL_LABELS = 2  # https://docs.aws.amazon.com/transcribe/latest/dg/channel-id.html
_NUMBER = re.compile(r"\d{1,7}(\.\d{1,9})?")
_CHANNEL = re.compile(r"ch_([01])")
_ENDS = (".", "?", "!", "…", "。", "？", "！", "।", "؟")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
"""Thai, Lao, Burmese, Khmer, Japanese, Chinese: no space between words."""


def read_amazon(body: Body, language: str | None = None, *, keep_words: bool = False) -> Document:
    """Read a whole document. ``language``: what the job was told, for a document does not say it unless Amazon
    Transcribe identified it. Raises BadDocument."""
    json = JsonStream(body)
    status, results = "COMPLETED", None
    for name in json.members("the document"):
        match name:
            case "status":
                status = json.text(name, MAX_SPEAKER)
            case "results":
                results = _Results(json, keep_words)
            case _:
                json.skip()
    json.end()
    if status != "COMPLETED":
        return Document(error="Amazon Transcribe did not complete the job")
    if results is None:
        raise BadDocument("it has no results")
    return results.document(language)


@dataclass(frozen=True, slots=True)
class _Item:
    """One item. ``word`` is None for punctuation, whose ``text`` belongs to the word before it."""

    text: str
    word: Word | None
    channel: int | None
    speaker: str | None


@dataclass(slots=True)
class _Open:
    """The segment that a speaker is in."""

    speaker: str | None
    text: str = ""
    words: list[Word] = field(default_factory=list)

    def take(self, word: Word) -> None:
        touching = self.text[-1:] + word.text[:1]
        glue = "" if not self.text or len(_UNSPACED.findall(touching)) == len(touching) else " "
        self.text += glue + word.text
        self.words.append(word)

    def is_over(self, item: _Item) -> bool:
        """Whether the next word begins another segment."""
        if not self.words or item.word is None:
            return False
        return (
            item.speaker != self.speaker
            or self.text.endswith(_ENDS)
            or item.word.start_s - self.words[-1].end_s > PAUSE_S
            or len(self.words) == MAX_SENTENCE_WORDS
            or len(self.text) + len(item.text) > MAX_SEGMENT_TEXT // 2
        )


class _Segmenter:
    """Makes segments of items. The channels of a stereo call speak at once, so each has an open segment."""

    def __init__(self, *, keep_words: bool) -> None:
        self.collected = Collected(keep_words=keep_words)
        self.languages = Counter[str]()
        self._open: dict[int | None, _Open] = {}

    def take(self, item: _Item) -> None:
        current = self._open.get(item.channel)
        if item.word is None:
            if current is not None and len(current.text) < MAX_SEGMENT_TEXT:
                current.text += item.text
            return
        if current is None or current.is_over(item):
            self._close(item.channel)
            current = self._open[item.channel] = _Open(item.speaker)
        current.take(item.word)

    def _close(self, channel: int | None) -> None:
        if (done := self._open.pop(channel, None)) is not None:
            first, last = done.words[0], done.words[-1]
            end_s = max(first.start_s, last.end_s)
            self.collected.add(Segment(first.start_s, end_s, done.text, channel, done.speaker), done.words)

    def end(self) -> None:
        for channel in list(self._open):
            self._close(channel)


class _Results:
    """The member ``results``. A stereo call has all items twice: by channel, and in ``items`` in order."""

    def __init__(self, json: JsonStream, keep_words: bool) -> None:
        self._keep_words = keep_words
        self._language: str | None = None
        self._mixed: _Segmenter | None = None
        self._by_channel: _Segmenter | None = None
        for name in json.members("results"):
            match name:
                case "language_code":
                    self._language = _tag(json.scalar(name))
                case "channel_labels":
                    self._by_channel = self._channels(json)
                case "items" if self._by_channel is None:
                    self._mixed = self._items(json, self._segmenter(), None)
                case _:
                    json.skip()

    def document(self, told: str | None) -> Document:
        """``told``: the language that the job was told."""
        taken = self._by_channel or self._mixed
        if taken is None:
            raise BadDocument("its results have no items")
        taken.end()
        identified = taken.languages.most_common(1)
        language = self._language or (identified[0][0] if identified else told)
        return taken.collected.document(language, 2 if self._by_channel else 1)

    def _segmenter(self) -> _Segmenter:
        return _Segmenter(keep_words=self._keep_words)

    def _channels(self, json: JsonStream) -> _Segmenter:
        taken = self._segmenter()
        for name in json.members("channel_labels"):
            if name != "channels":
                json.skip()
                continue
            for position in json.elements(name):
                if position == MAX_CHANNEL_LABELS:
                    raise BadDocument(f"more than {MAX_CHANNEL_LABELS} channels")
                self._channel(json, taken, position)
        return taken

    def _channel(self, json: JsonStream, taken: _Segmenter, position: int) -> None:
        for name in json.members("a channel"):
            if name == "items":
                self._items(json, taken, position)
            else:
                json.skip()

    def _items(self, json: JsonStream, taken: _Segmenter, channel: int | None) -> _Segmenter:
        for _ in json.elements("items"):
            taken.take(_item(json, taken.languages, channel))
        return taken


def _item(json: JsonStream, languages: Counter[str], channel: int | None) -> _Item:
    start_s = end_s = speaker = None
    kind, text, confidence = "", "", None
    for name in json.members("an item"):
        match name:
            case "type":
                kind = json.text(name, MAX_SPEAKER)
            case "start_time":
                start_s = _seconds(json.scalar(name))
            case "end_time":
                end_s = _seconds(json.scalar(name))
            case "speaker_label":
                speaker = one_line(json.text(name, MAX_SPEAKER)) or None
            case "channel_label" if channel is not None:
                channel = _channel_of(json.scalar(name), channel)
            case "language_code":
                if (tag := _tag(json.scalar(name))) and len(languages) < MAX_LANGUAGES:
                    languages[tag] += 1
            case "alternatives":
                text, confidence = _first(json)
            case _:
                json.skip()
    if kind == "punctuation":
        return _Item(text, None, channel, speaker)
    if start_s is None or end_s is None:
        raise BadDocument("a word has no times")
    return _Item(text, Word(start_s, end_s, text, confidence), channel, speaker)


def _first(json: JsonStream) -> tuple[str, float | None]:
    """Text and confidence of the first alternative. A masked word has no confidence."""
    text, confidence = "", None
    for position in json.elements("alternatives"):
        if position:
            json.skip()
            continue
        for name in json.members("an alternative"):
            match name:
                case "content":
                    text = one_line(json.text(name, MAX_WORD_TEXT))
                case "confidence":
                    confidence = _confidence(json.scalar(name))
                case _:
                    json.skip()
    return text, confidence


def _seconds(value: object) -> float | None:
    """Amazon writes numbers as texts."""
    if value is None:
        return None
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return seconds(float(value))
    raise BadDocument("a time is no number")


def _confidence(value: object) -> float | None:
    return share(float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value)


def _channel_of(value: object, otherwise: int) -> int:
    found = _CHANNEL.fullmatch(value) if isinstance(value, str) else None
    return int(found[1]) if found else otherwise


def _tag(value: object) -> str | None:
    return value if isinstance(value, str) and LANGUAGE.fullmatch(value) else None
