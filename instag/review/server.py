"""The server of the page: what it answers, and to what."""

from __future__ import annotations

import json
import signal
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from instag.audio.clip import clip_as_wav
from instag.errors import CannotStartError, FileError
from instag.labels import LABELS
from instag.paths import one_line
from instag.review.bulk import Choice, accept_rest, draw_group
from instag.review.desk import Item
from instag.review.gate import HOST, Gate
from instag.review.room import Room, said
from instag.review.sound import media_type, peaks_of

_WEB = {"": "review.html"} | {name: name for name in ("review.css", "review.js", "bulk.js")}
_WEB_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
# A part of a recording that is decoded here is made in memory.
_MOST_CLIP_SECONDS = 60.0
_MOST_BODY_BYTES = 10_000
_MOST_SAMPLE = 1000
# By number, the same on every system: importing `socket` is what nothing in instag may do. Without the option each
# answer waits 40 ms for the browser's word that its head has come.
_IPPROTO_TCP, _TCP_NODELAY = 6, 1


class _Answers:
    """What the page asks for."""

    def __init__(self, room: Room) -> None:
        self._room, self._desk, self._files = room, room.desk, room.files

    async def show_page(self, request: Request) -> Response:
        """The page, its style or its script."""
        name = _WEB.get(request.path_params.get("name", ""))
        if name is None:
            return PlainTextResponse("There is nothing here.", 404)
        text = (package_files("instag.review") / "web" / name).read_text(encoding="utf-8")
        return Response(text, media_type=_WEB_TYPES[Path(name).suffix])

    async def show_queue(self, request: Request) -> Response:
        """All recordings that wait, and the labels."""
        return JSONResponse(self._room.queue_record())

    async def show_item(self, request: Request) -> Response:
        """What is known of one recording."""
        return JSONResponse(self._room.item_record(self._item(request)))

    async def show_peaks(self, request: Request) -> Response:
        """The waveform of one recording."""
        row = self._item(request).row
        path = self._files.find(row.path)
        return JSONResponse(await run_in_threadpool(peaks_of, path, row.duration_seconds or 0.0))

    async def play_file(self, request: Request) -> Response:
        """The recording itself, or the part of it that the browser asks for."""
        path = self._files.find(self._item(request).row.path)
        return FileResponse(path, media_type=media_type(path))

    async def play_clip(self, request: Request) -> Response:
        """A part of the recording as WAV, for formats that the browser does not know."""
        path = self._files.find(self._item(request).row.path)
        try:
            start, end = (float(request.query_params[name]) for name in ("start", "end"))
        except (KeyError, ValueError):
            return PlainTextResponse("start and end must be numbers.", 400)
        if not 0 <= start < end <= start + _MOST_CLIP_SECONDS:
            return PlainTextResponse(f"A clip lasts {_MOST_CLIP_SECONDS:g} s at most.", 400)
        return Response(await run_in_threadpool(clip_as_wav, path, start, end), media_type="audio/wav")

    async def decide(self, request: Request) -> Response:
        """Takes a decision down."""
        number, label = await _fields(request, number=int, label=str)
        if not (0 <= number < len(self._desk.items) and label in ("", *LABELS)):
            raise _StrangeRequestError
        self._desk.decide(number, label)
        return JSONResponse({**self._room.progress(), "group": self._room.group_record()})

    async def undo(self, request: Request) -> Response:
        """Takes back what was done last."""
        undone = [{"number": number, **said(self._desk.items[number])} for number in self._desk.undo()]
        return JSONResponse({"undone": undone, **self._room.progress(), "group": self._room.group_record()})

    async def draw_group(self, request: Request) -> Response:
        """Draws a sample of the recordings that are to be accepted together."""
        folder, label, percent, count = await _fields(request, folder=str, label=str, percent=int, count=int)
        if not (self._room.accepts and label in ("", *LABELS) and 0 <= percent <= 100 and 1 <= count <= _MOST_SAMPLE):
            raise _StrangeRequestError
        self._room.group = draw_group(self._desk, Choice(folder, label, percent / 100), count)
        return JSONResponse(self._room.group_record())

    async def accept_group(self, request: Request) -> Response:
        """Accepts what was not heard of the group."""
        group = self._room.group
        if group is None or group.left(self._desk):
            return PlainTextResponse("Hear the whole sample first.", 409)
        accepted = accept_rest(self._desk, group)
        self._room.group = None
        return JSONResponse({"accepted": accepted, **self._room.progress()})

    def _item(self, request: Request) -> Item:
        number: int = request.path_params["number"]
        if number >= len(self._desk.items):
            raise IndexError(number)
        return self._desk.items[number]


