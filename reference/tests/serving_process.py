"""Run by `test_signals.py`: an application under `serve`. Arguments: Unix socket, backend, grace, how it starts.

Writes one line for each message to its standard output, so that the test sees what happened after the end.
"""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import anyio

from seaway.reference import Settings, serve


class Consumer:
    """Answers `/` at once, `/slow` when the server drains, `/stuck` and `/ignores` never."""

    start = "runs"

    def __init__(self, type: str, layer: Any, channel: str, send: Any) -> None:
        self.send = send
        self.layer = layer
        self.channel = channel

    async def __call__(self, message: Any) -> None:
        print(message["type"], message.get("code", ""), flush=True)
        if message["type"] == "lifespan.startup" and self.start == "waits":
            await anyio.sleep(60)
        if message["type"] == "lifespan.startup" and self.start == "sinks":
            await self.send({"type": "server.wake", "after": 0.2})
        if message["type"] == "server.wake":
            raise RuntimeError("a leak in the hull")
        for each in self.answers(message):
            await self.send(each)
        if message["type"] == "http.request" and message["path"] == "/slow":
            await self.layer.group_add("slow", self.channel)
            print("slow", flush=True)
        if message["type"] == "http.request" and message["path"] == "/stuck":
            print("stuck", flush=True)
            await anyio.sleep(60)
        if message["type"] == "http.request" and message["path"] == "/ignores":
            print("ignores", flush=True)
            await self.ignore_cancellation()
        if message["type"] == "server.drain":
            await self.layer.send_group("slow", {"type": "test.go"})

    async def ignore_cancellation(self) -> None:
        for _ in range(10):
            with contextlib.suppress(BaseException):
                await anyio.sleep(60)

    def answers(self, message: Any) -> Iterator[Any]:
        if message["type"] == "websocket.connect":
            yield {"type": "websocket.accept"}
        elif message["type"] == "test.go" or message.get("path") == "/":
            yield {"type": "http.response", "status": 200, "body": b"ok"}


def application(*arguments: Any) -> Any:
    return Consumer(*arguments)


def broken(*_: Any) -> Any:
    raise RuntimeError("no water in the harbour")


if __name__ == "__main__":
    uds, backend, grace, start = sys.argv[1:]
    Consumer.start = start
    chosen = broken if start == "fails" else application
    chosen.types = ("lifespan", "http", "websocket")  # type: ignore[attr-defined]
    serve(chosen, uds=uds, backend=backend, settings=Settings(grace=float(grace)))
