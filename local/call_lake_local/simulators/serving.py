"""The simulated providers on sockets: a thin Starlette shell on uvicorn, on 127.0.0.1, one thread a server.

Web pages are refused (``loopback.py``): the admin routes under `/_sim/` need no credentials.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request as WebRequest
from starlette.responses import Response as WebResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from call_lake_local.loopback import why_refused
from call_lake_local.simulators.faults import FaultPlan
from call_lake_local.simulators.http_exchange import Answer, Ending, Handler, Request
from call_lake_local.simulators.simulation import Simulation
from call_lake_local.simulators.world import World

LOOPBACK = "127.0.0.1"
_METHODS = ["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH"]
_SHUTDOWN_S = 1


@dataclass(frozen=True, slots=True)
class Handles:
    """A running simulation. ``thulium_url`` ends in ``/api``; ``foreign_url`` is the other host."""

    simulation: Simulation
    thulium_url: str
    conpeek_url: str
    foreign_url: str


@contextmanager
def running(
    world: World,
    faults: FaultPlan | str = "",
    *,
    simulation: Simulation | None = None,
) -> Iterator[Handles]:
    """Serve ``simulation`` (or a new one of ``world`` under ``faults``) on free ports until the block ends. Raises
    ValueError for an unknown fault."""
    simulation = simulation or Simulation.of(world, faults)
    with ExitStack() as stack:
        urls = {}
        for name, handler in simulation.handlers.items():
            urls[name] = stack.enter_context(_serving(name, handler))
        simulation.foreign_is_at(urls["foreign"])
        yield Handles(simulation, urls["thulium"] + "/api", urls["conpeek"], urls["foreign"])


@contextmanager
def _serving(name: str, handler: Handler) -> Iterator[str]:
    # asyncio switches Nagle's algorithm off only where the protocol is named; else each answer takes 40 ms.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen(128)
        server = uvicorn.Server(_config(handler))
        thread = threading.Thread(target=server.run, args=([listener],), name=f"simulator-{name}", daemon=True)
        thread.start()
        try:
            yield f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def _config(handler: Handler) -> uvicorn.Config:
    async def endpoint(request: WebRequest) -> WebResponse:
        host, port = request.scope["server"]
        if why := why_refused(request.scope["headers"], f"{host}:{port}"):
            return WebResponse(why, status_code=403)
        return _Sent(await run_in_threadpool(handler, _plain(request, await request.body())))

    app = Starlette(routes=[Route("/{path:path}", endpoint, methods=_METHODS)])
    return uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_SHUTDOWN_S,
        timeout_keep_alive=30,
    )


class _Protocol(H11Protocol):
    """uvicorn's protocol, which also tells the application its transport: only that can reset a connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


def _plain(request: WebRequest, body: bytes) -> Request:
    raw_path: bytes = request.scope["raw_path"]
    return Request(
        method=request.method,
        path=raw_path.decode("latin-1"),
        query_string=request.scope["query_string"].decode("latin-1"),
        headers=dict(request.headers),
        base=f"http://{request.headers['host']}",
        body=body,
    )


class _Sent(WebResponse):
    """Sends an ``Answer`` as it is meant, bad endings included."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(status_code=answer.status or 500)
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer, transport = self._answer, scope["state"]["transport"]
        if answer.ending is Ending.REFUSED:
            await _reset(transport)
            return
        headers = dict(answer.headers)
        if answer.declared_length is not None:
            headers["Content-Length"] = str(answer.declared_length)
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": raw})
        async for chunk in iterate_in_threadpool(answer.body()):
            if answer.pause_s and await _is_gone(receive, answer.pause_s):
                return
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        match answer.ending:
            case Ending.CLEAN:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            case Ending.CLOSED:
                transport.close()
            case Ending.RESET:
                await _reset(transport)
            case Ending.STALLED:
                await _is_gone(receive, None)


async def _reset(transport: asyncio.Transport) -> None:
    sock: socket.socket = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closing sends RST, not FIN
    transport.abort()
    await asyncio.sleep(0)  # uvicorn learns of the loss before it asks for the rest of the answer


async def _is_gone(receive: Receive, within_s: float | None) -> bool:
    """Whether the client hangs up within that time."""

    async def hang_up() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    try:
        await asyncio.wait_for(hang_up(), within_s)
    except TimeoutError:
        return False
    return True
