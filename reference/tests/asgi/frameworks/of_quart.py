"""A harbour's site in Quart: its request and websocket globals, functions around serving, streams both ways."""

from collections.abc import AsyncIterator
from typing import Any

from quart import Quart, Response, abort, request, websocket

from . import notes

app = Quart(__name__)
app.config["MAX_CONTENT_LENGTH"] = None


@app.before_serving
async def open_harbour() -> None:
    notes.append("opened")
    app.config["HARBOUR"] = "Hamnen"


@app.after_serving
async def close_harbour() -> None:
    notes.append("closed")


@app.get("/")
async def hello() -> Response:
    return Response(f"Welcome to {app.config['HARBOUR']}", mimetype="text/plain")


@app.get("/ships/<name>")
async def ship(name: str) -> dict[str, str]:
    return {"ship": name, "flag": request.args["flag"]}


@app.post("/upload")
async def upload() -> dict[str, int]:
    size = 0
    async for part in request.body:
        size += len(part)
    return {"bytes": size}


@app.get("/download")
async def download() -> Any:
    async def parts() -> AsyncIterator[bytes]:
        for number in range(300):
            yield b"%03d " % number * 256

    return parts(), 200, {"content-type": "application/octet-stream"}


@app.get("/fails")
async def fails() -> None:
    raise RuntimeError("the pier is closed")


@app.websocket("/echo")
async def echo() -> None:
    await websocket.accept(subprotocol="flags")
    while True:
        message = await websocket.receive()
        await websocket.send(str(message).upper())


@app.websocket("/private")
async def private() -> None:
    abort(Response("members only", 401))


@app.websocket("/sinks")
async def sinks() -> None:
    await websocket.accept()
    await websocket.receive()
    raise RuntimeError("the ship sinks")
