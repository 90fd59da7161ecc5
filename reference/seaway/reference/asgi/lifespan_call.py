"""The lifespan of an ASGI application."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import anyio

from .call import Call

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..runner import Message
    from .transport import Event

__all__ = ["LifespanCall"]

logger = logging.getLogger("seaway.server")


class LifespanCall(Call):
    """The consumer of the `lifespan`. `state`: filled by the application, and given to each of its connections."""

    def __init__(
        self,
        application: Callable[..., Awaitable[None]],
        reply: Callable[[Message], Awaitable[None]],
        state: dict[str, Any],
    ) -> None:
        super().__init__(application, reply)
        self._state = state
        self._failure: RuntimeError | None = None  # what the application has said of its start or its end
        self._answered = anyio.Event()

    async def _take(self, message: Message) -> None:
        match message["type"]:
            case "lifespan.startup":
                await self._start()
            case "lifespan.shutdown":
                failed = self._failure is not None
                await self._end({"type": "lifespan.shutdown"})
                if failed:  # it has been raised, and what the application raised with it
                    self._forget()
                else:
                    self._raise_failure()

    async def _start(self) -> None:
        asgi = {"version": "3.0", "spec_version": "2.0"}
        self._begin({"type": "lifespan", "asgi": asgi, "state": self._state})
        beside = self._beside
        assert beside is not None
        await self._offer({"type": "lifespan.startup"}, wait=False)
        async with anyio.create_task_group() as tasks:

            async def ended() -> None:
                await beside.done.wait()
                tasks.cancel_scope.cancel()

            tasks.start_soon(ended)
            await self._answered.wait()
            tasks.cancel_scope.cancel()
        self._raise_failure()
        if not self._answered.is_set() and isinstance(beside.error, Exception):
            logger.info("the ASGI application has no lifespan (%r): it goes on without", beside.error)
            self._forget()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _forget(self) -> None:
        if self._beside is not None:
            self._beside.error = None

    async def _send(self, event: Event) -> None:
        kind = event["type"]
        if kind == "lifespan.startup.complete":
            self._answered.set()
        elif kind == "lifespan.startup.failed":
            self._failure = RuntimeError(f"the ASGI application could not start: {event.get('message', '')}")
            self._answered.set()
        elif kind == "lifespan.shutdown.failed":
            self._failure = RuntimeError(f"the ASGI application could not shut down: {event.get('message', '')}")
        elif kind != "lifespan.shutdown.complete":
            raise RuntimeError(f"the ASGI application sent {kind!r}, which cannot come here")

    async def _finish(self) -> None:
        """An application that returns early has no more to do in its lifespan."""
