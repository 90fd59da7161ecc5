"""A harbour's site in FastAPI: typed parameters, dependencies, a lifespan, a WebSocket, streams both ways."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import PlainTextResponse, StreamingResponse

from . import notes


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    notes.append("opened")
    yield {"harbour": "Hamnen"}
    notes.append("closed")


app = FastAPI(lifespan=lifespan)


def harbour(request: Request) -> str:
    """Runs in a thread of the framework's."""
    return str(request.state.harbour)


@app.get("/", response_class=PlainTextResponse)
async def hello(name: Annotated[str, Depends(harbour)]) -> str:
    return f"Welcome to {name}"


@app.get("/ships/{name}")
async def ship(name: str, flag: str) -> dict[str, str]:
    return {"ship": name, "flag": flag}


@app.post("/upload")
async def upload(request: Request) -> dict[str, int]:
    size = 0
    async for part in request.stream():
        size += len(part)
    return {"bytes": size}


@app.get("/download")
async def download() -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        for number in range(300):
            yield b"%03d " % number * 256

    return StreamingResponse(parts(), media_type="application/octet-stream")


@app.get("/fails")
async def fails() -> None:
    raise RuntimeError("the pier is closed")


@app.websocket("/echo")
async def echo(websocket: WebSocket) -> None:
    await websocket.accept(subprotocol="flags")
    try:
        while True:
            await websocket.send_text((await websocket.receive_text()).upper())
    except WebSocketDisconnect:
        pass


@app.websocket("/private")
async def private(websocket: WebSocket) -> None:
    await websocket.send_denial_response(PlainTextResponse("members only", 401))


@app.websocket("/sinks")
async def sinks(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.receive_text()
    raise RuntimeError("the ship sinks")
