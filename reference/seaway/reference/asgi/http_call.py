"""One HTTP request for an ASGI application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .call import Call
from .scopes import http_scope, reply_fields

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..runner import Message
    from .transport import Event

__all__ = ["HTTPCall"]


class HTTPCall(Call):
    """The consumer of an `http` connection. `state`: of the application's lifespan."""

    def __init__(
        self,
        application: Callable[..., Awaitable[None]],
        reply: Callable[[Message], Awaitable[None]],
        state: dict[str, Any],
    ) -> None:
        super().__init__(application, reply)
        self._state = state
        self._head: Message | None = None  # a response that waits for the first part of its body
        self._begun = False
        self._complete = False
        self._trailers: list[tuple[bytes, bytes]] | None = None

    async def _take(self, message: Message) -> None:
        match message["type"]:
            case "http.request":
                self._begin(http_scope(message, self._state))
                await self._offer(_part(message), wait=message.get("more_body", False))
            case "http.request.body":
                await self._offer(_part(message), wait=not self._complete)
            case "http.disconnect":
                await self._end({"type": "http.disconnect"})

    async def _send(self, event: Event) -> None:
        kind = event["type"]
        if self._complete:
            return  # as ASGI has it: what follows a response is ignored
        if kind == "http.response.start":
            self._start(event)
        elif kind == "http.response.body":
            await self._body(event)
        elif kind == "http.response.trailers" and self._trailers is not None:
            await self._end_with(event)
        elif kind == "http.response.early_hint":
            links = [(b"link", bytes(link).strip(b" \t")) for link in event.get("links", ())]
            await self._reply({"type": "http.response.informational", "status": 103, "headers": links})
        else:
            raise RuntimeError(f"the ASGI application sent {kind!r}, which cannot come here")

    def _start(self, event: Event) -> None:
        if self._head is not None or self._begun:
            raise RuntimeError("the ASGI application sent http.response.start a second time")
        self._head = {
            "type": "http.response",
            "status": int(event["status"]),
            "headers": reply_fields(event.get("headers")),
        }
        if event.get("trailers", False):
            self._head["trailers"] = True
            self._trailers = []

    async def _body(self, event: Event) -> None:
        more = bool(event.get("more_body", False))
        part = {"body": bytes(event.get("body", b"")), "more_body": more}
        if self._head is not None:
            head, self._head = self._head, None
            await self._reply({**head, **part})
            self._begun = True
        elif self._begun:
            await self._reply({"type": "http.response.body", **part})
        else:
            raise RuntimeError("the ASGI application sent http.response.body before http.response.start")
        self._complete = not more and self._trailers is None

    async def _end_with(self, event: Event) -> None:
        assert self._trailers is not None
        self._trailers += reply_fields(event.get("headers"))
        if not event.get("more_trailers", False):
            await self._reply({"type": "http.response.trailers", "headers": self._trailers})
            self._complete = True

    async def _finish(self) -> None:
        if not self._complete and not self._over:
            what = "completing its response" if self._begun else "a response"
            raise RuntimeError(f"the ASGI application returned without {what}")


def _part(message: Message) -> Event:
    body, more = message.get("body", b""), message.get("more_body", False)
    return {"type": "http.request", "body": body, "more_body": more}