class _StrangeRequestError(Exception):
    """A request that the page would never make."""


async def _fields(request: Request, **kinds: type) -> list[Any]:
    """The fields of a JSON object, in their order.

    Raises:
        _StrangeRequestError: It is none, or a field is missing or not of its type.
    """
    try:
        if int(request.headers.get("content-length", "0")) > _MOST_BODY_BYTES:
            raise ValueError("too long")
        body = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise _StrangeRequestError from None
    if type(body) is not dict or body.keys() != kinds.keys():
        raise _StrangeRequestError
    if any(type(body[name]) is not kind for name, kind in kinds.items()):
        raise _StrangeRequestError
    return [body[name] for name in kinds]


def make_app(room: Room, token: str, port: int) -> Gate:
    """The app, behind its gate.

    Args:
        room: What it works on.
        token: The first part of every address.
        port: Where it will listen.
    """
    answers = _Answers(room)
    routes = [
        Route("/{token}/queue", answers.show_queue),
        Route("/{token}/item/{number:int}", answers.show_item),
        Route("/{token}/peaks/{number:int}", answers.show_peaks),
        Route("/{token}/audio/{number:int}", answers.play_file),
        Route("/{token}/clip/{number:int}", answers.play_clip),
        Route("/{token}/decide", answers.decide, methods=["POST"]),
        Route("/{token}/undo", answers.undo, methods=["POST"]),
        Route("/{token}/group", answers.draw_group, methods=["POST"]),
        Route("/{token}/accept", answers.accept_group, methods=["POST"]),
        Route("/{token}/", answers.show_page),
        Route("/{token}/{name}", answers.show_page),
    ]
    handlers: dict[Any, Any] = {
        FileError: _say(422),
        CannotStartError: _say(507),
        IndexError: _say(404, "There is no such recording."),
        _StrangeRequestError: _say(400, "There is no such recording, label or group."),
    }
    return Gate(Starlette(routes=routes, exception_handlers=handlers), token, port)


def _say(status: int, text: str = "") -> Any:
    """A handler that hands a sentence to the page: a fixed one, or the error's own."""

    async def handle(request: Request, error: Exception) -> Response:
        return PlainTextResponse(text or one_line(str(error)), status)

    return handle


class Listener:
    """A port of this machine, which nothing outside it can reach.

    Attributes:
        port: Its number.
    """

    def __init__(self, port: int) -> None:
        """Takes the port; 0 takes a free one.

        Raises:
            CannotStartError: It is taken.
        """
        self._config = uvicorn.Config(
            self._answer,
            host=HOST,
            port=port,
            log_level="critical",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            interface="asgi3",
            ws="none",
            timeout_graceful_shutdown=1,
        )
        self._app: Gate | None = None
        try:
            self._socket = self._config.bind_socket()
        except SystemExit:  # how uvicorn says that it cannot
            raise CannotStartError(f"--port {port}: is taken, or may not be used.", "Name another port.") from None
        self._socket.setsockopt(_IPPROTO_TCP, _TCP_NODELAY, 1)
        self._socket.listen()  # a port that is only bound can be bound again
        self.port: int = self._socket.getsockname()[1]
        self._server = uvicorn.Server(self._config)
        self._before: Any = signal.default_int_handler

    def heed_interrupts(self) -> None:
        """From here on Ctrl-C ends `serve`, even one that comes before it begins and would be lost on the way there."""
        self._before = signal.signal(signal.SIGINT, self._server.handle_exit)

    def serve(self, app: Gate) -> None:
        """Answers until the process is told to stop (Ctrl-C)."""
        self._app = app
        try:
            self._server.run(sockets=[self._socket])
        finally:
            signal.signal(signal.SIGINT, self._before)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        if self._app is not None:
            await self._app(scope, receive, send)
