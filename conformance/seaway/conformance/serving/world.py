"""`ServerWorld`: what a test of a server is given. It starts servers, talks to them raw, and finds their consumers.

Rules of this module: no pytest. Servers are shared between tests unless a test asks for one of its own; connections are
matched to a test by its token in the request's head.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol

import anyio

from seaway.conformance.client.http import Client, within
from seaway.conformance.client.websocket import WebSocket, handshake
from seaway.conformance.face import Hang, Limits
from seaway.conformance.serving.broker import LAYER, LAYERS, Broker
from seaway.conformance.serving.consumer import Call, Consumer
from seaway.conformance.serving.hub import Hub, new_token
from seaway.conformance.serving.process import Served

FIELD = "X-Conformance"
"""The field that carries a test's token, where its target does not."""


class Pool(Protocol):
    """What a world needs of the run around it."""

    hub: Hub

    async def shared(self, application: str, settings: dict[str, Any], layer: str = "") -> Served:
        """Return a server for all tests that want such a one, with a broker if it is on the suite's layer."""

    async def own(self, application: str, settings: dict[str, Any], layer: str) -> Served:
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

    async def layered_server(self, kind: str = "", **settings: Any) -> tuple[Served, Broker]:
        """Return a server on the suite's own channel layer, shared with other tests, and the broker of that.

        Channels are one test's anyway; as the name of a group a test takes its token. The test needs ``layer``.
        """
        self._check(settings)
        served = await self._pool.shared(self._application(kind, ""), settings, layer=LAYER)
        self._used.append(served)
        assert served.applications.broker is not None
        return served, served.applications.broker

    async def own_server(
        self,
        kind: str = "",
        *,
        flavour: str = "",
        layer: str | Broker = "",
        wait: bool = True,
        **settings: Any,
    ) -> Served:
        """Start a server for this test alone: one that it ends, or whose log or lifespan it looks at.

        Requests without the test's token are this test's too.

        Args:
            kind: as for `server`.
            flavour: as for `server`.
            layer: the channel layer to be used: a broker of `broker`, or the dotted path of a class.
            wait: until it listens; without that the test does, by `Served.ready`.
            settings: as for `server`.
        """
        self._check(settings)
        path = layer.layer if isinstance(layer, Broker) else layer
        served = await self._pool.own(self._application(kind, flavour), settings, path)
        served.applications.inbox = self._inbox
        served.applications.broker = layer if isinstance(layer, Broker) else None
        self._used.append(served)
        self._own.append(served)
        if wait:
            await served.ready(4 * self.limits.deadline)
        return served

    def broker(self, name: str = "AsyncTestLayer") -> Broker:
        """Return a broker for the suite's own channel layer, which several servers may share. The test needs ``layer``.

        Args:
            name: of a class in `seaway.conformance.applications.layers`.
        """
        return Broker(self.limits.deadline, f"{LAYERS}:{name}")

    def _application(self, kind: str, flavour: str) -> str:
        return "_".join(part for part in (flavour or self.flavour, kind) if part)

    def _check(self, settings: dict[str, Any]) -> None:
        if missing := settings.keys() - self._needs:
            raise RuntimeError(f"the test sets {sorted(missing)}: say so with @pytest.mark.needs")

    def _check_protocol(self, name: str) -> None:
        if name not in self._needs:
            raise RuntimeError(f"the test speaks {name}: say so with @pytest.mark.needs")

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
        self._check_protocol("http")
        async with self.client(server) as client:
            await client.send(client.request(target, *fields, method=method, **options))
            yield client, await self._called_for(client, "http.request")

    @asynccontextmanager
    async def websocket(
        self, target: str = "/", *fields: str, server: Served | None = None, **options: Any
    ) -> AsyncIterator[tuple[WebSocket, Consumer]]:
        """Open a WebSocket that its consumer has accepted; yield it and the consumer, of which no call runs."""
        self._check_protocol("websocket")
        async with self.client(server, **options) as client:
            await client.send(handshake(target, *client.own_fields, *fields))
            call = await self._called_for(client, "websocket.connect")
            await call.send({"type": "websocket.accept"})
            response = await client.response()
            assert response.status == 101, f"a handshake that was accepted was answered with {response}"
            await call.returns()
            yield WebSocket(client, response), call.consumer

    async def lifespan(self) -> Consumer:
        """Return the lifespan consumer of the server that `own_server` has begun to start."""
        consumer = await self.consumer(4 * self.limits.deadline)
        assert consumer.type == "lifespan", f"expected the lifespan consumer first, got one of {consumer.type!r}"
        return consumer

    async def _called_for(self, client: Client, type: str) -> Call:
        try:
            return await self.called(type)
        except Hang as hang:
            client.deadline = self.limits.silence
            with suppress(Hang):
                await client.more()
            raise Hang(f"{hang}; the client got {client.buffer[:200]!r}") from None

    # -- consumers

    async def consumer(self, seconds: float | None = None) -> Consumer:
        """Return the next consumer of this test, once it is called first.

        Raises:
            Hang: there is none within so many *seconds*, or the deadline.
        """
        with within(seconds or self.limits.deadline, "no consumer was called"):
            return await self._inbox.next()

    async def called(self, type: str | None = None) -> Call:
        """Return the first call of the next consumer of this test; *type*: of its message."""
        consumer = await self.consumer()
        return await consumer.called(type)

    async def application_calls(self, server: Served, least: int) -> list[str]:
        """Return the types with which *server* has called its application, once there are at least so many."""
        with within(self.limits.deadline, f"the application was not called {least} times"):
            while len(server.applications.calls) < least:
                await anyio.sleep(0.002)
        return [call["type"] for call in server.applications.calls]

    async def nobody_was_called(self, server: Served | None = None) -> None:
        """No consumer must have been called for this test that it has not taken. One that follows proves it."""
        async with self.client(server) as client:
            if "http" in self._needs:
                opening, answer = client.request("/sentinel"), {"type": "http.response", "status": 200}
            else:
                opening, answer = handshake("/sentinel", *client.own_fields), {"type": "websocket.reject"}
            await client.send(opening)
            call = await self.called()
            assert call.message.get("path") == "/sentinel", f"a consumer was called that nobody may call: {call!r}"
            await call.send(answer)
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

    async def cause(self, error: BaseException) -> BaseException:
        """Return *error*, or what explains it.

        A server that has gone is a crash. What has not come in time is a failure like any other, if the server answers
        others meanwhile; else it hangs.
        """
        if not isinstance(error, (AssertionError, Hang)):
            return error
        for served in self._used:
            if served.has_crashed:
                return served.crash()
        alive = [served for served in self._used if not served.has_ended]
        if isinstance(error, AssertionError) or not self._used:
            return error
        if not all([await served.answers(self.limits.deadline) for served in alive]):
            return error
        failure = AssertionError(str(error))
        failure.__cause__ = error
        return failure

    async def end(self) -> list[str]:
        """Let go of the consumers, end the servers of its own."""
        await self._pool.hub.forget(self.token)
        for served in self._own:
            served.kill()
        return []
