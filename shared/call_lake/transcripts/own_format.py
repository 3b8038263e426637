"""Read an engine's document: events/transcript.schema.json."""

from call_lake.model.transcripts import Segment
from call_lake.transcripts.document import (
    CHANNELS,
    LANGUAGE,
    MAX_ERROR,
    MAX_SECONDS,
    MAX_SEGMENT_TEXT,
    MAX_SEGMENT_WORDS,
    MAX_SPEAKER,
    MAX_TEXT,
    MAX_WORD_TEXT,
    BadDocument,
    Collected,
    Document,
    Word,
    one_line,
)
from call_lake.transcripts.json_stream import Body, JsonStream

VERSION = 1


def read_own(body: Body, *, keep_words: bool = False) -> Document:
    """Read a whole document. Members of its top level that the schema does not know are skipped; within a segment they
    are refused, where they are more likely a slip. Raises BadDocument."""
    json, collected = JsonStream(body), Collected(keep_words=keep_words)
    version: object = None
    language, error, channels, seen = None, None, 1, set()
    heard: set[int | None] = set()
    for name in json.members("the document"):
        seen.add(name)
        match name:
            case "version":
                version = json.scalar(name)
            case "language":
                language = _language(json)
            case "channels":
                channels = _one_of(json, name, CHANNELS)
            case "error":
                error = json.text(name, MAX_TEXT)
            case "segments":
                for _ in json.elements(name):
                    heard.add(_segment(json, collected))
            case _:
                json.skip()
    json.end()
    if version is True or version != VERSION:
        raise BadDocument(f"its version is not {VERSION}")
    if ("segments" in seen) == (error is not None):
        raise BadDocument("it has both segments and an error, or neither")
    if error is not None:
        return Document(error=one_line(error)[:MAX_ERROR] or "no reason given")
    if channels == 1 and 1 in heard:
        raise BadDocument("a segment is of channel 1, but channels is not 2")
    if channels == 2 and None in heard:
        raise BadDocument("channels is 2, but a segment names no channel")
    return collected.document(language, channels)


def _segment(json: JsonStream, collected: Collected) -> int | None:
    """Read a segment, and return its channel."""
    start_s = end_s = confidence = channel = speaker = None
    text, words = None, list[Word]()
    for name in json.members("a segment"):
        match name:
            case "start_s":
                start_s = seconds(json.number(name))
            case "end_s":
                end_s = seconds(json.number(name))
            case "text":
                text = one_line(json.text(name, MAX_SEGMENT_TEXT))
            case "channel":
                channel = _one_of(json, name, (0, 1, None))
            case "speaker":
                speaker = _speaker(json)
            case "confidence":
                confidence = share(json.scalar(name))
            case "words":
                words = _words(json)
            case _:
                raise BadDocument("a segment has a member that the schema does not know")
    if start_s is None or end_s is None or text is None:
        raise BadDocument("a segment lacks start_s, end_s or text")
    if end_s < start_s:
        raise BadDocument("a segment ends before it starts")
    collected.add(Segment(start_s, end_s, text, channel, speaker, confidence), words)
    return channel


def _words(json: JsonStream) -> list[Word]:
    words = []
    for position in json.elements("words"):
        if position == MAX_SEGMENT_WORDS:
            raise BadDocument(f"a segment has more than {MAX_SEGMENT_WORDS:,} words")
        words.append(_word(json))
    return words


def _word(json: JsonStream) -> Word:
    start_s = end_s = confidence = None
    text = None
    for name in json.members("a word"):
        match name:
            case "start_s":
                start_s = seconds(json.number(name))
            case "end_s":
                end_s = seconds(json.number(name))
            case "text":
                text = one_line(json.text(name, MAX_WORD_TEXT))
            case "confidence":
                confidence = share(json.scalar(name))
            case _:
                raise BadDocument("a word has a member that the schema does not know")
    if start_s is None or end_s is None or text is None:
        raise BadDocument("a word lacks start_s, end_s or text")
    return Word(start_s, end_s, text, confidence)


def seconds(value: float) -> float:
    """A moment of the audio. Raises BadDocument."""
    if not 0 <= value <= MAX_SECONDS:
        raise BadDocument("a time is below 0 or beyond a week")
    return round(value, 3)


def share(value: object) -> float | None:
    """A confidence. Raises BadDocument."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise BadDocument("a confidence is no number from 0 to 1")
    return float(value)


def _language(json: JsonStream) -> str | None:
    value = json.scalar("language")
    if value is not None and not (isinstance(value, str) and LANGUAGE.fullmatch(value)):
        raise BadDocument("language is no tag like pl-PL")
    return value


def _speaker(json: JsonStream) -> str | None:
    value = json.scalar("speaker")
    if value is not None and not (isinstance(value, str) and len(value) <= MAX_SPEAKER):
        raise BadDocument(f"a speaker is no text of up to {MAX_SPEAKER} characters")
    return one_line(value) if value else None


def _one_of[T](json: JsonStream, name: str, wanted: tuple[T, ...]) -> T:
    value = json.scalar(name)
    if isinstance(value, bool | float):  # 1.0 and true equal 1
        raise BadDocument(f"{name} is none of {wanted}")
    for one in wanted:
        if value == one:
            return one
    raise BadDocument(f"{name} is none of {wanted}")
