"""A chat room: who is in a room hears what is said there."""

from __future__ import annotations

from typing import Any

from seaway.reference import Consumer, Route, Router


class Room(Consumer):
    """One participant of one room."""

    async def websocket_connect(self, message: dict[str, Any], room: str) -> None:
        """Join the room that the URL names."""
        self.room = room
        await self.group_add(room)
        await self.accept()

    async def websocket_receive(self, message: dict[str, Any]) -> None:
        """Tell everybody in the room."""
        await self.send_group(self.room, {"type": "chat.said", "text": message["text"]})

    async def chat_said(self, message: dict[str, Any]) -> None:
        """Somebody, in any process, has said something: pass it on to this client."""
        await self.send({"type": "websocket.send", "text": message["text"]})


application = Router([Route("/rooms/{room}", Room)])
