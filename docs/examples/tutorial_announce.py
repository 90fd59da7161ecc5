"""A message into a room from ordinary code: the server runs in a thread, and shares a layer with this one."""

from __future__ import annotations

from tutorial_chat import application

from seaway.layers import SyncMemoryLayer, open_layer
from seaway.reference import Server


def announce(layer: SyncMemoryLayer, room: str, text: str) -> None:
    """Say `text` to everybody in `room`."""
    layer.send_group(room, {"type": "chat.said", "text": text})


if __name__ == "__main__":
    served = open_layer("memory://harbour")
    with (
        Server(application, layer=served, port=8000) as server,
        open_layer("memory://harbour", is_async=False) as layer,
    ):
        while text := input(f"{server.url} > "):
            announce(layer, "harbour", text)
