"""Consumers without strings: they answer with what they got, for tests that look at nothing but the wire.

Rules of this module: `answers` decides; the two flavours only send. A request for ``/seen/NAME`` is answered with how
often this process was asked for ``/next/NAME``.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

Message = dict[str, Any]

_seen: Counter[str] = Counter()


class Echo:
    """What both flavours share."""

    def __init__(self, type: str, channel_layer: Any, consumer_channel: str, send: Any, *more: Any) -> None:
        self.send = send  # what is wrong with the call is said by other tests, once
        self._path = ""
        self._body = b""

    def answers(self, message: Message) -> list[Message]:
        """Return what is to be sent because of *message*."""
        match message["type"]:
            case "http.request" | "http.request.body":
                return self._answers_to_part(message)
            case "websocket.connect":
                return [{"type": "websocket.accept"}]
            case "websocket.receive":
                return [{"type": "websocket.send", "text": message.get("text"), "bytes": message.get("bytes")}]
        return []

    def _answers_to_part(self, message: Message) -> list[Message]:
        if message["type"] == "http.request":
            self._path = message["path"]
            _seen[self._path] += 1
        self._body += message.get("body", b"")
        if message.get("more_body", False):
            return []
        heard: Any = [self._path, self._body.decode("latin-1")]
        if self._path.startswith("/seen/"):
            heard = _seen[self._path.replace("/seen/", "/next/")]
        return [{"type": "http.response", "status": 200, "body": json.dumps(heard).encode()}]


class AsyncEcho(Echo):
    """An asynchronous consumer."""

    async def __call__(self, message: Message) -> None:
        """Answer."""
        for answer in self.answers(message):
            await self.send(answer)


class SyncEcho(Echo):
    """A synchronous consumer."""

    def __call__(self, message: Message) -> None:
        """Answer."""
        for answer in self.answers(message):
            self.send(answer)
