"""`ServerWorld`: what a test of a server is given. It starts servers, talks to them raw, and finds their consumers.

Rules of this module: no pytest. Servers are shared between tests unless a test asks for one of its own; connections are
matched to a test by its token in the request's head.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import anyio

from seaway.conformance.client.http import Client, within
from seaway.conformance.client.websocket import WebSocket, handshake
from seaway.conformance.face import Limits
from seaway.conformance.serving.consumer import Call, Consumer
from seaway.conformance.serving.hub import Hub, new_token
from seaway.conformance.serving.process import Served

FIELD = "X-Conformance"
"""The field that carries a test's token, where its target does not."""


class Pool(Protocol):
    """What a world needs of the run around it."""

    hub: Hub

    async def shared(self, application: str, settings: dict[str, Any]) -> Served:
        """Return a server for all tests that want such a one."""

    async def own(self, application: str, settings: dict[str, Any], layer: str | None) -> Served:
        """Start a server for one test; it may not be ready yet."""


class ServerWorld:
    """Servers, clients and consumers for one test.

    Attributes:
        limits: how long to wait.
        flavour: of the applications: ``"asynchronous"`` or ``"synchronous"``.
        token: stands in the head of each request of this test.
        notes: numbers for the report, by name.
    """

    def __init__(self, pool: Pool, flavour: str, limits: Limits, needs: frozenset[str]) -> None:
        self.limits = limits
        self.flavour = flavour
        self.token = new_token()
        self.notes: dict[str, int] = {}
        self._pool = pool
        self._needs = needs
        self._inbox = pool.hub.test(self.token)
        self._used: list[Served] = []
        self._own: list[Served] = []

    # -- servers

    async def server(self, kind: str = "", *, flavour: str = "", **settings: Any) -> Served:
        """Return a server that listens, shared with other tests.

        Args:
            kind: of application, as in `seaway.conformance.applications` behind the flavour: ``"http"``, ``"raising"``.
            flavour: of the application; this test's own if none is given.
            settings: of the server, by the names of the specification. The test must need each of them.
        """
        self._check(settings)
        served = await self._pool.shared(self._application(kind, flavour), settings)
        self._used.append(served)
        return served

    async def own_server(
        self, kind: str = "", *, flavour: str = "", layer: str | None = None, wait: bool = True, **settings: Any
    ) -> Served:
        """Start a server for this test alone: one that it ends, or whose log or lifespan it looks at.

        Requests without the test's token are this test's too.

        Args:
            kind: as for `server`.
            flavour: as for `server`.
            layer: the channel layer to be used: a URL or the dotted path of a class.
            wait: until it listens; without that the test does, by `Served.ready`.
            settings: as for `server`.
        """
        self._check(settings)
        served = await self._pool.own(self._application(kind, flavour), settings, layer)
        served.applications.inbox = self._inbox
        self._used.append(served)
        self._own.append(served)
        if wait:
            await served.ready(4 * self.limits.deadline)
        return served

    def _application(self, kind: str, flavour: str) -> str:
        return "_".join(part for part in (flavour or self.flavour, kind) if part)

    def _check(self, settings: dict[str, Any]) -> None:
        if missing := settings.keys() - self._needs:
            raise RuntimeError(f"the test sets {sorted(missing)}: say so with @pytest.mark.needs")

    # -- clients

    @asynccontextmanager
    async def client(self, server: Served | None = None, **options: Any) -> AsyncIterator[Client]:
        """Connect to *server*, or to the usual one; *options* are those of `Wire.connect`."""
        if server is None:
            server = await self.server()
        options = {"deadline": self.limits.deadline, **options}
        try:
            client = await Client.connect(server.address, **options)
        except ConnectionError as error:
            raise AssertionError(f"the server accepts no connection: {error}") from error
        client.own_fields = (f"{FIELD}: {self.token}",)
        try:
            yield client
        finally:
            client.close()

    @asynccontextmanager
    async def request(
        self, target: str = "/", *fields: str, server: Served | None = None, method: str = "GET", **options: Any
    ) -> AsyncIterator[tuple[Client, Call]]:
        """Send a request on a new connection; yield the client, and the call with ``http.request``."""
        async with self.client(server) as client:
            await client.send(client.request(target, *fields, method=method, **options))
            yield client, await self.called("http.request")

    @asynccontextmanager
    async def websocket(
        self, target: str = "/", *fields: str, server: Served | None = None, **options: Any
    ) -> AsyncIterator[tuple[WebSocket, Consumer]]:
        """Open a WebSocket that its consumer has accepted; yield it and the consumer, of which no call runs."""
        async with self.client(server, **options) as client:
            await client.send(handshake(target, *client.own_fields, *fields))
            call = await self.called("websocket.connect")
            await call.send({"type": "websocket.accept"})
            response = await client.response()
            assert response.status == 101, f"a handshake that was accepted was answered with {response}"
            await call.returns()
            yield WebSocket(client, response), call.consumer

    # -- consumers

    async def consumer(self) -> Consumer:
        """Return the next consumer of this test, once it is called first. `Hang`: there is none."""
        with within(self.limits.deadline, "no consumer was called"):
            return await self._inbox.next()

    async def called(self, type: str | None = None) -> Call:
        """Return the first call of the next consumer of this test; *type*: of its message."""
        consumer = await self.consumer()
        return await consumer.called(type)

    async def nobody_was_called(self, server: Served | None = None) -> None:
        """No consumer must have been called for this test that it has not taken. A request that follows proves it."""
        async with self.request("/sentinel", server=server) as (client, call):
            assert call.message["path"] == "/sentinel", f"a consumer was called that nobody may call: {call!r}"
            await call.send({"type": "http.response", "status": 200})
            await client.response()
            await call.returns()

    # -- the end

    async def silence(self) -> None:
        """Wait so long that what would come has come, where no order gives a better proof."""
        await anyio.sleep(self.limits.silence)

    async def settle(self) -> None:
        """Find what is wrong whatever the test was about.

        Raises:
            Crashed: a server has ended by itself.
            AssertionError: a consumer was called while a call of it was running.
        """
        for served in self._used:
            if served.has_crashed:
                raise served.crash()
        faults = [fault for consumer in self._inbox.consumers for fault in consumer.faults]
        assert not faults, faults[0]

    async def end(self) -> list[str]:
        """Let go of the consumers, end the servers of its own."""
        await self._pool.hub.forget(self.token)
        for served in self._own:
            served.kill()
        return []
