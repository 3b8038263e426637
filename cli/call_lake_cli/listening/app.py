"""The listening page's server: its files, its questions as JSON, and audio in parts."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route

from call_lake.errors import CallLakeError, Transient
from call_lake.plain_text import json_text
from call_lake.ports import ObjectStore
from call_lake_cli.listening.formats import HEAD_BYTES, PLAYED, why_not_played
from call_lake_cli.listening.library import BadQuestion, Library, Question, phrase_of
from call_lake_cli.listening.overview import PAGE
from call_lake_cli.listening.plays import Action, Play, Plays
from call_lake_cli.listening.ranges import NotSatisfiable, Part, part_of, pieces
from call_lake_cli.listening.waveform import Waveforms

QUESTION_BYTES_MAX = 16 * 1024
GONE = "the audio is gone: it has expired, or somebody deleted it"
ENDED = "this play has ended: press Play again"
type Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Desk:
    """What the page is about, and the parts that answer it. ``about``: what the page shows of the stack."""

    about: Answer
    library: Library
    plays: Plays
    waveforms: Waveforms
    store: ObjectStore

    def calls(self, asked: Answer) -> Answer:
        return self.library.search(Question.of_json(asked))

    def story(self, asked: Answer) -> Answer:
        return self.library.story(self._row(asked))

    def play(self, asked: Answer) -> Answer:
        """Note a play or a file to save, and give the path of its audio."""
        row = self._row(asked)
        key = self.library.audio_key(row)
        head = self.store.head(key)
        if head is None:
            raise BadQuestion(GONE)
        format = key.rpartition(".")[2]
        action: Action = "get" if asked.get("action") == "get" else "play"
        if action == "play" and (why := why_not_played(format, self.store.get_range(key, 0, HEAD_BYTES))):
            return {"why": f"{why}: save it as a file"}
        ticket = self.plays.begin(action, row["recording_id"], key, head.size, format)
        return {"ticket": ticket, "audio": f"/audio/{ticket}"}

    def peaks(self, asked: Answer) -> Answer:
        play = self._play(asked)
        return self.waveforms.of(play.key, play.size)

    def transcript(self, asked: Answer) -> Answer:
        """What was said in the call that is played, so that the access log has a line of it."""
        play = self._play(asked)
        return self.library.transcript(play.key, str(asked.get("engine")), phrase_of(asked.get("says")))

    def _row(self, asked: Answer) -> Any:
        return self.library.row(*(str(asked.get(name)) for name in ("source", "call_date", "recording_id")))

    def _play(self, asked: Answer) -> Play:
        play = self.plays.find(str(asked.get("ticket")))
        if play is None:
            raise BadQuestion(ENDED)
        return play

    def audio(self, ticket: str, wanted: str | None) -> Response:
        """The audio of a play, or the part of it that a Range header names."""
        play = self.plays.find(ticket)
        if play is None:
            return _json({"error": ENDED}, 404)
        try:
            part = part_of(wanted, play.size)
            chosen = part or Part(0, play.size, play.size)
            body = pieces(self.store, play.key, chosen)
            first = next(body, b"")
        except NotSatisfiable:
            return Response(status_code=416, headers={"Content-Range": f"bytes */{play.size}"})
        except KeyError:
            return _json({"error": GONE}, 404)
        headers = {"Accept-Ranges": "bytes", "Content-Length": str(chosen.end - chosen.start)}
        if part:
            headers["Content-Range"] = part.content_range
        if play.action == "get":
            headers["Content-Disposition"] = f'attachment; filename="{play.recording_id}.{play.format}"'
        whole: Iterator[bytes] = chain([first], body)
        kind = PLAYED.get(play.format, "application/octet-stream")
        return StreamingResponse(whole, 206 if part else 200, headers, media_type=kind)


def app_of(desk: Desk) -> Starlette:
    """The routes. ``Door`` decides who may ask."""

    async def about(_: Request) -> Response:
        return _json(desk.about)

    async def audio(request: Request) -> Response:
        ticket, wanted = request.path_params["ticket"], request.headers.get("range")
        try:
            return await run_in_threadpool(desk.audio, ticket, wanted)
        except Transient as error:
            return _json({"error": str(error)}, 502)

    answers = (desk.calls, desk.story, desk.play, desk.peaks, desk.transcript)
    return Starlette(
        routes=[
            *(Route(path, _file(name), methods=["GET"]) for path, name in _files().items()),
            Route("/api/about", about, methods=["POST"]),
            *(Route(f"/api/{answer.__name__}", _answering(answer), methods=["POST"]) for answer in answers),
            Route("/audio/{ticket}", audio, methods=["GET"]),
        ]
    )


def _files() -> dict[str, str]:
    return {"/": "listen.html"} | {f"/{name}": name for name in ("listen.css", "listen.js", "words.js")}


def _file(name: str) -> Any:
    async def endpoint(_: Request) -> Response:
        return FileResponse(PAGE / name)

    return endpoint


def _answering(answer: Callable[[Answer], Answer]) -> Any:
    async def endpoint(request: Request) -> Response:
        try:
            asked = await _asked(request)
            return _json(await run_in_threadpool(answer, asked))
        except BadQuestion as error:
            return _json({"error": str(error)}, 400)
        except KeyError:
            return _json({"error": GONE}, 404)
        except CallLakeError as error:
            return _json({"error": str(error)}, 502)

    return endpoint


async def _asked(request: Request) -> Answer:
    """The question, a JSON object. Raises BadQuestion."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > QUESTION_BYTES_MAX:
            raise BadQuestion("the question is too long")
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise BadQuestion("the question is no JSON object")
    return asked


def _json(data: Answer, status: int = 200) -> Response:
    return Response(json_text(data), status, media_type="application/json")
