"""One WebSocket for an ASGI application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .call import Call
from .scopes import reply_fields, websocket_scope

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..runner import Message
    from .transport import Event

__all__ = ["WebSocketCall"]


class WebSocketCall(Call):
    """The consumer of a `websocket` connection. `state`: of the application's lifespan."""

    def __init__(
        self,
        application: Callable[..., Awaitable[None]],
        reply: Callable[[Message], Awaitable[None]],
        state: dict[str, Any],
    ) -> None:
        super().__init__(application, reply)
        self._state = state
        self._accepted = False
        self._closed = False
        self._denial: Message | None = None  # a response instead of the WebSocket, as far as it has come

    async def _take(self, message: Message) -> None:
        match message["type"]:
            case "websocket.connect":
                self._begin(websocket_scope(message, self._state))
                await self._offer({"type": "websocket.connect"}, wait=False)
            case "websocket.receive":
                event = {"type": "websocket.receive", "text": message.get("text"), "bytes": message.get("bytes")}
                await self._offer(event, wait=not self._closed)
            case "websocket.disconnect":
                event = {"type": "websocket.disconnect", "code": message["code"], "reason": message.get("reason", "")}
                await self._end(event)

    async def _send(self, event: Event) -> None:
        kind = event["type"]
        if kind == "websocket.send":
            await self._reply({"type": kind, "text": event.get("text"), "bytes": event.get("bytes")})
            self._accepted = True
        elif kind == "websocket.accept":
            headers = reply_fields(event.get("headers"))
            await self._reply({"type": kind, "subprotocol": event.get("subprotocol"), "headers": headers})
            self._accepted = True
        elif kind == "websocket.close" and not self._accepted:
            await self._reply({"type": "websocket.reject"})
            self._closed = True
        elif kind == "websocket.close":
            code, reason = event.get("code"), event.get("reason")
            await self._reply({"type": kind, "code": 1000 if code is None else code, "reason": reason or ""})
            self._closed = True
        elif kind == "websocket.http.response.start":
            headers = reply_fields(event.get("headers"))
            self._denial = {"type": "websocket.reject", "status": int(event["status"]), "headers": headers, "body": b""}
        elif kind == "websocket.http.response.body" and self._denial is not None:
            await self._deny(self._denial, event)
        else:
            raise RuntimeError(f"the ASGI application sent {kind!r}, which cannot come here")

    async def _deny(self, denial: Message, event: Event) -> None:
        denial["body"] += bytes(event.get("body", b""))
        if not event.get("more_body", False):
            await self._reply(denial)
            self._closed = True

    async def _finish(self) -> None:
        if self._closed or self._over:
            return
        if not self._accepted:
            raise RuntimeError("the ASGI application returned without accepting or closing the WebSocket")
        await self._reply({"type": "websocket.close"})
