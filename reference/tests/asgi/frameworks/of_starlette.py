"""A harbour's site in Starlette: routes, a lifespan with state, a WebSocket, streams both ways."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from . import notes


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
    notes.append("opened")
    yield {"harbour": "Hamnen"}
    notes.append("closed")


async def hello(request: Request) -> Response:
    return PlainTextResponse(f"Welcome to {request.state.harbour}")


async def ship(request: Request) -> Response:
    return JSONResponse({"ship": request.path_params["name"], "flag": request.query_params["flag"]})


async def upload(request: Request) -> Response:
    size = 0
    async for part in request.stream():
        size += len(part)
    return JSONResponse({"bytes": size})


async def download(request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        for number in range(300):
            yield b"%03d " % number * 256

    return StreamingResponse(parts(), media_type="application/octet-stream")


async def fails(request: Request) -> Response:
    raise RuntimeError("the pier is closed")


async def echo(websocket: WebSocket) -> None:
    await websocket.accept(subprotocol="flags")
    async for message in websocket.iter_text():
        await websocket.send_text(message.upper())


async def private(websocket: WebSocket) -> None:
    await websocket.send_denial_response(PlainTextResponse("members only", 401))


async def sinks(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.receive_text()
    raise RuntimeError("the ship sinks")


app = Starlette(
    lifespan=lifespan,
    routes=[
        Route("/", hello),
        Route("/ships/{name}", ship),
        Route("/upload", upload, methods=["POST"]),
        Route("/download", download),
        Route("/fails", fails),
        WebSocketRoute("/echo", echo),
        WebSocketRoute("/private", private),
        WebSocketRoute("/sinks", sinks),
    ],
)
